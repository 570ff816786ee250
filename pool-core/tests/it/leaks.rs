//! Holders: leaks, reclaim, tasks that hold one connection and wait for another, abandoned ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring_pool_core::{AcquireError, Event, Listener};
use wellspring_testkit::fake::Step;

use crate::support::{adds_up, full_strength, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Notes what is told about holders.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Listener for Notes {
    fn on_event(&self, _: &str, event: &Event<'_>) {
        let note = match event {
            Event::Leak { holder } => format!("leak {}", holder.connection.get()),
            Event::LeakEnded { holder } => format!("ended {}", holder.connection.get()),
            Event::Reclaimed { holder } => format!("reclaimed {}", holder.connection.get()),
            Event::HeldWhileWaiting { holder, waiting_at } => {
                assert_ne!(holder.location.line(), waiting_at.line());
                format!("held {}", holder.connection.get())
            }
            Event::Abandoned { id } => format!("abandoned {}", id.get()),
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_told_once_and_once_more_when_it_comes_back() {
    let notes = Notes::default();
    let (pool, world) =
        pool_with(2, |b| b.listener(notes.clone()).idle_timeout(None).max_lifetime(None));
    let task = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _guard = pool.get().await.unwrap();
            tokio::time::sleep(20 * MINUTE).await;
        }
    });
    let line = line!() - 4;
    tokio::time::sleep(4 * MINUTE).await;
    assert!(pool.leaks().is_empty());
    assert_eq!(notes.take(), [""; 0]);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(notes.take(), ["leak 1"], "without anybody polling");
    let leaks = pool.leaks();
    assert_eq!(leaks.len(), 1);
    let leak = &leaks[0];
    assert!(leak.leak && !leak.reclaimed);
    assert_eq!((leak.location.file(), leak.location.line()), (file!(), line));
    assert!(leak.task.is_some(), "it was taken in a task");
    assert!(leak.backtrace.is_none(), "not asked for");
    assert!(leak.held_for >= 6 * MINUTE);
    tokio::time::sleep(12 * MINUTE).await;
    assert_eq!(notes.take(), [""; 0], "told twice");
    task.await.unwrap();
    assert_eq!(notes.take(), ["ended 1"]);
    assert!(pool.leaks().is_empty());
    let counters = pool.stats().counters;
    assert_eq!((counters.leaks, counters.leaks_ended), (1, 1));
    // The next time it is told again.
    let guard = pool.get().await.unwrap();
    tokio::time::sleep(6 * MINUTE).await;
    assert_eq!(notes.take(), ["leak 1"]);
    guard.detach();
    assert_eq!(notes.take(), ["ended 1"]);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn the_threshold_is_obeyed_and_may_be_off() {
    for (threshold, expected) in [(None, 0), (Some(SECOND), 1)] {
        let notes = Notes::default();
        let (pool, _world) = pool_with(1, |b| b.listener(notes.clone()).leak_threshold(threshold));
        let _guard = pool.get().await.unwrap();
        tokio::time::sleep(60 * MINUTE).await;
        assert_eq!(notes.take().len(), expected, "{threshold:?}");
        assert_eq!(pool.leaks().len(), expected, "{threshold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backtrace_is_kept_when_asked_for() {
    let (pool, _world) = pool_with(1, |b| b.leak_backtrace(true));
    let _guard = pool.get().await.unwrap();
    let holder = pool.holders().remove(0);
    let backtrace = holder.backtrace.expect("asked for").to_string();
    assert!(backtrace.contains("a_backtrace_is_kept_when_asked_for"), "{backtrace}");
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_connection_serves_nobody_and_its_place_does() {
    let notes = Notes::default();
    let (pool, world) = pool_with(1, |b| {
        b.listener(notes.clone())
            .leak_threshold(Some(SECOND))
            .leak_reclaim(Some(10 * SECOND))
            .max_abandoned(1)
    });
    let held = pool.get().await.unwrap();
    let start = tokio::time::Instant::now();
    let other = pool.get_timeout(MINUTE).await.unwrap();
    assert!(start.elapsed() >= 10 * SECOND && start.elapsed() < 11 * SECOND);
    assert_eq!(notes.take(), ["leak 1", "reclaimed 1"]);
    let status = pool.status();
    assert_eq!((status.size, status.used, status.abandoned), (2, 1, 1));
    adds_up(status);
    assert!(pool.holders().iter().any(|holder| holder.reclaimed));
    // One more may not be given up: the cap holds.
    assert!(pool.get_timeout(MINUTE).await.is_err());
    let status = pool.status();
    assert_eq!((status.size, status.used, status.abandoned), (2, 1, 1));
    drop(held);
    settle().await;
    assert_eq!(notes.take()[..1], ["leak 2"]);
    assert_eq!(pool.stats().counters.closed.reclaimed, 1);
    drop(other);
    settle().await;
    assert_eq!(pool.stats().counters.reclaimed, pool.stats().counters.closed.reclaimed);
    assert_eq!(world.alive(), pool.status().size);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_itself_is_warned() {
    let notes = Notes::default();
    let (pool, world) = pool_with(2, |b| b.listener(notes.clone()));
    let task = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _one = pool.get().await.unwrap();
            let _two = pool.get().await.unwrap();
            pool.get_timeout(2 * SECOND).await.map(drop)
        }
    });
    assert!(matches!(task.await.unwrap(), Err(AcquireError::Timeout(_))));
    assert_eq!(notes.take().len(), 1, "once for each wait");
    assert_eq!(pool.stats().counters.held_while_waiting, 1);
    // Two tasks that wait for each other's are not one that waits for itself.
    let one = pool.get().await.unwrap();
    let two = pool.get().await.unwrap();
    let other = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get_timeout(SECOND).await.map(drop) }
    });
    assert!(other.await.unwrap().is_err());
    assert_eq!(notes.take(), [""; 0]);
    drop((one, two));
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_stuck_connection_occupies_its_place_until_its_call_ends() {
    let notes = Notes::default();
    let (pool, world) = pool_with(1, |b| b.listener(notes.clone()));
    let mut guard = pool.get().await.unwrap();
    guard.stuck = true;
    drop(guard);
    assert_eq!(notes.take(), ["abandoned 1"]);
    let status = pool.status();
    assert_eq!((status.size, status.abandoned), (1, 1));
    assert!(pool.get_timeout(SECOND).await.is_err(), "its place is taken");
    world.unstick();
    assert_eq!(pool.status().size, 0);
    assert_eq!(pool.stats().counters.closed.stuck, 1);
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn by_policy_a_stuck_connection_gives_its_place_up() {
    let (pool, world) = pool_with(1, |b| b.max_abandoned(1));
    for expected in [true, false] {
        let mut guard = pool.get().await.unwrap();
        guard.stuck = true;
        drop(guard);
        let next = pool.get_timeout(SECOND).await;
        assert_eq!(next.is_ok(), expected, "the cap is one");
        if let Ok(mut guard) = next {
            guard.stuck = true;
            drop(guard);
            break;
        }
    }
    assert_eq!(pool.status().abandoned, 2);
    assert!(pool.get_timeout(SECOND).await.is_err());
    // Nor does a shutdown wait for them.
    let report = pool.drain(MINUTE).await;
    assert!(report.complete && report.took < SECOND, "{report:?}");
    world.unstick();
    assert_eq!(pool.status().size, 0);
}

#[tokio::test(start_paused = true)]
async fn one_found_stuck_while_it_is_reset_is_abandoned_too() {
    let (pool, world) = pool_with(1, |b| b.reset_timeout(SECOND));
    world.reset.next([Step::Never]);
    let mut guard = pool.get().await.unwrap();
    guard.dirty = true;
    guard.stuck_when_dirty = true;
    drop(guard);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(pool.status().abandoned, 1);
    world.unstick();
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn the_place_a_stuck_connection_gives_up_is_filled_up_to_the_minimum() {
    let (pool, world) = pool_with(1, |b| {
        b.min_idle(1).max_abandoned(1).leak_threshold(None).idle_timeout(None).max_lifetime(None)
    });
    settle().await;
    let mut guard = pool.get().await.unwrap();
    guard.stuck = true;
    drop(guard);
    tokio::time::sleep(1_000 * SECOND).await;
    assert_eq!(pool.status().idle, 1, "{:?}", pool.status());
    world.unstick();
}

#[tokio::test(start_paused = true)]
async fn quiesce_waits_for_those_whose_connection_was_reclaimed() {
    let (pool, _world) =
        pool_with(1, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(1));
    let _held = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert!(!pool.quiesce(SECOND).await, "{:?}", pool.holders());
}

/// Two are reclaimed; then one of three is detached, one stuck and one returned.
#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_reclaimed_ones_the_numbers_add_up() {
    let (pool, world) =
        pool_with(3, |b| b.leak_threshold(None).leak_reclaim(Some(SECOND)).max_abandoned(2));
    let detached = pool.get().await.unwrap();
    let returned = pool.get().await.unwrap();
    let mut stuck = pool.get().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(pool.stats().counters.reclaimed, 2);
    drop(detached.detach());
    stuck.stuck = true;
    drop(stuck);
    drop(returned);
    settle().await;
    world.unstick();
    settle().await;
    let stats = pool.stats();
    let counters = stats.counters;
    assert_eq!(stats.status.size, 0, "{:?}", stats.status);
    assert_eq!(counters.connected, 3);
    assert_eq!(counters.connected, counters.closed.total() + counters.detached, "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn another_is_reclaimed_when_a_stuck_one_has_ended() {
    let (pool, world) = pool_with(2, |b| {
        b.leak_threshold(None)
            .leak_reclaim(Some(10 * SECOND))
            .max_abandoned(1)
            .idle_timeout(None)
            .max_lifetime(None)
    });
    let mut stuck = pool.get().await.unwrap();
    let _leaked = pool.get().await.unwrap();
    stuck.stuck = true;
    drop(stuck);
    tokio::time::sleep(20 * SECOND).await;
    world.unstick();
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(pool.stats().counters.reclaimed, 1, "{:?}", pool.status());
}
