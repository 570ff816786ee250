//! Small models of the pool under loom, which tries every schedule of a few threads (up to a bound of
//! preemptions).
//!
//! Built with `RUSTFLAGS="--cfg wellspring_loom"`; `cargo xtask model` does it. Each model opens its
//! connections before the threads begin; what the pool spawns meanwhile is run at the end, and the
//! housekeeper's rounds are made by hand.
#![cfg(wellspring_loom)]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use wellspring_pool_core::model::{self, Places};
use wellspring_pool_core::{AcquireError, Builder, Pool, Reuse, Validate};
use wellspring_testkit::fake::Fake;

const MILLI: Duration = Duration::from_millis(1);

type FakePool = Pool<Fake>;

/// Runs `threads` in every order.
fn check(threads: impl Fn() + Send + Sync + 'static) {
    // The model's time is one for the process.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    EXECUTIONS.store(0, Ordering::SeqCst);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Ordering::SeqCst);
        model::begin();
        threads();
        model::end();
    });
    let name = std::thread::current().name().unwrap_or("model").to_owned();
    println!("{name}: {} executions", EXECUTIONS.load(Ordering::SeqCst));
}

/// A pool with `idle` connections, ready, and to be had without the lock.
fn pool(idle: usize, options: impl FnOnce(Builder<Fake>) -> Builder<Fake>) -> FakePool {
    let pool = plain_pool(idle, options);
    // What was opened comes to lie on the shelf when it is put back.
    let guards: Vec<_> = (0..idle).map(|_| pool.try_get().unwrap()).collect();
    drop(guards);
    assert_eq!(model::lying(&pool), idle);
    pool
}

/// As [`pool`], with whatever comes of its options.
fn plain_pool(idle: usize, options: impl FnOnce(Builder<Fake>) -> Builder<Fake>) -> FakePool {
    let builder = Pool::builder(Fake::new()).max_size(idle).validate(Validate::Never);
    let pool = options(builder).build().unwrap();
    let mut warm_up = Box::pin(pool.warm_up(idle));
    let mut context = Context::from_waker(Waker::noop());
    while warm_up.as_mut().poll(&mut context).is_pending() {
        model::run_spawned();
    }
    drop(warm_up);
    assert_eq!(pool.status().idle, idle);
    pool
}

/// In the end everything is where it belongs: all that is open is idle, and can be had.
fn at_rest(pool: &FakePool, expected: usize) {
    model::run_spawned();
    let status = pool.status();
    assert_eq!((status.idle, status.size, status.waiting), (expected, expected, 0), "{status:?}");
    let guards: Vec<_> = (0..expected).map(|_| pool.try_get().unwrap()).collect();
    assert!(pool.try_get().is_err());
    drop(guards);
}

/// A future is polled once, and dropped.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// One holder, and two who come after it.
fn hand_off_in(pool: fn() -> FakePool) {
    check(move || {
        let pool = pool();
        let held = pool.try_get().unwrap();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || drop(block_on(pool.get()).unwrap()))
            })
            .collect();
        drop(held);
        for other in others {
            other.join().unwrap();
        }
        at_rest(&pool, 1);
    });
}

#[test]
fn hand_off() {
    hand_off_in(|| pool(1, |b| b));
}

/// Where every connection passes through the lock.
#[test]
fn hand_off_behind_the_lock() {
    hand_off_in(|| {
        let pool = plain_pool(1, |b| b.reuse(Reuse::Fifo));
        assert_eq!(model::lying(&pool), 0);
        pool
    });
}

/// Nobody is overtaken: who comes after one that waits is served after it.
#[test]
fn newcomers_come_after() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let mut first = Box::pin(pool.get_owned());
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        let newcomer = thread::spawn({
            let pool = pool.clone();
            move || assert!(pool.try_get().is_err(), "past the one that waits")
        });
        drop(held);
        newcomer.join().unwrap();
        drop(block_on(first).unwrap());
        at_rest(&pool, 1);
    });
}

