//! Running the manager's futures so that nothing they do can hurt the pool: with a deadline, with
//! panics caught, and stopped by an abort.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use crate::shared::{Signals, drop_quietly};

/// How a guarded future ended.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    Done(T),
    TimedOut,
    Panicked(String),
    Aborted,
}

/// Drives what `start` returns to its end, to `limit`, to a panic or to the pool's abort, whichever
/// comes first. `start` itself may panic too.
pub(crate) async fn guarded<T, F: Future<Output = T>>(
    signals: &Signals,
    limit: Duration,
    start: impl FnOnce() -> F,
) -> Ended<T> {
    let mut aborted = pin!(signals.aborted.notified());
    if signals.is_aborted.load(Ordering::Acquire) {
        return Ended::Aborted;
    }
    let mut future = match catch_unwind(AssertUnwindSafe(start)) {
        Ok(future) => Box::pin(future),
        Err(panic) => return Ended::Panicked(message(&*panic)),
    };
    let mut deadline = pin!(crate::rt::sleep(limit));
    let ended = poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(value)) => return Poll::Ready(Ended::Done(value)),
            Err(panic) => return Poll::Ready(Ended::Panicked(message(&*panic))),
            Ok(Poll::Pending) => {}
        }
        if aborted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Aborted);
        }
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::TimedOut);
        }
        Poll::Pending
    })
    .await;
    drop_quietly("", future);
    ended
}

/// What a panic said, if it said it in words.
fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_owned())
}
