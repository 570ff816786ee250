//! What was done with the connections of one slot, counted by whoever has the connection: plain loads
//! and stores, as nobody else writes at the same time. Anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::entry::KINDS;
use crate::histogram::Histogram;
use crate::{Work, WorkStats};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Taken from its place, without the lock.
    acquired: AtomicU64,
    uses: Series,
    /// Of those who got it after a wait.
    waits: Series,
    work: [[AtomicU64; 4]; KINDS],
}

/// Durations that follow each other, of which some are measured.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// Those since the last one that was measured, which all count as that long. They are in no
    /// histogram yet.
    untimed: AtomicU64,
    /// How long the last one was that was measured, in nanoseconds.
    last: AtomicU64,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Series {
    /// One has ended that was not measured.
    #[inline]
    pub(crate) fn count_untimed(&self) {
        add(&self.untimed, 1);
    }

    /// One has ended that was measured. It stands for those that follow and are not.
    pub(crate) fn count_timed(&self, took: Duration, all: &Histogram) {
        let _flushes = all.hold_flushes();
        let untimed = self.untimed.load(Ordering::Relaxed);
        if untimed > 0 {
            all.record_many(Duration::from_nanos(self.last.load(Ordering::Relaxed)), untimed);
        }
        all.record(took);
        self.untimed.store(0, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.last.store(nanos, Ordering::Relaxed);
    }

    /// Those that are in no histogram yet, and how long they count for.
    pub(crate) fn untimed(&self) -> (u64, Duration) {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        (self.untimed.load(Ordering::Relaxed), last)
    }
}

impl Tally {
    #[inline]
    pub(crate) fn count_acquired(&self) {
        add(&self.acquired, 1);
    }

    /// How long it was used each time.
    #[inline]
    pub(crate) fn uses(&self) -> &Series {
        &self.uses
    }

    /// How long was waited for it.
    #[inline]
    pub(crate) fn waits(&self) -> &Series {
        &self.waits
    }

    /// Adds what was reported of one use.
    pub(crate) fn add_work(&self, recent: &WorkStats) {
        for (mine, more) in self.work.iter().zip(recent.kinds()) {
            if more.count > 0 {
                let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                // Never more errors than all, for whoever reads them in the opposite order.
                add(&mine[0], more.count);
                let errors = mine[1].load(Ordering::Relaxed).wrapping_add(more.errors);
                mine[1].store(errors, Ordering::Release);
                let total = mine[2].load(Ordering::Relaxed).saturating_add(nanos(more.total));
                mine[2].store(total, Ordering::Relaxed);
                let max = mine[3].load(Ordering::Relaxed).max(nanos(more.max));
                mine[3].store(max, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn acquired(&self) -> u64 {
        self.acquired.load(Ordering::Relaxed)
    }

    pub(crate) fn work(&self) -> WorkStats {
        let mut sums = WorkStats::default();
        for (sum, [count, errors, total, max]) in sums.kinds_mut().iter_mut().zip(&self.work) {
            let errors = errors.load(Ordering::Acquire);
            *sum = Work {
                count: count.load(Ordering::Relaxed),
                errors,
                total: Duration::from_nanos(total.load(Ordering::Relaxed)),
                max: Duration::from_nanos(max.load(Ordering::Relaxed)),
            };
        }
        sums
    }
}
