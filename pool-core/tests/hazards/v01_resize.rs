//! V1: shrinking and growing again let 90 connections out of a pool of 10.

use std::time::Duration;

use crate::support::{full_strength, pool};

/// Takes what can be had; how many that is.
async fn most_out(pool: &crate::support::FakePool) -> usize {
    let mut guards = Vec::new();
    while let Ok(guard) = pool.get_timeout(Duration::from_millis(1)).await {
        guards.push(guard);
        assert!(guards.len() < 100);
    }
    guards.len()
}

#[tokio::test(start_paused = true)]
async fn shrinking_a_fresh_pool_shrinks_it() {
    let (pool, world) = pool(10);
    pool.resize(2).unwrap();
    assert_eq!(most_out(&pool).await, 2);
    assert_eq!(world.most_alive(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_rounds_of_shrinking_and_growing_add_nothing() {
    let (pool, world) = pool(10);
    for _ in 0..10 {
        pool.resize(2).unwrap();
        pool.resize(10).unwrap();
    }
    assert_eq!(most_out(&pool).await, 10);
    full_strength(&pool, &world).await;
}
