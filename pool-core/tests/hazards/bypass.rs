//! How often a waiter is overtaken, counted under load: never, or as often as it is told to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wellspring_pool_core::Fairness;

use crate::support::pool_with;

/// Tasks that ask again and again note, when they are served, how many who came later were served
/// before them: the most of them all.
async fn most_bypassed(fairness: Fairness) -> u64 {
    let (pool, _world) = pool_with(2, |b| b.fairness(fairness));
    pool.warm_up(2).await.unwrap();
    let clock = Arc::new(AtomicU64::new(0));
    let served: Arc<std::sync::Mutex<Vec<u64>>> = Arc::default();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (pool, clock, served) = (pool.clone(), Arc::clone(&clock), Arc::clone(&served));
            tokio::spawn(async move {
                for _ in 0..200 {
                    let get = pool.get();
                    // One thread: the ticket and the place in line are taken together.
                    let ticket = clock.fetch_add(1, Ordering::SeqCst);
                    let guard = get.await.unwrap();
                    served.lock().unwrap().push(ticket);
                    tokio::task::yield_now().await;
                    drop(guard);
                    if ticket % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let served = served.lock().unwrap();
    let passed = |at: usize| served[..at].iter().filter(|other| **other > served[at]).count();
    (0..served.len()).map(passed).max().unwrap_or(0) as u64
}

#[tokio::test]
async fn under_strict_fairness_nobody_is_overtaken() {
    // Two connections granted at once may be picked up in either order: that is no overtaking.
    assert!(most_bypassed(Fairness::Strict).await <= 1);
}

#[tokio::test]
async fn under_bounded_fairness_no_more_than_told() {
    // Each of those in front of it may be overtaken so often: 14 of them wait for two connections.
    let bypassed = most_bypassed(Fairness::Bounded { max_bypass: 2 }).await;
    assert!(bypassed <= 2 * 16 + 2, "{bypassed}");
}
