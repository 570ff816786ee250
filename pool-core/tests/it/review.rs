//! Findings of a review: each test fails before its fix.
#![allow(clippy::all, clippy::pedantic)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use wellspring_pool_core::{
    AcquireError, BreakerOptions, BreakerState, Fairness, Manager, Pool, PoolGroup, RetryPolicy,
    Reuse, Validate, WhenExhausted,
};
use wellspring_testkit::fake::{Fake, Step, World};

use crate::support::{FakePool, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

fn member(
    group: &PoolGroup,
    share: usize,
    max_size: usize,
    min_idle: usize,
) -> (FakePool, Arc<World>) {
    let fake = Fake::new();
    let world = Arc::clone(&fake.world);
    let pool = Pool::builder(fake)
        .max_size(max_size)
        .min_idle(min_idle)
        .group(group, share)
        .build()
        .unwrap();
    (pool, world)
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

// R1: bounded fairness + validation at each checkout never serves anybody who waits.
#[tokio::test(start_paused = true)]
async fn r01_bounded_fairness_with_validate_always() {
    let (pool, world) = pool_with(1, |b| {
        b.fairness(Fairness::Bounded { max_bypass: 8 }).validate(Validate::Always)
    });
    world.validate.always(Step::Slow(MILLI));
    let result = pool.get_timeout(SECOND).await;
    assert!(result.is_ok(), "{} validations, {:?}", world.validate.calls(), result.err());
}

// R2: warm_up beyond max_idle (start with max_idle 0 too) opens and closes for ever.
#[tokio::test(start_paused = true)]
async fn r02_warm_up_beyond_max_idle() {
    let (pool, world) = pool_with(4, |b| b.max_idle(Some(0)));
    world.connect.always(Step::Slow(10 * MILLI));
    let result = tokio::time::timeout(60 * SECOND, pool.start()).await;
    assert!(result.is_ok(), "start() did not end in 60 s, {} connects", world.connect.calls());
}

#[tokio::test(start_paused = true)]
async fn r02b_warm_up_beyond_max_idle() {
    let (pool, world) = pool_with(4, |b| b.max_idle(Some(2)));
    world.connect.always(Step::Slow(10 * MILLI));
    let result = tokio::time::timeout(60 * SECOND, pool.warm_up(3)).await;
    assert!(result.is_ok(), "warm_up did not end in 60 s, {} connects", world.connect.calls());
}

// R3: claim panics if the housekeeper takes the grant back between two locks.
struct SlowDrop(AtomicBool);
fn slow_waker(state: Arc<SlowDrop>) -> Waker {
    fn clone(p: *const ()) -> RawWaker {
        unsafe { Arc::increment_strong_count(p.cast::<SlowDrop>()) };
        RawWaker::new(p, &VTABLE)
    }
    fn drop_(p: *const ()) {
        let state = unsafe { Arc::from_raw(p.cast::<SlowDrop>()) };
        if state.0.load(Ordering::SeqCst) {
            // As if the thread was preempted here.
            std::thread::sleep(Duration::from_millis(600));
        }
    }
    fn wake(p: *const ()) {
        drop(unsafe { Arc::from_raw(p.cast::<SlowDrop>()) });
    }
    fn wake_by_ref(_: *const ()) {}
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_);
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(state).cast(), &VTABLE)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_grant_revoked_between_ready_and_claim() {
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Never));
    let held = pool.get().await.unwrap();
    let mut first = Box::pin(pool.get());
    let slow = Arc::new(SlowDrop(AtomicBool::new(false)));
    let waker = slow_waker(Arc::clone(&slow));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let other = pool.clone();
    let second = tokio::spawn(async move {
        let guard = other.get().await.unwrap();
        tokio::time::sleep(2 * SECOND).await;
        drop(guard);
    });
    tokio::time::sleep(20 * MILLI).await;
    drop(held); // granted to the first
    slow.0.store(true, Ordering::SeqCst);
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tokio::task::block_in_place(|| {
            first.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        })
    }));
    slow.0.store(false, Ordering::SeqCst);
    eprintln!("{polled:?} revoked {} {:?}", pool.stats().counters.revoked_grants, pool.status());
    std::mem::forget(waker);
    assert!(polled.is_ok(), "get() panicked");
    drop(first);
    second.await.unwrap();
}

// R4: a grant that was reclaimed goes back to the idle ones: more connections than the limit.
#[tokio::test(start_paused = true)]
async fn r04_reclaimed_grant_exceeds_the_limit() {
    let (pool, _world) = pool_with(1, |b| {
        b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1).validate(Validate::Never)
    });
    let held = pool.get().await.unwrap();
    let mut late = Box::pin(pool.get());
    assert!(poll(&mut late).is_pending());
    drop(held); // granted to `late`, which is not polled
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(pool.stats().counters.reclaimed, 1);
    let other = pool.get().await.unwrap();
    drop(late);
    settle().await;
    let status = pool.status();
    let third = pool.get_timeout(Duration::ZERO).await;
    let in_use = pool.status().used;
    assert!(in_use <= 1 && third.is_err(), "{in_use} in use of at most 1; before: {status:?}");
    drop(other);
}

