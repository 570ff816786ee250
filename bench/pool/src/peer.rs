//! What a pool must do to be measured.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::Result;

/// How a pool is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// How many connections it has.
    pub(crate) size: usize,
    /// Whether it checks a connection before it hands it out, where that can be said.
    pub(crate) check: bool,
    pub(crate) variant: Variant,
}

/// What one pool is measured with, and without.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variant {
    /// How long an acquire may take, where that can be said.
    pub(crate) limit: Option<Duration>,
    /// The connection idle for longest is handed out first (ours only).
    pub(crate) fifo: bool,
}

/// A pool. It lives for ever (pools are leaked), so that guards that borrow it are `'static` and
/// nobody pays for handles it does not need.
///
/// `get` returns the pool's own future, not one around it: its size is told.
pub(crate) trait Peer: Sized + Send + Sync + 'static {
    /// A connection on loan.
    type Guard: Send + 'static;
    /// Why there is none.
    type Error: fmt::Debug + Send + 'static;

    /// A new pool; connections are made as they are needed.
    fn open(setup: &Setup) -> impl Future<Output = Result<Self>> + Send;

    /// Takes a connection.
    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send;

    /// Reads the connection.
    fn serial(guard: &Self::Guard) -> u64;
}

/// A pool whose acquires can have a deadline each.
pub(crate) trait Expiring: Peer {
    /// Takes a connection within `limit`.
    fn get_within(
        &'static self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send;

    /// Whether it was the deadline.
    fn is_expired(error: &Self::Error) -> bool;
}

/// A pool with all of its connections made and idle.
pub(crate) async fn filled<P: Peer>(setup: &Setup) -> Result<&'static P> {
    let pool: &'static P = Box::leak(Box::new(P::open(setup).await?));
    let mut guards = Vec::new();
    for _ in 0..setup.size {
        let guard = tokio::time::timeout(Duration::from_secs(10), pool.get());
        guards.push(guard.await?.map_err(failed)?);
    }
    drop(guards);
    // Some give connections back in a task of their own.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(pool)
}

/// A pool's error as ours.
pub(crate) fn failed(error: impl fmt::Debug) -> crate::Error {
    format!("no connection: {error:?}").into()
}
