//! Snapshots taken beside everything that can happen: in each of ten thousand, all numbers add up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wellspring_pool_core::{Stats, WorkKind};
use wellspring_testkit::fake::Step;
use wellspring_testkit::polls::poll_then_drop;

use crate::support::{self, full_strength, identity_holds, pool_with};

const SNAPSHOTS: usize = 10_000;

fn adds_up(stats: &Stats) {
    let (status, counters) = (stats.status, stats.counters);
    support::adds_up(status);
    // Every connection ever opened is there, or was closed or taken out, and counted so.
    let living = status.size - status.connecting - status.closing - status.abandoned;
    let gone = counters.closed.total() + counters.detached;
    assert_eq!(counters.connected, gone + living as u64, "{status:?} {counters:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_concurrent_snapshots_add_up() {
    let (pool, world) =
        pool_with(4, |b| b.max_overflow(2).max_idle(Some(3)).max_uses(Some(50)).breaker(None));
    world.reset.always(Step::Yield(1));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..12_usize)
        .map(|n| {
            let (pool, stop) = (pool.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut round = n;
                while !stop.load(Ordering::SeqCst) {
                    round += 1;
                    let get = pool.get();
                    let Some(Ok(mut guard)) = poll_then_drop(get, round % 7).await else {
                        continue;
                    };
                    guard.dirty = round.is_multiple_of(3);
                    guard.broken = round.is_multiple_of(31);
                    guard.record(WorkKind::Query, Duration::ZERO, !round.is_multiple_of(5));
                    match round % 43 {
                        0 => guard.discard(),
                        1 => drop(guard.detach()),
                        2 => pool.invalidate_all(),
                        3 => pool.resize(3 + n % 2).unwrap(),
                        _ => {}
                    }
                }
            })
        })
        .collect();
    for _ in 0..SNAPSHOTS {
        adds_up(&pool.stats());
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    pool.resize(4).unwrap();
    full_strength(&pool, &world).await;
    identity_holds(pool.status());
    adds_up(&pool.stats());
}