// R5: shrinking closes more than it should while closes are slow.
#[tokio::test(start_paused = true)]
async fn r05_resize_closes_too_many() {
    let (pool, world) = pool_with(4, |b| b);
    world.close.always(Step::Slow(SECOND));
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(pool.get().await.unwrap());
    }
    pool.resize(2).unwrap();
    drop(held);
    tokio::time::sleep(10 * SECOND).await;
    let status = pool.status();
    assert_eq!(status.idle, 2, "{status:?}");
}

// R6: the return of a reclaimed connection costs a healthy one.
#[tokio::test(start_paused = true)]
async fn r06_return_of_a_reclaimed_one_costs_another() {
    let (pool, world) =
        pool_with(1, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1));
    world.close.always(Step::Slow(4 * SECOND));
    let leaked = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    let healthy = pool.get().await.unwrap();
    let healthy_id = healthy.id();
    drop(leaked);
    settle().await;
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move {
            let start = tokio::time::Instant::now();
            let id = pool.get().await.unwrap().id();
            (id, start.elapsed())
        }
    });
    settle().await;
    drop(healthy);
    let (id, waited) = waiter.await.unwrap();
    assert!(id == healthy_id && waited < SECOND, "{id} after {waited:?}");
}

// R7: min_idle beyond the shares under a common cap: the pools take connections from each other for ever.
#[tokio::test(start_paused = true)]
async fn r07_groups_ping_pong_for_min_idle() {
    let group = PoolGroup::new(3).unwrap();
    let (one, w1) = member(&group, 1, 2, 2);
    let (two, w2) = member(&group, 1, 2, 2);
    for world in [&w1, &w2] {
        world.connect.always(Step::Slow(10 * MILLI));
    }
    tokio::time::sleep(10 * SECOND).await;
    let connects = w1.connect.calls() + w2.connect.calls();
    assert!(connects < 20, "{connects} connects in 10 s without any demand");
    drop((one, two));
}

// R8: one that gave up waiting for a place under a common cap, in a paused pool, blocks the others.
#[tokio::test(start_paused = true)]
async fn r08_paused_pool_blocks_the_queue_of_its_group() {
    let group = PoolGroup::new(2).unwrap();
    let (one, _) = member(&group, 0, 2, 0);
    let (two, _) = member(&group, 0, 2, 0);
    let a = one.get().await.unwrap();
    let b = one.get().await.unwrap();
    two.pause();
    assert!(two.warm_up(1).await.is_err());
    let waiting = group.status().waiting;
    a.discard();
    b.discard();
    settle().await;
    assert_eq!(group.status().used, 0);
    let result = one.get_timeout(5 * SECOND).await.map(drop);
    assert!(
        result.is_ok(),
        "{waiting} still in the queue; {:?}: {}",
        group.status(),
        result.unwrap_err()
    );
}

// R9: who waits under a common cap, beyond the share, starves beside a busy pool.
#[tokio::test(start_paused = true)]
async fn r09_busy_pool_starves_its_neighbour() {
    let group = PoolGroup::new(2).unwrap();
    let (busy, _) = member(&group, 0, 2, 0);
    let (quiet, _) = member(&group, 0, 2, 0);
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

// R10: a keepalive or validation that hangs holds up everybody although others are idle.
#[tokio::test(start_paused = true)]
async fn r10_hanging_validation_holds_up_acquires_though_others_are_idle() {
    let (pool, world) = pool_with(3, |b| b);
    pool.warm_up(3).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    world.validate.next([Step::Never]);
    let start = tokio::time::Instant::now();
    let _guard = pool.get().await.unwrap();
    assert!(start.elapsed() < SECOND, "waited {:?} beside two idle ones", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn r10b_hanging_keepalive_holds_up_acquires_though_others_are_idle() {
    let (pool, world) = pool_with(3, |b| b.keepalive(Some(60 * SECOND)));
    pool.warm_up(3).await.unwrap();
    world.validate.next([Step::Never, Step::Never]);
    while pool.status().validating == 0 {
        tokio::time::sleep(100 * MILLI).await;
    }
    let start = tokio::time::Instant::now();
    let _guard = pool.get().await.unwrap();
    assert!(start.elapsed() < SECOND, "waited {:?}: {:?}", start.elapsed(), pool.status());
}

// R11: keepalive stops for good when one became due during a pause.
#[tokio::test(start_paused = true)]
async fn r11_keepalive_after_a_pause() {
    let (pool, world) =
        pool_with(1, |b| b.keepalive(Some(60 * SECOND)).idle_timeout(None).max_lifetime(None));
    pool.warm_up(1).await.unwrap();
    pool.pause();
    tokio::time::sleep(100 * SECOND).await;
    pool.resume();
    tokio::time::sleep(10_000 * SECOND).await;
    assert!(world.validate.calls() > 0, "no keepalive in 10000 s");
}

// R12: successors that were asked for and not needed any more come back as connections nobody wants.
#[tokio::test(start_paused = true)]
async fn r12_owed_successors_pile_up() {
    let (pool, world) = pool_with(4, |b| {
        b.max_lifetime(Some(60 * SECOND)).idle_timeout(Some(10 * SECOND)).leak_threshold(None)
    });
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (pool, stop) = (pool.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let guard = pool.get().await.unwrap();
                    tokio::time::sleep(50 * MILLI).await;
                    drop(guard);
                }
            })
        })
        .collect();
    tokio::time::sleep(1800 * SECOND).await;
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let before = world.created();
    tokio::time::sleep(30 * SECOND).await;
    let status = pool.status();
    let after_30 = world.created() - before;
    tokio::time::sleep(600 * SECOND).await;
    let opened = world.created() - before;
    assert!(
        opened <= 4,
        "{after_30} opened in 30 s, {opened} in 630 s of silence ({before} before); {status:?}"
    );
}

