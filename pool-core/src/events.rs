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
}

impl fmt::Debug for dyn Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
