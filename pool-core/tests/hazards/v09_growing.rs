//! V9: a pool grown from 2 to 20 said so, and still handed out 2.

use std::time::Duration;

use crate::support::{pool, settle};

#[tokio::test(start_paused = true)]
async fn a_grown_pool_hands_out_more() {
    let (pool, _world) = pool(2);
    let mut held = vec![pool.get().await.unwrap(), pool.get().await.unwrap()];
    // Those who wait already, too.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(Duration::from_secs(1)).await.map(drop) }
    });
    settle().await;
    pool.resize(20).unwrap();
    waiter.await.unwrap().unwrap();
    while held.len() < 20 {
        held.push(pool.get_timeout(Duration::from_secs(1)).await.unwrap());
    }
    assert!(pool.get_timeout(Duration::from_secs(1)).await.is_err());
    assert_eq!((pool.status().max_size, pool.status().used), (20, 20));
}
