//! A breaker that lets somebody find out that the server is back, and no more than it may.

use std::time::Duration;

use wellspring_pool_core::{BreakerOptions, BreakerState};
use wellspring_testkit::fake::Step;

use crate::support::{pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);

/// Beside a connection in use newcomers wait for that one; meanwhile they ask whether the server is
/// back.
#[tokio::test(start_paused = true)]
async fn demand_finds_the_server_back_beside_a_connection_in_use() {
    let breaker = BreakerOptions { failures: 3, open_for: 600 * SECOND, probes: 1 };
    let (pool, world) = pool_with(4, |b| {
        b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).leak_threshold(None)
    });
    let _held = pool.get().await.unwrap();
    world.connect.always(Step::Fail);
    assert!(pool.get_timeout(10 * SECOND).await.is_err());
    assert_eq!(pool.breaker(), BreakerState::Open);
    tokio::time::sleep(20 * SECOND).await;
    world.connect.always(Step::Ok);
    let before = world.connect.calls();
    let result = pool.get_timeout(30 * SECOND).await.map(drop);
    let attempts = world.connect.calls() - before;
    assert!(result.is_ok(), "{attempts} attempts in 30 s of demand: {}", result.unwrap_err());
}

/// Nobody asks when the breaker is half open at last; the pool remembers by itself.
#[tokio::test(start_paused = true)]
async fn the_minimum_is_kept_again_after_the_breaker_was_open() {
    let (pool, _world) =
        pool_with(2, |b| b.min_idle(1).leak_threshold(None).idle_timeout(None).max_lifetime(None));
    settle().await;
    pool.open_breaker();
    pool.get().await.unwrap().discard();
    tokio::time::sleep(1_000 * SECOND).await;
    assert_eq!(pool.status().idle, 1, "{:?}", pool.status());
}

/// A probe that hangs is still one when the breaker has been opened again meanwhile.
#[tokio::test(start_paused = true)]
async fn probes_from_before_it_was_opened_again_are_counted() {
    let breaker = BreakerOptions { failures: 1, open_for: SECOND, probes: 1 };
    let (pool, world) = pool_with(8, |b| {
        b.breaker(Some(breaker))
            .outage_tolerance(Duration::ZERO)
            .max_connecting(8)
            .connect_timeout(100 * SECOND)
    });
    world.connect.always(Step::Never);
    let mut most = 0;
    for round in 0..10 {
        if round % 2 == 0 {
            pool.open_breaker();
            tokio::time::sleep(2 * SECOND).await;
        }
        tokio::spawn({
            let pool = pool.clone();
            async move { pool.get_timeout(1_000 * SECOND).await.map(drop) }
        });
        settle().await;
        most = most.max(pool.status().connecting);
    }
    assert_eq!(most, 1, "probes at one time");
}
