//! Time and connections: validation, idle and lifetime limits, the minimum of idle ones, numbers.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{RetryPolicy, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, identity_holds, pool, pool_with, settle};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn validation_follows_its_policy() {
    for (policy, fresh, stale) in [
        (Validate::Never, 0, 0),
        (Validate::Idle(Duration::from_secs(1)), 0, 1),
        (Validate::Always, 1, 1),
    ] {
        let (pool, world) = pool_with(1, |b| b.validate(policy));
        drop(pool.get().await.unwrap());
        drop(pool.get().await.unwrap());
        assert_eq!(world.validate.calls(), fresh, "{policy:?}");
        tokio::time::advance(Duration::from_millis(1_500)).await;
        drop(pool.get().await.unwrap());
        assert_eq!(world.validate.calls() - fresh, stale, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_idle_connection_is_replaced_silently() {
    let (pool, world) = pool_with(3, |b| b.validate(Validate::Always));
    pool.warm_up(3).await.unwrap();
    world.validate.next([Step::Fail, Step::Fail, Step::Fail]);
    let guard = pool.get().await.unwrap();
    assert!(guard.number >= 3, "{}", guard.number);
    assert!(pool.stats().counters.closed.invalid >= 1);
    drop(guard);
    world.validate.next([]);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_validation_ends_at_its_timeout() {
    let (pool, world) =
        pool_with(1, |b| b.validate(Validate::Always).validation_timeout(Duration::from_secs(1)));
    drop(pool.get().await.unwrap());
    world.validate.next([Step::Never]);
    let start = Instant::now();
    assert_eq!(pool.get().await.unwrap().number, 1);
    assert_eq!(start.elapsed().as_secs(), 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn hanging_checks_and_resets_do_not_keep_a_waiter_from_a_new_connection() {
    let (pool, world) = pool_with(10, |b| b.validate(Validate::Always));
    pool.warm_up(4).await.unwrap();
    world.validate.always(Step::Never);
    let start = Instant::now();
    drop(pool.get().await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());

    let (pool, world) = pool_with(10, |b| b);
    world.reset.always(Step::Never);
    let mut dirty = pool.get().await.unwrap();
    dirty.dirty = true;
    drop(dirty);
    let start = Instant::now();
    drop(pool.get().await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn validate_always_holds_for_a_direct_hand_off_too() {
    let (pool, world) = pool_with(1, |b| b.validate(Validate::Always));
    let held = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await.unwrap()) }
    });
    settle().await;
    drop(held);
    waiter.await.unwrap();
    assert_eq!(world.validate.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_down_to_min_idle() {
    let (pool, world) =
        pool_with(5, |b| b.min_idle(2).idle_timeout(Some(10 * MINUTE)).max_lifetime(None));
    pool.warm_up(5).await.unwrap();
    tokio::time::sleep(9 * MINUTE).await;
    assert_eq!(pool.status().idle, 5);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(pool.status().idle, 2);
    assert_eq!(world.alive(), 2);
    assert_eq!(pool.stats().counters.closed.idle, 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_goes_on_time_however_often_others_are_used() {
    let (pool, _world) = pool_with(2, |b| {
        b.idle_timeout(Some(10 * MINUTE)).max_lifetime(None).validate(Validate::Never)
    });
    pool.warm_up(2).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(MINUTE).await;
        drop(pool.get().await.unwrap());
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(pool.status().idle, 1, "the one not used for ten minutes is gone");
}

#[tokio::test(start_paused = true)]
async fn old_connections_are_closed_with_jitter_and_never_in_use() {
    let (pool, world) = pool_with(20, |b| {
        b.max_lifetime(Some(30 * MINUTE)).idle_timeout(None).max_lifetime_jitter(0.5)
    });
    pool.warm_up(20).await.unwrap();
    let held = pool.get().await.unwrap();
    let number = held.number;
    let mut sizes = Vec::new();
    for _ in 0..30 {
        tokio::time::sleep(MINUTE).await;
        sizes.push(world.alive());
        identity_holds(pool.status());
    }
    assert!(sizes[..14].iter().all(|n| *n == 20), "too early: {sizes:?}");
    sizes.dedup();
    assert!(sizes.len() > 5, "they died together: {sizes:?}");
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.created(), 21, "the one in use has a successor");
    // Which may be old itself by now.
    let left = world.alive();
    assert!((1..=2).contains(&left), "the one in use is left, and perhaps its successor: {left}");
    assert_eq!(held.number, number);
    drop(held);
    settle().await;
    assert_eq!(world.alive(), left - 1);
    assert_eq!(pool.stats().counters.closed.lifetime as usize, 21 - (left - 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_after_max_uses() {
    let (pool, world) = pool_with(1, |b| b.max_uses(Some(2)));
    let mut numbers = Vec::new();
    for _ in 0..4 {
        numbers.push(pool.get().await.unwrap().number);
    }
    settle().await;
    assert_eq!(numbers, [0, 0, 1, 1]);
    assert_eq!(pool.stats().counters.closed.uses, 2);
    // A waiter gets a new one, not the worn one.
    let (pool, _world) = pool_with(1, |b| b.max_uses(Some(1)));
    let held = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    drop(held);
    assert_eq!(waiter.await.unwrap(), 1);
    assert_eq!(world.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn min_idle_is_kept_as_connections_are_taken() {
    let (pool, world) = pool_with(5, |b| b.min_idle(2));
    settle().await;
    assert_eq!(pool.status().idle, 2, "filled from the start");
    let mut guards = Vec::new();
    for used in 1..=5 {
        guards.push(pool.get().await.unwrap());
        settle().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(pool.status().size, (used + 2).min(5), "with {used} in use");
    }
    drop(guards);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn min_idle_survives_a_database_that_is_away() {
    let (pool, world) = pool_with(3, |b| {
        let max_pause = Duration::from_secs(1);
        b.min_idle(2)
            .connect_retry(RetryPolicy { max_pause, ..RetryPolicy::connecting() })
            .max_lifetime(None)
    });
    world.connect.always(Step::FailForGood);
    tokio::time::sleep(MINUTE).await;
    let calls = world.connect.calls();
    assert!(calls > 30 && calls < 1_500, "{calls} attempts in a minute");
    world.connect.always(Step::Ok);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pool.status().idle, 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_pool_does_not_wake() {
    let (pool, _world) = pool_with(2, |b| b.idle_timeout(None).max_lifetime(None));
    drop(pool.get().await.unwrap());
    settle().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let start = Instant::now();
    // With the clock paused, time jumps to the next timer: a ticking pool would stop it early.
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert_eq!(start.elapsed().as_secs(), 86_400);
    assert_eq!(metrics.num_alive_tasks(), before);
    assert_eq!(pool.status().idle, 1);
}

#[tokio::test(start_paused = true)]
async fn waits_connects_and_uses_are_recorded_apart() {
    let (pool, world) = pool(1);
    world.connect.next([Step::Slow(Duration::from_secs(4))]);
    let held = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await.unwrap()) }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(held);
    waiter.await.unwrap();
    let stats = pool.stats();
    assert_eq!(stats.connect.max.as_secs(), 4);
    assert_eq!(stats.wait.max.as_secs(), 2, "the wait excludes the time spent connecting");
    assert_eq!(stats.wait.count, 2);
    assert_eq!(stats.usage.count, 2);
    assert_eq!(stats.usage.max.as_secs(), 2);
    assert_eq!(stats.counters.acquired_after_wait, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_add_up_whatever_happens_beside() {
    let (pool, world) = pool_with(4, |b| b.max_overflow(2).validate(Validate::Always));
    world.connect.always(Step::Yield(2));
    world.validate.always(Step::Yield(1));
    world.reset.always(Step::Yield(2));
    let busy: Vec<_> = (0..8)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for round in 0..300 {
                    let mut guard = pool.get().await.unwrap();
                    guard.dirty = (round + n) % 3 == 0;
                    guard.broken = (round + n) % 17 == 0;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut looks = 0_u32;
    while busy.iter().any(|task| !task.is_finished()) {
        identity_holds(pool.status());
        looks += 1;
        tokio::task::yield_now().await;
    }
    for task in busy {
        task.await.unwrap();
    }
    assert!(looks > 10);
    full_strength(&pool, &world).await;
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn stats_serialise() {
    let (pool, _world) = pool(1);
    drop(pool.get().await.unwrap());
    let json = serde_json::to_value(pool.stats()).unwrap();
    assert_eq!(json["status"]["idle"], 1);
    assert_eq!(json["counters"]["connected"], 1);
    assert_eq!(json["connect"]["count"], 1);
    assert!(json["work"]["query"]["count"].is_u64());
}
