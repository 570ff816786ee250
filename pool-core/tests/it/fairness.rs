//! Whether newcomers may overtake, and how often.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use wellspring_pool_core::{Fairness, Priority, Validate};

use crate::support::{full_strength, poll, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn the_first_in_line_is_overtaken_as_often_as_allowed_and_no_more() {
    for max_bypass in [0, 1, 5] {
        let fairness = Fairness::Bounded { max_bypass };
        let (pool, world) = pool_with(1, |b| b.fairness(fairness));
        let guard = pool.get().await.unwrap();
        let mut first = pin!(pool.get());
        let mut second = pin!(pool.get());
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        drop(guard);
        let mut overtaken = 0;
        // The first in line is not polled: it is woken and its task is late.
        loop {
            let mut newcomer = pin!(pool.get());
            match poll(&mut newcomer) {
                Poll::Ready(guard) => drop(guard.unwrap()),
                Poll::Pending => break,
            }
            overtaken += 1;
        }
        assert_eq!(overtaken, max_bypass);
        let Poll::Ready(Ok(guard)) = poll(&mut first) else { panic!("it is its turn") };
        assert!(poll(&mut second).is_pending());
        drop(guard);
        // Its own count begins with it.
        assert_eq!(pool.status().waiting, usize::from(max_bypass > 0));
        let Poll::Ready(Ok(guard)) = poll(&mut second) else { panic!("it is its turn") };
        drop(guard);
        full_strength(&pool, &world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_woken_and_leaves_wakes_the_next() {
    let fairness = Fairness::Bounded { max_bypass: 10 };
    let (pool, world) = pool_with(1, |b| b.fairness(fairness));
    let guard = pool.get().await.unwrap();
    let mut first = Box::pin(pool.get());
    assert!(poll(&mut first).is_pending());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    drop(guard);
    drop(first);
    tokio::time::timeout(Duration::from_millis(1), second).await.unwrap().unwrap().unwrap();
    full_strength(&pool, &world).await;
}

#[tokio::test(start_paused = true)]
async fn a_woken_waiter_that_does_not_come_holds_nobody_up() {
    let fairness = Fairness::Bounded { max_bypass: 10 };
    let (pool, world) = pool_with(1, |b| b.fairness(fairness));
    let guard = pool.get().await.unwrap();
    let mut stuck = Box::pin(pool.get());
    assert!(poll(&mut stuck).is_pending());
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    drop(guard);
    tokio::time::timeout(Duration::from_secs(1), second).await.unwrap().unwrap().unwrap();
    drop(stuck);
    full_strength(&pool, &world).await;
}

/// How often the less urgent were passed over ends with those who were: who comes later waits in
/// vain as often again before it goes first.
#[tokio::test(start_paused = true)]
async fn what_one_was_passed_over_does_not_serve_another() {
    let (pool, _world) = pool_with(1, |b| b.validate(Validate::Never));
    let mut held = pool.get().await.unwrap();
    let mut passed_over = Box::pin(pool.get().priority(Priority::Low));
    assert!(poll(&mut passed_over).is_pending());
    for _ in 0..16 {
        let mut urgent = Box::pin(pool.get().priority(Priority::High));
        assert!(poll(&mut urgent).is_pending());
        drop(held);
        let Poll::Ready(Ok(next)) = poll(&mut urgent) else { panic!("it is its turn") };
        held = next;
    }
    // The next would be its turn; it leaves.
    drop(passed_over);
    let mut urgent = Box::pin(pool.get().priority(Priority::High));
    assert!(poll(&mut urgent).is_pending());
    let mut low = Box::pin(pool.get().priority(Priority::Low));
    assert!(poll(&mut low).is_pending());
    drop(held);
    assert!(poll(&mut urgent).is_ready(), "a newcomer of low priority was served first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounded_fairness_loses_nobody_under_load() {
    let fairness = Fairness::Bounded { max_bypass: 8 };
    let (pool, world) = pool_with(8, |b| b.fairness(fairness));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..10_000 {
                    drop(pool.get().await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counters = pool.stats().counters;
    assert_eq!(counters.acquired_directly + counters.acquired_after_wait, 160_000);
    full_strength(&pool, &world).await;
}
