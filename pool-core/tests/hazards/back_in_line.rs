//! Waiters who were served and are back in line, as what they were given is no good any more: they keep
//! their place and their deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use wellspring_pool_core::{Hygiene, Manager, Pool, Validate};
use wellspring_testkit::fake::Step;

use crate::support::{poll, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn after_an_invalidation_the_deadline_holds() {
    let (pool, world) = pool_with(1, |b| {
        b.breaker(None)
            .leak_threshold(None)
            .idle_timeout(None)
            .max_lifetime(None)
            .validate(Validate::Never)
    });
    let held = pool.get().await.unwrap();
    // The housekeeper sees to deadlines in this runtime from now on.
    assert!(pool.get_timeout(500 * MILLI).await.is_err());
    let mut waiter = Box::pin(pool.get_timeout(10 * SECOND));
    assert!(poll(&mut waiter).is_pending());
    drop(held); // granted
    tokio::time::sleep(SECOND).await; // the task is late
    world.connect.always(Step::Fail);
    pool.invalidate_all(); // the grant is taken back
    let start = tokio::time::Instant::now();
    let result = tokio::time::timeout(1000 * SECOND, waiter).await;
    let took = start.elapsed();
    assert!(
        result.is_ok() && took < 10 * SECOND,
        "a deadline in 9 s, ended {} after {took:?}: {:?}",
        result.is_ok(),
        pool.status()
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_stale_grant_the_deadline_holds() {
    let (pool, world) = pool_with(1, |b| {
        b.breaker(None)
            .leak_threshold(None)
            .idle_timeout(None)
            .max_lifetime(None)
            .validation_timeout(100 * SECOND)
    });
    let held = pool.get().await.unwrap();
    assert!(pool.get_timeout(500 * MILLI).await.is_err());
    let mut waiter = Box::pin(pool.get_timeout(10 * SECOND));
    assert!(poll(&mut waiter).is_pending());
    drop(held); // granted
    tokio::time::sleep(3 * SECOND).await; // the task is late
    world.validate.always(Step::Never);
    world.connect.always(Step::Fail);
    let start = tokio::time::Instant::now();
    let result = tokio::time::timeout(1000 * SECOND, waiter).await;
    assert!(
        result.is_ok() && start.elapsed() < 8 * SECOND,
        "a deadline in 7 s, ended {} after {:?}",
        result.is_ok(),
        start.elapsed()
    );
}

#[test]
fn validation_every_time_serves_a_runtime_whose_polls_come_late() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (pool, world) = pool_with(2, |b| b.validate(Validate::Always));
        let stop = Arc::new(AtomicBool::new(false));
        let busy = tokio::spawn({
            let stop = Arc::clone(&stop);
            async move {
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(150 * MILLI);
                    // At the end of the queue of those who are ready.
                    let mut first = true;
                    std::future::poll_fn(|cx| {
                        if !std::mem::take(&mut first) {
                            return Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    })
                    .await;
                }
            }
        });
        let other = pool.clone();
        let result = tokio::spawn(async move { other.get_timeout(5 * SECOND).await.map(drop) })
            .await
            .unwrap();
        stop.store(true, Ordering::SeqCst);
        busy.await.unwrap();
        assert!(result.is_ok(), "{} validations, {}", world.validate.calls(), result.unwrap_err());
    });
}

/// What it opens finds out, when asked the next time, that its server was killed.
struct Server(Arc<AtomicBool>);

impl Manager for Server {
    type Connection = ();
    type Error = std::io::Error;

    async fn connect(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn validate(&self, _: &mut ()) -> Result<(), Self::Error> {
        Ok(())
    }

    fn hygiene(&self, _: &mut ()) -> Hygiene {
        if self.0.swap(false, Ordering::SeqCst) { Hygiene::Broken } else { Hygiene::Clean }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_died_is_not_given_to_who_waits_either() {
    let killed = Arc::new(AtomicBool::new(false));
    let pool = Pool::builder(Server(Arc::clone(&killed)))
        .max_size(1)
        .validate(Validate::Never)
        .build()
        .unwrap();
    pool.warm_up(1).await.unwrap();
    pool.pause();
    let mut waiter = Box::pin(pool.get());
    assert!(poll(&mut waiter).is_pending());
    killed.store(true, Ordering::SeqCst); // a switch of servers
    settle().await;
    pool.resume();
    let guard = waiter.await.unwrap();
    assert_ne!(guard.id().get(), 1, "the dead one was handed out");
}

/// Nor while others wait behind, when what is granted mostly comes straight from its last holder. In real
/// time, where not each wait is timed.
#[tokio::test]
async fn nor_while_others_wait_behind() {
    let killed = Arc::new(AtomicBool::new(false));
    let pool = Pool::builder(Server(Arc::clone(&killed)))
        .max_size(1)
        .validate(Validate::Never)
        .build()
        .unwrap();
    for round in 0..300 {
        let idle = pool.get().await.unwrap().id().get();
        pool.pause();
        let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(pool.get())).collect();
        waiters.iter_mut().for_each(|waiter| assert!(poll(waiter).is_pending()));
        killed.store(true, Ordering::SeqCst);
        pool.resume();
        for waiter in waiters {
            let id = waiter.await.unwrap().id().get();
            assert_ne!(id, idle, "the dead one was handed out in round {round}");
        }
    }
}
