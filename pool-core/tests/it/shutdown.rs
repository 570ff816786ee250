//! The end: close, drain, abort, and who is told what.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{AcquireError, ConnectError, RetryPolicy, TryGetError};
use wellspring_testkit::fake::Step;

use crate::support::{pool, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn after_close_everybody_learns_it_at_once() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop).unwrap_err() })
        })
        .collect();
    settle().await;
    let start = Instant::now();
    pool.close();
    pool.close();
    for waiter in waiters {
        let error = waiter.await.unwrap();
        assert!(matches!(error, AcquireError::Closed));
        assert_eq!(error.to_string(), "pool closed");
    }
    assert!(matches!(pool.get().await, Err(AcquireError::Closed)));
    assert!(matches!(pool.get_owned().await, Err(AcquireError::Closed)));
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::Closed);
    assert!(matches!(pool.warm_up(1).await, Err(ConnectError::Closed)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(pool.is_closed());
    drop(held);
    settle().await;
    assert_eq!(world.alive(), 0, "closed when it came back");
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_the_last_return() {
    let (pool, world) = pool(3);
    pool.warm_up(3).await.unwrap();
    let held = pool.get_owned().await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(held);
    });
    let report = pool.drain(Duration::from_secs(10)).await;
    assert!(report.complete);
    assert_eq!(report.took.as_secs(), 3);
    assert!(report.holders.is_empty());
    assert_eq!(world.alive(), 0);
    assert_eq!(world.close.calls(), 3, "each was closed politely");
    // Draining what is drained is immediate.
    assert!(pool.drain(Duration::from_secs(10)).await.took.is_zero());
}

#[tokio::test(start_paused = true)]
async fn drain_names_the_stragglers() {
    let (pool, world) = pool(3);
    let held = pool.get().await.unwrap();
    let line = line!() - 1;
    drop(pool.get().await.unwrap());
    let report = pool.drain(Duration::from_secs(2)).await;
    assert!(!report.complete);
    assert_eq!(report.took.as_secs(), 2);
    assert_eq!(report.status.used, 1);
    assert_eq!(report.holders.len(), 1);
    assert_eq!(report.holders[0].location.line(), line);
    assert_eq!(held.number, 0, "a straggler keeps its connection");
    let again = tokio::spawn({
        let pool = pool.clone();
        async move { pool.drain(Duration::from_secs(60)).await }
    });
    settle().await;
    drop(held);
    assert!(again.await.unwrap().complete);
    assert_eq!(world.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn abort_stops_what_hangs() {
    let hour = Duration::from_secs(3_600);
    let (pool, world) =
        pool_with(4, |b| b.connect_timeout(hour).reset_timeout(hour).close_timeout(hour));
    world.reset.always(Step::Never);
    world.close.always(Step::Never);
    let mut dirty = pool.get().await.unwrap();
    let discarded = pool.get().await.unwrap();
    let held = pool.get().await.unwrap();
    dirty.dirty = true;
    drop(dirty);
    discarded.discard();
    world.connect.always(Step::Never);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    let report = pool.abort();
    assert_eq!(report.holders.len(), 1);
    settle().await;
    assert!(waiter.await.unwrap().is_err());
    assert_eq!(pool.status().size, 1, "{:?}", pool.status());
    drop(held);
    settle().await;
    assert_eq!(world.alive(), 0);
    assert!(pool.drain(Duration::from_secs(1)).await.complete);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_backs_off_closes_at_once() {
    let (pool, world) = pool_with(1, |b| {
        b.min_idle(1).connect_retry(RetryPolicy {
            base_pause: Duration::from_secs(3_600),
            max_pause: Duration::from_secs(3_600),
            ..RetryPolicy::connecting()
        })
    });
    world.connect.always(Step::Fail);
    settle().await;
    assert_eq!(pool.status().connecting, 1);
    let report = pool.drain(Duration::from_secs(1)).await;
    assert!(report.complete, "{report:?}");
    assert!(report.took.is_zero());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_drops_the_connections_and_ends_the_tasks() {
    let (pool, world) = pool_with(3, |b| b.min_idle(2));
    settle().await;
    drop(pool.get().await.unwrap());
    assert!(world.alive() > 0);
    drop(pool);
    settle().await;
    assert_eq!(world.alive(), 0);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}
