//! Pools under a common cap: none robs, blocks or starves another.

use std::time::Duration;

use wellspring_pool_core::{PoolGroup, WhenExhausted};
use wellspring_testkit::fake::Step;

use crate::support::{pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// The minimums of two pools are more than the cap: they do not take connections from each other
/// for ever.
#[tokio::test(start_paused = true)]
async fn minimums_that_do_not_fit_under_the_cap_are_no_demand() {
    let group = PoolGroup::new(3).unwrap();
    let members: Vec<_> =
        (0..2).map(|_| pool_with(2, |b| b.min_idle(2).group(&group, 1))).collect();
    for (_, world) in &members {
        world.connect.always(Step::Slow(10 * MILLI));
    }
    tokio::time::sleep(10 * SECOND).await;
    let connects: usize = members.iter().map(|(_, world)| world.connect.calls()).sum();
    assert!(connects < 20, "{connects} connects in 10 s without any demand");
}

/// It asked for a place, gave up, and would not take one while it is paused: the place goes on to
/// the next in the queue.
#[tokio::test(start_paused = true)]
async fn a_paused_pool_does_not_block_the_queue() {
    let group = PoolGroup::new(2).unwrap();
    let (one, _) = pool_with(2, |b| b.group(&group, 0));
    let (paused, _) = pool_with(2, |b| b.group(&group, 0));
    let held = [one.get().await.unwrap(), one.get().await.unwrap()];
    paused.pause();
    assert!(paused.warm_up(1).await.is_err());
    for guard in held {
        guard.discard();
    }
    settle().await;
    assert_eq!(group.status().used, 0);
    let result = one.get_timeout(5 * SECOND).await.map(drop);
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), group.status());
}

#[tokio::test(start_paused = true)]
async fn a_busy_pool_does_not_starve_its_neighbour() {
    let group = PoolGroup::new(2).unwrap();
    let (busy, _) = pool_with(2, |b| b.group(&group, 0));
    let (quiet, _) = pool_with(2, |b| b.group(&group, 0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let busy = busy.clone();
            tokio::spawn(async move {
                loop {
                    let guard = busy.get().await.unwrap();
                    tokio::time::sleep(10 * MILLI).await;
                    drop(guard);
                }
            })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    let result = quiet.get_timeout(20 * SECOND).await.map(drop);
    for task in tasks {
        task.abort();
    }
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn failing_fast_does_not_wait_for_the_cap() {
    let group = PoolGroup::new(1).unwrap();
    let (one, _) = pool_with(1, |b| b.group(&group, 0));
    let (hasty, _) = pool_with(1, |b| b.when_exhausted(WhenExhausted::Fail).group(&group, 0));
    let _held = one.get().await.unwrap();
    let start = tokio::time::Instant::now();
    let error = hasty.get().await.unwrap_err();
    assert!(start.elapsed() < SECOND, "waited {:?}: {error}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stock_that_was_missing_is_filled_when_a_place_is_free() {
    let group = PoolGroup::new(1).unwrap();
    let (one, _) = pool_with(1, |b| b.group(&group, 0));
    let held = one.get_owned().await.unwrap();
    let (two, _) = pool_with(1, |b| b.min_idle(1).group(&group, 0));
    settle().await;
    held.discard();
    tokio::time::sleep(10_000 * SECOND).await;
    assert_eq!(two.status().idle, 1, "{:?} {:?}", two.status(), group.status());
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_closed_pool_is_for_the_others() {
    let group = PoolGroup::new(1).unwrap();
    let (one, _) = pool_with(1, |b| b.group(&group, 1));
    let (two, _) = pool_with(1, |b| b.group(&group, 0));
    assert!(one.drain(SECOND).await.complete);
    let result = two.get_timeout(5 * SECOND).await.map(drop);
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), group.status());
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_takes_a_place_as_soon_as_it_is_free() {
    let group = PoolGroup::new(1).unwrap();
    let (one, _) = pool_with(1, |b| b.group(&group, 0));
    let (two, _) = pool_with(1, |b| b.group(&group, 0));
    let held = one.get_owned().await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(SECOND).await;
        held.discard();
    });
    let start = tokio::time::Instant::now();
    let result = two.warm_up(1).await;
    assert!(
        result.is_ok() && start.elapsed() < 2 * SECOND,
        "{result:?} after {:?}",
        start.elapsed()
    );
}
