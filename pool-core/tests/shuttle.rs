//! The whole pool with the scripted manager under shuttle, which tries random schedules of its tasks.
//!
//! Built with `RUSTFLAGS="--cfg wellspring_shuttle"`; `cargo xtask model` does it. How many schedules
//! each test tries: `WELLSPRING_SCHEDULES`.
//!
//! Where time stands still, a lost wake-up is a deadlock, which shuttle reports; so most scenarios do
//! without. Where it passes (pauses, deadlines, housekeeping), it passes in bounded steps, and so
//! little in all that no acquire may run into its deadline.
#![cfg(wellspring_shuttle)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use wellspring_pool_core::{
    AcquireError, BreakerOptions, Builder, Pool, PoolGroup, Priority, Validate, model,
};
use wellspring_testkit::fake::{Fake, Step, World};
use wellspring_testkit::polls::poll_then_drop;

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

type FakePool = Pool<Fake>;

/// Runs `scenario` under random schedules and under those of probabilistic concurrency testing, which
/// finds bugs that take few, but particular, switches.
fn check<F: Future<Output = ()> + Send + 'static>(scenario: fn() -> F) {
    let schedules = std::env::var("WELLSPRING_SCHEDULES")
        .map_or(1_000, |text| text.parse().expect("WELLSPRING_SCHEDULES is a number"));
    let run = move || {
        model::begin();
        shuttle::future::block_on(async {
            scenario().await;
            // The pools are gone, and their tasks end with them.
            while model::live() > 0 {
                shuttle::future::yield_now().await;
            }
        });
        model::end();
    };
    // The model's time is one for the process.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 20;
    let random = RandomScheduler::new(schedules - schedules / 2);
    shuttle::Runner::new(random, config.clone()).run(run);
    if schedules > 1 {
        shuttle::Runner::new(PctScheduler::new(3, schedules / 2), config).run(run);
    }
}

fn pool(max_size: usize, options: impl FnOnce(Builder<Fake>) -> Builder<Fake>) -> FakePool {
    options(Pool::builder(Fake::new()).max_size(max_size)).build().unwrap()
}

fn world(pool: &FakePool) -> &World {
    &pool.manager().world
}

fn roll(sides: u32) -> u32 {
    thread_rng().gen_range(0..sides)
}

/// Other tasks come first, a few times.
async fn rest() {
    for _ in 0..roll(3) {
        shuttle::future::yield_now().await;
    }
}

