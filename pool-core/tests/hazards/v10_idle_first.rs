//! V10: five uses, one after another, opened five connections.

use crate::support::pool;

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_used_before_another_is_opened() {
    let (pool, world) = pool(5);
    for _ in 0..5 {
        drop(pool.get().await.unwrap());
    }
    assert_eq!(world.created(), 1);
    assert_eq!(pool.status().size, 1);
}
