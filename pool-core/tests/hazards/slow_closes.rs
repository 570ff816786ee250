//! Connections that take long to close: meanwhile none that may stay goes with them, and nobody
//! waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use wellspring_testkit::fake::{Step, World};

use crate::support::{FakePool, pool, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A pool of at most `max_size` that gives up, after a second, whoever does not return its
/// connection.
fn reclaiming(max_size: usize) -> (FakePool, Arc<World>) {
    pool_with(max_size, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1))
}

/// Asks for a connection: which it got, and how long it had to wait.
fn ask(pool: &FakePool) -> JoinHandle<(usize, Duration)> {
    let pool = pool.clone();
    tokio::spawn(async move {
        let start = Instant::now();
        (pool.get().await.unwrap().number, start.elapsed())
    })
}

#[tokio::test(start_paused = true)]
async fn shrinking_leaves_as_many_as_may_stay() {
    let (pool, world) = pool(4);
    world.close.always(Step::Slow(SECOND));
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(pool.get().await.unwrap());
    }
    pool.resize(2).unwrap();
    drop(held);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(pool.status().idle, 2, "{:?}", pool.status());
}

#[tokio::test(start_paused = true)]
async fn shrinking_lets_those_that_may_stay_serve_at_once() {
    let (pool, world) = pool(4);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(pool.get().await.unwrap());
    }
    world.close.always(Step::Slow(4 * SECOND));
    pool.resize(2).unwrap();
    let waiter = ask(&pool);
    settle().await;
    drop(held);
    let (_, waited) = waiter.await.unwrap();
    assert!(waited < SECOND, "waited {waited:?} beside two connections that may stay");
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_one_that_comes_back_costs_no_healthy_one_in_use() {
    let (pool, world) = reclaiming(1);
    world.close.always(Step::Slow(4 * SECOND));
    let leaked = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    let healthy = pool.get().await.unwrap();
    let number = healthy.number;
    drop(leaked);
    settle().await;
    let waiter = ask(&pool);
    settle().await;
    drop(healthy);
    let (got, waited) = waiter.await.unwrap();
    assert!(got == number && waited < SECOND, "{got} instead of {number} after {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_one_that_comes_back_costs_no_idle_ones() {
    let (pool, world) = reclaiming(10);
    let leaked = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    pool.warm_up(10).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    world.close.always(Step::Slow(4 * SECOND));
    drop(leaked);
    let start = Instant::now();
    drop(pool.get().await.unwrap());
    let (waited, surplus) = (start.elapsed(), pool.stats().counters.closed.surplus);
    assert_eq!(surplus, 0, "healthy idle ones closed, waited {waited:?}");
}
