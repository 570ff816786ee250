//! V7: a waiter that was woken and dropped before it was polled took the wake-up with it; the next one
//! hung for ever, and every newcomer behind it.

use std::future::Future;
use std::task::{Context, Waker};

use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool, settle};

#[tokio::test(start_paused = true)]
async fn a_grant_that_was_dropped_goes_to_the_next() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut first = Box::pin(pool.get());
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    drop(held);
    drop(first);
    // At once: not when the housekeeper looks around the next time.
    let start = tokio::time::Instant::now();
    second.await.unwrap().unwrap();
    drop(pool.get().await.unwrap());
    assert_eq!(start.elapsed(), std::time::Duration::ZERO);
    full_strength(&pool, &world).await;
}

/// The same of a connect that ends after its asker left.
#[tokio::test(start_paused = true)]
async fn a_connect_nobody_waits_for_any_more_serves_the_next() {
    let (pool, world) = pool(1);
    world.connect.next([Step::Slow(std::time::Duration::from_secs(1))]);
    let mut first = Box::pin(pool.get());
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    settle().await;
    drop(first);
    drop(pool.get().await.unwrap());
    assert_eq!(world.connect.calls(), 1);
    full_strength(&pool, &world).await;
}
