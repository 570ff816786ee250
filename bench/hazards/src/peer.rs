//! What a pool must do to be tried, and what it may say it does not have.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::script::Script;

/// How a pool is set up. What is not said here is the pool's default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The most connections, in use or idle.
    pub(crate) max: usize,
    /// Every limit of time that an acquire has: as a whole, or for each of its steps.
    pub(crate) limit: Duration,
    /// Whether a failed connect is tried again, where that can be said.
    pub(crate) retry: bool,
    /// When an idle connection is closed, where that can be said in milliseconds.
    pub(crate) idle_timeout: Option<Duration>,
}

impl Options {
    /// At most `max` connections and no limit of time that is reached here.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, limit: Duration::from_secs(30), retry: true, idle_timeout: None }
    }
}

/// What a hazard needs of a pool to be expressed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Its size can be changed while it lives.
    Resize,
    /// An acquire has a limit of time.
    Deadline,
    /// A check of an idle connection that takes time, so that it can be interrupted.
    Check,
    /// It tells how many wait.
    WaitCount,
}

/// A number that the pool tells, under the name it has there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) name: &'static str,
    pub(crate) value: u64,
}

/// Writes down numbers with their names.
macro_rules! numbers {
    ($($name:literal: $value:expr),* $(,)?) => {
        vec![$($crate::peer::Number { name: $name, value: u64::try_from($value)? }),*]
    };
}
pub(crate) use numbers;

/// A pool under trial. Checks connections before it hands them out, wherever it can be told to.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// What it does not have, and the reason in a few words.
    const LACKS: &'static [(Need, &'static str)];
    /// The number among its numbers that tells how many wait.
    const WAITING: &'static str = "";

    /// A connection on loan.
    type Guard: Send + 'static;

    /// A new pool; connections are opened as they are needed.
    fn open(script: &Arc<Script>, options: &Options) -> impl Future<Output = Result<Self>> + Send;

    /// Takes a connection.
    fn get(&self) -> impl Future<Output = Result<Self::Guard>> + Send;

    /// The numbers that can be asked for.
    fn numbers(&self) -> impl Future<Output = Result<Vec<Number>>> + Send;

    /// Changes the most connections.
    fn resize(&self, max: usize) -> impl Future<Output = Result<()>> + Send {
        async move { Err(format!("it cannot be resized to {max}").into()) }
    }
}
