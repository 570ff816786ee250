//! Waiters that are polled late, or whose thread loses its processor in the middle of a poll.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use wellspring_pool_core::{Fairness, Validate};

use crate::hooked_waker::hooked_waker;
use crate::support::{poll, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// Lets paused time pass within a poll: the clock jumps at once, and no task runs.
fn jump(time: Duration) {
    let before = tokio::time::Instant::now();
    let advance = pin!(tokio::time::advance(time));
    assert!(advance.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(before.elapsed(), time);
}

/// The housekeeper finds the grant unclaimed while its waiter, in the middle of a poll, stands
/// still. So in several threads, and real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_not_taken_back_between_looking_and_taking() {
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Never));
    let held = pool.get().await.unwrap();
    let (waker, hooks) = hooked_waker();
    let mut context = Context::from_waker(&waker);
    let mut first = Box::pin(pool.get());
    assert!(first.as_mut().poll(&mut context).is_pending());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let second = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _guard = pool.get().await.unwrap();
            // What was taken back for this one does not return to the first meanwhile.
            assert!(ended.await.is_err());
        }
    });
    while pool.status().waiting < 2 {
        tokio::time::sleep(MILLI).await;
    }
    drop(held); // granted to the first
    // Longer than a grant may stay unclaimed.
    hooks.at_the_next_drop(|| std::thread::sleep(300 * MILLI));
    // It panicked when the grant was gone.
    let taken = first.as_mut().poll(&mut context);
    drop((taken, first, end));
    second.await.unwrap();
}

/// The waiter is polled when its connection has been reclaimed from it: that one serves nobody.
#[tokio::test(start_paused = true)]
async fn a_grant_that_was_reclaimed_does_not_come_back() {
    let (pool, _world) = pool_with(1, |b| {
        b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1).validate(Validate::Never)
    });
    let held = pool.get().await.unwrap();
    let mut late = Box::pin(pool.get());
    assert!(poll(&mut late).is_pending());
    drop(held); // granted to `late`, which is not polled
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(pool.stats().counters.reclaimed, 1);
    let _other = pool.get().await.unwrap();
    drop(late);
    settle().await;
    let third = pool.get_timeout(Duration::ZERO).await;
    let used = pool.status().used;
    assert!(used <= 1 && third.is_err(), "{used} in use of at most 1");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_taken_out_of_line_while_it_looks_still_ends_at_its_deadline() {
    let (pool, _world) =
        pool_with(1, |b| b.fairness(Fairness::Bounded { max_bypass: 8 }).validate(Validate::Never));
    let held = pool.get().await.unwrap();
    // The housekeeper sees to deadlines in this runtime from now on.
    assert!(pool.get_timeout(150 * MILLI).await.is_err());
    let (waker, hooks) = hooked_waker();
    let mut context = Context::from_waker(&waker);
    let mut waiter = Box::pin(pool.get_timeout(60 * MILLI));
    assert!(waiter.as_mut().poll(&mut context).is_pending());
    drop(held); // it is woken, and newcomers may be faster
    assert!(hooks.was_woken());
    let held = pool.get_owned_timeout(Duration::ZERO).await.expect("a newcomer is");
    jump(50 * MILLI);
    // It looks just before its deadline, and its thread loses the processor until just after; in
    // between the connection comes back, and goes to nobody whose time is up.
    hooks.at_the_next_clone(move || {
        jump(30 * MILLI);
        drop(held);
    });
    if waiter.as_mut().poll(&mut context).is_pending() {
        tokio::time::sleep(2 * SECOND).await;
        assert!(hooks.was_woken(), "2 s past its deadline, not woken; {:?}", pool.status());
    }
}

/// What was granted lay in the mailbox for longer than a connection may be silent: it is proved alive
/// before it is used, and its waiter keeps his turn.
#[tokio::test(start_paused = true)]
async fn what_is_picked_up_very_late_is_proved_alive_first() {
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Idle(SECOND)));
    let held = pool.get().await.unwrap();
    let mut late = Box::pin(pool.get());
    assert!(poll(&mut late).is_pending());
    drop(held); // granted to `late`, which is not polled
    jump(5 * SECOND);
    assert_eq!(pool.stats().validate.count, 0);
    assert!(poll(&mut late).is_pending(), "not before it was validated");
    let other = tokio::spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await.unwrap()) }
    });
    settle().await;
    assert_eq!(pool.stats().validate.count, 1);
    assert!(!other.is_finished(), "it was overtaken");
    let guard = late.await.unwrap();
    drop(guard);
    other.await.unwrap();
}

/// As long as it is fit, it is had at once, however late.
#[tokio::test(start_paused = true)]
async fn what_is_picked_up_late_and_fit_is_had_at_once() {
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Idle(SECOND)));
    let held = pool.get().await.unwrap();
    let mut late = Box::pin(pool.get());
    assert!(poll(&mut late).is_pending());
    drop(held);
    jump(500 * MILLI);
    assert!(poll(&mut late).is_ready());
    assert_eq!(pool.stats().validate.count, 0);
}
