//! What listeners are told: every step of a connection's life, in order, with names and reasons.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring_pool_core::{CloseReason, Event, Listener};
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool_with, settle};

/// Writes events down as short lines.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Journal {
    fn on_event(&self, pool: &str, event: &Event<'_>) {
        assert_eq!(pool, "orders");
        let line = match event {
            Event::Connected { id, took } => format!("{} connected in {took:?}", id.get()),
            Event::ConnectFailed { error, failures, retry_in } => {
                format!("failed {failures}: {error}, again {}", retry_in.is_some())
            }
            Event::Acquired { id, waited } => format!("{} acquired after {waited:?}", id.get()),
            Event::Released { id, held } => format!("{} released after {held:?}", id.get()),
            Event::PreparationFailed { id, reason, .. } => format!("{} unfit {reason:?}", id.get()),
            Event::Closed { id, reason } => format!("{} closed {reason:?}", id.get()),
            Event::PoolClosed => "pool closed".to_owned(),
            other => panic!("an event the test does not know: {other:?}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_a_connections_whole_life() {
    let journal = Journal::default();
    let listener = journal.clone();
    let (pool, world) = pool_with(1, |b| b.name("orders").listener(listener));
    world.connect.next([Step::Fail, Step::Slow(Duration::from_secs(2))]);
    let mut guard = pool.get().await.unwrap();
    let heard = journal.take();
    assert_eq!(heard[0], "failed 1: scripted failure in connect, again true");
    // Numbers count attempts' slots from 1; the retry keeps its slot, and its number.
    assert_eq!(heard[1], "1 connected in 2s");
    assert!(heard[2].starts_with("1 acquired after 2"), "{heard:?}");
    tokio::time::advance(Duration::from_secs(5)).await;
    guard.dirty = true;
    world.reset.next([Step::Fail]);
    drop(guard);
    settle().await;
    assert_eq!(
        journal.take(),
        ["1 released after 5s", "1 unfit ResetFailed", "1 closed ResetFailed"]
    );
    drop(pool.get().await.unwrap());
    drop(pool.get().await.unwrap());
    pool.get().await.unwrap().discard();
    pool.close();
    assert_eq!(
        journal.take(),
        [
            "2 connected in 0ns",
            "2 acquired after 0ns",
            "2 released after 0ns",
            "2 acquired after 0ns",
            "2 released after 0ns",
            "2 acquired after 0ns",
            "2 released after 0ns",
            "2 closed Discarded",
            "pool closed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panicking_listener_harms_nobody() {
    struct Panics;
    impl Listener for Panics {
        fn on_event(&self, _: &str, event: &Event<'_>) {
            panic!("scripted panic at {event:?}");
        }
    }
    let (pool, world) = pool_with(2, |b| b.listener(Panics));
    let mut guard = pool.get().await.unwrap();
    guard.dirty = true;
    drop(guard);
    pool.get().await.unwrap().discard();
    full_strength(&pool, &world).await;
    assert!(pool.drain(Duration::from_secs(1)).await.complete);
}

#[tokio::test(start_paused = true)]
async fn every_close_has_its_reason() {
    let journal = Journal::default();
    let listener = journal.clone();
    let (pool, _world) = pool_with(1, |b| {
        b.name("orders")
            .listener(listener)
            .max_overflow(1)
            .idle_timeout(Some(Duration::from_secs(60)))
            .max_lifetime(None)
    });
    let (one, two) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    drop(one);
    drop(two);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let reasons: Vec<String> =
        journal.take().into_iter().filter(|line| line.contains("closed")).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].ends_with(&format!("{:?}", CloseReason::Surplus)), "{reasons:?}");
    assert!(reasons[1].ends_with(&format!("{:?}", CloseReason::Idle)), "{reasons:?}");
    let closed = pool.stats().counters.closed;
    assert_eq!((closed.surplus, closed.idle, closed.total()), (1, 1, 2));
}
