//! Doing something with all databases at the same time, and what became of closing them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use wellspring_pool_core::ShutdownReport;

/// What became of closing all databases.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CloseReport {
    /// Each database that had been made, with what its pool reports.
    pub databases: Vec<(String, ShutdownReport)>,
}

impl CloseReport {
    pub(super) fn new(databases: Vec<(String, ShutdownReport)>) -> Self {
        Self { databases }
    }

    /// True when every connection of every database is closed.
    pub fn is_complete(&self) -> bool {
        self.databases.iter().all(|(_, report)| report.complete)
    }
}

impl fmt::Display for CloseReport {
    /// A line for each database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, report)) in self.databases.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            match report.complete {
                true => write!(f, "{end}{name}: closed")?,
                false => write!(
                    f,
                    "{end}{name}: {} connections are still in use",
                    report.holders.len().max(report.status.used)
                )?,
            }
        }
        Ok(())
    }
}

/// Runs all futures at the same time, and gives what they gave in their order.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    enum Slot<F: Future> {
        Running(Pin<Box<F>>),
        Done(Option<F::Output>),
    }
    let mut slots: Vec<Slot<F>> =
        futures.into_iter().map(|future| Slot::Running(Box::pin(future))).collect();
    poll_fn(|cx| {
        let mut done = true;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *slot = Slot::Done(Some(output)),
                    Poll::Pending => done = false,
                }
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let output = |slot| match slot {
        Slot::Done(output) => output,
        Slot::Running(_) => None,
    };
    slots.into_iter().filter_map(output).collect()
}
