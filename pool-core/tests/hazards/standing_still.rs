//! Runtimes that nobody drives any more, or that are gone: what was left to do in them is done
//! elsewhere.
//!
//! Several runtimes cannot share a paused clock, so these tests take real time. They wait for what
//! is to come, and bound only how long that may take at most.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use wellspring_pool_core::{BreakerOptions, RetryPolicy, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{FakePool, pool_with, settle};

const MILLI: Duration = Duration::from_millis(1);
/// Far more than anything here takes when it works.
const AT_MOST: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Waits until the pool has counted `leaks` of them in all.
async fn until_noticed(pool: &FakePool, leaks: u64) {
    let start = Instant::now();
    while pool.stats().counters.leaks < leaks {
        assert!(start.elapsed() < AT_MOST, "leak not noticed");
        tokio::time::sleep(5 * MILLI).await;
    }
    assert_eq!(pool.stats().counters.leaks, leaks);
}

/// One task backs off for all; it is not relied on for ever.
#[test]
fn who_backs_off_where_nobody_drives_it_keeps_nobody_from_connecting() {
    let retry =
        RetryPolicy { base_pause: 50 * MILLI, max_pause: 50 * MILLI, ..RetryPolicy::connecting() };
    let (pool, world) =
        pool_with(2, |b| b.connect_retry(retry).breaker(None).connect_timeout(50 * MILLI));
    world.connect.always(Step::Fail);
    let still = runtime();
    still.block_on(async { assert!(pool.get_timeout(MILLI).await.is_err()) });
    world.connect.always(Step::Ok);
    let result = runtime().block_on(async { pool.get_timeout(AT_MOST).await.map(drop) });
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), pool.status());
    drop(still);
}

#[test]
fn a_probe_where_nobody_drives_it_does_not_keep_the_breaker_half_open() {
    let breaker = BreakerOptions { failures: 1, open_for: 50 * MILLI, probes: 1 };
    let (pool, world) = pool_with(2, |b| {
        b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).connect_timeout(100 * MILLI)
    });
    pool.open_breaker();
    std::thread::sleep(60 * MILLI);
    world.connect.next([Step::Never]);
    let still = runtime();
    still.block_on(async { assert!(pool.get_timeout(MILLI).await.is_err()) });
    let result = runtime().block_on(async { pool.get_timeout(AT_MOST).await.map(drop) });
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), pool.status());
    drop(still);
}

/// Two housekeepers sleep then, one of them dismissed and in a runtime that does not run: the
/// other is called when there is something to do.
#[test]
fn the_housekeeper_in_charge_is_called_not_the_one_it_relieved() {
    let (pool, _world) = pool_with(2, |b| {
        b.leak_threshold(Some(150 * MILLI))
            .idle_timeout(None)
            .max_lifetime(None)
            .validate(Validate::Never)
    });
    let still = runtime();
    let guard = still.block_on(async {
        let guard = pool.get_owned().await.unwrap();
        settle().await;
        guard
    });
    // Overdue by more than the second it is given.
    std::thread::sleep(1_200 * MILLI);
    runtime().block_on(async {
        drop(guard); // and that is noticed
        settle().await;
        let before = pool.stats().counters.leaks;
        let _leak = pool.get().await.unwrap();
        until_noticed(&pool, before + 1).await;
    });
    drop(still);
}

/// Only the free path is used: it must be enough to bring the housekeeper back.
#[test]
fn a_leak_is_noticed_after_the_housekeepers_runtime_died() {
    let (pool, _world) =
        pool_with(1, |b| b.leak_threshold(Some(100 * MILLI)).validate(Validate::Never));
    runtime().block_on(async { pool.warm_up(1).await.unwrap() });
    runtime().block_on(async {
        let _leak = pool.get().await.unwrap();
        until_noticed(&pool, 1).await;
    });
}
