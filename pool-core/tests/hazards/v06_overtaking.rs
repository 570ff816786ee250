//! V6: a waiter was overtaken a thousand times by a task that returned its connection and asked again.

use crate::support::pool;

#[tokio::test]
async fn who_waits_is_served_before_who_comes_back() {
    let (pool, _world) = pool(1);
    let guard = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert_eq!(pool.status().waiting, 1);
    drop(guard);
    // Not even once.
    for _ in 0..1_000 {
        assert!(pool.try_get().is_err(), "overtaken");
    }
    let mine = pool.get().await.unwrap();
    assert!(waiter.is_finished(), "overtaken");
    drop(mine);
    waiter.await.unwrap().unwrap();
}
