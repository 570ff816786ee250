//! What happens in a pool, told to whoever listens.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::{CloseReason, ConnectionId, Holder};

/// Something that happened. Events of one connection come in order; those of different
/// connections may interleave.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A connection was opened.
    Connected {
        /// Its number.
        id: ConnectionId,
        /// How long it took.
        took: Duration,
    },
    /// An attempt to open a connection failed.
    ConnectFailed {
        /// Why.
        error: &'a (dyn std::error::Error + 'static),
        /// How many attempts have failed in a row, this one included.
        failures: u32,
        /// How long the pool waits before it tries again; `None` when it does not.
        retry_in: Option<Duration>,
    },
    /// A connection was handed out.
    Acquired {
        /// Its number.
        id: ConnectionId,
        /// How long the caller waited; zero when it was served at once.
        waited: Duration,
    },
    /// A connection came back.
    Released {
        /// Its number.
        id: ConnectionId,
        /// How long it was held.
        held: Duration,
    },
    /// A connection could not be reset, or not proved alive; it is closed.
    PreparationFailed {
        /// Its number.
        id: ConnectionId,
        /// Why it will be closed.
        reason: CloseReason,
        /// What happened.
        message: &'a str,
    },
    /// A connection is closed.
    Closed {
        /// Its number.
        id: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A connection has been held for longer than `leak_threshold`. Told once for each time it is
    /// held.
    Leak {
        /// Who holds it.
        holder: &'a Holder,
    },
    /// A connection that was reported as a leak came back.
    LeakEnded {
        /// Who held it.
        holder: &'a Holder,
    },
    /// A connection held for longer than `leak_reclaim` was given up: its place serves others.
    Reclaimed {
        /// Who holds it.
        holder: &'a Holder,
    },
    /// A connection was given up that is stuck in a call which cannot be interrupted.
    Abandoned {
        /// Its number.
        id: ConnectionId,
    },
    /// A task holds a connection and waits for another one, and all are in use: several like it can
    /// wait for each other for ever. Told once for each wait.
    HeldWhileWaiting {
        /// What it holds.
        holder: &'a Holder,
        /// Where it waits.
        waiting_at: &'static Location<'static>,
    },
    /// Connecting failed so often that those who need a new connection are refused for a while.
    BreakerOpened {
        /// Failures in a row.
        failures: u32,
        /// For how long, before a probe is let through.
        open_for: Duration,
    },
    /// Connecting works again.
    BreakerClosed,
    /// The pool has other sizes now.
    Resized {
        /// The most connections kept.
        max_size: usize,
        /// The least kept idle.
        min_idle: usize,
    },
    /// Every connection of the moment is retired.
    Invalidated,
    /// The pool hands out nothing until it is resumed.
    Paused,
    /// The pool goes on.
    Resumed,
    /// The pool was closed.
    PoolClosed,
}

impl Event<'_> {
    /// Its fixed name for metrics and logs: `connect_failed`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::ConnectFailed { .. } => "connect_failed",
            Self::Acquired { .. } => "acquired",
            Self::Released { .. } => "released",
            Self::PreparationFailed { .. } => "preparation_failed",
            Self::Closed { .. } => "closed",
            Self::Leak { .. } => "leak",
            Self::LeakEnded { .. } => "leak_ended",
            Self::Reclaimed { .. } => "reclaimed",
            Self::Abandoned { .. } => "abandoned",
            Self::HeldWhileWaiting { .. } => "held_while_waiting",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerClosed => "breaker_closed",
            Self::Resized { .. } => "resized",
            Self::Invalidated => "invalidated",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::PoolClosed => "pool_closed",
        }
    }

    /// The number of the connection it is about, if it is about one.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Connected { id, .. }
            | Self::Acquired { id, .. }
            | Self::Released { id, .. }
            | Self::PreparationFailed { id, .. }
            | Self::Closed { id, .. }
            | Self::Abandoned { id } => Some(*id),
            Self::Leak { holder }
            | Self::LeakEnded { holder }
            | Self::Reclaimed { holder }
            | Self::HeldWhileWaiting { holder, .. } => Some(holder.connection),
            Self::ConnectFailed { .. }
            | Self::BreakerOpened { .. }
            | Self::BreakerClosed
            | Self::Resized { .. }
            | Self::Invalidated
            | Self::Paused
            | Self::Resumed
            | Self::PoolClosed => None,
        }
    }

    /// Why the connection is, or will be, closed.
    pub const fn reason(&self) -> Option<CloseReason> {
        match self {
            Self::PreparationFailed { reason, .. } | Self::Closed { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// Writes to the log what should be known even where nobody listens.
    pub(crate) fn log(&self, pool: &str) {
        match self {
            Self::Leak { holder } => {
                let backtrace = holder.backtrace.as_deref().map(tracing::field::display);
                tracing::warn!(pool, %holder, backtrace, "connection held for too long");
            }
            Self::LeakEnded { holder } => {
                tracing::info!(pool, %holder, "connection held for too long came back");
            }
            Self::Reclaimed { holder } => {
                tracing::warn!(pool, %holder, "connection given up, its place serves others");
            }
            Self::Abandoned { id } => tracing::warn!(
                pool, %id,
                "connection abandoned: it is stuck in a call that cannot be interrupted"
            ),
            Self::HeldWhileWaiting { holder, waiting_at } => tracing::warn!(
                pool, %holder, %waiting_at,
                "a task holds a connection and waits for another, and all are in use"
            ),
            Self::BreakerOpened { failures, open_for } => {
                tracing::warn!(pool, failures, ?open_for, "breaker opened");
            }
            Self::BreakerClosed => tracing::info!(pool, "breaker closed"),
            Self::Resized { max_size, min_idle } => {
                tracing::info!(pool, max_size, min_idle, "pool resized");
            }
            Self::Invalidated => tracing::info!(pool, "all connections invalidated"),
            Self::Paused => tracing::info!(pool, "pool paused"),
            Self::Resumed => tracing::info!(pool, "pool resumed"),
            // Part of a life as it should be, told where it happens, or asked for by the caller.
            Self::Connected { .. }
            | Self::ConnectFailed { .. }
            | Self::Acquired { .. }
            | Self::Released { .. }
            | Self::PreparationFailed { .. }
            | Self::Closed { .. }
            | Self::PoolClosed => {}
        }
    }
}

/// Listens to the events of a pool.
///
/// Called synchronously, outside the pool's lock, in whatever task the event happens: it must
/// return quickly. A panic inside is caught and logged.
///
/// ```
/// use wellspring_pool_core::{Event, Listener};
///
/// struct Print;
/// impl Listener for Print {
///     fn on_event(&self, pool: &str, event: &Event<'_>) {
///         println!("{pool}: {event:?}");
///     }
/// }
/// ```
pub trait Listener: Send + Sync + 'static {
    /// Something happened in the pool named `pool`.
    fn on_event(&self, pool: &str, event: &Event<'_>);

    /// True for a listener that writes the events to the log by itself. The pool then leaves out its own
    /// lines about them, of which there are some at the levels `info` and `warn` (leaks, the breaker,
    /// changes of the pool as a whole). Default false.
    fn logs(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
