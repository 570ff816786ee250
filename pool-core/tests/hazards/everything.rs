//! Everything at once: tasks and threads that take, wait, give up, return in any state, while the pool is
//! resized, paused and invalidated, with and without the lock. In the end every number is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wellspring_pool_core::{Priority, Tag, Validate, WorkKind};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, identity_holds, pool_with, settle};

async fn everything(seed: u64, snapshots: u64) {
    let (pool, world) = pool_with(3, |b| {
        let b = b.max_overflow((seed % 2) as usize).breaker(None).min_idle((seed / 2 % 3) as usize);
        let b = b
            .idle_timeout(Some(Duration::from_millis(40)))
            .max_lifetime(Some(Duration::from_millis(200)));
        let b =
            if seed.is_multiple_of(5) { b.keepalive(Some(Duration::from_millis(30))) } else { b };
        let b = if seed.is_multiple_of(3) { b.max_idle(Some(2)) } else { b };
        let b = b.leak_threshold(Some(Duration::from_millis(15)));
        b.validate(if seed.is_multiple_of(2) {
            Validate::Never
        } else {
            Validate::Idle(Duration::from_millis(5))
        })
    });
    world.reset.always(Step::Yield(1));
    let stop = Arc::new(AtomicBool::new(false));
    let (got, detached) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for n in 0..2 + seed % 4 {
        let (pool, stop, got) = (pool.clone(), stop.clone(), got.clone());
        tasks.push(tokio::spawn(async move {
            let mut rng = fastrand::Rng::with_seed(seed * 100 + n);
            while !stop.load(Ordering::Relaxed) {
                let mut get = pool
                    .get_timeout(Duration::from_millis([0, 1, 3, 30, 2000, 30000][rng.usize(..6)]));
                if rng.u32(..10) == 0 {
                    get = get.tag(Tag::new(rng.u64(..3)));
                }
                if rng.u32(..10) == 0 {
                    get = get.priority(if rng.bool() { Priority::High } else { Priority::Low });
                }
                let result = if rng.u32(..5) == 0 {
                    tokio::time::timeout(Duration::from_micros(rng.u64(..2000)), get).await.ok()
                } else {
                    Some(get.await)
                };
                let Some(Ok(mut guard)) = result else { continue };
                got.fetch_add(1, Ordering::Relaxed);
                guard.record(WorkKind::Query, Duration::ZERO, rng.bool());
                match rng.u32(..40) {
                    0 if rng.u32(..50) == 0 => tokio::time::sleep(Duration::from_millis(20)).await,
                    1..6 => tokio::task::yield_now().await,
                    6 if rng.u32(..50) == 0 => tokio::time::sleep(Duration::from_millis(1)).await,
                    _ => {}
                }
                if rng.u32(..20) == 0 {
                    guard.set_tag(Some(Tag::new(rng.u64(..3))));
                }
                match rng.u32(..200) {
                    0 => guard.discard(),
                    1 => drop(guard),
                    2 => {
                        guard.broken = true;
                        drop(guard)
                    }
                    3..8 => {
                        guard.dirty = true;
                        drop(guard)
                    }
                    _ => drop(guard),
                }
                match rng.u32(..3000) {
                    0 => pool.invalidate_all(),
                    1 => {
                        pool.pause();
                        tokio::time::sleep(Duration::from_micros(rng.u64(..500))).await;
                        pool.resume();
                    }
                    2 => {
                        let _ = pool.resize(2 + rng.usize(..2));
                    }
                    3 => {
                        pool.quiesce(Duration::from_millis(2)).await;
                        pool.resume();
                    }
                    _ => {}
                }
            }
        }));
    }
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (pool, stop, got) = (pool.clone(), stop.clone(), got.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(guard) = pool.try_get() {
                        got.fetch_add(1, Ordering::Relaxed);
                        std::hint::black_box(&guard);
                        drop(guard);
                    } else {
                        std::thread::yield_now();
                    }
                    for _ in 0..fastrand::u32(..2000) {
                        std::hint::spin_loop();
                    }
                }
            })
        })
        .collect();
    let mut last = pool.stats().counters;
    for _ in 0..snapshots {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let s = pool.stats();
        crate::support::adds_up(s.status);
        assert!(s.counters.connected >= last.connected && s.counters.leaks >= last.leaks);
        last = s.counters;
    }
    stop.store(true, Ordering::Relaxed);
    pool.resume();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(60), task)
            .await
            .unwrap_or_else(|_| panic!("hangs: seed {seed} {:?}", pool.status()))
            .unwrap();
    }
    for t in threads {
        t.join().unwrap();
    }
    pool.resize(3).unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    settle().await;
    let stats = pool.stats();
    identity_holds(stats.status);
    let c = stats.counters;
    assert_eq!(stats.status.used, 0, "seed {seed} {stats:?}");
    assert_eq!(
        c.acquired_directly + c.acquired_after_wait,
        got.load(Ordering::Relaxed),
        "seed {seed}"
    );
    assert_eq!(
        stats.usage.count,
        got.load(Ordering::Relaxed) - detached.load(Ordering::Relaxed),
        "seed {seed}"
    );
    assert_eq!(stats.wait.count, got.load(Ordering::Relaxed), "seed {seed}");
    assert_eq!(c.leaks, c.leaks_ended, "seed {seed}");
    pool.set_min_idle(0).unwrap();
    full_strength(&pool, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn all_at_once() {
    // More of them, for hunting: `WELLSPRING_SEEDS=60`.
    let seeds = std::env::var("WELLSPRING_SEEDS")
        .map_or(6, |text| text.parse().expect("WELLSPRING_SEEDS is a number"));
    for seed in 0..seeds {
        everything(seed, 50).await;
    }
}
