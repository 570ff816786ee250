//! Ten thousand waiters whose time runs out together: all learn it in time, none is served afterwards,
//! and the next one is.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::AcquireError;

use crate::support::{full_strength, pool, settle};

const WAITERS: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn ten_thousand_deadlines_at_one_moment() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let limit = Duration::from_secs(5);
    let start = Instant::now();
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get_timeout(limit).await.map(drop) })
        })
        .collect();
    while pool.status().waiting < WAITERS {
        settle().await;
    }
    let patient = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(2 * limit).await.map(drop) }
    });
    for waiter in waiters {
        let error = waiter.await.unwrap().unwrap_err();
        assert!(matches!(error, AcquireError::Timeout(_)), "{error}");
    }
    let took = start.elapsed();
    assert!(took >= limit && took < limit + Duration::from_millis(50), "{took:?}");
    assert_eq!(pool.stats().counters.timed_out, WAITERS as u64);
    assert_eq!(pool.status().waiting, 1);
    // The connection goes to the one who still waits, not to one of those.
    drop(held);
    patient.await.unwrap().unwrap();
    full_strength(&pool, &world).await;
}

/// Their time runs out, they do not know yet, and a connection comes back: it goes to nobody whose time
/// is up.
#[tokio::test(start_paused = true)]
async fn an_expired_waiter_is_not_served() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let late: Vec<_> = (0..100)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get_timeout(Duration::from_secs(1)).await.map(drop) })
        })
        .collect();
    settle().await;
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    tokio::time::advance(Duration::from_secs(2)).await;
    drop(held);
    waiting.await.unwrap().unwrap();
    for one in late {
        assert!(one.await.unwrap().is_err());
    }
    full_strength(&pool, &world).await;
}