// R13: beside a connection that is held, the breaker keeps newcomers waiting though the server is back.
#[tokio::test(start_paused = true)]
async fn r13_open_breaker_with_a_held_connection() {
    let breaker = BreakerOptions { failures: 3, open_for: 600 * SECOND, probes: 1 };
    let (pool, world) = pool_with(4, |b| {
        b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).leak_threshold(None)
    });
    let _held = pool.get().await.unwrap();
    world.connect.always(Step::Fail);
    assert!(pool.get_timeout(10 * SECOND).await.is_err());
    assert_eq!(pool.breaker(), BreakerState::Open);
    tokio::time::sleep(20 * SECOND).await;
    world.connect.always(Step::Ok);
    let calls = world.connect.calls();
    let result = pool.get_timeout(30 * SECOND).await.map(drop);
    assert!(
        result.is_ok(),
        "{} attempts in 30 s of demand: {}",
        world.connect.calls() - calls,
        result.unwrap_err()
    );
}

// R14: attempts of an outage long ago count against newcomers.
#[tokio::test(start_paused = true)]
async fn r14_stale_attempts_use_up_the_retry_policy() {
    let retry = RetryPolicy { max_elapsed: Some(5 * SECOND), ..RetryPolicy::connecting() };
    let (pool, world) = pool_with(1, |b| b.connect_retry(retry).breaker(None));
    world.connect.next([Step::Fail]);
    // Leaves before it is tried again.
    assert!(pool.get_timeout(Duration::from_micros(1)).await.is_err());
    world.connect.next([Step::Fail]);
    tokio::time::sleep(3600 * SECOND).await;
    let calls = world.connect.calls();
    // As the first one succeeded or failed meanwhile, make sure that there is nothing idle.
    if pool.status().idle > 0 {
        panic!("scenario broken");
    }
    world.connect.next([Step::Fail]);
    let result = pool.get_timeout(5 * SECOND).await.map(drop);
    assert!(
        result.is_ok(),
        "after {} attempts: {}",
        world.connect.calls() - calls,
        result.unwrap_err()
    );
}

// R15: one who backs off in a runtime that stands still keeps everybody from connecting.
#[test]
fn r15_backing_off_in_a_runtime_that_stands_still() {
    let retry = RetryPolicy {
        base_pause: 200 * MILLI,
        max_pause: 200 * MILLI,
        ..RetryPolicy::connecting()
    };
    let (pool, world) =
        pool_with(2, |b| b.connect_retry(retry).breaker(None).connect_timeout(100 * MILLI));
    world.connect.next([Step::Fail; 8]);
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    still.block_on(async {
        assert!(pool.get_timeout(MILLI).await.is_err());
    });
    world.connect.always(Step::Ok);
    let alive = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = alive.block_on(async { pool.get_timeout(5 * SECOND).await.map(drop) });
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), pool.status());
    drop(still);
}

// R16: the error of a waiter that leaves is destroyed under the pool's lock.
mod loud {
    use super::*;
    pub static LOOK: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);
    #[derive(Debug)]
    pub struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("loud")
        }
    }
    impl std::error::Error for Loud {}
    impl Drop for Loud {
        fn drop(&mut self) {
            if let Ok(look) = LOOK.try_lock() {
                if let Some(look) = &*look {
                    look();
                }
            }
        }
    }
    pub struct M(pub AtomicUsize);
    impl Manager for M {
        type Connection = ();
        type Error = Loud;
        async fn connect(&self) -> Result<(), Loud> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 { Err(Loud) } else { Ok(()) }
        }
        async fn validate(&self, _: &mut ()) -> Result<(), Loud> {
            Ok(())
        }
        fn classify(&self, _: &Loud) -> wellspring_pool_core::FailureClass {
            wellspring_pool_core::FailureClass::Permanent
        }
    }
}

