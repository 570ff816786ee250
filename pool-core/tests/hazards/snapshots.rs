//! Snapshots of the statistics, beside threads that write them without the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wellspring_pool_core::{Stats, WorkKind};

use crate::support::pool_with;

fn workers(
    pool: &crate::support::FakePool,
    stop: &Arc<AtomicBool>,
    threads: usize,
    each: impl Fn(&crate::support::FakePool) + Send + Sync + 'static,
) -> Vec<std::thread::JoinHandle<()>> {
    let each = Arc::new(each);
    (0..threads)
        .map(|_| {
            let (pool, stop, each) = (pool.clone(), Arc::clone(stop), Arc::clone(&each));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    each(&pool);
                }
            })
        })
        .collect()
}

async fn watch(
    time: Duration,
    each: impl Fn(&crate::support::FakePool) + Send + Sync + 'static,
    mut look: impl FnMut(&Stats, &Stats),
) {
    let (pool, _world) = pool_with(4, |b| b);
    pool.warm_up(4).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = workers(&pool, &stop, 3, each);
    let start = Instant::now();
    let mut last = pool.stats();
    while start.elapsed() < time {
        for _ in 0..1000 {
            let stats = pool.stats();
            look(&last, &stats);
            last = stats;
        }
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// There are never more failures than there was work (`wellspring-metrics` subtracts them).
#[tokio::test]
async fn failures_are_never_more_than_all() {
    let mut worse = 0_u64;
    let mut most = 0;
    watch(
        Duration::from_millis(700),
        |pool| {
            if let Ok(mut guard) = pool.try_get() {
                guard.record(WorkKind::Query, Duration::from_nanos(100), false);
            }
        },
        |_, now| {
            let work = now.work.get(WorkKind::Query);
            worse += u64::from(work.errors > work.count);
            most = most.max(work.errors.saturating_sub(work.count));
        },
    )
    .await;
    assert_eq!(worse, 0, "snapshots with more failures than work, by up to {most}");
}

/// Histograms only grow: each cumulative bucket, the count and the sum, as Prometheus needs it.
#[tokio::test]
async fn histograms_only_grow() {
    let bounds: Vec<Duration> = (0..40).map(|n| Duration::from_nanos(1 << n)).collect();
    let (mut counts, mut buckets, mut sums) = (0_u64, 0_u64, 0_u64);
    let mut looks = 0_u64;
    let mut example = None;
    watch(
        Duration::from_millis(1500),
        |pool| {
            if let Ok(guard) = pool.try_get() {
                std::hint::black_box(&guard);
            }
        },
        |last, now| {
            looks += 1;
            counts += u64::from(now.usage.count < last.usage.count);
            sums += u64::from(now.usage.sum < last.usage.sum);
            let below = |s: &Stats, bound| -> u64 {
                s.usage.buckets.iter().filter(|b| b.upper <= bound).map(|b| b.count).sum()
            };
            for bound in &bounds {
                let (before, after) = (below(last, *bound), below(now, *bound));
                if after < before {
                    buckets += 1;
                    example = example.or(Some((*bound, before, after)));
                    break;
                }
            }
        },
    )
    .await;
    assert_eq!((counts, buckets, sums), (0, 0, 0), "of {looks}: count, buckets, sum; {example:?}");
}
