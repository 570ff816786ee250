//! The breaker around connecting, the retry policy, and the breaker for callers.

use std::time::Duration;

use wellspring_pool_core::{
    AcquireError, Breaker, BreakerError, BreakerOptions, BreakerState, Builder, ConnectError,
    RetryPolicy,
};
use wellspring_testkit::fake::{Fake, Step};
use wellspring_testkit::polls::poll_then_drop;

use crate::support::{FakePool, full_strength, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// Opens after three failures, however short the outage; pauses of at most 10 ms.
fn quick(builder: Builder<Fake>) -> Builder<Fake> {
    let breaker = BreakerOptions { failures: 3, open_for: 10 * SECOND, probes: 1 };
    let retry =
        RetryPolicy { base_pause: 10 * MILLI, max_pause: 10 * MILLI, ..RetryPolicy::connecting() };
    builder.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).connect_retry(retry)
}

fn is_refused<T>(result: &Result<T, AcquireError<wellspring_testkit::fake::FakeError>>) -> bool {
    matches!(result, Err(AcquireError::BreakerOpen { .. }))
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_those_who_wait_learn_why() {
    let (pool, world) = pool_with(2, quick);
    world.connect.always(Step::Fail);
    let start = tokio::time::Instant::now();
    let error = pool.get().await.unwrap_err();
    assert!(start.elapsed() < SECOND, "waited for the deadline");
    let AcquireError::BreakerOpen { last_connect_error: Some(cause), retry_in } = error else {
        panic!("{error}");
    };
    assert!(matches!(*cause, ConnectError::Failed(_)));
    assert!(retry_in <= 10 * SECOND);
    assert_eq!(world.connect.calls(), 3);
    assert_eq!(pool.breaker(), BreakerState::Open);
    assert_eq!(pool.status().breaker, BreakerState::Open);
    // From now on at once, and with the cause in words.
    let text = pool.get().await.unwrap_err().to_string();
    assert!(text.contains("breaker open") && text.contains("scripted failure"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_they_wait_for_their_deadline() {
    let (pool, world) = pool_with(1, |b| quick(b).breaker(None));
    world.connect.always(Step::Fail);
    let error = pool.get_timeout(20 * SECOND).await.unwrap_err();
    assert!(matches!(error, AcquireError::Timeout(_)), "{error}");
    assert_eq!(pool.breaker(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_tolerated_is_waited_out() {
    let (pool, world) = pool_with(1, |b| quick(b).outage_tolerance(5 * SECOND));
    world.connect.always(Step::Fail);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    tokio::time::sleep(4 * SECOND).await;
    assert_eq!(pool.breaker(), BreakerState::Closed, "opened too early");
    world.connect.always(Step::Ok);
    waiter.await.unwrap().unwrap();
    // A longer one is not.
    let (pool, world) = pool_with(1, |b| quick(b).outage_tolerance(5 * SECOND));
    world.connect.always(Step::Fail);
    let start = tokio::time::Instant::now();
    assert!(is_refused(&pool.get().await));
    assert!(start.elapsed() >= 5 * SECOND && start.elapsed() < 6 * SECOND);
}

/// Opens the breaker of a pool whose server is down.
async fn open(pool: &FakePool, world: &wellspring_testkit::fake::World) {
    world.connect.always(Step::Fail);
    assert!(is_refused(&pool.get().await));
}

#[tokio::test(start_paused = true)]
async fn idle_and_returning_connections_are_served_while_it_is_open() {
    let (pool, world) = pool_with(3, quick);
    let held = pool.get().await.unwrap();
    drop(pool.get().await.unwrap());
    pool.open_breaker();
    world.connect.always(Step::Fail);
    // Idle.
    let idle = pool.get().await.unwrap();
    // None idle, but one may come back: waiting is worth it.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(|guard| guard.number) }
    });
    settle().await;
    let number = held.number;
    drop(held);
    assert_eq!(waiter.await.unwrap().unwrap(), number);
    assert_eq!(world.created(), 2, "nothing was opened");
    // The last ones are gone: now there is nothing to wait for.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    pool.get().await.unwrap().discard();
    idle.discard();
    assert!(is_refused(&waiter.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn half_open_it_lets_one_probe_through_at_a_time() {
    let (pool, world) = pool_with(8, |b| quick(b).max_connecting(8));
    open(&pool, &world).await;
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(pool.breaker(), BreakerState::HalfOpen);
    let before = world.connect.calls();
    world.connect.always(Step::Slow(SECOND));
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop) })
        })
        .collect();
    settle().await;
    assert_eq!(world.connect.calls() - before, 1, "more than one probe");
    assert_eq!(pool.status().connecting, 1);
    for one in asked {
        one.await.unwrap().unwrap();
    }
    assert_eq!(pool.breaker(), BreakerState::Closed);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn as_many_probes_as_allowed() {
    let breaker = BreakerOptions { failures: 3, open_for: 10 * SECOND, probes: 3 };
    let (pool, world) = pool_with(8, |b| quick(b).max_connecting(8).breaker(Some(breaker)));
    open(&pool, &world).await;
    tokio::time::sleep(10 * SECOND).await;
    world.connect.always(Step::Never);
    let _asked: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop) })
        })
        .collect();
    settle().await;
    assert_eq!(pool.status().connecting, 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_it_again_and_fails_those_who_waited_for_it() {
    let (pool, world) = pool_with(2, quick);
    open(&pool, &world).await;
    tokio::time::sleep(10 * SECOND).await;
    let start = tokio::time::Instant::now();
    assert!(is_refused(&pool.get().await), "the probe failed");
    assert!(start.elapsed() < SECOND);
    assert_eq!(pool.breaker(), BreakerState::Open);
}

/// Better than to leave everybody out for all of `open_for`: while somebody asks, one connect at a
/// time looks whether the server is back, with the pauses of the policy.
#[tokio::test(start_paused = true)]
async fn demand_finds_out_early_that_the_server_is_back() {
    let (pool, world) = pool_with(2, quick);
    open(&pool, &world).await;
    let calls = world.connect.calls();
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.connect.calls(), calls, "nobody asked");
    world.connect.always(Step::Ok);
    assert!(is_refused(&pool.get().await));
    settle().await;
    assert_eq!(pool.breaker(), BreakerState::Closed);
    pool.get().await.unwrap();
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_opened_and_reset_by_hand() {
    let (pool, world) = pool_with(2, quick);
    pool.open_breaker();
    assert!(is_refused(&pool.get().await));
    pool.reset_breaker();
    assert_eq!(pool.breaker(), BreakerState::Closed);
    pool.get().await.unwrap();
    full_strength(&pool, &world).await;
    assert!(matches!(pool.warm_up(2).await, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn warm_up_is_refused_while_it_is_open() {
    let (pool, _world) = pool_with(2, quick);
    pool.open_breaker();
    let error = pool.warm_up(1).await.unwrap_err();
    assert!(matches!(error, ConnectError::BreakerOpen { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_policy_bounds_attempts_and_newcomers_begin_anew() {
    let retry = RetryPolicy { max_attempts: Some(3), ..RetryPolicy::connecting() };
    let (pool, world) = pool_with(1, |b| b.connect_retry(retry).breaker(None));
    world.connect.always(Step::Fail);
    for round in 1..=2 {
        let start = tokio::time::Instant::now();
        let error = pool.get().await.unwrap_err();
        assert!(matches!(error, AcquireError::Connect(_)), "{error}");
        assert!(start.elapsed() < SECOND);
        assert_eq!(world.connect.calls(), 3 * round);
    }
    world.connect.always(Step::Ok);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn the_policy_bounds_the_time() {
    let retry = RetryPolicy { max_elapsed: Some(3 * SECOND), ..RetryPolicy::connecting() };
    let (pool, world) = pool_with(1, |b| b.connect_retry(retry).breaker(None));
    world.connect.always(Step::Fail);
    let start = tokio::time::Instant::now();
    assert!(matches!(pool.get().await, Err(AcquireError::Connect(_))));
    assert!(start.elapsed() > 2 * SECOND && start.elapsed() <= 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn attempts_of_an_outage_long_ago_do_not_count_against_newcomers() {
    let retry = RetryPolicy { max_elapsed: Some(5 * SECOND), ..RetryPolicy::connecting() };
    let (pool, world) = pool_with(1, |b| b.connect_retry(retry).breaker(None));
    world.connect.next([Step::Fail]);
    // It leaves before it is tried again.
    assert!(pool.get_timeout(Duration::from_micros(1)).await.is_err());
    world.connect.next([Step::Fail]);
    tokio::time::sleep(3_600 * SECOND).await;
    assert_eq!(pool.status().idle, 0, "it was tried again for nobody");
    let before = world.connect.calls();
    world.connect.next([Step::Fail]);
    let result = pool.get_timeout(5 * SECOND).await.map(drop);
    let attempts = world.connect.calls() - before;
    assert!(result.is_ok(), "after {attempts} attempts: {}", result.unwrap_err());
}

/// A pool that gave up but is to keep connections idle goes on, at the pace of its longest pause.
#[tokio::test(start_paused = true)]
async fn giving_up_is_no_reason_to_hammer() {
    let retry = RetryPolicy { max_attempts: Some(2), ..RetryPolicy::connecting() };
    let (pool, world) = pool_with(1, |b| b.connect_retry(retry).breaker(None).min_idle(1));
    world.connect.always(Step::Fail);
    tokio::time::sleep(100 * SECOND).await;
    let calls = world.connect.calls();
    assert!((20..400).contains(&calls), "{calls} attempts in 100 s");
    world.connect.always(Step::Ok);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(pool.status().idle, 1);
}

#[tokio::test(start_paused = true)]
async fn another_success_ends_the_pause_of_who_backs_off() {
    let retry = RetryPolicy {
        base_pause: 1_000 * SECOND,
        max_pause: 1_000 * SECOND,
        ..RetryPolicy::connecting()
    };
    let (pool, world) = pool_with(2, |b| b.connect_retry(retry).breaker(None));
    world.connect.next([Step::Slow(SECOND), Step::Fail]);
    let asked: Vec<_> = (0..2)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let guard = pool.get_timeout(10 * SECOND).await.unwrap();
                tokio::time::sleep(30 * SECOND).await;
                drop(guard);
            })
        })
        .collect();
    // The second attempt fails and pauses for minutes; the first succeeds after a second.
    for one in asked {
        one.await.unwrap();
    }
}

// ---- for callers --------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn callers_have_one_of_their_own() {
    let options = BreakerOptions { failures: 2, open_for: 5 * SECOND, probes: 1 };
    let breaker = Breaker::new(options).unwrap();
    for _ in 0..2 {
        let failed = breaker.call(async { Err::<(), _>("down") }).await;
        assert_eq!(failed, Err(BreakerError::Failed("down")));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let refused = breaker.call(async { panic!("not to be polled") }).await;
    assert!(matches!(refused, Err::<(), BreakerError<&str>>(BreakerError::Open { .. })));
    tokio::time::advance(5 * SECOND).await;
    // One probe at a time; one that is dropped leaves its place to the next.
    let probe = breaker.try_begin().unwrap();
    assert_eq!(breaker.try_begin().unwrap_err(), Duration::ZERO);
    drop(probe);
    let never = breaker.call(std::future::pending::<Result<(), &str>>());
    assert!(poll_then_drop(never, 2).await.is_none());
    assert_eq!(breaker.call(async { Ok::<_, &str>(7) }).await, Ok(7));
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!((breaker.failures(), breaker.opened()), (0, 1));
    // What began before it opened says nothing about what comes after.
    let early = breaker.try_begin().unwrap();
    breaker.open();
    early.succeeded();
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker.reset();
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(Breaker::new(BreakerOptions { failures: 0, ..options }).is_err());
}

#[test]
fn many_threads_see_exactly_one_probe() {
    let options = BreakerOptions { failures: 1, open_for: MILLI, probes: 1 };
    let breaker = Breaker::new(options).unwrap();
    breaker.try_begin().unwrap().failed();
    std::thread::sleep(10 * MILLI);
    let permits: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| breaker.try_begin().ok())).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(permits.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connect_under_way_does_not_close_what_was_opened_by_hand() {
    let (pool, world) = pool_with(4, |b| b);
    world.connect.always(Step::Slow(10 * MILLI));
    let other = pool.clone();
    let task = tokio::spawn(async move { drop(other.get().await) });
    settle().await;
    pool.open_breaker();
    task.await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(pool.breaker(), wellspring_pool_core::BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn opened_by_hand_it_stays_so_for_its_time() {
    let (pool, _world) = pool_with(4, |b| b);
    pool.open_breaker();
    assert!(pool.get().await.is_err());
    tokio::time::sleep(SECOND).await;
    assert!(pool.get().await.is_err(), "one who asks closes it: {:?}", pool.breaker());
}
