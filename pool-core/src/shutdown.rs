//! The end of a pool: close, drain, abort, and what they report.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use crate::{Holder, Manager, Pool, Status, clock, rt};

/// How far a shutdown got.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Every connection is closed, but for those given up before.
    pub complete: bool,
    /// How long it took, or was waited for.
    pub took: Duration,
    /// The pool's sizes at the end.
    pub status: Status,
    /// Who still holds connections, longest first. They are closed when they come back.
    pub holders: Vec<Holder>,
}

impl<M: Manager> Pool<M> {
    /// Closes the pool: from now on every acquire, those that wait included, fails with
    /// [`AcquireError::Closed`](crate::AcquireError::Closed); idle connections are closed now,
    /// those in use when they come back. Returns at once; does nothing the second time.
    pub fn close(&self) {
        if self.shared.change(|state, _, actions| state.shut(clock::now(), actions)) {
            self.shared.signals.end_pause.notify_waiters();
            self.shared.signals.settled.notify_waiters();
        }
    }

    /// True once the pool is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.peek(|state, _| state.is_closed())
    }

    /// Closes the pool and waits until every connection is closed, at most `timeout`.
    ///
    /// # Cancel safety
    /// The pool stays closed; draining again goes on waiting.
    pub async fn drain(&self, timeout: Duration) -> ShutdownReport {
        let start = clock::now();
        let mut drained = pin!(self.shared.signals.drained.notified());
        // Listening before looking: the last return is not missed.
        drained.as_mut().enable();
        self.close();
        if !self.shared.peek(|state, _| state.is_drained()) {
            let mut deadline = pin!(rt::sleep_until(clock::after(start, timeout)));
            // The report below tells whether it was the deadline.
            poll_fn(|cx| match (drained.as_mut().poll(cx), deadline.as_mut().poll(cx)) {
                (Poll::Pending, Poll::Pending) => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
        }
        self.report(clock::now().saturating_duration_since(start))
    }

    /// Closes the pool and stops its background work on the spot: connects, validations and
    /// resets in flight are dropped with their connections, closes become abrupt. Connections in
    /// use stay with their holders, who are reported, and are dropped when they come back.
    pub fn abort(&self) -> ShutdownReport {
        let start = clock::now();
        self.shared.signals.is_aborted.store(true, Ordering::Release);
        self.close();
        self.shared.signals.aborted.notify_waiters();
        self.report(clock::now().saturating_duration_since(start))
    }

    fn report(&self, took: Duration) -> ShutdownReport {
        let status = self.status();
        ShutdownReport {
            complete: status.size == status.abandoned,
            took,
            status,
            holders: self.holders(),
        }
    }
}
