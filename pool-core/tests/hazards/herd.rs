//! Connections made together come to the end of their life: they neither go nor are replaced all at
//! once, and nobody who works meanwhile waits for it.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_testkit::fake::Step;

use crate::support::{identity_holds, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_end_of_a_herd_is_spread_and_succeeded() {
    let (pool, world) = pool_with(40, |b| {
        b.max_overflow(8)
            .max_connecting(8)
            .max_lifetime(Some(600 * SECOND))
            .idle_timeout(None)
            .min_idle(10)
            .fairness(wellspring_pool_core::Fairness::Strict)
    });
    pool.warm_up(40).await.unwrap();
    world.connect.always(Step::Slow(SECOND));
    let workers: Vec<_> = (0..30)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                let start = Instant::now();
                while start.elapsed() < 900 * SECOND {
                    let asked = Instant::now();
                    let guard = pool.get().await.unwrap();
                    longest = longest.max(asked.elapsed());
                    tokio::time::sleep(SECOND).await;
                    drop(guard);
                }
                longest
            })
        })
        .collect();
    let mut most_connecting = 0;
    let mut born = world.created();
    let mut most_born = 0;
    for _ in 0..900 {
        tokio::time::sleep(SECOND).await;
        let status = pool.status();
        identity_holds(status);
        most_connecting = most_connecting.max(status.connecting);
        most_born = most_born.max(world.created() - born);
        born = world.created();
    }
    let mut waits = Vec::new();
    for worker in workers {
        waits.push(worker.await.unwrap());
    }
    let longest = waits.into_iter().max().unwrap();
    assert!(longest <= Duration::from_millis(10), "somebody waited {longest:?}");
    assert!(world.created() >= 65, "{} opened", world.created());
    assert!(most_connecting <= 8, "{most_connecting} at one time");
    assert!(most_born <= 8, "{most_born} born within a second");
    assert!(world.most_alive() <= 48);
}

#[tokio::test(start_paused = true)]
async fn a_successor_is_made_whatever_happens_in_the_window() {
    for how in 0..4 {
        let (pool, world) = pool_with(3, |b| {
            b.max_lifetime(Some(100 * SECOND))
                .max_lifetime_jitter(0.0)
                .idle_timeout(None)
                .leak_threshold(None)
        });
        let held = pool.get().await.unwrap();
        tokio::time::sleep(94 * SECOND).await;
        match how {
            0 => world.connect.next([Step::Fail]),
            1 => {
                pool.pause();
            }
            2 => pool.resize(1).unwrap(),
            _ => pool.invalidate_all(),
        }
        tokio::time::sleep(2 * SECOND).await;
        if how == 1 {
            pool.resume();
        }
        if how == 2 {
            pool.resize(3).unwrap();
        }
        tokio::time::sleep(3 * SECOND).await;
        assert_eq!(pool.status().idle, 1, "{how}: {:?}", pool.status());
        drop(held);
        settle().await;
        assert_eq!(pool.status().size, 1, "{how}: {:?}", pool.status());
        tokio::time::sleep(20 * SECOND).await;
        assert_eq!(pool.status().size, 1, "{how}: {:?}", pool.status());
        assert!(world.created() <= 2, "{how}: {}", world.created());
    }
}
