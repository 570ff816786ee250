//! Opening connections: failures and their cause, panics, pauses, limits, askers that left.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{AcquireError, ConnectError, Phase, RetryPolicy};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, identity_holds, pool, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_reaches_every_waiter_at_once_with_its_cause() {
    let (pool, world) = pool(4);
    world.connect.always(Step::FailForGood);
    let start = Instant::now();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop).unwrap_err() })
        })
        .collect();
    for task in tasks {
        let error = task.await.unwrap();
        assert!(matches!(error, AcquireError::Connect(_)), "{error}");
        assert!(error.to_string().contains("scripted failure for good in connect"), "{error}");
        assert!(error.source().is_some());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    world.connect.always(Step::Ok);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_retried_and_waiters_are_served() {
    let (pool, world) = pool(4);
    world.connect.next([Step::Fail; 5]);
    let guard = pool.get().await.unwrap();
    assert_eq!(world.connect.calls(), 6);
    assert_eq!(pool.stats().counters.connect_failures, 5);
    drop(guard);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_carries_the_last_connect_error() {
    let (pool, world) = pool_with(2, |b| b.acquire_timeout(Duration::from_secs(3)));
    world.connect.always(Step::Fail);
    let start = Instant::now();
    let error = pool.get().await.unwrap_err();
    assert!((3_000..3_010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let AcquireError::Timeout(info) = &error else { panic!("{error}") };
    assert_eq!(info.phase, Phase::Connect);
    assert!(error.to_string().contains("last connect error: scripted failure in connect"));
    assert!(error.source().unwrap().to_string().contains("scripted failure in connect"));
    // Nobody waits any more: the pool stops trying.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let calls = world.connect.calls();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.connect.calls(), calls, "kept hammering without need");
    world.connect.always(Step::Ok);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_one_task_probes_for_all() {
    let (pool, world) = pool_with(8, |b| {
        b.max_connecting(8).breaker(None).acquire_timeout(Duration::from_secs(60)).connect_retry(
            RetryPolicy { max_pause: Duration::from_secs(1), ..RetryPolicy::connecting() },
        )
    });
    world.connect.always(Step::Fail);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let _guard = pool.get().await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(10)).await;
    // Eight at first, then one at a time, every 0 to 20 ms and later every 0 to 100: not eight each
    // time.
    let calls = world.connect.calls();
    assert!(calls < 600, "{calls} attempts in 10 s");
    assert!(calls > 10, "{calls} attempts in 10 s: gave up");
    assert_eq!(pool.status().connecting, 1);
    world.connect.always(Step::Ok);
    for task in tasks {
        task.await.unwrap();
    }
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_connect_ends_at_its_timeout_and_is_retried() {
    let (pool, world) = pool_with(1, |b| b.connect_timeout(Duration::from_secs(1)));
    world.connect.next([Step::Never]);
    let start = Instant::now();
    let guard = pool.get().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1) && start.elapsed() < Duration::from_secs(2));
    drop(guard);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_panicking_manager_costs_no_capacity() {
    let (pool, world) = pool(2);
    world.connect.next([Step::Panic, Step::Panic]);
    world.validate.next([Step::Panic]);
    world.reset.next([Step::Panic]);
    world.close.next([Step::Panic]);
    let mut guard = pool.get().await.unwrap();
    assert_eq!(pool.stats().counters.connect_failures, 2);
    guard.dirty = true;
    drop(guard); // reset panics, then close panics
    settle().await;
    drop(pool.get().await.unwrap());
    tokio::time::advance(Duration::from_secs(2)).await;
    drop(pool.get().await.unwrap()); // validate panics, another is opened
    assert_eq!(pool.stats().counters.closed.invalid, 1);
    assert_eq!(pool.stats().counters.closed.reset_failed, 1);

    let mut guard = pool.get().await.unwrap();
    guard.hygiene_panics = true;
    drop(guard);
    let mut guard = pool.get().await.unwrap();
    guard.drop_panics = true;
    guard.discard();
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_goes_on_when_its_asker_left() {
    let (pool, world) = pool(1);
    world.connect.always(Step::Slow(Duration::from_secs(2)));
    assert!(pool.get_timeout(Duration::from_secs(1)).await.is_err());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pool.status().idle, 1);
    assert_eq!(world.created(), 1);
    drop(pool.try_get().unwrap());
}

#[tokio::test(start_paused = true)]
async fn connects_in_flight_are_bounded() {
    let (pool, world) = pool_with(10, |b| b.max_connecting(3));
    world.connect.always(Step::Slow(Duration::from_secs(1)));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let _guard = pool.get().await.unwrap();
                tokio::time::sleep(Duration::from_secs(10)).await;
            })
        })
        .collect();
    for (after, calls) in [(0, 3), (1, 6), (1, 9), (1, 10)] {
        tokio::time::sleep(Duration::from_millis(after * 1_000 + 1)).await;
        settle().await;
        assert_eq!(world.connect.calls(), calls);
        identity_holds(pool.status());
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn demand_decides_how_many_are_opened() {
    let (pool, world) = pool(10);
    for _ in 0..20 {
        drop(pool.get().await.unwrap());
    }
    assert_eq!(world.created(), 1, "opened more than were needed");
}

#[tokio::test(start_paused = true)]
async fn start_reports_the_first_failure_without_retrying() {
    let (pool, world) = pool(2);
    world.connect.always(Step::Fail);
    let error = pool.start().await.unwrap_err();
    assert!(matches!(error, ConnectError::Failed(_)), "{error}");
    assert_eq!(world.connect.calls(), 1);
    assert_eq!(pool.stats().counters.connect_failures, 1);
    world.connect.always(Step::Ok);
    pool.start().await.unwrap();
    pool.start().await.unwrap();
    assert_eq!(world.created(), 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn start_proves_a_connection_though_others_are_under_way() {
    for max_size in [1, 4] {
        let (pool, world) = pool_with(max_size, |b| b.min_idle(1));
        world.connect.always(Step::FailForGood);
        assert!(pool.start().await.is_err(), "proved nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn warm_up_opens_as_many_as_asked_and_allowed() {
    let (pool, world) = pool_with(5, |b| b.max_connecting(2).max_overflow(3));
    pool.warm_up(3).await.unwrap();
    assert_eq!(pool.status().idle, 3);
    pool.warm_up(5).await.unwrap();
    assert_eq!(pool.status().idle, 5);
    let error = pool.warm_up(6).await.unwrap_err();
    assert!(matches!(error, ConnectError::TooMany { asked: 6, most: 5 }), "{error}");
    assert_eq!(world.created(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_hook_after_connect_sees_every_connection_and_may_refuse_it() {
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let hook_fails = std::sync::Arc::clone(&fails);
    let (pool, world) = pool_with(2, move |b| {
        b.after_connect(move |connection, info| {
            let fail = hook_fails
                .fetch_update(
                    std::sync::atomic::Ordering::SeqCst,
                    std::sync::atomic::Ordering::SeqCst,
                    |n| n.checked_sub(1),
                )
                .is_ok();
            Box::pin(async move {
                assert_eq!(info.uses, 0);
                connection.last_reset = Some(wellspring_pool_core::ResetMode::Commit);
                if fail {
                    let error = wellspring_testkit::fake::Fake::new();
                    error.world.connect.next([Step::Fail]);
                    use wellspring_pool_core::Manager;
                    return error.connect().await.map(drop);
                }
                Ok(())
            })
        })
    });
    let guard = pool.get().await.unwrap();
    assert_eq!(guard.last_reset, Some(wellspring_pool_core::ResetMode::Commit));
    assert_eq!(world.created(), 2);
    assert_eq!(world.alive(), 1, "the refused connection is gone");
    assert_eq!(pool.stats().counters.connect_failures, 1);
}
