//! Futures dropped after any number of polls, over every combination of what may go wrong.

use std::time::Duration;

use wellspring_pool_core::Validate;
use wellspring_testkit::fake::Step;
use wellspring_testkit::polls::poll_then_drop;

use crate::support::{full_strength, pool, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);

/// For each future of the pool: dropped after 0, 1, 2, … polls until it comes to its end.
#[tokio::test(start_paused = true)]
async fn every_public_future_may_be_dropped_at_every_poll() {
    for operation in ["get", "get_timeout", "get_owned", "start", "warm_up", "drain"] {
        for polls in 0.. {
            let (pool, world) = pool_with(2, |b| b.validate(Validate::Always));
            world.connect.always(Step::Yield(3));
            world.validate.always(Step::Yield(3));
            drop(pool.get().await.unwrap());
            let ended = match operation {
                "get" => poll_then_drop(pool.get(), polls).await.is_some(),
                "get_timeout" => poll_then_drop(pool.get_timeout(SECOND), polls).await.is_some(),
                "get_owned" => poll_then_drop(pool.get_owned(), polls).await.is_some(),
                "start" => poll_then_drop(pool.start(), polls).await.is_some(),
                "warm_up" => poll_then_drop(pool.warm_up(2), polls).await.is_some(),
                "drain" => {
                    let held = pool.get_owned().await.unwrap();
                    let ended = poll_then_drop(pool.drain(SECOND), polls).await.is_some();
                    drop(held);
                    if polls > 0 {
                        assert!(pool.is_closed());
                        assert!(pool.drain(SECOND).await.complete);
                        assert_eq!(world.alive(), 0);
                        if ended || polls > 20 {
                            break;
                        }
                        continue;
                    }
                    ended
                }
                other => unreachable!("{other}"),
            };
            full_strength(&pool, &world).await;
            if ended {
                assert!(polls > 0 || operation == "drain", "{operation} ended without a poll");
                break;
            }
            assert!(polls < 200, "{operation} does not end");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_validation_neither_loses_nor_spoils_the_connection() {
    let (pool, world) = pool_with(1, |b| b.validate(Validate::Always));
    drop(pool.get().await.unwrap());
    world.validate.always(Step::Slow(SECOND));
    // Given up while the check is in flight: the check goes on, the connection stays.
    assert!(pool.get_timeout(SECOND / 2).await.is_err());
    assert_eq!(pool.status().validating, 1, "not idle with a check half done");
    tokio::time::sleep(SECOND).await;
    assert_eq!(pool.status().idle, 1);
    assert_eq!(world.created(), 1);
}

/// Two connections, 64 tasks, tiny timeouts: afterwards exactly two can be had, and no more than
/// two were ever opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_cancellations_loses_nothing() {
    let (pool, world) = pool_with(2, |b| b.validate(Validate::Always));
    world.connect.always(Step::Yield(3));
    world.validate.always(Step::Yield(3));
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for round in 0..200 {
                    let polls = (n + round) % 9;
                    if let Some(guard) = poll_then_drop(pool.get(), polls).await {
                        tokio::task::yield_now().await;
                        drop(guard.unwrap());
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    full_strength(&pool, &world).await;
    assert_eq!(world.created(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_future_never_polled_does_nothing() {
    let (pool, world) = pool(1);
    drop(pool.get());
    settle().await;
    assert_eq!(world.connect.calls(), 0);
    assert_eq!(pool.status().waiting, 0);
}
