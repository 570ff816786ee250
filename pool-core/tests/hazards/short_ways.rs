//! What the short ways must not cut short: deadlines wherever the housekeeper lives, clocks that are
//! stopped, counts of waits that go on, leaks nobody came for.

use std::future::Future;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use wellspring_pool_core::{AcquireError, Validate};

use crate::support::{poll, pool, pool_with, settle};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Whether it does so by itself, and not because somebody else wakes the task.
async fn gives_up<T>(get: impl Future<Output = T>) -> bool {
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_secs(5)) => false,
        _ = get => true,
    }
}

/// Drives two runtimes, one after the other. The first lives on, but nobody drives it any more; whether a
/// deadline in the second is kept.
fn in_two_runtimes(pool: &crate::support::FakePool) -> bool {
    let (first, second) = (runtime(), runtime());
    let guard = first.block_on(async {
        let guard = pool.get_owned().await.unwrap();
        // By now the housekeeper sees to deadlines in this runtime.
        assert!(pool.get_timeout(Duration::from_millis(150)).await.is_err());
        guard
    });
    let in_time = second.block_on(gives_up(pool.get_timeout(Duration::from_millis(200))));
    drop(guard);
    in_time
}

/// One (blocking) task drives two runtimes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_drives_two_runtimes_keeps_its_deadlines() {
    let (pool, _world) = pool(1);
    let in_time = tokio::task::spawn_blocking(move || in_two_runtimes(&pool)).await.unwrap();
    assert!(in_time, "its deadline was looked after by nobody");
}

/// As above, where a task of a runtime does so in `block_in_place`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_blocks_on_other_runtimes_keeps_its_deadlines() {
    let (pool, _world) = pool(1);
    let task = tokio::spawn(async move { tokio::task::block_in_place(|| in_two_runtimes(&pool)) });
    assert!(task.await.unwrap(), "its deadline was looked after by nobody");
}

/// A task of a `LocalSet` that is driven by one runtime, then by another.
#[test]
fn a_local_task_that_moves_keeps_its_deadlines() {
    let (pool, _world) = pool(1);
    let (first, second) = (runtime(), runtime());
    let local = tokio::task::LocalSet::new();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let task = local.spawn_local({
        let pool = pool.clone();
        async move {
            let guard = pool.get_owned().await.unwrap();
            assert!(pool.get_timeout(Duration::from_millis(150)).await.is_err());
            told.await.unwrap();
            let get = pool.get_timeout(Duration::from_millis(200));
            let got = gives_up(get).await;
            drop(guard);
            got
        }
    });
    local.block_on(&first, async { tokio::time::sleep(Duration::from_millis(400)).await });
    tell.send(()).unwrap();
    let in_time = local.block_on(&second, async { task.await.unwrap() });
    assert!(in_time, "its deadline was looked after by nobody");
}

/// `acquire_timeout` below a second is not shortened by the coarse clock.
#[tokio::test]
async fn a_short_usual_timeout_is_not_early() {
    let timeout = Duration::from_millis(20);
    let (pool, _world) = pool_with(1, |b| b.acquire_timeout(timeout));
    let _held = pool.get().await.unwrap();
    // Somebody who waits for long keeps the coarse clock going, and is the one wait that is timed.
    let mut early = Vec::new();
    for round in 0..60_u32 {
        let mut first = Box::pin(pool.get());
        assert!(poll(&mut first).is_pending());
        let spin = Instant::now();
        while spin.elapsed() < Duration::from_micros(300 + u64::from(round % 7) * 150) {}
        let start = Instant::now();
        let got = pool.get().await;
        let took = start.elapsed();
        assert!(got.is_err());
        if took < timeout {
            early.push(timeout - took);
        }
        drop(first);
    }
    assert!(
        early.is_empty(),
        "{} of 60 were early, by up to {:?}",
        early.len(),
        early.iter().max()
    );
}

