//! Giving a connection back: hygiene, resets that fail or hang, overflow, detach, discard.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{ResetMode, ResetPolicy, Validate, WorkKind};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn a_clean_connection_is_idle_at_once() {
    let (pool, world) = pool(1);
    drop(pool.get().await.unwrap());
    assert_eq!(pool.status().idle, 1);
    assert_eq!(world.reset.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dirty_connection_is_reset_in_the_background() {
    for mode in [ResetMode::Rollback, ResetMode::Commit] {
        let (pool, _world) = pool_with(1, |b| b.reset_mode(mode));
        let mut guard = pool.get().await.unwrap();
        guard.dirty = true;
        drop(guard);
        assert_eq!(pool.status().resetting, 1);
        let guard = pool.get().await.unwrap();
        assert_eq!(guard.last_reset, Some(mode));
        assert!(!guard.dirty);
        assert_eq!(pool.stats().counters.resets, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_reset_closes_the_connection() {
    let (pool, world) = pool(1);
    world.reset.next([Step::Fail]);
    let mut guard = pool.get().await.unwrap();
    guard.dirty = true;
    drop(guard);
    let guard = pool.get().await.unwrap();
    assert_eq!(guard.number, 1, "a connection whose reset failed was handed out");
    drop(guard);
    assert_eq!(pool.stats().counters.closed.reset_failed, 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_reset_ends_at_its_timeout() {
    let (pool, world) = pool_with(1, |b| b.reset_timeout(Duration::from_secs(2)));
    world.reset.next([Step::Never]);
    let mut guard = pool.get().await.unwrap();
    guard.dirty = true;
    drop(guard);
    let start = Instant::now();
    let guard = pool.get().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(guard.number, 1);
    drop(guard);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_close_ends_at_its_timeout() {
    let (pool, world) = pool_with(1, |b| b.close_timeout(Duration::from_secs(2)));
    world.close.next([Step::Never]);
    pool.get().await.unwrap().discard();
    settle().await;
    assert_eq!(pool.status().closing, 1, "a slot stands for its connection until it is closed");
    let start = Instant::now();
    drop(pool.get().await.unwrap());
    assert_eq!(start.elapsed().as_secs(), 2);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_closed_and_replaced() {
    let (pool, world) = pool(1);
    let mut guard = pool.get().await.unwrap();
    guard.broken = true;
    drop(guard);
    assert_eq!(pool.get().await.unwrap().number, 1);
    assert_eq!(pool.stats().counters.closed.broken, 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn reset_always_and_never_do_what_they_say() {
    let (pool, world) = pool_with(1, |b| b.reset(ResetPolicy::Always));
    drop(pool.get().await.unwrap());
    drop(pool.get().await.unwrap());
    settle().await;
    assert_eq!(world.reset.calls(), 2);

    let (pool, world) = self::pool_with(1, |b| b.reset(ResetPolicy::Never));
    let mut guard = pool.get().await.unwrap();
    guard.dirty = true;
    drop(guard);
    assert_eq!(pool.get().await.unwrap().number, 1, "a dirty connection was handed on");
    assert_eq!(world.reset.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn overflow_is_closed_on_return_unless_somebody_waits() {
    let (pool, world) = pool_with(1, |b| b.max_overflow(2));
    let one = pool.get().await.unwrap();
    let two = pool.get().await.unwrap();
    let three = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    let number = two.number;
    drop(two);
    assert_eq!(waiter.await.unwrap(), number, "the overflow connection serves the waiter");
    drop(three);
    drop(one);
    settle().await;
    assert_eq!(pool.status().size, 1);
    assert_eq!(pool.status().idle, 1);
    assert_eq!(pool.stats().counters.closed.surplus, 2);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn more_idle_than_max_idle_are_closed() {
    let (pool, _world) = pool_with(4, |b| b.max_idle(Some(2)));
    let mut guards = Vec::new();
    for _ in 0..4 {
        guards.push(pool.get().await.unwrap());
    }
    drop(guards);
    settle().await;
    assert_eq!(pool.status().idle, 2);
    assert_eq!(pool.stats().counters.closed.surplus, 2);
}

#[tokio::test(start_paused = true)]
async fn a_detached_connection_frees_its_place() {
    let (pool, world) = pool(1);
    let detached = pool.get().await.unwrap().detach();
    assert_eq!(pool.status().size, 0);
    let other = pool.get().await.unwrap();
    assert_ne!(other.number, detached.number);
    assert_eq!(world.alive(), 2);
    assert_eq!(pool.stats().counters.detached, 1);
}

#[tokio::test(start_paused = true)]
async fn a_discarded_connection_serves_nobody_again() {
    let (pool, world) = pool(1);
    pool.get().await.unwrap().discard();
    assert_eq!(pool.get().await.unwrap().number, 1);
    assert_eq!(pool.stats().counters.closed.discarded, 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn recorded_work_shows_on_the_connection_and_in_the_sums() {
    let (pool, _world) = pool(1);
    let mut guard = pool.get().await.unwrap();
    guard.record(WorkKind::Query, Duration::from_millis(3), true);
    guard.record(WorkKind::Query, Duration::from_millis(5), false);
    guard.record(WorkKind::Rollback, Duration::from_millis(1), true);
    let query = guard.info().work.get(WorkKind::Query);
    assert_eq!((query.count, query.errors), (2, 1));
    assert_eq!((query.total.as_millis(), query.max.as_millis()), (8, 5));
    drop(guard);
    assert_eq!(pool.stats().work.get(WorkKind::Query).count, 2);
    let guard = pool.get().await.unwrap();
    assert_eq!(guard.info().work.get(WorkKind::Rollback).count, 1);
    assert_eq!(guard.info().uses, 2);
    assert_eq!(pool.stats().work.get(WorkKind::Query).count, 2, "counted twice");
}

#[tokio::test(start_paused = true)]
async fn hooks_run_on_release_and_before_hand_out() {
    let (pool, world) = pool_with(1, |b| {
        b.validate(Validate::Never)
            .after_release(|connection, info| {
                Box::pin(async move {
                    assert!(info.uses > 0);
                    connection.number += 100;
                    Ok(())
                })
            })
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    connection.number += 1;
                    Ok(())
                })
            })
    });
    assert_eq!(pool.get().await.unwrap().number, 0, "a fresh connection is not prepared");
    settle().await;
    assert_eq!(pool.get().await.unwrap().number, 101);
    settle().await;
    let held = pool.get().await.unwrap();
    assert_eq!(held.number, 202);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    drop(held);
    assert_eq!(waiter.await.unwrap(), 303, "also when it goes straight to a waiter");
    assert_eq!(world.validate.calls(), 0);
    assert_eq!(world.created(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_hook_ends_at_its_timeout() {
    let (pool, world) = pool_with(1, |b| {
        b.reset_timeout(Duration::from_secs(1)).after_release(|connection, _| {
            Box::pin(async move {
                if connection.number == 0 {
                    std::future::pending::<()>().await;
                }
                Ok(())
            })
        })
    });
    drop(pool.get().await.unwrap());
    let start = Instant::now();
    assert_eq!(pool.get().await.unwrap().number, 1);
    assert_eq!(start.elapsed().as_secs(), 1);
    full_strength(&pool, &world).await;
}