/// Takes connections, and treats them as people do.
async fn use_it(pool: FakePool, rounds: u32) {
    for _ in 0..rounds {
        let priority = [Priority::Low, Priority::Normal, Priority::High][roll(3) as usize];
        let get = pool.get().priority(priority);
        // One in three goes away before it is served, or with what it was given.
        let result = match roll(3) {
            0 => match poll_then_drop(get, roll(4) as usize).await {
                Some(result) => result,
                None => continue,
            },
            _ => get.await,
        };
        match result {
            Ok(mut guard) => {
                rest().await;
                match roll(6) {
                    0 => guard.dirty = true,
                    1 => guard.broken = true,
                    2 => guard.discard(),
                    _ => {}
                }
            }
            Err(AcquireError::Closed | AcquireError::BreakerOpen { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn identity(pool: &FakePool) {
    let s = pool.status();
    let sum = s.idle + s.used + s.connecting + s.validating + s.resetting + s.closing + s.abandoned;
    assert_eq!(sum, s.size, "{s:?}");
}

/// All tasks are done: the pool hands out all that it may, and no more than that ever existed.
async fn full_strength(pool: &FakePool, limit: usize) {
    let mut guards = Vec::new();
    for _ in 0..limit {
        guards.push(pool.get().await.unwrap());
        identity(pool);
    }
    assert_eq!(pool.status().used, limit);
    assert!(world(pool).most_alive() <= limit, "{} alive", world(pool).most_alive());
    drop(guards);
    assert_eq!(pool.status().waiting, 0);
    let stats = pool.stats();
    let (s, counters) = (stats.status, stats.counters);
    let living = s.size - s.connecting - s.closing - s.abandoned;
    let gone = counters.closed.total() + counters.detached;
    assert_eq!(counters.connected, gone + living as u64, "{s:?} {counters:?}");
}

/// Lets time pass step by step until `done`, at most so much in all that nobody's patience ends.
async fn pass_time<F: Future>(work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    for _ in 0..2_000 {
        for _ in 0..4 {
            let polled =
                std::future::poll_fn(|cx| std::task::Poll::Ready(work.as_mut().poll(cx))).await;
            if let std::task::Poll::Ready(output) = polled {
                return output;
            }
            shuttle::future::yield_now().await;
        }
        model::advance(model::next_due().unwrap_or(MILLI).clamp(MILLI, 10 * MILLI));
    }
    panic!("20 seconds have passed, and it is not done");
}

async fn all(tasks: Vec<shuttle::future::JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

fn users(pool: &FakePool, count: usize, rounds: u32) -> Vec<shuttle::future::JoinHandle<()>> {
    (0..count).map(|_| shuttle::future::spawn(use_it(pool.clone(), rounds))).collect()
}

#[test]
fn waiters_and_cancellations() {
    check(|| async {
        let pool = pool(2, |b| b);
        world(&pool).connect.always(Step::Yield(1));
        all(users(&pool, 4, 3)).await;
        full_strength(&pool, 2).await;
    });
}

#[test]
fn every_hand_out_validated() {
    check(|| async {
        let pool = pool(2, |b| b.validate(Validate::Always));
        world(&pool).connect.always(Step::Yield(1));
        world(&pool).validate.always(Step::Yield(1));
        world(&pool).reset.always(Step::Yield(1));
        all(users(&pool, 3, 2)).await;
        full_strength(&pool, 2).await;
    });
}

#[test]
fn overflow_comes_and_goes() {
    check(|| async {
        let pool = pool(1, |b| b.max_overflow(1).max_idle(Some(1)));
        all(users(&pool, 4, 2)).await;
        full_strength(&pool, 2).await;
    });
}

#[test]
fn resized_invalidated_and_paused_meanwhile() {
    check(|| async {
        let pool = pool(2, |b| b);
        let mut tasks = users(&pool, 3, 2);
        let boss = pool.clone();
        tasks.push(shuttle::future::spawn(async move {
            for _ in 0..3 {
                match roll(4) {
                    0 => boss.resize(1).unwrap(),
                    1 => boss.resize(2).unwrap(),
                    2 => boss.invalidate_all(),
                    _ => {
                        boss.pause();
                        rest().await;
                        boss.resume();
                    }
                }
                rest().await;
                identity(&boss);
            }
            boss.resize(2).unwrap();
        }));
        all(tasks).await;
        full_strength(&pool, 2).await;
    });
}

#[test]
fn closed_meanwhile() {
    check(|| async {
        let pool = pool(2, |b| b);
        world(&pool).connect.always(Step::Yield(1));
        let mut tasks = users(&pool, 3, 2);
        let closer = pool.clone();
        tasks.push(shuttle::future::spawn(async move {
            rest().await;
            if roll(2) == 0 {
                closer.close();
            } else {
                closer.abort();
            }
        }));
        all(tasks).await;
        let report = pool.drain(MINUTE).await;
        assert!(report.complete, "{report:?}");
        assert_eq!(world(&pool).alive(), 0);
    });
}

#[test]
fn two_pools_under_one_cap() {
    check(|| async {
        let group = PoolGroup::new(2).unwrap();
        let pools = [pool(2, |b| b.group(&group, 1)), pool(2, |b| b.group(&group, 0))];
        let tasks = pools.iter().flat_map(|pool| users(pool, 2, 2)).collect();
        all(tasks).await;
        assert!(group.status().used <= 2, "{group:?}");
        for pool in &pools {
            drop(pool.get().await.unwrap());
        }
        drop(pools);
    });
}

#[test]
fn gates_that_fail_and_panic() {
    check(|| async {
        let pool = pool(2, |b| b.validate(Validate::Always).breaker(None));
        for script in [&world(&pool).connect, &world(&pool).validate, &world(&pool).reset] {
            let steps = [Step::Ok, Step::Yield(2), Step::Fail, Step::Slow(5 * MILLI), Step::Panic];
            script.next((0..4).map(|_| steps[roll(5) as usize]));
        }
        pass_time(all(users(&pool, 3, 2))).await;
        pass_time(full_strength(&pool, 2)).await;
    });
}

#[test]
fn a_breaker_that_opens_and_closes() {
    check(|| async {
        let breaker = BreakerOptions { failures: 2, open_for: 20 * MILLI, probes: 1 };
        let pool = pool(2, |b| b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO));
        let steps = [Step::Ok, Step::Fail, Step::Fail];
        world(&pool).connect.next((0..6).map(|_| steps[roll(3) as usize]));
        pass_time(all(users(&pool, 3, 2))).await;
        // Whatever state it is in, it ends.
        pass_time(async {
            while pool.get().await.is_err() {
                shuttle::future::yield_now().await;
            }
        })
        .await;
        pass_time(full_strength(&pool, 2)).await;
    });
}

#[test]
fn deadlines_and_grants_that_are_taken_back() {
    check(|| async {
        let pool = pool(1, |b| b);
        let patient = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for n in 0..3_u32 {
            let (pool, patient) = (pool.clone(), Arc::clone(&patient));
            tasks.push(shuttle::future::spawn(async move {
                let start = model::elapsed();
                let limit = MILLI * (5 + 20 * n);
                match pool.get_timeout(limit).await {
                    Ok(guard) => {
                        model::sleep(8 * MILLI).await;
                        drop(guard);
                    }
                    Err(AcquireError::Timeout(_)) => {
                        patient.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert!(model::elapsed() >= start + limit, "too early");
                    }
                    Err(error) => panic!("{error}"),
                }
            }));
        }
        pass_time(all(tasks)).await;
        pass_time(full_strength(&pool, 1)).await;
        let timed_out = patient.load(std::sync::atomic::Ordering::SeqCst) as u64;
        assert_eq!(pool.stats().counters.timed_out, timed_out);
    });
}
