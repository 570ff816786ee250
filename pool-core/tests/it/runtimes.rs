//! Runtimes that die: per-test runtimes are common, and a pool may outlive any of them.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wellspring_pool_core::{AcquireError, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool, pool_with, settle};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_pool_outlives_the_runtime_it_was_used_in() {
    let (pool, world) = pool(2);
    for round in 0..3 {
        let runtime = runtime();
        runtime.block_on(async {
            let one = pool.get().await.unwrap();
            let _two = pool.get().await.unwrap();
            if round == 1 {
                one.discard();
            }
            settle().await;
        });
    }
    runtime().block_on(full_strength(&pool, &world));
}

#[test]
fn connects_that_died_with_their_runtime_are_started_again() {
    let (pool, world) = pool(1);
    world.connect.next([Step::Never]);
    let doomed = runtime();
    doomed.block_on(async {
        let get = pool.get_timeout(Duration::from_millis(10));
        assert!(get.await.is_err());
        assert_eq!(pool.status().connecting, 1);
    });
    let alive = runtime();
    let waiter = alive.spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    alive.block_on(async { settle().await });
    drop(doomed); // takes the connect with it
    alive.block_on(async { waiter.await.unwrap().unwrap() });
    alive.block_on(full_strength(&pool, &world));
}

#[test]
fn resets_that_died_with_their_runtime_cost_no_capacity() {
    let (pool, world) = pool(2);
    world.reset.next([Step::Never]);
    let doomed = runtime();
    doomed.block_on(async {
        let mut guard = pool.get().await.unwrap();
        guard.dirty = true;
        drop(guard);
        settle().await;
        assert_eq!(pool.status().resetting, 1);
    });
    drop(doomed);
    assert_eq!(pool.status().size, 0);
    runtime().block_on(full_strength(&pool, &world));
}

#[test]
fn a_guard_dropped_outside_a_runtime_comes_back() {
    let (pool, world) = pool(1);
    let (clean, dirty);
    {
        let runtime = runtime();
        clean = runtime.block_on(async { pool.get_owned().await.unwrap() });
        drop(clean);
        dirty = runtime.block_on(async {
            let mut guard = pool.get_owned().await.unwrap();
            guard.dirty = true;
            guard
        });
    }
    // Its runtime is gone, and there is none here: it cannot be reset, so it is closed.
    drop(dirty);
    assert_eq!(pool.status().size, 0);
    assert_eq!(world.alive(), 0);
    runtime().block_on(full_strength(&pool, &world));
}

#[test]
fn housekeeping_goes_on_in_the_next_runtime() {
    let (pool, world) =
        pool_with(3, |b| b.idle_timeout(Some(Duration::from_millis(50))).validate(Validate::Never));
    runtime().block_on(async { pool.warm_up(3).await.unwrap() });
    assert_eq!(world.alive(), 3);
    runtime().block_on(async {
        // Only the free path is used: it must be enough to bring the housekeeper back.
        drop(pool.get().await.unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(world.alive(), 0, "nobody keeps house");
    });
}

#[test]
fn a_waiter_in_a_dying_runtime_does_not_hold_up_the_next() {
    let (pool, world) = pool(1);
    let doomed = runtime();
    let alive = runtime();
    let held = alive.block_on(async { pool.get_owned().await.unwrap() });
    let first = doomed.spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await) }
    });
    doomed.block_on(async { settle().await });
    let second = alive.spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await.unwrap()) }
    });
    alive.block_on(async { settle().await });
    drop(held); // granted to the first, whose runtime does not run
    drop(first);
    drop(doomed);
    alive.block_on(async { second.await.unwrap() });
    alive.block_on(full_strength(&pool, &world));
}

#[test]
fn a_waiter_that_moves_away_from_a_dying_runtime_keeps_its_deadline() {
    let (pool, world) = pool(1);
    let doomed = runtime();
    let (guard, mut waiter) = doomed.block_on(async {
        let guard = pool.get_owned().await.unwrap();
        // By now the housekeeper sees to deadlines in this runtime.
        assert!(pool.get_timeout(Duration::from_millis(150)).await.is_err());
        let mut waiter = Box::pin(pool.get_owned_timeout(Duration::from_millis(200)));
        assert!(
            std::future::poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx).is_pending())).await
        );
        (guard, waiter)
    });
    drop(doomed);
    let alive = runtime();
    let limit = Duration::from_secs(10);
    let result = alive.block_on(async { tokio::time::timeout(limit, &mut waiter).await });
    assert!(matches!(result, Ok(Err(AcquireError::Timeout(_)))), "{result:?}");
    drop(guard);
    alive.block_on(full_strength(&pool, &world));
}

#[test]
fn a_waiter_that_stays_is_woken_when_the_housekeeper_dies_elsewhere() {
    let (pool, world) = pool(1);
    let doomed = runtime();
    let guard = doomed.block_on(async {
        let guard = pool.get_owned().await.unwrap();
        assert!(pool.get_timeout(Duration::from_millis(150)).await.is_err());
        guard
    });
    let alive = runtime();
    let waiter = alive.spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(Duration::from_millis(100)).await.map(drop) }
    });
    alive.block_on(async { settle().await });
    drop(doomed);
    let limit = Duration::from_secs(10);
    let result = alive.block_on(async { tokio::time::timeout(limit, waiter).await });
    assert!(matches!(result, Ok(Ok(Err(AcquireError::Timeout(_))))), "{result:?}");
    drop(guard);
    alive.block_on(full_strength(&pool, &world));
}
