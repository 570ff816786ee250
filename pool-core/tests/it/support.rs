//! What the tests share: pools of fakes and the checks every test ends with.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wellspring_pool_core::{Builder, Pool, Status};
use wellspring_testkit::fake::{Fake, World};

pub(crate) type FakePool = Pool<Fake>;

/// A pool of at most `max_size` fakes, and the world they live in.
pub(crate) fn pool(max_size: usize) -> (FakePool, Arc<World>) {
    pool_with(max_size, |builder| builder)
}

pub(crate) fn pool_with(
    max_size: usize,
    options: impl FnOnce(Builder<Fake>) -> Builder<Fake>,
) -> (FakePool, Arc<World>) {
    let fake = Fake::new();
    let world = Arc::clone(&fake.world);
    let pool = options(Pool::builder(fake).max_size(max_size)).build().unwrap();
    (pool, world)
}

/// The phases add up to the size.
pub(crate) fn adds_up(status: Status) {
    let sum = status.idle
        + status.used
        + status.connecting
        + status.validating
        + status.resetting
        + status.closing
        + status.abandoned;
    assert_eq!(sum, status.size, "{status:?}");
}

/// They do, within the limit; not to be asked where connections may be abandoned beyond it.
pub(crate) fn identity_holds(status: Status) {
    adds_up(status);
    assert!(status.size <= status.max_size + status.max_overflow, "{status:?}");
}

/// Polls once, for a task that nobody wakes.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets background tasks run until they have nothing more to do at this moment.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// After whatever happened, the pool still hands out as many connections as it may, and no more.
pub(crate) async fn full_strength(pool: &FakePool, world: &World) {
    settle().await;
    let limit = pool.options().max_size + pool.options().max_overflow;
    let mut guards = Vec::new();
    for n in 0..limit {
        let guard = pool.get_timeout(Duration::from_secs(60)).await;
        guards.push(guard.unwrap_or_else(|error| panic!("connection {n} of {limit}: {error}")));
        identity_holds(pool.status());
    }
    assert_eq!(pool.status().used, limit);
    assert!(pool.get_timeout(Duration::ZERO).await.is_err(), "more than {limit}");
    assert!(world.most_alive() <= limit, "{} alive at one time", world.most_alive());
    drop(guards);
    settle().await;
    identity_holds(pool.status());
    assert_eq!(pool.status().used, 0);
    assert_eq!(pool.status().waiting, 0);
}
