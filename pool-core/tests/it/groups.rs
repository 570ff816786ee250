//! Pools under a common cap.

use std::sync::Arc;
use std::time::Duration;

use wellspring_pool_core::{AcquireError, Phase, Pool, PoolGroup};
use wellspring_testkit::fake::{Fake, World};

use crate::support::{FakePool, settle};

const SECOND: Duration = Duration::from_secs(1);

fn member(group: &PoolGroup, share: usize, max_size: usize) -> (FakePool, Arc<World>) {
    let fake = Fake::new();
    let world = Arc::clone(&fake.world);
    let pool = Pool::builder(fake).max_size(max_size).group(group, share).build().unwrap();
    (pool, world)
}

#[tokio::test(start_paused = true)]
async fn together_they_never_have_more_than_the_cap() {
    let group = PoolGroup::new(4).unwrap();
    let (one, _) = member(&group, 0, 4);
    let (two, _) = member(&group, 0, 4);
    let mut held = Vec::new();
    for n in 0..4 {
        let pool = if n % 2 == 0 { &one } else { &two };
        held.push(pool.get().await.unwrap());
    }
    assert_eq!(group.status().used, 4);
    for pool in [&one, &two] {
        let error = pool.get_timeout(SECOND).await.unwrap_err();
        let AcquireError::Timeout(info) = &error else { panic!("{error}") };
        assert_eq!(info.phase, Phase::Share, "{error}");
    }
    assert_eq!(group.status().waiting, 0, "who gave up still stands in line");
    drop(held);
    drop((one, two));
    assert_eq!((group.status().used, group.status().pools), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_share_is_always_there() {
    let group = PoolGroup::new(4).unwrap();
    let (greedy, _) = member(&group, 0, 4);
    let (modest, _) = member(&group, 2, 2);
    assert_eq!(group.status().reserved, 2);
    let _first = greedy.get().await.unwrap();
    let _second = greedy.get().await.unwrap();
    assert!(greedy.get_timeout(SECOND).await.is_err(), "the others are not its to take");
    let _third = modest.get_timeout(SECOND).await.unwrap();
    let _fourth = modest.get_timeout(SECOND).await.unwrap();
    assert_eq!(group.status().used, 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_idle_beyond_a_share_is_given_up_for_who_waits() {
    let group = PoolGroup::new(3).unwrap();
    let (rich, world) = member(&group, 1, 3);
    let (poor, _) = member(&group, 0, 3);
    rich.warm_up(3).await.unwrap();
    let _one = poor.get_timeout(SECOND).await.unwrap();
    let _two = poor.get_timeout(SECOND).await.unwrap();
    assert!(poor.get_timeout(SECOND).await.is_err(), "the share stays");
    assert_eq!(world.alive(), 1);
    assert_eq!(rich.stats().counters.closed.surplus, 2);
}

#[tokio::test(start_paused = true)]
async fn a_returned_connection_beyond_the_share_goes_to_who_waits() {
    let group = PoolGroup::new(2).unwrap();
    let (rich, _) = member(&group, 0, 2);
    let (poor, _) = member(&group, 0, 2);
    let one = rich.get().await.unwrap();
    let _two = rich.get().await.unwrap();
    let waiter = tokio::spawn({
        let poor = poor.clone();
        async move { poor.get().await.map(drop) }
    });
    settle().await;
    assert_eq!(group.status().waiting, 1);
    drop(one);
    settle().await;
    assert!(waiter.is_finished());
    waiter.await.unwrap().unwrap();
    assert_eq!(group.status().used, 2);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_dropped_gives_back_what_it_had() {
    let group = PoolGroup::new(2).unwrap();
    let (rich, _) = member(&group, 2, 2);
    rich.warm_up(2).await.unwrap();
    assert!(group.status().reserved == 2 && group.status().used == 2);
    drop(rich);
    let (next, _) = member(&group, 2, 2);
    let _one = next.get().await.unwrap();
    let _two = next.get().await.unwrap();
}

#[test]
fn shares_that_are_not_there_are_refused() {
    assert_eq!(PoolGroup::new(0).unwrap_err().option(), "group.max_size");
    let group = PoolGroup::new(10).unwrap();
    let _first = member(&group, 7, 8);
    for (share, max_size) in [(4, 8), (3, 2)] {
        let builder = Pool::builder(Fake::new()).max_size(max_size).group(&group, share);
        assert_eq!(builder.build().unwrap_err().option(), "group.share");
    }
    assert_eq!(group.status().pools, 1);
}

/// Many tasks over three pools: the cap holds at each moment, and everybody is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_the_cap_holds_and_nobody_starves() {
    let group = PoolGroup::new(4).unwrap();
    let pools: Vec<_> = [(1, 4), (0, 4), (2, 3)]
        .into_iter()
        .map(|(share, max_size)| member(&group, share, max_size).0)
        .collect();
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let (pool, group) = (pools[n % 3].clone(), group.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let guard = pool.get_timeout(20 * SECOND).await.unwrap();
                    assert!(group.status().used <= 4, "{group:?}");
                    tokio::task::yield_now().await;
                    drop(guard);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for pool in &pools {
        assert!(pool.drain(20 * SECOND).await.complete);
    }
    assert_eq!(group.status().used, 0);
}
