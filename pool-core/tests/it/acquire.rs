//! Getting a connection: order of arrival, hand-off, deadlines, refusals.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use wellspring_pool_core::{AcquireError, Phase, Reuse, TryGetError, Validate, WhenExhausted};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_had_at_once() {
    let (pool, world) = pool(2);
    drop(pool.get().await.unwrap());
    let first = pool.try_get().unwrap();
    assert_eq!(first.number, 0);
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::NoneIdle);
    drop(first);
    assert_eq!(world.created(), 1);
    assert_eq!(pool.stats().counters.acquired_directly, 1);
}

#[tokio::test(start_paused = true)]
async fn try_get_finds_a_fit_one_behind_one_to_be_validated() {
    let (pool, _world) = pool_with(2, |b| b.reuse(Reuse::Fifo));
    pool.warm_up(2).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // One of them is proved alive and comes back, to the end of the queue.
    drop(pool.get().await.unwrap());
    settle().await;
    let result = pool.try_get();
    assert!(result.is_ok(), "{:?} with {:?}", result.err(), pool.status());
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order_of_arrival() {
    let (pool, world) = pool(2);
    let held = [pool.get().await.unwrap(), pool.get().await.unwrap()];
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for n in 0..100 {
        let (line, order) = (pool.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let guard = line.get().await.unwrap();
            order.lock().unwrap().push(n);
            tokio::task::yield_now().await;
            drop(guard);
        }));
        settle().await;
        assert_eq!(pool.status().waiting, n + 1);
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_returned_connection_goes_straight_to_the_first_waiter() {
    let (pool, _world) = pool(1);
    let held = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    drop(held);
    // It is the waiter's already, though the waiter has not run since.
    assert_eq!(pool.status().used, 1);
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::NoneIdle);
    assert_eq!(waiter.await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn release_and_reacquire_never_overtakes_a_waiter() {
    let (pool, _world) = pool(1);
    let mut held = pool.get_owned().await.unwrap();
    for _ in 0..100 {
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move { pool.get_owned().await.unwrap() }
        });
        settle().await;
        drop(held);
        let again = pool.get_owned();
        let mut again = std::pin::pin!(again);
        assert!(futures_poll(again.as_mut()).await.is_none(), "overtook the waiter");
        held = waiter.await.unwrap();
        drop(held);
        held = again.await.unwrap();
    }
}

async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_grant_whose_waiter_left_goes_to_the_next() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut first = Box::pin(pool.get());
    assert!(futures_poll(first.as_mut()).await.is_none());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    drop(held); // granted to the first, which is never polled again
    drop(first);
    settle().await;
    assert!(second.is_finished(), "served only when the housekeeper looked around");
    assert_eq!(second.await.unwrap(), 0);
    full_strength(&pool, &world).await;
    assert_eq!(world.created(), 1, "no connection was lost over it");
}

#[tokio::test(start_paused = true)]
async fn a_grant_nobody_picks_up_is_taken_back() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut stuck = Box::pin(pool.get());
    assert!(futures_poll(stuck.as_mut()).await.is_none());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.unwrap().number }
    });
    settle().await;
    drop(held);
    // The first holds the grant without being polled; the second gets it all the same.
    let number = tokio::time::timeout(Duration::from_secs(1), second).await.unwrap().unwrap();
    assert_eq!(number, 0);
    assert_eq!(pool.stats().counters.revoked_grants, 1);
    // And the first, once polled, is served too.
    drop(stuck.await.unwrap());
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn several_stuck_waiters_do_not_keep_a_live_one_waiting() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut stuck: Vec<_> = (0..3).map(|_| Box::pin(pool.get())).collect();
    for waiter in &mut stuck {
        assert!(futures_poll(waiter.as_mut()).await.is_none());
    }
    let live = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(Duration::from_secs(5)).await.map(drop).is_ok() }
    });
    settle().await;
    drop(held);
    assert!(live.await.unwrap(), "starved by waiters nobody polls");
    drop(stuck);
    full_strength(&pool, &world).await;
}

