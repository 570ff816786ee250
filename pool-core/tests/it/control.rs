//! A living pool under control: resize, pause, invalidation, priorities, tags, startup, renewal.

use std::time::Duration;

use wellspring_pool_core::{
    AcquireError, ConnectError, Phase, Priority, Reuse, Startup, Tag, TryGetError, Validate,
    WorkKind,
};
use wellspring_testkit::fake::Step;

use crate::support::{FakePool, full_strength, identity_holds, pool, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

// ---- resize -------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn growing_serves_those_who_wait_at_once() {
    let (pool, _world) = pool(1);
    let _held = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(SECOND).await.map(drop) }
    });
    settle().await;
    pool.resize(2).unwrap();
    settle().await;
    assert!(waiter.is_finished());
    waiter.await.unwrap().unwrap();
    assert_eq!(pool.status().max_size, 2);
}

#[tokio::test(start_paused = true)]
async fn shrinking_closes_the_idle_now_and_the_used_when_they_come_back() {
    let (pool, world) = pool(6);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(pool.get().await.unwrap());
    }
    pool.warm_up(6).await.unwrap();
    pool.resize(3).unwrap();
    settle().await;
    assert_eq!((pool.status().used, pool.status().idle), (4, 0));
    // Even if somebody waits: the limit is one.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    held.pop();
    settle().await;
    assert_eq!(pool.status().size, 3);
    assert!(!waiter.is_finished());
    held.pop();
    settle().await;
    waiter.await.unwrap().unwrap();
    assert!(pool.status().size <= 3);
    held.clear();
    settle().await;
    assert_eq!(world.alive(), 3);
    for wrong in [0, usize::MAX] {
        assert_eq!(pool.resize(wrong).unwrap_err().option(), "max_size");
    }
    assert_eq!(pool.set_min_idle(4).unwrap_err().option(), "min_idle");
    pool.set_min_idle(2).unwrap();
    assert_eq!(pool.resize(1).unwrap_err().option(), "min_idle");
}

#[tokio::test(start_paused = true)]
async fn min_idle_can_be_changed() {
    let (pool, _world) = pool(5);
    pool.set_min_idle(3).unwrap();
    settle().await;
    assert_eq!(pool.status().idle, 3);
    assert_eq!(pool.status().min_idle, 3);
}

// ---- pause --------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_paused_pool_hands_out_nothing_until_it_is_resumed() {
    let (pool, world) = pool(2);
    let held = pool.get().await.unwrap();
    assert!(pool.pause());
    assert!(!pool.pause(), "it was");
    assert!(pool.is_paused() && pool.status().paused);
    drop(held);
    assert_eq!(pool.status().idle, 1, "kept");
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::Paused);
    let error = pool.get_timeout(SECOND).await.unwrap_err();
    let AcquireError::Timeout(info) = &error else { panic!("{error}") };
    assert_eq!(info.phase, Phase::Pause);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    tokio::time::sleep(10 * SECOND).await;
    assert!(!waiter.is_finished());
    assert_eq!(world.created(), 1, "opened something");
    assert!(pool.resume());
    waiter.await.unwrap().unwrap();
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn quiesce_waits_for_the_last_holder() {
    let (pool, _world) = pool(2);
    let held = pool.get_owned().await.unwrap();
    assert!(!pool.quiesce(SECOND).await);
    tokio::spawn(async move {
        tokio::time::sleep(SECOND).await;
        drop(held);
    });
    assert!(pool.quiesce(MINUTE).await);
    assert!(pool.is_paused());
    assert_eq!(pool.status().used, 0);
}