#[test]
fn r16_error_destroyed_under_the_lock() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = Pool::builder(loud::M(AtomicUsize::new(0))).max_size(2).build().unwrap();
            let mut failed = Box::pin(pool.get());
            assert!(poll(&mut failed).is_pending());
            settle().await; // it is told the error, but not polled
            drop(pool.get().await.unwrap()); // the pool forgets the error
            let other = pool.clone();
            *loud::LOOK.lock().unwrap() = Some(Box::new(move || drop(other.status())));
            drop(failed); // the last to have it
        });
        done.send(()).unwrap();
    });
    assert!(finished.recv_timeout(5 * SECOND).is_ok(), "deadlock");
}

// R17: fail-fast waits for the common cap.
#[tokio::test(start_paused = true)]
async fn r17_fail_fast_under_a_full_group() {
    let group = PoolGroup::new(1).unwrap();
    let (one, _) = member(&group, 0, 1, 0);
    let two = Pool::builder(Fake::new())
        .max_size(1)
        .when_exhausted(WhenExhausted::Fail)
        .group(&group, 0)
        .build()
        .unwrap();
    let _held = one.get().await.unwrap();
    let start = tokio::time::Instant::now();
    let error = two.get().await.unwrap_err();
    assert!(start.elapsed() < SECOND, "waited {:?}: {error}", start.elapsed());
}

// R18: min_idle is not kept after the breaker was open.
#[tokio::test(start_paused = true)]
async fn r18_min_idle_after_the_breaker() {
    let (pool, _world) =
        pool_with(2, |b| b.min_idle(1).leak_threshold(None).idle_timeout(None).max_lifetime(None));
    settle().await;
    pool.open_breaker();
    pool.get().await.unwrap().discard();
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(pool.status().idle, 1, "{:?}", pool.status());
}

// R19: a place freed by an abandoned connection is not used before the housekeeper looks.
#[tokio::test(start_paused = true)]
async fn r19_abandoned_frees_a_place_and_nobody_is_told() {
    let (pool, world) = pool_with(1, |b| {
        b.min_idle(1).max_abandoned(1).leak_threshold(None).idle_timeout(None).max_lifetime(None)
    });
    settle().await;
    let mut guard = pool.get().await.unwrap();
    guard.stuck = true;
    drop(guard);
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(pool.status().idle, 1, "{:?}", pool.status());
    world.unstick();
}