/// Taking and putting back without the lock, beside one who finds nothing and waits.
#[test]
fn take_put_and_wait() {
    check(|| {
        let pool = pool(1, |b| b);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || drop(block_on(pool.get()).unwrap()))
            })
            .collect();
        drop(block_on(pool.get()).unwrap());
        for other in others {
            other.join().unwrap();
        }
        at_rest(&pool, 1);
        let counters = pool.stats().counters;
        // The one before the threads, theirs, and that of `at_rest`.
        assert_eq!(counters.acquired_directly + counters.acquired_after_wait, 5);
    });
}

/// A leak is taken from its holder, or has just come back.
#[test]
fn reclaim_and_put() {
    check(|| {
        let pool = pool(1, |b| {
            b.leak_reclaim(Some(20 * MILLI)).leak_threshold(Some(10 * MILLI)).max_abandoned(1)
        });
        let held = pool.get_owned();
        let held = poll_once(held).unwrap().unwrap();
        model::advance(30 * MILLI);
        let boss = thread::spawn({
            let pool = pool.clone();
            move || model::housekeep(&pool)
        });
        drop(held);
        boss.join().unwrap();
        model::run_spawned();
        let counters = pool.stats().counters;
        assert_eq!(counters.leaks, counters.leaks_ended);
        at_rest(&pool, 1 - counters.reclaimed as usize);
        assert_eq!(counters.closed.reclaimed, counters.reclaimed);
    });
}

/// Snapshots beside what comes and goes without the lock.
#[test]
fn snapshots_add_up() {
    check(|| {
        let pool = pool(2, |b| b);
        let user = thread::spawn({
            let pool = pool.clone();
            move || drop(pool.try_get().unwrap())
        });
        let stats = pool.stats();
        assert_eq!(stats.status.idle + stats.status.used, 2, "{}", stats.status);
        user.join().unwrap();
        let stats = pool.stats();
        assert_eq!(stats.usage.count, 3);
        assert_eq!(stats.wait.count, 3);
        at_rest(&pool, 2);
    });
}

/// The places by themselves: whatever is taken or sealed has one owner, and nothing is lost.
fn places(first: u32, slots: &'static [u32]) {
    check(move || {
        let places = Places::new(first, slots);
        let users: Vec<_> = (0..2)
            .map(|_| {
                let places = places.clone();
                thread::spawn(move || match places.use_one() {
                    None => (0, None),
                    Some(Ok(())) => (1, None),
                    Some(Err(value)) => (1, Some(value)),
                })
            })
            .collect();
        // The state seals everything, and opens what it found.
        let found: Vec<_> = slots.iter().filter_map(|slot| places.seal(*slot)).collect();
        found.into_iter().for_each(|value| places.open(value));
        let (mut used, mut rest) = (0, Vec::new());
        for user in users {
            let (uses, kept) = user.join().unwrap();
            used += uses;
            rest.extend(kept);
        }
        rest.extend(slots.iter().filter_map(|slot| places.seal(*slot)));
        rest.sort_unstable();
        let found: Vec<u32> = rest.iter().map(|value| value.0).collect();
        assert_eq!(found, slots, "each is there, once, in its own place");
        assert_eq!(rest.iter().map(|value| value.1).sum::<u64>(), used);
    });
}

#[test]
fn places_one() {
    places(1, &[0]);
}

#[test]
fn places_two() {
    places(2, &[0, 1]);
}

/// Across the end of the places that are made at once, and of the first piece after them.
#[test]
fn places_further() {
    places(1, &[0, 1]);
    places(1, &[64, 65]);
}

#[test]
fn cancel_after_grant() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let quitter = thread::spawn({
            let pool = pool.clone();
            move || drop(poll_once(pool.get()))
        });
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.get()).unwrap())
        });
        drop(held);
        quitter.join().unwrap();
        waiter.join().unwrap();
        at_rest(&pool, 1);
    });
}

