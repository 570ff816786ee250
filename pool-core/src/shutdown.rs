//! The end of a pool: close, drain, abort, and what they report.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::{Event, Holder, Manager, Pool, Status, clock};

/// How far a shutdown got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Every connection is closed.
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
        let closed_now = self.shared.change(|state, _, actions| state.shut(clock::now(), actions));
        if closed_now {
            self.shared.signals.closed.notify_waiters();
            self.shared.signals.housekeeper.notify_one();
            self.shared.emit(&Event::PoolClosed);
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
        if self.status().size > 0 {
            // The report below tells whether it was the deadline.
            let _ = tokio::time::timeout_at(clock::after(start, timeout), drained).await;
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
        ShutdownReport { complete: status.size == 0, took, status, holders: self.holders() }
    }
}