// R20: a waiter taken out of line by another at its deadline, while it looks, is forgotten.
struct Hook(Mutex<Option<Box<dyn FnOnce() + Send>>>, AtomicBool);
fn hook_waker(state: Arc<Hook>) -> Waker {
    fn clone(p: *const ()) -> RawWaker {
        unsafe { Arc::increment_strong_count(p.cast::<Hook>()) };
        let state = unsafe { &*p.cast::<Hook>() };
        let hook = state.0.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        RawWaker::new(p, &VTABLE)
    }
    fn drop_(p: *const ()) {
        drop(unsafe { Arc::from_raw(p.cast::<Hook>()) });
    }
    fn wake(p: *const ()) {
        wake_by_ref(p);
        drop_(p);
    }
    fn wake_by_ref(p: *const ()) {
        unsafe { &*p.cast::<Hook>() }.1.store(true, Ordering::SeqCst);
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_);
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(state).cast(), &VTABLE)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r20_taken_out_of_line_while_it_looks() {
    let (pool, _world) =
        pool_with(1, |b| b.fairness(Fairness::Bounded { max_bypass: 8 }).validate(Validate::Never));
    let held = pool.get().await.unwrap();
    // The housekeeper sees to deadlines in this runtime from now on.
    assert!(pool.get_timeout(150 * MILLI).await.is_err());
    let start = std::time::Instant::now();
    let mut waiter = Box::pin(pool.get_timeout(60 * MILLI));
    let state = Arc::new(Hook(Mutex::new(None), AtomicBool::new(false)));
    let waker = hook_waker(Arc::clone(&state));
    assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(held); // it is woken, and newcomers may be faster
    let held = pool.try_get().ok().expect("a newcomer is");
    assert!(state.1.swap(false, Ordering::SeqCst), "was woken");
    let held = Mutex::new(Some(held));
    // It looks just before its deadline, and its thread loses the processor for a moment, in which
    // the connection comes back.
    while start.elapsed() < 50 * MILLI {
        std::hint::spin_loop();
    }
    let held: wellspring_pool_core::PooledRef<'_, Fake> = held.into_inner().unwrap().unwrap();
    let raw = Box::into_raw(Box::new(held)) as usize;
    *state.0.lock().unwrap() = Some(Box::new(move || {
        std::thread::sleep(30 * MILLI);
        drop(unsafe { Box::from_raw(raw as *mut wellspring_pool_core::PooledRef<'static, Fake>) });
    }));
    let first = waiter.as_mut().poll(&mut Context::from_waker(&waker));
    if first.is_pending() {
        tokio::time::sleep(2 * SECOND).await;
        assert!(
            state.1.load(Ordering::SeqCst),
            "past its deadline by 2 s, never woken again; {:?}",
            pool.status()
        );
    }
}

// R21: pokes go to a dismissed housekeeper in a runtime that stands still.
#[test]
fn r21_poke_goes_to_the_wrong_housekeeper() {
    let (pool, _world) = pool_with(2, |b| {
        b.leak_threshold(Some(200 * MILLI))
            .idle_timeout(None)
            .max_lifetime(None)
            .validate(Validate::Never)
    });
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guard = still.block_on(async {
        let guard = pool.get_owned().await.unwrap();
        settle().await;
        guard
    });
    std::thread::sleep(1500 * MILLI);
    let alive = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    alive.block_on(async {
        drop(guard); // notices that the housekeeper is overdue
        settle().await;
        let before = pool.stats().counters.leaks;
        let _leak = pool.get().await.unwrap();
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(pool.stats().counters.leaks - before, 1, "leak not noticed");
    });
    drop(still);
}

// R22: a probe in a runtime that stands still keeps the breaker half open for ever.
#[test]
fn r22_probe_in_a_runtime_that_stands_still() {
    let breaker = BreakerOptions { failures: 1, open_for: 50 * MILLI, probes: 1 };
    let (pool, world) = pool_with(2, |b| {
        b.breaker(Some(breaker)).outage_tolerance(Duration::ZERO).connect_timeout(100 * MILLI)
    });
    pool.open_breaker();
    std::thread::sleep(60 * MILLI);
    world.connect.next([Step::Never]);
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    still.block_on(async {
        assert!(pool.get_timeout(MILLI).await.is_err());
    });
    let alive = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = alive.block_on(async { pool.get_timeout(5 * SECOND).await.map(drop) });
    assert!(result.is_ok(), "{}; {:?}", result.unwrap_err(), pool.status());
    drop(still);
}

// R23: a low priority that was passed over by then-gone waiters overtakes the urgent ones.
#[tokio::test(start_paused = true)]
async fn r23_ageing_outlives_those_who_aged() {
    use wellspring_pool_core::Priority;
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Never));
    let mut held = pool.get().await.unwrap();
    let mut aged = Box::pin(pool.get().priority(Priority::Low));
    assert!(poll(&mut aged).is_pending());
    for _ in 0..16 {
        let mut urgent = Box::pin(pool.get().priority(Priority::High));
        assert!(poll(&mut urgent).is_pending());
        drop(held);
        let Poll::Ready(Ok(next)) = poll(&mut urgent) else { panic!() };
        held = next;
    }
    drop(aged);
    let mut urgent = Box::pin(pool.get().priority(Priority::High));
    assert!(poll(&mut urgent).is_pending());
    let mut low = Box::pin(pool.get().priority(Priority::Low));
    assert!(poll(&mut low).is_pending());
    drop(held);
    assert!(poll(&mut urgent).is_ready(), "a newcomer of low priority was served first");
}

// R24: try_get sees nothing where a fit connection is idle behind an unproven one.
#[tokio::test(start_paused = true)]
async fn r24_try_get_looks_at_one_only() {
    let (pool, _world) = pool_with(2, |b| b.reuse(Reuse::Fifo));
    pool.warm_up(2).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    // One of them is proved alive and comes back.
    drop(pool.get().await.unwrap());
    settle().await;
    let result = pool.try_get();
    assert!(result.is_ok(), "{:?} with {:?}", result.err(), pool.status());
}

// R25: keepalive of one that comes back late waits for another interval.
#[tokio::test(start_paused = true)]
async fn r25_keepalive_is_late_by_an_interval() {
    let (pool, world) = pool_with(1, |b| {
        b.keepalive(Some(100 * SECOND)).idle_timeout(None).max_lifetime(None).leak_threshold(None)
    });
    pool.warm_up(1).await.unwrap();
    let start = tokio::time::Instant::now();
    tokio::time::sleep(70 * SECOND).await;
    let guard = pool.get().await.unwrap();
    let proven = tokio::time::Instant::now();
    let before = world.validate.calls();
    tokio::time::sleep(101 * SECOND).await;
    drop(guard); // held for long, nothing reported: not proven
    while world.validate.calls() == before {
        tokio::time::sleep(SECOND).await;
    }
    assert!(
        proven.elapsed() < 110 * SECOND,
        "silent for {:?} ({:?})",
        proven.elapsed(),
        start.elapsed()
    );
}

// R27: quiesce says that nothing is in use while a reclaimed holder works on.
#[tokio::test(start_paused = true)]
async fn r27_quiesce_ignores_reclaimed_holders() {
    let (pool, _world) =
        pool_with(1, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1));
    let _held = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert!(!pool.quiesce(SECOND).await, "{:?}", pool.holders());
}