// ---- invalidation -------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn invalidation_retires_everything_of_today() {
    let (pool, world) = pool(4);
    pool.warm_up(2).await.unwrap();
    let held = pool.get().await.unwrap();
    world.connect.next([Step::Slow(SECOND)]);
    let opening = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _one = pool.get().await.unwrap();
            pool.get().await.unwrap().number
        }
    });
    settle().await;
    assert_eq!(pool.status().connecting, 1);
    pool.invalidate_all();
    settle().await;
    drop(held);
    let number = opening.await.unwrap();
    assert_eq!(number, 3, "one that was being opened for the old world was handed out");
    settle().await;
    let newest = pool.get().await.unwrap().number;
    assert!(newest >= 3, "{newest} is of yesterday");
    assert_eq!(pool.stats().counters.closed.invalidated, 3);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_dirty_connection_of_yesterday_is_not_even_reset() {
    let (pool, world) = pool(1);
    let mut held = pool.get().await.unwrap();
    held.dirty = true;
    pool.invalidate_all();
    drop(held);
    settle().await;
    assert_eq!(world.reset.calls(), 0);
    assert_eq!(pool.status().size, 0);
}

/// Those who wait get none of yesterday's from those who bring them back.
#[tokio::test(start_paused = true)]
async fn connections_of_yesterday_are_not_handed_on() {
    let (pool, _world) = pool(2);
    let held = [pool.get().await.unwrap(), pool.get().await.unwrap()];
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.unwrap().id().get() })
        })
        .collect();
    settle().await;
    pool.invalidate_all();
    settle().await;
    drop(held);
    for waiter in waiters {
        let id = waiter.await.unwrap();
        assert!(id > 2, "connection {id} is of yesterday");
    }
    assert_eq!(pool.stats().counters.closed.invalidated, 2);
}

// ---- priorities and tags ------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn the_urgent_are_served_first_and_the_others_in_order() {
    let (pool, _world) = pool(1);
    let held = pool.get().await.unwrap();
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (name, priority) in [
        ("low", Priority::Low),
        ("first", Priority::Normal),
        ("second", Priority::Normal),
        ("urgent", Priority::High),
    ] {
        let (pool, order) = (pool.clone(), std::sync::Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let _guard = pool.get().priority(priority).await.unwrap();
            order.lock().unwrap().push(name);
        }));
        settle().await;
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["urgent", "first", "second", "low"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_the_tag_is_preferred() {
    for reuse in [Reuse::Lifo, Reuse::Fifo] {
        let (pool, _world) = pool_with(4, |b| b.reuse(reuse));
        let (seven, eight) = (Tag::new(7), Tag::named("eight"));
        let mut guards = Vec::new();
        for tag in [Some(seven), None, Some(eight)] {
            let mut guard = pool.get().await.unwrap();
            guard.set_tag(tag);
            guards.push(guard);
        }
        drop(guards);
        for tag in [seven, eight, seven] {
            assert_eq!(pool.get().tag(tag).await.unwrap().tag(), Some(tag), "{reuse:?}");
        }
        // None has it: rather one without any than somebody else's.
        let other = pool.get().tag(Tag::new(9)).await.unwrap();
        assert_eq!(other.tag(), None);
        assert!(pool.get().tag(Tag::new(9)).await.is_ok(), "any is better than none");
    }
}

#[tokio::test(start_paused = true)]
async fn tags_are_found_among_those_to_be_validated_and_end_with_a_reset() {
    let (pool, _world) = pool_with(3, |b| b.validate(Validate::Always));
    let tag = Tag::new(1);
    let mut first = pool.get().await.unwrap();
    first.set_tag(Some(tag));
    let second = pool.get().await.unwrap();
    drop(first);
    drop(second);
    let mut guard = pool.get().tag(tag).await.unwrap();
    assert_eq!(guard.tag(), Some(tag));
    guard.dirty = true;
    drop(guard);
    settle().await;
    assert_eq!(pool.get().tag(tag).await.unwrap().tag(), None);
}

// ---- startup ------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn startup_opens_what_it_says() {
    for (startup, at_once, later) in
        [(Startup::Lazy, 0, 0), (Startup::Probe, 1, 3), (Startup::Fill, 3, 3)]
    {
        let (pool, world) = pool_with(5, |b| b.initial_size(3).startup(startup));
        world.connect.always(Step::Slow(SECOND));
        pool.start().await.unwrap();
        assert_eq!(pool.status().idle, at_once, "{startup:?}");
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(pool.status().idle, later, "{startup:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn startup_fill_fails_when_one_of_them_fails() {
    for (startup, fails) in [(Startup::Lazy, false), (Startup::Probe, false), (Startup::Fill, true)]
    {
        let (pool, world) = pool_with(5, |b| b.initial_size(3).startup(startup));
        world.connect.next([Step::Ok, Step::Ok, Step::Fail]);
        let result = pool.start().await;
        assert_eq!(matches!(result, Err(ConnectError::Failed(_))), fails, "{startup:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn warm_ups_together_stay_within_max_connecting() {
    let (pool, world) = pool_with(9, |b| b.max_connecting(2));
    world.connect.always(Step::Slow(SECOND));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.warm_up(8).await })
        })
        .collect();
    for _ in 0..4 {
        tokio::time::sleep(SECOND).await;
        assert!(pool.status().connecting <= 2, "{}", pool.status());
        identity_holds(pool.status());
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.created(), 8);
}

