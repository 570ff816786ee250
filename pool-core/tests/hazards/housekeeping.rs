//! A housekeeper that meets jumping clocks, runtimes that stand still or die, and panics.

use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wellspring_pool_core::{Event, Listener, Validate};

use crate::support::{full_strength, pool, pool_with, settle};

const MILLI: Duration = Duration::from_millis(1);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// After a jump nobody who was just served loses what he was granted: he could not come for it.
#[tokio::test(start_paused = true)]
async fn a_jump_of_time_takes_no_grant_back() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut first = Box::pin(pool.get_timeout(Duration::from_secs(90_000)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(Duration::from_secs(90_000)).await.map(drop) }
    });
    settle().await;
    drop(held);
    tokio::time::advance(Duration::from_secs(80_000)).await;
    settle().await;
    assert_eq!(pool.stats().counters.revoked_grants, 0);
    // But later he does, if he does not come.
    tokio::time::sleep(200 * MILLI).await;
    assert_eq!(pool.stats().counters.revoked_grants, 1);
    second.await.unwrap().unwrap();
    drop(first);
    full_strength(&pool, &world).await;
}

/// The housekeeper's runtime is alive, but nobody drives it: whoever uses the pool elsewhere takes over.
#[test]
fn a_runtime_that_stands_still_is_relieved_of_the_duty() {
    let (pool, world) =
        pool_with(2, |b| b.idle_timeout(Some(50 * MILLI)).validate(Validate::Never));
    let still = runtime();
    still.block_on(async {
        drop(pool.get().await.unwrap());
        settle().await;
    });
    // Long overdue.
    std::thread::sleep(1_200 * MILLI);
    let alive = runtime();
    alive.block_on(async {
        drop(pool.get().await.unwrap());
        tokio::time::sleep(200 * MILLI).await;
        assert_eq!(world.alive(), 0, "nobody keeps house");
        full_strength(&pool, &world).await;
    });
    // The old one shows up again, and retires.
    still.block_on(async { settle().await });
    alive.block_on(full_strength(&pool, &world));
}

/// What dies with a runtime, one waiter knows of; when that one is served by other means first, the
/// others learn it all the same.
#[test]
fn the_news_of_a_death_is_not_lost_with_its_bearer() {
    let (pool, world) = pool(2);
    world.connect.next([wellspring_testkit::fake::Step::Ok, wellspring_testkit::fake::Step::Never]);
    let doomed = runtime();
    let held = doomed.block_on(async { pool.get_owned().await.unwrap() });
    doomed.block_on(async {
        // A connect that will die.
        assert!(pool.get_timeout(10 * MILLI).await.is_err());
        assert_eq!(pool.status().connecting, 1);
    });
    let alive = runtime();
    let mut context = Context::from_waker(Waker::noop());
    let (mut first, mut second) = {
        let _inside = alive.enter();
        let mut first = Box::pin(pool.get_owned());
        let mut second = Box::pin(pool.get_owned());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        (first, second)
    };
    drop(doomed); // wakes the first
    drop(held); // and serves it
    alive.block_on(async {
        let first = match first.as_mut().poll(&mut context) {
            Poll::Ready(guard) => guard.unwrap(),
            Poll::Pending => panic!("it was served"),
        };
        let limit = Duration::from_secs(5);
        let second = tokio::time::timeout(limit, &mut second).await.expect("left behind").unwrap();
        drop((first, second));
        full_strength(&pool, &world).await;
    });
}

#[test]
fn connections_lost_with_a_runtime_are_counted() {
    let (pool, _world) = pool(1);
    let doomed = runtime();
    doomed.block_on(async {
        let mut guard = pool.get().await.unwrap();
        guard.dirty = true;
        drop(guard); // its reset is spawned, and not run
    });
    drop(doomed);
    let counters = pool.stats().counters;
    assert_eq!(counters.closed.lost, 1);
    assert_eq!(counters.connected, counters.closed.total());
}

/// A listener that panics at everything, in the housekeeper as elsewhere.
struct Panics;

impl Listener for Panics {
    fn on_event(&self, _: &str, _: &Event<'_>) {
        panic!("scripted panic in a listener");
    }
}

#[tokio::test(start_paused = true)]
async fn panics_in_its_rounds_do_not_end_it() {
    let (pool, world) = pool_with(2, |b| {
        b.listener(Panics).leak_threshold(Some(Duration::from_secs(1))).min_idle(1)
    });
    let guard = pool.get().await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(pool.stats().counters.leaks, 1);
    drop(guard);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(pool.status().idle, 1, "nobody keeps the minimum");
    full_strength(&pool, &world).await;
}

/// A waiter that is polled in another runtime than before, whose timer has died with it.
#[test]
fn a_waiter_takes_no_timer_of_a_dead_runtime_along() {
    let (pool, world) = pool(1);
    let alive = runtime();
    let held = alive.block_on(async { pool.get_owned().await.unwrap() });
    let doomed = runtime();
    let mut waiter = Box::pin(pool.get_owned_timeout(300 * MILLI));
    doomed.block_on(async {
        let polled = std::future::poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    });
    drop(doomed);
    let result =
        alive.block_on(async { tokio::time::timeout(Duration::from_secs(10), &mut waiter).await });
    assert!(matches!(result, Ok(Err(_))), "it ends at its deadline");
    drop(held);
    alive.block_on(full_strength(&pool, &world));
}

/// The last handle goes while a destructor panics.
#[tokio::test(start_paused = true)]
async fn destructors_that_panic_do_not_harm_who_drops_the_pool() {
    let (pool, world) = pool(3);
    pool.warm_up(3).await.unwrap();
    let mut guards = Vec::new();
    for _ in 0..3 {
        guards.push(pool.get().await.unwrap());
    }
    guards[1].drop_panics = true;
    drop(guards);
    drop(pool);
    settle().await;
    assert_eq!(world.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_an_idle_pool_is_complete_at_once() {
    let (pool, world) = pool(3);
    pool.warm_up(3).await.unwrap();
    let report = pool.abort();
    assert!(report.complete, "{report:?}");
    assert_eq!(world.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_who_does_not_come() {
    let (pool, _world) = pool(1);
    let held = pool.get_owned().await.unwrap();
    let mut stuck = Box::pin(pool.get_owned());
    let mut context = Context::from_waker(Waker::noop());
    assert!(stuck.as_mut().poll(&mut context).is_pending());
    drop(held);
    let report = pool.drain(Duration::from_secs(10)).await;
    assert!(report.complete && report.took < Duration::from_secs(1), "{report:?}");
    assert!(matches!(stuck.as_mut().poll(&mut context), Poll::Ready(Err(_))));
}