// R28: dropped probes of an earlier time let more probes through than allowed.
#[tokio::test(start_paused = true)]
async fn r28_more_probes_than_allowed() {
    let breaker = BreakerOptions { failures: 1, open_for: SECOND, probes: 1 };
    let (pool, world) = pool_with(8, |b| {
        b.breaker(Some(breaker))
            .outage_tolerance(Duration::ZERO)
            .max_connecting(8)
            .connect_timeout(100 * SECOND)
    });
    world.connect.always(Step::Never);
    pool.open_breaker();
    tokio::time::sleep(2 * SECOND).await;
    let mut waiters = Vec::new();
    let mut most = 0;
    for _ in 0..5 {
        let pool2 = pool.clone();
        waiters.push(tokio::spawn(async move { pool2.get_timeout(1000 * SECOND).await.map(drop) }));
        settle().await;
        most = most.max(pool.status().connecting);
        pool.open_breaker();
        tokio::time::sleep(2 * SECOND).await;
        let pool2 = pool.clone();
        waiters.push(tokio::spawn(async move { pool2.get_timeout(1000 * SECOND).await.map(drop) }));
        settle().await;
        most = most.max(pool.status().connecting);
    }
    assert!(most <= 1, "{most} probes at one time");
}

// R29: detach and counters add up whatever happens.
#[tokio::test(start_paused = true)]
async fn r29_counters_add_up() {
    let (pool, world) =
        pool_with(3, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(2));
    let a = pool.get().await.unwrap();
    let b = pool.get().await.unwrap();
    let mut c = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    let sums = |what: &str| {
        let stats = pool.stats();
        let status = stats.status;
        let living = status.idle + status.used + status.validating + status.resetting;
        eprintln!(
            "{what}: connected {} closed {:?} detached {} reclaimed {} living {living} abandoned {}",
            stats.counters.connected,
            stats.counters.closed,
            stats.counters.detached,
            stats.counters.reclaimed,
            status.abandoned
        );
    };
    sums("reclaimed two");
    drop(a.detach());
    sums("one detached");
    c.stuck = true;
    drop(c);
    sums("one stuck");
    drop(b);
    settle().await;
    sums("one returned");
    world.unstick();
    settle().await;
    sums("unstuck");
    let stats = pool.stats();
    assert_eq!(stats.status.size, 0, "{:?}", stats.status);
    assert_eq!(stats.counters.connected, 3);
}

// R30: the retry of a permanent failure.
#[tokio::test(start_paused = true)]
async fn r30_warm_up_in_a_pool_that_takes_back() {
    let (pool, world) = pool_with(4, |b| b.min_idle(2).max_uses(Some(1)));
    settle().await;
    world.connect.always(Step::Slow(MILLI));
    for _ in 0..20 {
        drop(pool.get().await.unwrap());
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(pool.status().idle, 2);
    let made = world.created();
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(world.created(), made);
}

// R31: overflow and min_idle under churn settle; nothing is opened without need.
#[tokio::test(start_paused = true)]
async fn r31_renewal_of_an_unused_pool_does_not_churn() {
    let (pool, world) = pool_with(8, |b| {
        b.min_idle(4).max_lifetime(Some(100 * SECOND)).idle_timeout(Some(30 * SECOND))
    });
    settle().await;
    tokio::time::sleep(1000 * SECOND).await;
    assert!(world.created() <= 4 * 13, "{} opened in ten lives of four", world.created());
    let _ = &pool;
}

// R32: shrinking hands connections in use to those who wait only while there are not too many.
#[tokio::test(start_paused = true)]
async fn r32_resize_with_waiters_and_slow_closes() {
    let (pool, world) = pool_with(4, |b| b);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(pool.get().await.unwrap());
    }
    world.close.always(Step::Slow(4 * SECOND));
    pool.resize(2).unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move {
            let start = tokio::time::Instant::now();
            drop(pool.get().await.unwrap());
            start.elapsed()
        }
    });
    settle().await;
    drop(held);
    let waited = waiter.await.unwrap();
    assert!(waited < SECOND, "waited {waited:?} beside two connections that may stay");
}

// R33: while a reclaimed connection closes, every idle one is closed for one acquire.
#[tokio::test(start_paused = true)]
async fn r33_return_of_a_reclaimed_one_empties_the_pool() {
    let (pool, world) =
        pool_with(10, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1));
    let leaked = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    pool.warm_up(10).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    world.close.always(Step::Slow(4 * SECOND));
    drop(leaked);
    let start = tokio::time::Instant::now();
    drop(pool.get().await.unwrap());
    let (waited, closed) = (start.elapsed(), pool.stats().counters.closed);
    assert!(
        closed.surplus == 0,
        "{} healthy idle connections closed, waited {waited:?}",
        closed.surplus
    );
}