#[test]
fn close_and_enqueue() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || match block_on(pool.get()) {
                Ok(guard) => drop(guard),
                Err(error) => assert!(matches!(error, AcquireError::Closed), "{error}"),
            }
        });
        let closer = thread::spawn({
            let pool = pool.clone();
            move || pool.close()
        });
        drop(held);
        waiter.join().unwrap();
        closer.join().unwrap();
        at_rest(&pool, 0);
        assert_eq!(pool.manager().world.alive(), 0);
    });
}

#[test]
fn resize() {
    check(|| {
        let pool = pool(2, |b| b);
        let (one, two) = (pool.try_get().unwrap(), pool.try_get().unwrap());
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.get()).unwrap())
        });
        let smaller = thread::spawn({
            let pool = pool.clone();
            move || pool.resize(1).unwrap()
        });
        drop(one);
        drop(two);
        waiter.join().unwrap();
        smaller.join().unwrap();
        at_rest(&pool, 1);
    });
}

#[test]
fn growing_wakes_who_waits() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || {
                let guard = block_on(pool.get()).unwrap();
                drop(guard);
            }
        });
        pool.resize(2).unwrap();
        // A connect, if the waiter was there already; else it begins one itself.
        model::run_spawned();
        drop(held);
        waiter.join().unwrap();
        model::run_spawned();
        assert!((1..=2).contains(&pool.status().size), "{}", pool.status());
        assert_eq!(pool.status().idle, pool.status().size);
    });
}

#[test]
fn revoke_and_poll() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let mut late = Box::pin(pool.get_owned());
        let mut context = Context::from_waker(Waker::noop());
        assert!(late.as_mut().poll(&mut context).is_pending());
        let next = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.get()).unwrap())
        });
        drop(held);
        // Granted to the first, who does not come for it: taken back, or picked up just then.
        model::advance(200 * MILLI);
        let housekeeper = thread::spawn({
            let pool = pool.clone();
            move || model::housekeep(&pool)
        });
        drop(block_on(late).unwrap());
        housekeeper.join().unwrap();
        next.join().unwrap();
        at_rest(&pool, 1);
    });
}

#[test]
fn expiry_and_grant() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        let hurried = thread::spawn({
            let pool = pool.clone();
            move || match block_on(pool.get_timeout(10 * MILLI)) {
                Ok(guard) => {
                    drop(guard);
                    true
                }
                Err(error) => {
                    assert!(matches!(error, AcquireError::Timeout(_)), "{error}");
                    false
                }
            }
        });
        let clock = thread::spawn({
            let pool = pool.clone();
            move || {
                model::advance(20 * MILLI);
                model::housekeep(&pool);
            }
        });
        drop(held);
        let served = hurried.join().unwrap();
        clock.join().unwrap();
        assert_eq!(pool.stats().counters.timed_out, u64::from(!served));
        at_rest(&pool, 1);
    });
}

#[test]
fn invalidate_and_put() {
    check(|| {
        let pool = pool(2, |b| b);
        let (one, two) = (pool.try_get().unwrap(), pool.try_get().unwrap());
        let boss = thread::spawn({
            let pool = pool.clone();
            move || pool.invalidate_all()
        });
        let other = thread::spawn({
            let pool = pool.clone();
            move || drop(poll_once(pool.get()))
        });
        drop(one);
        drop(two);
        boss.join().unwrap();
        other.join().unwrap();
        model::run_spawned();
        // Whatever is idle now was opened afterwards.
        for _ in 0..pool.status().idle {
            assert!(pool.try_get().unwrap().number >= 2, "of yesterday");
        }
        assert_eq!(pool.stats().counters.closed.invalidated, 2);
    });
}

#[test]
fn pause_and_put() {
    check(|| {
        let pool = pool(1, |b| b);
        let held = pool.try_get().unwrap();
        pool.pause();
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || drop(block_on(pool.get()).unwrap())
        });
        let boss = thread::spawn({
            let pool = pool.clone();
            move || pool.resume()
        });
        drop(held);
        waiter.join().unwrap();
        boss.join().unwrap();
        at_rest(&pool, 1);
    });
}
