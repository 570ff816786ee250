//! A check of one connection that hangs: nobody waits for it while others are idle.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_testkit::fake::Step;

use crate::support::{pool, pool_with};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_hanging_validation_gets_another_idle_one() {
    let (pool, world) = pool(3);
    pool.warm_up(3).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    world.validate.next([Step::Never]);
    let start = Instant::now();
    let _guard = pool.get().await.unwrap();
    assert!(start.elapsed() < SECOND, "waited {:?} beside two idle ones", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_keepalive_holds_up_nobody() {
    let (pool, world) = pool_with(3, |b| b.keepalive(Some(60 * SECOND)));
    pool.warm_up(3).await.unwrap();
    world.validate.next([Step::Never, Step::Never]);
    while pool.status().validating == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let start = Instant::now();
    let _guard = pool.get().await.unwrap();
    assert!(start.elapsed() < SECOND, "waited {:?}: {:?}", start.elapsed(), pool.status());
}

#[tokio::test(start_paused = true)]
async fn keepalive_goes_on_beside_a_check_that_hangs() {
    let (pool, world) = pool_with(2, |b| {
        b.keepalive(Some(60 * SECOND))
            .idle_timeout(None)
            .max_lifetime(None)
            .leak_threshold(None)
            .validation_timeout(60 * SECOND)
    });
    pool.warm_up(2).await.unwrap();
    tokio::time::sleep(47 * SECOND).await;
    world.validate.next([Step::Never]);
    assert!(pool.get_timeout(SECOND / 20).await.is_err());
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(pool.status().idle, 1, "{:?}", pool.status());
    let before = world.validate.calls();
    tokio::time::sleep(10_000 * SECOND).await;
    assert!(
        before > 1 || world.validate.calls() > before,
        "{before} then {}: no keepalive in 10000 s",
        world.validate.calls()
    );
}
