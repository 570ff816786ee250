//! V2: ten dead idle connections, each found out after its own timeout, made one acquire take ten
//! times its limit.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{AcquireError, Validate};
use wellspring_testkit::fake::Step;

use crate::support::pool_with;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn one_deadline_whatever_has_to_be_gone_through() {
    let (pool, world) = pool_with(10, |b| {
        b.acquire_timeout(SECOND)
            .connect_timeout(SECOND)
            .validation_timeout(SECOND)
            .validate(Validate::Always)
    });
    pool.warm_up(10).await.unwrap();
    world.validate.always(Step::Never);
    world.connect.always(Step::Never);
    let start = Instant::now();
    assert!(matches!(pool.get().await, Err(AcquireError::Timeout(_))));
    assert!(start.elapsed() <= SECOND + Duration::from_millis(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn hooks_are_within_it_too() {
    let (pool, _world) = pool_with(2, |b| {
        b.acquire_timeout(SECOND).before_acquire(|_, _| Box::pin(std::future::pending()))
    });
    pool.warm_up(2).await.unwrap();
    let start = Instant::now();
    assert!(pool.get().await.is_err());
    assert!(start.elapsed() <= SECOND + Duration::from_millis(1), "{:?}", start.elapsed());
}
