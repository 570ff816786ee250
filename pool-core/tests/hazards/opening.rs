//! Opening connections ahead of need, beside others who open some: it ends when they are there, and
//! with the pool.

use std::sync::Arc;
use std::time::Duration;

use wellspring_pool_core::{Pool, Startup};
use wellspring_testkit::fake::{Fake, Step};

use crate::support::{pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_start_beside_the_pools_own_connects_ends_with_them() {
    let fake = Fake::new();
    fake.world.connect.always(Step::Slow(10 * MILLI));
    let pool = Pool::builder(fake).max_size(4).min_idle(2).startup(Startup::Fill).build().unwrap();
    let start = tokio::time::Instant::now();
    pool.start().await.unwrap();
    assert!(start.elapsed() < SECOND, "took {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_warm_ups_end_together() {
    let (pool, world) = pool_with(4, |b| b);
    world.connect.always(Step::Slow(10 * MILLI));
    let start = tokio::time::Instant::now();
    let (one, two) = tokio::join!(pool.warm_up(2), pool.warm_up(2));
    one.unwrap();
    two.unwrap();
    assert!(start.elapsed() < SECOND, "took {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_waits_for_a_lane_learns_when_it_is_free() {
    let (pool, world) = pool_with(4, |b| b.max_connecting(1));
    world.connect.always(Step::Slow(10 * MILLI));
    let other = pool.clone();
    let held = tokio::spawn(async move { other.get_owned().await.unwrap() });
    settle().await;
    let start = tokio::time::Instant::now();
    pool.warm_up(2).await.unwrap();
    assert!(start.elapsed() < SECOND, "took {:?}", start.elapsed());
    drop(held.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn filling_in_the_background_ends_with_the_pool() {
    let fake = Fake::new();
    let world = Arc::clone(&fake.world);
    world.connect.next([Step::Ok]);
    world.connect.always(Step::Slow(9 * SECOND));
    let pool = Pool::builder(fake).max_size(50).initial_size(50).max_connecting(1).build().unwrap();
    pool.start().await.unwrap();
    drop(pool);
    tokio::time::sleep(60 * SECOND).await;
    let at = world.connect.calls();
    tokio::time::sleep(600 * SECOND).await;
    assert!(
        world.connect.calls() == at && world.alive() == 0,
        "{} more connects, {} alive",
        world.connect.calls() - at,
        world.alive()
    );
}
