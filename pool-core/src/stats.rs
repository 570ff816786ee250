//! What a pool tells about itself: the status of the moment and the numbers since its birth.

use std::fmt;

use crate::histogram::Histogram;
use crate::{BreakerState, HistogramSnapshot, WorkStats};

/// The sizes of a pool at one moment.
///
/// All numbers come from one look under the lock:
/// `idle + used + connecting + validating + resetting + closing + abandoned == size`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Status {
    /// Connections in all, those coming and going included.
    pub size: usize,
    /// Ready to be handed out.
    pub idle: usize,
    /// Handed out.
    pub used: usize,
    /// Being opened, or between two attempts to open.
    pub connecting: usize,
    /// Being proved alive before they are handed out.
    pub validating: usize,
    /// Being cleaned after use.
    pub resetting: usize,
    /// Being closed.
    pub closing: usize,
    /// Given up: with holders they were reclaimed from, or stuck in a call that cannot be interrupted.
    pub abandoned: usize,
    /// Callers that wait.
    pub waiting: usize,
    /// The most connections kept.
    pub max_size: usize,
    /// The most connections above that.
    pub max_overflow: usize,
    /// The least connections kept idle, as far as `max_size` allows.
    pub min_idle: usize,
    /// Whether connecting has failed so often that those who need a new connection are refused.
    pub breaker: BreakerState,
    /// Handing out nothing until resumed.
    pub paused: bool,
    /// No longer handing out connections.
    pub closed: bool,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in use {}, idle {}", self.used, self.idle)?;
        for (name, count) in [
            ("connecting", self.connecting),
            ("validating", self.validating),
            ("resetting", self.resetting),
            ("closing", self.closing),
            ("abandoned", self.abandoned),
        ] {
            if count > 0 {
                write!(f, ", {name} {count}")?;
            }
        }
        write!(f, ", max {}", self.max_size)?;
        if self.max_overflow > 0 {
            write!(f, " + {}", self.max_overflow)?;
        }
        write!(f, ", waiting {}", self.waiting)?;
        if self.breaker != BreakerState::Closed {
            write!(f, ", breaker {}", self.breaker)?;
        }
        if self.paused {
            f.write_str(", paused")?;
        }
        if self.closed {
            f.write_str(", closed")?;
        }
        Ok(())
    }
}

/// Why connections were closed, and how many for each reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Closed {
    /// Unfit when they came back.
    pub broken: u64,
    /// Failed to prove alive.
    pub invalid: u64,
    /// Could not be reset.
    pub reset_failed: u64,
    /// Idle for longer than `idle_timeout`.
    pub idle: u64,
    /// Older than `max_lifetime`.
    pub lifetime: u64,
    /// Handed out `max_uses` times.
    pub uses: u64,
    /// Above `max_size` or `max_idle` when they came back.
    pub surplus: u64,
    /// Thrown away by their holder.
    pub discarded: u64,
    /// Had `max_queries` queries.
    pub queries: u64,
    /// Had `max_errors` failures.
    pub errors: u64,
    /// Used enough, as the user's predicate says.
    pub retired: u64,
    /// Retired by [`Pool::invalidate_all`](crate::Pool::invalidate_all).
    pub invalidated: u64,
    /// Came back after the pool had given them up.
    pub reclaimed: u64,
    /// Stuck in a call that cannot be interrupted.
    pub stuck: u64,
    /// Died with the runtime that was working on them.
    pub lost: u64,
    /// The pool was closed.
    pub shutdown: u64,
}

/// Why one connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// Unfit when it came back.
    Broken,
    /// Failed to prove alive.
    Invalid,
    /// Could not be reset.
    ResetFailed,
    /// Idle for longer than `idle_timeout`.
    Idle,
    /// Older than `max_lifetime`.
    Lifetime,
    /// Handed out `max_uses` times.
    Uses,
    /// Above `max_size` or `max_idle` when it came back.
    Surplus,
    /// Thrown away by its holder.
    Discarded,
    /// Had `max_queries` queries.
    Queries,
    /// Had `max_errors` failures.
    Errors,
    /// Used enough, as the user's predicate says.
    Retired,
    /// Retired by [`Pool::invalidate_all`](crate::Pool::invalidate_all).
    Invalidated,
    /// Came back after the pool had given it up.
    Reclaimed,
    /// Stuck in a call that cannot be interrupted.
    Stuck,
    /// Died with the runtime that was working on it.
    Lost,
    /// The pool was closed.
    Shutdown,
}

impl CloseReason {
    /// Its fixed name for metrics and logs: `reset_failed`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Invalid => "invalid",
            Self::ResetFailed => "reset_failed",
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Uses => "uses",
            Self::Surplus => "surplus",
            Self::Discarded => "discarded",
            Self::Queries => "queries",
            Self::Errors => "errors",
            Self::Retired => "retired",
            Self::Invalidated => "invalidated",
            Self::Reclaimed => "reclaimed",
            Self::Stuck => "stuck",
            Self::Lost => "lost",
            Self::Shutdown => "shutdown",
        }
    }
}

