//! Tests of what happens when others come while somebody is half-way through taking what lies on the
//! shelf.

use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::{Builder, Hygiene, Manager, Pool, Validate, clock};

#[derive(Default)]
struct Plain {
    validated: std::sync::Arc<AtomicUsize>,
    asked: std::sync::Arc<AtomicUsize>,
}

impl Manager for Plain {
    type Connection = ();
    type Error = io::Error;
    async fn connect(&self) -> Result<(), io::Error> {
        Ok(())
    }
    async fn validate(&self, _: &mut ()) -> Result<(), io::Error> {
        self.validated.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn hygiene(&self, _: &mut ()) -> Hygiene {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Hygiene::Clean
    }
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// One connection, on the shelf.
async fn pool(options: impl FnOnce(Builder<Plain>) -> Builder<Plain>) -> Pool<Plain> {
    let pool = options(Pool::builder(Plain::default()).max_size(1)).build().unwrap();
    drop(pool.get().await.unwrap());
    settle().await;
    drop(pool.get().await.unwrap());
    assert_eq!(pool.shared.shelf.tallies().count(), 1);
    assert!(pool.shared.shelf.is_lying(0));
    pool
}

/// Thread A takes what lies on the shelf, and sees that it is to be proved alive first. Before it
/// has put it back, thread B asks, finds nothing and joins the line. A gives it to the state: it goes
/// to B, and must have been proved alive.
#[tokio::test(start_paused = true)]
async fn what_is_laid_back_is_still_to_be_validated() {
    let pool = pool(|b| b.validate(Validate::Idle(Duration::from_secs(1)))).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let shared = &pool.shared;
    // A, in `pick_up`.
    let (place, entry) = shared.shelf.take_any().unwrap();
    assert!(clock::coarse() >= entry.good_until);
    // B.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.get().await.map(drop) }
    });
    settle().await;
    assert_eq!(pool.status().waiting, 1);
    let asked = pool.manager().asked.load(Ordering::SeqCst);
    // A.
    shared.lay_back(place, entry);
    waiter.await.unwrap().unwrap();
    let asked = pool.manager().asked.load(Ordering::SeqCst) - asked;
    assert_eq!(pool.manager().validated.load(Ordering::SeqCst), 1, "hygiene asked {asked} times");
}

/// As above, where it is not old enough to be validated, but has passed its second (`LOOK_IN`): it
/// has been idle for long, so its manager is asked before somebody gets it.
#[tokio::test(start_paused = true)]
async fn what_is_laid_back_is_still_asked_for_its_hygiene() {
    let pool = pool(|b| b.validate(Validate::Never)).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let shared = &pool.shared;
    let (place, entry) = shared.shelf.take_any().unwrap();
    assert!(clock::coarse() >= entry.good_until);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move {
            let guard = pool.get().await.unwrap();
            let asked = pool.manager().asked.load(Ordering::SeqCst);
            drop(guard);
            asked
        }
    });
    settle().await;
    assert_eq!(pool.status().waiting, 1);
    let before = pool.manager().asked.load(Ordering::SeqCst);
    shared.lay_back(place, entry);
    let asked = waiter.await.unwrap() - before;
    assert_eq!(asked, 1, "idle for 30 s, and handed out without a question");
}

/// The housekeeper's round comes when somebody has taken what lay on the shelf, and has not yet
/// said who he is (nor counted it): nobody seems to hold anything, and nothing was acquired since the
/// last round, so it does not watch any more. But the place stays open.
#[tokio::test(start_paused = true)]
async fn who_has_not_said_who_he_is_is_watched() {
    let minute = Duration::from_secs(60);
    let pool = pool(|b| {
        b.leak_threshold(Some(minute))
            .idle_timeout(None)
            .max_lifetime(None)
            .validate(Validate::Never)
    })
    .await;
    let shared = &pool.shared;
    // A round has seen all that was acquired so far; the next is to come.
    let mut rounds = 0;
    while shared.change(|state, rules, _| state.has_more_acquires(rules)) {
        tokio::time::sleep(minute / 4).await;
        rounds += 1;
    }
    assert!(rounds < 20);
    let (place, entry) = shared.shelf.take_any().expect("open until the next round");
    tokio::time::sleep(minute * 2).await;
    place.lend(Location::caller(), None, clock::coarse());
    place.tally().count_acquired();
    tokio::time::sleep(minute * 25).await;
    assert_eq!(pool.leaks().len(), 1);
    assert_eq!(pool.stats().counters.leaks, 1, "held for 25 minutes, and not reported");
    shared.release(entry);
}

/// Thread A has taken a connection and not yet said who it is; thread B quiesces: it is in use.
#[tokio::test(start_paused = true)]
async fn quiesce_waits_for_who_has_just_taken() {
    let pool = pool(|b| b).await;
    let shared = &pool.shared;
    let (_, entry) = shared.shelf.take_any().unwrap();
    let quiet = pool.quiesce(Duration::from_millis(100)).await;
    assert_eq!(pool.status().used, 1);
    assert!(!quiet, "quiet, with a connection in use: {:?}", pool.status());
    shared.release(entry);
}
