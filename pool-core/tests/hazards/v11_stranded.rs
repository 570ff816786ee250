//! V11: a connection failed its check, its successor failed to open, the server came back at once, and
//! the second waiter hung until its timeout all the same.

use std::time::Duration;

use wellspring_pool_core::Validate;
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn capacity_that_is_freed_by_a_failure_serves_the_next() {
    let (pool, world) =
        pool_with(1, |b| b.validate(Validate::Always).acquire_timeout(Duration::from_secs(30)));
    let held = pool.get().await.unwrap();
    world.validate.next([Step::Fail]);
    world.connect.next([Step::Fail]);
    let start = tokio::time::Instant::now();
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop) })
        })
        .collect();
    settle().await;
    drop(held);
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    full_strength(&pool, &world).await;
}
