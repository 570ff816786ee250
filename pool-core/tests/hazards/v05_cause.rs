//! V5: a connect that fails at once was told after 30 s, as "timed out", without its cause.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{AcquireError, ConnectError};
use wellspring_testkit::fake::Step;

use crate::support::pool;

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_told_at_once_to_everybody() {
    let (pool, world) = pool(3);
    world.connect.always(Step::FailForGood);
    let start = Instant::now();
    let asked: Vec<_> = (0..10)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.map(drop) })
        })
        .collect();
    for one in asked {
        let error = one.await.unwrap().unwrap_err();
        let AcquireError::Connect(cause) = &error else { panic!("{error}") };
        assert!(matches!(**cause, ConnectError::Failed(_)));
        assert!(error.to_string().contains("scripted failure"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_millis(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_in_the_timeout() {
    let (pool, world) = pool(1);
    world.connect.always(Step::Fail);
    let error = pool.get_timeout(Duration::from_secs(2)).await.unwrap_err();
    let AcquireError::Timeout(info) = &error else { panic!("{error}") };
    assert!(info.last_connect_error.is_some());
    assert!(error.to_string().contains("scripted failure"), "{error}");
}
