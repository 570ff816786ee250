//! What decisions about a pool's connections depend on.

use std::time::Duration;

use crate::clock::{self, FAR, Instant};
use crate::entry::{Entry, LONG_USE};
use crate::histogram::Histogram;
use crate::tally::Tally;
use crate::{CloseReason, PoolOptions, Validate, WorkKind};

/// The parts of the options and hooks that decisions depend on.
pub(crate) struct Rules<'a> {
    pub(crate) options: &'a PoolOptions,
    /// There is a hook that must run before a connection is handed out.
    pub(crate) prepare_always: bool,
    /// Connections may change hands without the lock.
    pub(crate) may_open: bool,
    /// For so many nanoseconds after it was proved alive, a connection need not be again.
    pub(crate) good_for: u64,
    /// How long was waited.
    pub(crate) waits: &'a Histogram,
    /// Each use is timed, for listeners.
    pub(crate) exact: bool,
}

impl Rules<'_> {
    /// Whether a connection must be worked on before it is handed out.
    pub(crate) fn needs_preparation<C>(&self, entry: &Entry<C>, now: Instant) -> bool {
        self.prepare_always
            || match self.options.validate {
                Validate::Never => false,
                Validate::Always => true,
                Validate::Idle(limit) => now.saturating_duration_since(entry.proven_at) > limit,
            }
    }

    /// Somebody has what he waited for: one that was idle only once it is known to be alive. Takes note
    /// of how long he waited, without the time that went into preparing the connection.
    #[inline]
    pub(crate) fn book_wait<C>(
        &self,
        tally: &Tally,
        entry: &Entry<C>,
        since: Instant,
        timed: bool,
        now: Instant,
    ) -> Duration {
        let now = if timed { clock::now() } else { now };
        let waited = now.nanos_since(since);
        // A long wait is known well enough by the coarse clock.
        if timed || waited >= LONG_USE {
            let waited = Duration::from_nanos(waited).saturating_sub(entry.preparation);
            tally.waits().count_timed(waited, self.waits);
        } else {
            tally.waits().count_untimed();
        }
        Duration::from_nanos(waited)
    }

    /// Why a connection has been used enough.
    pub(crate) fn worn<C>(&self, entry: &Entry<C>) -> Option<CloseReason> {
        let reached = |most: Option<u64>, count: u64| most.is_some_and(|most| count >= most);
        if reached(self.options.max_uses, entry.uses) {
            Some(CloseReason::Uses)
        } else if reached(self.options.max_queries, entry.work.get(WorkKind::Query).count) {
            Some(CloseReason::Queries)
        } else if reached(self.options.max_errors, entry.work.errors()) {
            Some(CloseReason::Errors)
        } else {
            None
        }
    }

    /// Holders are looked after.
    pub(crate) fn watches_leaks(&self) -> bool {
        self.options.leak_threshold.is_some() || self.options.leak_reclaim.is_some()
    }

    /// How long before the end of its life a connection that is still needed gets a successor: long
    /// enough for two attempts to connect, but a small part of the life.
    pub(crate) fn renewal_lead(&self) -> Option<Duration> {
        let lifetime = self.options.max_lifetime?.min(FAR);
        Some((lifetime / 20).min(self.options.connect_timeout.saturating_mul(2)))
    }
}
