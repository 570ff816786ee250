//! V3: an acquire cancelled while its connection was being checked put it back among the idle ones,
//! with the check half done.

use std::time::Duration;

use wellspring_pool_core::Validate;
use wellspring_testkit::fake::Step;
use wellspring_testkit::polls::poll_then_drop;

use crate::support::{full_strength, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn a_check_is_finished_before_anybody_has_the_connection() {
    for polls in 1..6 {
        let (pool, world) = pool_with(1, |b| b.validate(Validate::Always));
        pool.warm_up(1).await.unwrap();
        world.validate.next([Step::Slow(Duration::from_secs(1))]);
        assert!(poll_then_drop(pool.get(), polls).await.is_none());
        settle().await;
        let status = pool.status();
        assert_eq!((status.idle, status.validating), (0, 1), "after {polls} polls: {status}");
        assert!(pool.try_get().is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(pool.status().idle, 1);
        assert_eq!(world.created(), 1);
        full_strength(&pool, &world).await;
    }
}
