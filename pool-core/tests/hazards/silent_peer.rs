//! A peer that says nothing any more: whatever waits for it ends, and its place comes back.

use std::time::Duration;

use wellspring_pool_core::{AcquireError, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn every_background_await_ends() {
    for dirty in [false, true] {
        let (pool, world) = pool_with(3, |b| b.validate(Validate::Always));
        let mut guards = Vec::new();
        for _ in 0..3 {
            let mut guard = pool.get().await.unwrap();
            guard.dirty = dirty;
            guards.push(guard);
        }
        for script in [&world.connect, &world.validate, &world.reset, &world.close] {
            script.always(Step::Never);
        }
        drop(guards);
        let error = pool.get().await.unwrap_err();
        assert!(matches!(error, AcquireError::Timeout(_)), "{error}");
        // Validation or reset, then close: five seconds each.
        tokio::time::sleep(30 * SECOND).await;
        assert_eq!(world.alive(), 0, "a silent one is kept");
        for script in [&world.connect, &world.validate, &world.reset, &world.close] {
            script.always(Step::Ok);
        }
        pool.reset_breaker();
        tokio::time::sleep(30 * SECOND).await;
        full_strength(&pool, &world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_it_for_ever() {
    let (pool, world) = pool_with(2, |b| b);
    pool.warm_up(2).await.unwrap();
    world.close.always(Step::Never);
    let report = pool.drain(60 * SECOND).await;
    assert!(report.complete, "{report:?}");
    assert!(report.took <= 6 * SECOND, "{:?}", report.took);
    settle().await;
    assert_eq!(world.alive(), 0);
}
