//! Why an acquire or a connect failed, with everything the pool knows about the cause.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{FailureClass, Holder, Manager, Status};

/// Why one attempt to open a connection failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError<E> {
    /// The manager, or the hook after it, said so.
    Failed(E),
    /// It took longer than `connect_timeout`.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The manager, or the hook after it, panicked.
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The pool was closed meanwhile.
    Closed,
    /// The breaker is open: not even tried.
    BreakerOpen {
        /// For how much longer, at most.
        retry_in: Duration,
    },
    /// More connections were asked for than the pool may have.
    TooMany {
        /// How many.
        asked: usize,
        /// How many it keeps, of `max_size` and `max_idle` the less.
        most: usize,
    },
}

impl<E> ConnectError<E> {
    pub(crate) fn class<M: Manager<Error = E>>(&self, manager: &M) -> FailureClass {
        match self {
            Self::Failed(error) => manager.classify(error),
            _ => FailureClass::Transient,
        }
    }

    /// The manager's own error, if it was one.
    pub fn manager_error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for ConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::TimedOut { limit } => write!(f, "connecting took longer than {limit:?}"),
            Self::Panicked { message } => write!(f, "connecting panicked: {message}"),
            Self::Closed => f.write_str("the pool was closed"),
            Self::BreakerOpen { retry_in } => {
                write!(f, "not tried, breaker open for another {retry_in:.1?}")
            }
            Self::TooMany { asked, most } => {
                write!(f, "asked for {asked} connections, and at most {most} are kept")
            }
        }
    }
}

impl<E: StdError + 'static> StdError for ConnectError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// What an acquire was waiting for when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// For somebody to return a connection: all were in use.
    Wait,
    /// For a connection to be opened.
    Connect,
    /// For an idle connection to be proved alive, or a returned one to be cleaned.
    Prepare,
    /// For the pool to be resumed.
    Pause,
    /// For a place under the cap it shares with other pools.
    Share,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "waiting for a connection in use",
            Self::Connect => "waiting for a connection to open",
            Self::Prepare => "waiting for a connection to be validated or reset",
            Self::Pause => "waiting for the paused pool to be resumed",
            Self::Share => "waiting for a place under the cap shared with other pools",
        })
    }
}

/// The whole story of an acquire that ran into its deadline.
#[derive(Debug)]
#[non_exhaustive]
pub struct TimeoutInfo<E> {
    /// What it was waiting for at the end.
    pub phase: Phase,
    /// How long it waited.
    pub waited: Duration,
    /// The pool's sizes at that moment.
    pub status: Status,
    /// The last failure to connect, if connecting has failed since it last succeeded.
    pub last_connect_error: Option<Arc<ConnectError<E>>>,
    /// Who held connections the longest, longest first, at most five.
    pub holders: Vec<Holder>,
}

/// Why no connection could be had from the pool.
// The result of an acquire is moved by whole words. With a tag of half a word that would be a load of
// something that was just stored in parts, which processors stall for: a quarter of an acquire.
#[derive(Debug)]
#[non_exhaustive]
#[repr(u64)]
pub enum AcquireError<E> {
    /// The deadline passed.
    Timeout(Box<TimeoutInfo<E>>),
    /// Connecting failed in a way that waiting cannot cure.
    Connect(Arc<ConnectError<E>>),
    /// The pool is closed.
    Closed,
    /// Nothing was free, and the pool is told not to wait.
    Exhausted {
        /// The pool's sizes at that moment.
        status: Box<Status>,
    },
    /// As many callers wait as may.
    TooManyWaiters {
        /// The limit, `max_waiters`.
        limit: usize,
        /// The pool's sizes at that moment.
        status: Box<Status>,
    },
    /// There is no connection, and connecting has failed so often that the breaker is open: not even
    /// tried.
    BreakerOpen {
        /// The last failure to connect, if it was that what opened it.
        last_connect_error: Option<Arc<ConnectError<E>>>,
        /// For how much longer, at most.
        retry_in: Duration,
    },
    /// Nothing was idle, and waiting needs a tokio runtime, of which there is none here.
    NoRuntime,
}

impl<E: fmt::Display> fmt::Display for AcquireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(info) => {
                let TimeoutInfo { phase, waited, status, last_connect_error, holders } = &**info;
                write!(f, "acquire timed out after {waited:.1?}, {phase} ({status})")?;
                if let Some(error) = last_connect_error {
                    write!(f, "; last connect error: {error}")?;
                }
                if let Some(holder) = holders.first() {
                    write!(f, "; held longest: {holder}")?;
                }
                Ok(())
            }
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Closed => f.write_str("pool closed"),
            Self::Exhausted { status } => write!(f, "no connection free ({status})"),
            Self::TooManyWaiters { limit, status } => {
                write!(f, "{limit} callers wait already ({status})")
            }
            Self::BreakerOpen { last_connect_error, retry_in } => {
                write!(f, "breaker open for another {retry_in:.1?}")?;
                match last_connect_error {
                    Some(error) => write!(f, "; last connect error: {error}"),
                    None => Ok(()),
                }
            }
            Self::NoRuntime => f.write_str(
                "no connection idle, and waiting for one needs a tokio runtime: call from inside one",
            ),
        }
    }
}

impl<E: StdError + 'static> StdError for AcquireError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Timeout(info) => info.last_connect_error.as_deref().map(|e| e as _),
            Self::Connect(error) => Some(&**error),
            Self::BreakerOpen { last_connect_error, .. } => {
                last_connect_error.as_deref().map(|e| e as _)
            }
            _ => None,
        }
    }
}

/// Why [`Pool::try_get`](crate::Pool::try_get) has nothing to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryGetError {
    /// No connection is idle and known to be fit.
    NoneIdle,
    /// The pool is paused.
    Paused,
    /// The pool is closed.
    Closed,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoneIdle => "no connection idle",
            Self::Paused => "pool paused",
            Self::Closed => "pool closed",
        })
    }
}

impl StdError for TryGetError {}
