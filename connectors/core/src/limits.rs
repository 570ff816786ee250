//! What ends a statement from outside: its timeout, and its caller's wish.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, ErrorKind, Result};

/// The limits of one statement.
pub(crate) struct Limits {
    /// How long may still be waited for the database.
    pub(crate) timeout: Option<Duration>,
    /// When this is ready the caller wants no more of it.
    pub(crate) stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Limits {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, stop: None }
    }

    /// Waits for `work` within the limits; when one is reached, `work` is dropped, which cancels it.
    pub(crate) async fn bound<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if self.timeout.is_none() && self.stop.is_none() {
            return work.await;
        }
        let started = Instant::now();
        // Before `work`, so that it goes after it.
        let _reason = Reason;
        let mut work = pin!(work);
        let mut timer = pin!(self.timeout.map(tokio::time::sleep));
        let result = poll_fn(|cx| {
            // What is ready counts, however late.
            if let Poll::Ready(result) = work.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            if let Some(stop) = &mut self.stop
                && stop.as_mut().poll(cx).is_ready()
            {
                // It is not polled again.
                self.stop = None;
                Reason::is(ErrorKind::Canceled);
                return Poll::Ready(Err(Error::new(
                    ErrorKind::Canceled,
                    "the statement was cancelled by its caller",
                )));
            }
            if let Some(timer) = timer.as_mut().as_pin_mut()
                && timer.poll(cx).is_ready()
            {
                let limit = self.timeout.unwrap_or_default();
                Reason::is(ErrorKind::StatementTimeout);
                return Poll::Ready(Err(Error::new(
                    ErrorKind::StatementTimeout,
                    format!("the statement was not done within {limit:?} and was cancelled"),
                )));
            }
            Poll::Pending
        })
        .await;
        if let Some(left) = &mut self.timeout {
            *left = left.saturating_sub(started.elapsed());
        }
        result
    }
}

thread_local! {
    static REASON: Cell<Option<ErrorKind>> = const { Cell::new(None) };
}

/// Why the statement is given up that is being dropped on this thread, where that is known: its own
/// destructor cannot be told.
pub(crate) fn given_up_for() -> Option<ErrorKind> {
    REASON.get()
}

/// Drops what is left of a statement that is given up for `error`.
pub(crate) fn give_up<T>(rest: T, error: &Error) {
    let _reason = Reason;
    Reason::is(error.kind());
    drop(rest);
}

/// While it is there, what is dropped on this thread can learn why.
struct Reason;

impl Reason {
    /// To be said after the last `await`: the next statement on this thread is another one. Without
    /// `self`, which futures would have to hold.
    fn is(kind: ErrorKind) {
        REASON.set(Some(kind));
    }
}

impl Drop for Reason {
    fn drop(&mut self) {
        REASON.set(None);
    }
}