impl Closed {
    pub(crate) fn count(&mut self, reason: CloseReason) {
        *match reason {
            CloseReason::Broken => &mut self.broken,
            CloseReason::Invalid => &mut self.invalid,
            CloseReason::ResetFailed => &mut self.reset_failed,
            CloseReason::Idle => &mut self.idle,
            CloseReason::Lifetime => &mut self.lifetime,
            CloseReason::Uses => &mut self.uses,
            CloseReason::Surplus => &mut self.surplus,
            CloseReason::Discarded => &mut self.discarded,
            CloseReason::Queries => &mut self.queries,
            CloseReason::Errors => &mut self.errors,
            CloseReason::Retired => &mut self.retired,
            CloseReason::Invalidated => &mut self.invalidated,
            CloseReason::Reclaimed => &mut self.reclaimed,
            CloseReason::Stuck => &mut self.stuck,
            CloseReason::Lost => &mut self.lost,
            CloseReason::Shutdown => &mut self.shutdown,
        } += 1;
    }

    /// Each reason by its name, with its number.
    pub fn by_reason(&self) -> [(&'static str, u64); 16] {
        [
            (CloseReason::Broken, self.broken),
            (CloseReason::Invalid, self.invalid),
            (CloseReason::ResetFailed, self.reset_failed),
            (CloseReason::Idle, self.idle),
            (CloseReason::Lifetime, self.lifetime),
            (CloseReason::Uses, self.uses),
            (CloseReason::Queries, self.queries),
            (CloseReason::Errors, self.errors),
            (CloseReason::Retired, self.retired),
            (CloseReason::Invalidated, self.invalidated),
            (CloseReason::Surplus, self.surplus),
            (CloseReason::Discarded, self.discarded),
            (CloseReason::Reclaimed, self.reclaimed),
            (CloseReason::Stuck, self.stuck),
            (CloseReason::Lost, self.lost),
            (CloseReason::Shutdown, self.shutdown),
        ]
        .map(|(reason, count)| (reason.label(), count))
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_reason().into_iter().map(|(_, count)| count).sum()
    }
}

/// What happened in a pool since its birth. Every number only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counters {
    /// Acquires served at once from an idle connection.
    pub acquired_directly: u64,
    /// Acquires served after waiting.
    pub acquired_after_wait: u64,
    /// Acquires that ran into their deadline.
    pub timed_out: u64,
    /// Acquires refused at once: nothing free and told not to wait, or too many waiters.
    pub refused: u64,
    /// Acquires dropped by their caller while they waited.
    pub abandoned_waits: u64,
    /// Grants taken back from a waiter that was not polled, and given to the next.
    pub revoked_grants: u64,
    /// Connections opened.
    pub connected: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections taken out of the pool by [`Pooled::detach`](crate::Pooled::detach).
    pub detached: u64,
    /// Resets that succeeded.
    pub resets: u64,
    /// Connections held for longer than `leak_threshold`, each counted once for each time it was
    /// held.
    pub leaks: u64,
    /// Leaks that came back.
    pub leaks_ended: u64,
    /// Connections taken from holders who had them for longer than `leak_reclaim`.
    pub reclaimed: u64,
    /// Waits of tasks that held another connection of this pool while all were in use.
    pub held_while_waiting: u64,
    /// Connections closed, by reason.
    pub closed: Closed,
}

/// Everything a pool can tell: serialisable, one source of truth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// The pool's name.
    pub name: String,
    /// The sizes of the moment.
    pub status: Status,
    /// What happened since the pool's birth. Taken in the same look as `status`.
    pub counters: Counters,
    /// What owners reported through [`Pooled::record`](crate::Pooled::record), of the connections
    /// that have come back.
    pub work: WorkStats,
    /// From asking for a connection to getting it, without the time spent opening or validating
    /// that connection. Zero for those served at once.
    pub wait: HistogramSnapshot,
    /// Opening a connection, successful or not.
    pub connect: HistogramSnapshot,
    /// Proving an idle connection alive.
    pub validate: HistogramSnapshot,
    /// Cleaning a returned connection.
    pub reset: HistogramSnapshot,
    /// From handing a connection out to its return.
    pub usage: HistogramSnapshot,
}

/// The recorders behind [`Stats`].
#[derive(Debug)]
pub(crate) struct Recorders {
    pub(crate) wait: Histogram,
    pub(crate) connect: Histogram,
    pub(crate) validate: Histogram,
    pub(crate) reset: Histogram,
    pub(crate) usage: Histogram,
}

impl Recorders {
    pub(crate) const fn new() -> Self {
        Self {
            wait: Histogram::new(),
            connect: Histogram::new(),
            validate: Histogram::new(),
            reset: Histogram::new(),
            usage: Histogram::new(),
        }
    }
}

/// Durations are serialised as seconds, as floats, as metrics systems expect.
#[cfg(feature = "serde")]
pub(crate) fn seconds<S: serde::Serializer>(
    duration: &std::time::Duration,
    out: S,
) -> Result<S::Ok, S::Error> {
    out.serialize_f64(duration.as_secs_f64())
}
