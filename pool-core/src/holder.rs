//! Who holds connections.

use std::backtrace::Backtrace;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::{ConnectionId, TaskId};

/// Somebody who holds a connection: where and in which task it was acquired, and how long ago.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Holder {
    /// The connection held.
    pub connection: ConnectionId,
    /// The place in the source that acquired it.
    pub location: &'static Location<'static>,
    /// The task that acquired it; `None` outside of tasks, as in `block_on`.
    pub task: Option<TaskId>,
    /// How it came there, where [`leak_backtrace`](crate::PoolOptions::leak_backtrace) asks for it.
    pub backtrace: Option<Arc<Backtrace>>,
    /// For how long it has been held.
    pub held_for: Duration,
    /// It has been held for longer than [`leak_threshold`](crate::PoolOptions::leak_threshold), and
    /// was reported.
    pub leak: bool,
    /// The pool has given it up: its place serves others
    /// ([`leak_reclaim`](crate::PoolOptions::leak_reclaim)).
    pub reclaimed: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {:.1?} by {}", self.connection, self.held_for, self.location)?;
        if let Some(task) = self.task {
            write!(f, " in {task}")?;
        }
        if self.reclaimed {
            f.write_str(", reclaimed")?;
        } else if self.leak {
            f.write_str(", leaking")?;
        }
        Ok(())
    }
}