// R34: the free path alone does not bring the housekeeper back for a leak.
#[test]
fn r34_leak_on_the_free_path_after_the_housekeepers_runtime_died() {
    let (pool, _world) =
        pool_with(1, |b| b.leak_threshold(Some(100 * MILLI)).validate(Validate::Never));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(async { pool.warm_up(1).await.unwrap() });
    runtime().block_on(async {
        let _leak = pool.get().await.unwrap();
        tokio::time::sleep(SECOND).await;
        assert_eq!(pool.stats().counters.leaks, 1, "leak not noticed");
    });
}

// R35: successors in the overflow are closed at once.
#[tokio::test(start_paused = true)]
async fn r35_successor_in_the_overflow() {
    let (pool, world) = pool_with(1, |b| {
        b.max_overflow(1)
            .max_lifetime(Some(100 * SECOND))
            .max_lifetime_jitter(0.0)
            .leak_threshold(None)
    });
    let held = pool.get().await.unwrap();
    tokio::time::sleep(97 * SECOND).await;
    drop(held);
    settle().await;
    let status = pool.status();
    assert_eq!(
        status.idle,
        1,
        "{} opened, closed {:?}",
        world.created(),
        pool.stats().counters.closed
    );
}

// Random operations in paused time: no panic, nothing lost.
fn fuzz(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move {
        let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut rnd = move |n: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 11) % n
        };
        let max = 1 + rnd(5) as usize;
        let min_idle = rnd(2) as usize;
        let overflow = rnd(2) as usize;
        let group = PoolGroup::new(max + 1).unwrap();
        let grouped = rnd(3) == 0;
        let retry = RetryPolicy {
            max_pause: SECOND,
            max_attempts: if rnd(2) == 0 { Some(3) } else { None },
            ..RetryPolicy::connecting()
        };
        let breaker =
            BreakerOptions { failures: 3, open_for: 5 * SECOND, probes: 1 + rnd(2) as u32 };
        let fairness =
            if rnd(3) == 0 { Fairness::Bounded { max_bypass: 2 } } else { Fairness::Strict };
        let (reclaim, keep, life) = (rnd(2) == 0, rnd(2) == 0, rnd(2) == 0);
        let breaker = (rnd(2) == 0).then_some(breaker);
        let (pool, world) = pool_with(max, |b| {
            let b = b
                .min_idle(min_idle)
                .max_overflow(overflow)
                .connect_retry(retry)
                .breaker(breaker)
                .outage_tolerance(SECOND)
                .fairness(fairness)
                .max_abandoned(2)
                .leak_threshold(Some(3 * SECOND))
                .leak_reclaim(reclaim.then_some(6 * SECOND))
                .keepalive(keep.then_some(4 * SECOND))
                .max_lifetime(life.then_some(30 * SECOND))
                .idle_timeout(Some(10 * SECOND))
                .connect_timeout(2 * SECOND)
                .max_uses(Some(20));
            if grouped { b.group(&group, 0) } else { b }
        });
        let (other, _w) = member(&group, 0, max + 1, 0);
        let mut held = Vec::new();
        let mut others = Vec::new();
        let mut pending: Vec<Pin<Box<wellspring_pool_core::Acquire<Fake, FakePool>>>> = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..400 {
            match rnd(24) {
                0..=4 => {
                    let p = pool.clone();
                    let (t, h) = (rnd(3000), rnd(4000));
                    let prio = [
                        wellspring_pool_core::Priority::Low,
                        wellspring_pool_core::Priority::Normal,
                        wellspring_pool_core::Priority::High,
                    ][rnd(3) as usize];
                    tasks.push(tokio::spawn(async move {
                        if let Ok(guard) = p.get().priority(prio).timeout(t as u32 * MILLI).await {
                            tokio::time::sleep(h as u32 * MILLI).await;
                            drop(guard);
                        }
                    }));
                }
                5 => {
                    if let Ok(guard) = pool.get_owned_timeout(100 * MILLI).await {
                        held.push(guard)
                    }
                }
                6 => {
                    let mut a = Box::pin(pool.get_owned_timeout(5 * SECOND));
                    if a.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                        pending.push(a)
                    }
                }
                7 => {
                    if !pending.is_empty() {
                        let i = rnd(pending.len() as u64) as usize;
                        let ready =
                            pending[i].as_mut().poll(&mut Context::from_waker(Waker::noop()));
                        if let Poll::Ready(r) = ready {
                            drop(pending.swap_remove(i));
                            if let Ok(g) = r {
                                held.push(g)
                            }
                        }
                    }
                }
                8 => {
                    if !pending.is_empty() {
                        let i = rnd(pending.len() as u64) as usize;
                        drop(pending.swap_remove(i));
                    }
                }
                9 | 10 => {
                    if !held.is_empty() {
                        let i = rnd(held.len() as u64) as usize;
                        let mut g = held.swap_remove(i);
                        match rnd(6) {
                            0 => g.discard(),
                            1 => drop(g.detach()),
                            2 => {
                                g.dirty = true;
                                drop(g)
                            }
                            3 => {
                                g.broken = true;
                                drop(g)
                            }
                            4 => {
                                g.stuck = rnd(3) == 0;
                                drop(g)
                            }
                            _ => drop(g),
                        }
                    }
                }
                11 => world.connect.next([Step::Fail; 3]),
                12 => world.connect.next([Step::Slow(500 * MILLI), Step::Never]),
                13 => world.validate.next([Step::Fail, Step::Slow(300 * MILLI)]),
                14 => world.reset.next([Step::Fail, Step::Panic]),
                15 => world.close.next([Step::Slow(SECOND), Step::Panic]),
                16 => {
                    pool.pause();
                }
                17 => {
                    pool.resume();
                }
                18 => pool.invalidate_all(),
                19 => {
                    let n = min_idle.max(1 + rnd(max as u64) as usize);
                    pool.resize(n).unwrap();
                }
                20 => {
                    if rnd(3) == 0 {
                        pool.open_breaker()
                    } else {
                        pool.reset_breaker()
                    }
                }
                21 => world.unstick(),
                22 => {
                    if others.len() < 3 {
                        if let Ok(g) = other.get_owned_timeout(50 * MILLI).await {
                            others.push(g)
                        }
                    } else {
                        others.clear()
                    }
                }
                _ => tokio::time::sleep(rnd(1500) as u32 * MILLI).await,
            }
            let s = pool.status();
            let sum = s.idle
                + s.used
                + s.connecting
                + s.validating
                + s.resetting
                + s.closing
                + s.abandoned;
            assert_eq!(sum, s.size, "seed {seed}");
            assert!(group.status().used <= max + 1, "seed {seed}");
        }
        held.clear();
        pending.clear();
        others.clear();
        world.unstick();
        pool.resume();
        pool.reset_breaker();
        pool.resize(max).unwrap();
        for t in tasks {
            t.await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
        tokio::time::sleep(30 * SECOND).await;
        for _ in 0..300 {
            pool.reset_breaker();
            if let Ok(g) = pool.get_timeout(5 * SECOND).await {
                g.discard()
            }
        }
        tokio::time::sleep(10 * SECOND).await;
        drop(other);
        settle().await;
        let mut all = Vec::new();
        for n in 0..max + overflow {
            if grouped && n >= max + 1 {
                break;
            }
            all.push(
                pool.get_timeout(20 * SECOND)
                    .await
                    .unwrap_or_else(|e| panic!("seed {seed}: {n}: {e}")),
            );
        }
        drop(all);
        let report = pool.drain(60 * SECOND).await;
        assert!(report.complete && report.status.size == 0, "seed {seed}: {report:?}");
        let c = pool.stats().counters;
        let k = c.closed;
        let total = k.broken
            + k.invalid
            + k.reset_failed
            + k.idle
            + k.lifetime
            + k.uses
            + k.surplus
            + k.discarded
            + k.queries
            + k.errors
            + k.retired
            + k.invalidated
            + k.reclaimed
            + k.stuck
            + k.lost
            + k.shutdown;
        assert_eq!(c.connected, total + c.detached, "seed {seed}: {c:?}");
        assert_eq!(group.status().used, 0, "seed {seed}");
        assert_eq!(world.alive(), 0, "seed {seed}");
    });
}

#[test]
fn fuzz_many() {
    let base: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let n: u64 = std::env::var("N").ok().and_then(|s| s.parse().ok()).unwrap_or(200);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.to_string();
        if !text.contains("scripted panic") {
            hook(info)
        }
    }));
    let mut bad = 0;
    for seed in base..base + n {
        if std::panic::catch_unwind(|| fuzz(seed)).is_err() {
            bad += 1;
            if bad > 5 {
                break;
            }
        }
    }
    assert_eq!(bad, 0);
}

// R36: one whose time is up, and who is not polled, keeps the pool connecting and awake.
#[tokio::test(start_paused = true)]
async fn r36_late_waiter_keeps_connecting() {
    let (pool, world) = pool_with(1, |b| b.breaker(None));
    world.connect.always(Step::Fail);
    let mut late = Box::pin(pool.get_timeout(SECOND));
    assert!(poll(&mut late).is_pending());
    tokio::time::sleep(100 * SECOND).await;
    let calls = world.connect.calls();
    tokio::time::sleep(1000 * SECOND).await;
    let more = world.connect.calls() - calls;
    assert!(more <= 1, "{more} attempts long after the deadline, {:?}", pool.status());
}
