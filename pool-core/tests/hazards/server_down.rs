//! A server that is down: it is not hammered, one task asks for everybody, and what still works is not
//! given up for what cannot be had.

use std::time::Duration;

use wellspring_pool_core::{AcquireError, BreakerOptions};
use wellspring_testkit::fake::Step;

use crate::support::{pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn callers_who_are_refused_do_not_make_the_pool_hammer() {
    let (pool, world) = pool_with(4, |b| b);
    world.connect.always(Step::Fail);
    let start = tokio::time::Instant::now();
    let mut before = 0;
    while start.elapsed() < 1200 * SECOND {
        assert!(pool.get_timeout(SECOND).await.is_err());
        tokio::time::sleep(5 * MILLI).await;
        if start.elapsed() < 600 * SECOND {
            before = world.connect.calls();
        }
    }
    let attempts = world.connect.calls() - before;
    assert!(attempts < 1000, "{attempts} attempts in the second ten minutes of an outage");
}

#[tokio::test(start_paused = true)]
async fn one_task_asks_for_everybody_even_after_a_success_in_between() {
    let (pool, world) =
        pool_with(8, |b| b.breaker(None).connect_timeout(2 * SECOND).leak_threshold(None));
    // The first fails and tries again, in vain; the second succeeds; the third fails.
    world.connect.next([Step::Fail, Step::Slow(100 * MILLI), Step::Never, Step::Fail]);
    world.connect.always(Step::Fail);
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            let guard = pool.get_timeout(1000 * SECOND).await;
            tokio::time::sleep(1000 * SECOND).await;
            drop(guard);
        }));
    }
    tokio::time::sleep(200 * MILLI).await;
    for _ in 0..2 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move { drop(pool.get_timeout(1000 * SECOND).await) }));
    }
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(pool.status().connecting, 1, "{:?}", pool.status());
}

#[tokio::test(start_paused = true)]
async fn who_backs_off_does_not_connect_beyond_a_limit_lowered_meanwhile() {
    let (pool, world) = pool_with(2, |b| b.breaker(None));
    let _held = pool.get().await.unwrap();
    world.connect.always(Step::Fail);
    let other = pool.clone();
    let waiter = tokio::spawn(async move { other.get_timeout(100 * SECOND).await.map(drop) });
    tokio::time::sleep(20 * SECOND).await;
    pool.resize(1).unwrap();
    tokio::time::sleep(10 * SECOND).await;
    let calls = world.connect.calls();
    world.connect.always(Step::Ok);
    tokio::time::sleep(20 * SECOND).await;
    assert!(
        world.most_alive() <= 1 && world.connect.calls() == calls,
        "{} alive at one time of at most 1, {} more connects",
        world.most_alive(),
        world.connect.calls() - calls
    );
    drop(waiter);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_broken_for_a_successor_that_cannot_be_made() {
    let (pool, world) = pool_with(1, |b| {
        b.min_idle(1)
            .max_lifetime(Some(1000 * SECOND))
            .max_lifetime_jitter(0.0)
            .leak_threshold(None)
            .breaker(Some(BreakerOptions { failures: 1, open_for: 3600 * SECOND, probes: 1 }))
    });
    settle().await;
    assert_eq!(pool.status().idle, 1);
    tokio::time::sleep(970 * SECOND).await;
    world.connect.always(Step::Fail); // new connections are refused, old ones serve
    pool.open_breaker();
    tokio::time::sleep(20 * SECOND).await;
    let result = pool.get_timeout(SECOND).await.map(drop);
    assert!(
        result.is_ok(),
        "{}: closed 10 s before its end: {:?}",
        result.unwrap_err(),
        pool.stats().counters.closed
    );
}

#[test]
fn an_attempt_in_the_background_does_not_wait_for_a_connect_that_stands_still() {
    let breaker = BreakerOptions { failures: 1, open_for: 3600 * SECOND, probes: 1 };
    let (pool, world) = pool_with(2, |b| {
        b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).connect_timeout(100 * MILLI)
    });
    world.connect.next([Step::Never, Step::Fail]);
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    still.block_on(async {
        assert!(pool.get_timeout(MILLI).await.is_err());
    });
    std::thread::sleep(300 * MILLI);
    let alive = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = alive.block_on(async {
        for _ in 0..20 {
            match pool.get_timeout(SECOND).await {
                Ok(_) => return Ok(()),
                Err(AcquireError::BreakerOpen { .. }) => tokio::time::sleep(100 * MILLI).await,
                Err(error) => return Err(error),
            }
        }
        pool.get_timeout(SECOND).await.map(drop)
    });
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), pool.status());
    drop(still);
}
