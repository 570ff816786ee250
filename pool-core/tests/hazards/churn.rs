//! Pools that do not come to rest: nothing connects, validates or closes again and again without
//! need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wellspring_pool_core::{Fairness, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{poll, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// A connection prepared for a waiter that may be overtaken is not idle again, to be prepared anew.
#[tokio::test(start_paused = true)]
async fn validated_for_who_may_be_overtaken_a_connection_serves() {
    let (pool, world) = pool_with(1, |b| {
        b.fairness(Fairness::Bounded { max_bypass: 8 }).validate(Validate::Always)
    });
    world.validate.always(Step::Slow(MILLI));
    let result = pool.get_timeout(SECOND).await;
    assert!(result.is_ok(), "{} validations, {:?}", world.validate.calls(), result.err());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_may_leave_nothing_idle_comes_to_its_end() {
    let (pool, world) = pool_with(4, |b| b.max_idle(Some(0)));
    world.connect.always(Step::Slow(10 * MILLI));
    let result = tokio::time::timeout(60 * SECOND, pool.start()).await;
    assert!(result.is_ok(), "no end in 60 s, {} connects", world.connect.calls());
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_beyond_what_may_be_idle_comes_to_its_end() {
    let (pool, world) = pool_with(4, |b| b.max_idle(Some(2)));
    world.connect.always(Step::Slow(10 * MILLI));
    let result = tokio::time::timeout(60 * SECOND, pool.warm_up(3)).await;
    assert!(result.is_ok(), "no end in 60 s, {} connects", world.connect.calls());
}

/// The pool is busy for many lives of its connections. Successors that were wanted then and came to
/// nothing are not opened afterwards, when nobody asks.
#[tokio::test(start_paused = true)]
async fn successors_wanted_once_are_not_opened_when_nobody_needs_them() {
    let (pool, world) = pool_with(4, |b| {
        b.max_lifetime(Some(60 * SECOND)).idle_timeout(Some(10 * SECOND)).leak_threshold(None)
    });
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (pool, stop) = (pool.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let guard = pool.get().await.unwrap();
                    tokio::time::sleep(500 * MILLI).await;
                    drop(guard);
                }
            })
        })
        .collect();
    tokio::time::sleep(1_800 * SECOND).await;
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let before = world.created();
    tokio::time::sleep(630 * SECOND).await;
    let opened = world.created() - before;
    assert!(opened <= 4, "{opened} opened in silence, {before} before; {:?}", pool.status());
}

#[tokio::test(start_paused = true)]
async fn a_successor_for_which_there_is_only_overflow_is_not_opened() {
    let (pool, world) = pool_with(1, |b| {
        b.max_overflow(1)
            .max_lifetime(Some(100 * SECOND))
            .max_lifetime_jitter(0.0)
            .leak_threshold(None)
    });
    let held = pool.get().await.unwrap();
    tokio::time::sleep(97 * SECOND).await;
    drop(held);
    settle().await;
    let closed = pool.stats().counters.closed;
    assert_eq!(pool.status().idle, 1, "{} opened, closed {closed:?}", world.created());
}

#[tokio::test(start_paused = true)]
async fn a_minimum_of_connections_for_one_use_is_filled_and_left_alone() {
    let (pool, world) = pool_with(4, |b| b.min_idle(2).max_uses(Some(1)));
    settle().await;
    world.connect.always(Step::Slow(MILLI));
    for _ in 0..20 {
        drop(pool.get().await.unwrap());
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(pool.status().idle, 2);
    let made = world.created();
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(world.created(), made);
}

#[tokio::test(start_paused = true)]
async fn the_minimum_of_an_unused_pool_is_renewed_once_in_a_life() {
    let (_pool, world) = pool_with(8, |b| {
        b.min_idle(4).max_lifetime(Some(100 * SECOND)).idle_timeout(Some(30 * SECOND))
    });
    settle().await;
    tokio::time::sleep(1_000 * SECOND).await;
    assert!(world.created() <= 4 * 13, "{} opened in ten lives of four", world.created());
}

#[tokio::test(start_paused = true)]
async fn who_is_late_and_not_polled_keeps_nobody_connecting() {
    let (pool, world) = pool_with(1, |b| b.breaker(None));
    world.connect.always(Step::Fail);
    let mut late = Box::pin(pool.get_timeout(SECOND));
    assert!(poll(&mut late).is_pending());
    tokio::time::sleep(100 * SECOND).await;
    let before = world.connect.calls();
    tokio::time::sleep(1_000 * SECOND).await;
    let more = world.connect.calls() - before;
    assert!(more <= 1, "{more} attempts long after the deadline, {:?}", pool.status());
}
