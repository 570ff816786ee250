//! V8: fifty cancelled waits counted as waiting for ever.

use wellspring_testkit::polls::poll_then_drop;

use crate::support::{full_strength, pool};

#[tokio::test(start_paused = true)]
async fn who_has_left_is_not_counted() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    for polls in 0..50 {
        assert!(poll_then_drop(pool.get(), polls % 3).await.is_none());
    }
    assert_eq!(pool.status().waiting, 0);
    // Those that were polled, and so had asked.
    assert_eq!(pool.stats().counters.abandoned_waits, 33);
    drop(held);
    full_strength(&pool, &world).await;
}
