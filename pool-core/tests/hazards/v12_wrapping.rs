//! V12: a count changed outside the lock wrapped around below zero, and a reaper that believed it spun
//! for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{full_strength, identity_holds, pool_with, settle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_count_is_ever_out_of_range_and_nothing_spins_afterwards() {
    let (pool, world) = pool_with(2, |b| b.idle_timeout(Some(Duration::from_millis(5))));
    let done = Arc::new(AtomicBool::new(false));
    let watcher = std::thread::spawn({
        let (pool, done) = (pool.clone(), Arc::clone(&done));
        move || {
            let mut looks = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let status = pool.status();
                assert!(status.idle <= 2 && status.used <= 2 && status.waiting <= 16, "{status:?}");
                identity_holds(status);
                looks += 1;
            }
            looks
        }
    });
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..500 {
                    drop(pool.get().await.unwrap());
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(watcher.join().unwrap() > 0);
    full_strength(&pool, &world).await;
}

/// A pool with nothing to do does not wake: in a day the runtime parks for the test's own sleep, and no
/// more.
#[tokio::test(start_paused = true)]
async fn a_quiet_pool_sets_no_timer() {
    let (pool, _world) = pool_with(2, |b| b.idle_timeout(Some(Duration::from_secs(60))));
    let held = [pool.get().await.unwrap(), pool.get().await.unwrap()];
    drop(held);
    tokio::time::sleep(Duration::from_secs(600)).await;
    settle().await;
    assert_eq!(pool.status().size, 0);
    let parks = || tokio::runtime::Handle::current().metrics().worker_park_count(0);
    let before = parks();
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    let woken = parks() - before;
    assert!(woken < 20, "parked {woken} times");
}