// ---- growing old --------------------------------------------------------------------------------

/// Takes and returns a connection every second; the longest it had to wait.
async fn work(pool: &FakePool, seconds: u64) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..seconds {
        let start = tokio::time::Instant::now();
        drop(pool.get().await.unwrap());
        longest = longest.max(start.elapsed());
        tokio::time::sleep(SECOND).await;
        identity_holds(pool.status());
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn a_needed_connection_has_its_successor_before_it_goes() {
    let (pool, world) = pool_with(2, |b| {
        b.max_lifetime(Some(5 * MINUTE)).max_lifetime_jitter(0.0).validate(Validate::Never)
    });
    drop(pool.get().await.unwrap());
    world.connect.always(Step::Slow(SECOND));
    let longest = work(&pool, 20 * 60).await;
    assert_eq!(longest, Duration::ZERO, "somebody waited for a connect");
    assert!((4..8).contains(&world.created()), "{} opened in 20 minutes", world.created());
    assert!(world.most_alive() <= 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_needed_goes_without_a_successor() {
    let (pool, world) = pool_with(3, |b| b.max_lifetime(Some(5 * MINUTE)).idle_timeout(None));
    pool.warm_up(3).await.unwrap();
    tokio::time::sleep(6 * MINUTE).await;
    assert_eq!((world.alive(), world.created()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_failed_successor_is_tried_again_and_nobody_hammers() {
    let (pool, world) = pool_with(2, |b| {
        b.max_lifetime(Some(10 * MINUTE)).max_lifetime_jitter(0.0).validate(Validate::Never)
    });
    drop(pool.get().await.unwrap());
    world.connect.next([Step::Fail, Step::Fail]);
    let longest = work(&pool, 10 * 60).await;
    assert_eq!(longest, Duration::ZERO);
    let calls = world.connect.calls();
    assert!((4..8).contains(&calls), "{calls} attempts");
}

#[tokio::test(start_paused = true)]
async fn a_slow_birth_is_no_early_death() {
    // Expired when it is ready: it serves once all the same, instead of another being opened.
    let (pool, world) = pool_with(1, |b| {
        b.max_lifetime(Some(SECOND)).after_connect(|_, _| {
            Box::pin(async {
                tokio::time::sleep(2 * SECOND).await;
                Ok(())
            })
        })
    });
    let guard = pool.get_timeout(3 * SECOND).await.unwrap();
    assert_eq!(world.created(), 1);
    drop(guard);
    settle().await;
    assert_eq!(pool.stats().counters.closed.lifetime, 1);
}

#[tokio::test(start_paused = true)]
async fn keepalive_validates_silent_ones_with_jitter_and_leaves_their_idle_time() {
    let (pool, world) = pool_with(4, |b| {
        b.keepalive(Some(MINUTE)).idle_timeout(Some(10 * MINUTE)).max_lifetime(None)
    });
    pool.warm_up(4).await.unwrap();
    tokio::time::sleep(45 * SECOND).await;
    assert_eq!(world.validate.calls(), 0);
    tokio::time::sleep(20 * SECOND).await;
    assert_eq!(world.validate.calls(), 4);
    // Without harm from what goes wrong in it.
    world.validate.next([Step::Fail, Step::Panic, Step::Never]);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(pool.status().idle, 1);
    tokio::time::sleep(7 * MINUTE).await;
    assert_eq!(pool.status().idle, 0, "the clock of idleness went on");
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn keepalive_is_off_by_default() {
    let (pool, world) = pool(2);
    pool.warm_up(2).await.unwrap();
    tokio::time::sleep(9 * MINUTE).await;
    assert_eq!(world.validate.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn keepalive_goes_on_after_a_pause_in_which_it_was_due() {
    let (pool, world) =
        pool_with(1, |b| b.keepalive(Some(MINUTE)).idle_timeout(None).max_lifetime(None));
    pool.warm_up(1).await.unwrap();
    pool.pause();
    tokio::time::sleep(100 * SECOND).await;
    pool.resume();
    tokio::time::sleep(10_000 * SECOND).await;
    assert!(world.validate.calls() > 0, "no keepalive in 10000 s");
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_silent_for_too_long_has_its_keepalive_at_once() {
    let (pool, world) = pool_with(1, |b| {
        b.keepalive(Some(100 * SECOND)).idle_timeout(None).max_lifetime(None).leak_threshold(None)
    });
    pool.warm_up(1).await.unwrap();
    tokio::time::sleep(70 * SECOND).await;
    // Proved alive now; then held for long, and no work reported.
    let guard = pool.get().await.unwrap();
    let proven = tokio::time::Instant::now();
    let before = world.validate.calls();
    tokio::time::sleep(101 * SECOND).await;
    drop(guard);
    while world.validate.calls() == before {
        tokio::time::sleep(SECOND).await;
    }
    assert!(proven.elapsed() < 110 * SECOND, "silent for {:?}", proven.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_warmest_stays_the_warmest_after_a_keepalive() {
    let (pool, _world) = pool_with(2, |b| b.keepalive(Some(MINUTE)).validate(Validate::Never));
    let (one, two) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    let coldest = one.number;
    drop(one);
    tokio::time::sleep(2 * SECOND).await;
    drop(two);
    tokio::time::sleep(90 * SECOND).await;
    assert_ne!(pool.get().await.unwrap().number, coldest);
}

// ---- worn connections ---------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn connections_are_retired_by_queries_errors_and_predicate() {
    let (pool, _world) = pool_with(1, |b| {
        b.max_queries(Some(10))
            .max_errors(Some(2))
            .retire_when(|info| info.work.get(WorkKind::Rollback).count > 0)
    });
    let mut last = None;
    let mut changed = |number: usize| last.replace(number) != Some(number);
    for (kind, ok, times, retires) in [
        (WorkKind::Query, true, 9, false),
        (WorkKind::Query, true, 1, true),
        (WorkKind::Other, false, 1, false),
        (WorkKind::Transaction, false, 1, true),
        (WorkKind::Rollback, true, 1, true),
        (WorkKind::Other, true, 100, false),
    ] {
        let mut guard = pool.get().await.unwrap();
        changed(guard.number);
        for _ in 0..times {
            guard.record(kind, Duration::ZERO, ok);
        }
        drop(guard);
        settle().await;
        let now = pool.get().await.unwrap().number;
        assert_eq!(changed(now), retires, "{kind:?} {ok} {times}");
    }
    let closed = pool.stats().counters.closed;
    assert_eq!((closed.queries, closed.errors, closed.retired), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_predicate_that_panics_retires() {
    let (pool, world) = pool_with(1, |b| b.retire_when(|_| panic!("scripted")));
    drop(pool.get().await.unwrap());
    settle().await;
    assert_eq!(world.alive(), 0);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn one_held_long_and_idle_is_proved_before_the_next_use() {
    let (pool, world) = pool(1);
    let guard = pool.get().await.unwrap();
    tokio::time::sleep(MINUTE).await;
    drop(guard);
    drop(pool.get().await.unwrap());
    assert_eq!(world.validate.calls(), 1, "held for a minute, nothing heard of it");
    let mut guard = pool.get().await.unwrap();
    tokio::time::sleep(MINUTE).await;
    guard.record(WorkKind::Query, Duration::ZERO, true);
    drop(guard);
    drop(pool.get().await.unwrap());
    assert_eq!(world.validate.calls(), 1, "it answered a query");
}