/// Who waits for ever is looked at as well.
#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_itself_for_ever_is_told_of() {
    for timeout in [Duration::from_secs(3600), Duration::from_secs(60 * 86400), Duration::MAX] {
        let (pool, _world) = pool(1);
        let task = tokio::spawn({
            let pool = pool.clone();
            async move {
                let _held = pool.get().await.unwrap();
                drop(pool.get_timeout(timeout).await);
            }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(pool.stats().counters.held_while_waiting, 1, "timeout {timeout:?}");
        task.abort();
    }
}

/// A connection that can be told from outside that it is dead.
struct Wires(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl wellspring_pool_core::Manager for Wires {
    type Connection = ();
    type Error = std::io::Error;
    async fn connect(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
    async fn validate(&self, _: &mut ()) -> Result<(), std::io::Error> {
        Ok(())
    }
    fn hygiene(&self, _: &mut ()) -> wellspring_pool_core::Hygiene {
        if self.0.swap(false, std::sync::atomic::Ordering::SeqCst) {
            wellspring_pool_core::Hygiene::Broken
        } else {
            wellspring_pool_core::Hygiene::Clean
        }
    }
}

/// A wait that came to nothing, as the connection was dead, goes on and is counted once.
#[tokio::test(start_paused = true)]
async fn a_wait_that_goes_on_is_counted_once() {
    let dead = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let pool = wellspring_pool_core::Pool::builder(Wires(std::sync::Arc::clone(&dead)))
        .max_size(1)
        .validate(Validate::Never)
        .build()
        .unwrap();
    drop(pool.get().await.unwrap());
    pool.pause();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    dead.store(true, std::sync::atomic::Ordering::SeqCst);
    pool.resume();
    waiter.await.unwrap().unwrap();
    let stats = pool.stats();
    let counters = stats.counters;
    assert_eq!(counters.closed.broken, 1);
    assert_eq!(stats.wait.count, counters.acquired_directly + counters.acquired_after_wait);
}

/// With a timeout of zero nobody waits.
#[tokio::test]
async fn zero_never_waits() {
    let (pool, _world) = pool(1);
    let _held = pool.get().await.unwrap();
    // In line, beside the housekeeper.
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { drop(pool.get().await) }
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut pending = 0;
    for _ in 0..40 {
        // Long enough that the housekeeper should have looked meanwhile.
        std::thread::sleep(Duration::from_millis(7));
        let mut none = Box::pin(pool.get_timeout(Duration::ZERO));
        let polled = std::future::poll_fn(|cx| Poll::Ready(none.as_mut().poll(cx))).await;
        pending += u32::from(polled.is_pending());
    }
    first.abort();
    assert_eq!(pending, 0, "of 40 that were not to wait");
}

/// The clock is stopped after the pool was built.
#[tokio::test]
async fn a_clock_stopped_after_the_pool_was_built_is_followed() {
    let (pool, _world) =
        pool_with(1, |b| b.max_lifetime(Some(Duration::from_secs(60))).validate(Validate::Never));
    let first = pool.get().await.unwrap().id();
    settle().await;
    assert_eq!(pool.get().await.unwrap().id(), first);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    let got = pool.get().await.unwrap();
    assert_ne!(got.id(), first, "handed out after the end of its life");
}

/// Deadlines, too.
#[tokio::test]
async fn a_clock_stopped_after_the_pool_was_built_and_deadlines() {
    let (pool, _world) = pool(1);
    let held = pool.get().await.unwrap();
    settle().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let start = tokio::time::Instant::now();
    let got = pool.get_timeout(Duration::from_secs(30)).await.map(drop);
    assert!(matches!(got, Err(AcquireError::Timeout(_))));
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(29), "gave up after {took:?}");
    drop(held);
}

/// Deadlines, too.
#[tokio::test]
async fn a_clock_stopped_after_the_pool_was_built_and_validation() {
    let (pool, world) = pool_with(1, |b| b.validate(Validate::Idle(Duration::from_secs(1))));
    drop(pool.get().await.unwrap());
    settle().await;
    drop(pool.get().await.unwrap());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    drop(pool.get().await.unwrap());
    assert_eq!(world.validate.calls(), 1, "idle for 30 s and not validated");
}

/// Whatever a panic carries, no slot is lost.
#[tokio::test]
async fn a_panic_that_panics_costs_no_slot() {
    use wellspring_pool_core::{Event, Listener};
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("a payload whose destructor panics");
            }
        }
    }
    struct Bad;
    impl Listener for Bad {
        fn on_event(&self, _: &str, event: &Event<'_>) {
            if matches!(event, Event::Released { .. }) {
                std::panic::panic_any(Bomb);
            }
        }
    }
    let (pool, _world) = pool_with(1, |b| b.listener(Bad));
    let guard = pool.get_owned().await.unwrap();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(guard)));
    assert!(dropped.is_ok());
    settle().await;
    let status = pool.status();
    assert_eq!(status.used, 0, "{status:?}");
}

/// A grant that nobody comes for, and that is dropped then: what was told of as a leak has ended.
#[tokio::test(start_paused = true)]
async fn a_leak_that_nobody_picked_up_ends() {
    let (pool, _world) = pool_with(1, |b| b.leak_threshold(Some(Duration::from_secs(60))));
    let held = pool.get().await.unwrap();
    let mut waiter = Box::pin(pool.get_timeout(Duration::from_secs(3600)));
    assert!(poll(&mut waiter).is_pending());
    drop(held); // to the waiter, who does not come
    tokio::time::sleep(Duration::from_secs(600)).await;
    drop(waiter);
    settle().await;
    assert_eq!(pool.status().used, 0);
    let counters = pool.stats().counters;
    assert_eq!(counters.leaks, counters.leaks_ended);
}