#[tokio::test]
async fn an_expired_waiter_is_never_granted() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let mut impatient = Box::pin(pool.get_timeout(Duration::from_millis(10)));
    assert!(futures_poll(impatient.as_mut()).await.is_none());
    // In real time, and without letting the housekeeper run, who would take it out of line.
    std::thread::sleep(Duration::from_millis(50));
    drop(held); // its deadline has passed, though nobody knows yet
    assert_eq!(pool.status().idle, 1, "granted to an expired waiter");
    assert!(matches!(impatient.await, Err(AcquireError::Timeout(_))));
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_tells_the_whole_story() {
    let (pool, _world) = pool_with(1, |b| b.acquire_timeout(Duration::from_secs(5)));
    let held = pool.get().await.unwrap();
    let line = line!() - 1;
    tokio::time::advance(Duration::from_secs(2)).await;
    let start = Instant::now();
    let error = pool.get().await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 5);
    let AcquireError::Timeout(info) = &error else { panic!("{error}") };
    assert_eq!(info.phase, Phase::Wait);
    assert_eq!(info.waited.as_secs(), 5);
    assert_eq!(info.status.used, 1);
    assert_eq!(info.holders.len(), 1);
    assert_eq!(info.holders[0].location.line(), line);
    assert!(info.holders[0].held_for >= Duration::from_secs(7));
    assert!(info.last_connect_error.is_none());
    let text = error.to_string();
    assert!(text.contains("in use 1") && text.contains("acquire.rs"), "{text}");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_bounds_the_whole_acquire() {
    // Ten dead idle connections, each of which takes a second to be found out.
    let (pool, world) = pool_with(10, |b| {
        b.validate(Validate::Always)
            .validation_timeout(Duration::from_secs(1))
            .acquire_timeout(Duration::from_millis(2_500))
            .max_connecting(10)
    });
    pool.warm_up(10).await.unwrap();
    world.validate.always(Step::Never);
    world.connect.always(Step::Never);
    let start = Instant::now();
    assert!(matches!(pool.get().await, Err(AcquireError::Timeout(_))));
    assert!(start.elapsed() <= Duration::from_millis(2_510), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn zero_timeout_takes_what_is_idle_and_waits_for_nothing() {
    let (pool, _world) = pool(1);
    drop(pool.get().await.unwrap());
    let guard = pool.get_timeout(Duration::ZERO).await.unwrap();
    let start = Instant::now();
    assert!(matches!(pool.get_timeout(Duration::ZERO).await, Err(AcquireError::Timeout(_))));
    assert!(start.elapsed() < Duration::from_millis(5));
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn an_endless_timeout_does_not_overflow() {
    let (pool, _world) = pool_with(1, |b| b.acquire_timeout(Duration::MAX));
    drop(pool.get().await.unwrap());
    drop(pool.get_timeout(Duration::MAX).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn more_waiters_than_allowed_are_refused() {
    let (pool, world) = pool_with(1, |b| b.max_waiters(Some(2)));
    let held = pool.get().await.unwrap();
    let mut line = [Box::pin(pool.get()), Box::pin(pool.get())];
    for waiter in &mut line {
        assert!(futures_poll(waiter.as_mut()).await.is_none());
    }
    let error = pool.get().await.unwrap_err();
    assert!(matches!(error, AcquireError::TooManyWaiters { limit: 2, .. }), "{error}");
    drop(line);
    drop(held);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_fail_fast_pool_refuses_when_all_are_in_use() {
    let (pool, world) = pool_with(1, |b| b.when_exhausted(WhenExhausted::Fail));
    let held = pool.get().await.unwrap(); // opening one is no reason to refuse
    let start = Instant::now();
    assert!(matches!(pool.get().await, Err(AcquireError::Exhausted { .. })));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(pool.stats().counters.refused, 1);
    drop(held);
    drop(pool.get().await.unwrap());
    assert_eq!(world.created(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fail_fast_pool_does_not_promise_one_connection_to_two() {
    let (pool, world) = pool_with(1, |b| b.when_exhausted(WhenExhausted::Fail));
    world.connect.always(Step::Slow(Duration::from_secs(1)));
    let (one, two) = tokio::join!(pool.get(), pool.get());
    assert!(one.is_ok());
    assert!(matches!(two, Err(AcquireError::Exhausted { .. })));
}

#[tokio::test(start_paused = true)]
async fn reuse_takes_the_warmest_or_the_coldest() {
    for (reuse, expected) in [(Reuse::Lifo, 2), (Reuse::Fifo, 0)] {
        let (pool, _world) = pool_with(3, |b| b.reuse(reuse));
        let mut guards = Vec::new();
        for _ in 0..3 {
            guards.push(pool.get().await.unwrap());
        }
        let mut numbers: Vec<usize> = guards.iter().map(|g| g.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2]);
        guards.sort_by_key(|g| g.number);
        for guard in guards {
            drop(guard);
        }
        assert_eq!(pool.get().await.unwrap().number, expected, "{reuse:?}");
    }
}

/// Whether or not the free path is open, a light load keeps to few connections, and the others can
/// reach their idle timeout.
#[tokio::test(start_paused = true)]
async fn a_light_load_keeps_to_few_connections() {
    let (pool, world) = pool_with(8, |b| b.idle_timeout(Some(Duration::from_secs(60))));
    let guards: Vec<_> = futures_of(8, || pool.get_owned()).await;
    drop(guards);
    for _ in 0..20 {
        for _ in 0..10 {
            let (one, two) = (pool.get().await.unwrap(), pool.get().await.unwrap());
            drop(one);
            drop(two);
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(pool.status().idle, 2, "{}", pool.status());
    assert_eq!(world.alive(), 2);
}

/// As many futures at the same time, and what they came to.
async fn futures_of<F: Future<Output = Result<T, E>>, T, E: std::fmt::Debug>(
    count: usize,
    mut make: impl FnMut() -> F,
) -> Vec<T> {
    let mut made: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    let mut done = Vec::new();
    for future in &mut made {
        done.push(future.await.unwrap());
    }
    done
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waiters_may_time_out_at_once() {
    let (pool, world) = pool(1);
    let held = pool.get().await.unwrap();
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get_timeout(Duration::from_secs(1)).await.is_err() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(pool.stats().counters.timed_out, 10_000);
    drop(held);
    full_strength(&pool, &world).await;
}

#[test]
fn waiting_outside_a_runtime_is_an_error_and_idle_is_not() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (pool, _world) = pool(1);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut get = std::pin::pin!(pool.get());
    match get.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(Err(AcquireError::NoRuntime)) => {}
        other => panic!("{other:?}"),
    }
    runtime.block_on(async { drop(pool.get().await.unwrap()) });
    let mut get = std::pin::pin!(pool.get());
    assert!(matches!(get.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_kept_in_whatever_order_they_come() {
    let (pool, world) = pool(1);
    let guard = pool.get().await.unwrap();
    // Those that follow have no timers of their own: the housekeeper looks after them.
    assert!(pool.get_timeout(Duration::from_millis(150)).await.is_err());
    let start = Instant::now();
    let waiters: Vec<_> = [700, 20, 3_000, 350, 20]
        .map(|millis| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let limit = Duration::from_millis(millis);
                assert!(pool.get_timeout(limit).await.is_err());
                let waited = start.elapsed();
                assert!(
                    waited >= limit && waited <= limit + Duration::from_millis(2),
                    "{waited:?}"
                );
            })
        })
        .into();
    for waiter in waiters {
        waiter.await.unwrap();
    }
    drop(guard);
    full_strength(&pool, &world).await;
}
