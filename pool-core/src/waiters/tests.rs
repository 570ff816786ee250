//! The line by itself: order, leaving, expiry, revocation, priorities.

use std::panic::Location;
use std::time::Duration;

use super::*;
use crate::caller::Wish;

type W = Waiters<Number, &'static str>;

#[derive(Debug)]
struct Number(u32);

impl Gift for Number {
    fn be_granted(&mut self, _: Instant, _: Instant) {}

    fn slot(&self) -> u32 {
        0
    }
}

fn line() -> W {
    W::new(Arc::new(Mailboxes::new()))
}

#[test]
fn a_node_is_one_cache_line() {
    assert_eq!(size_of::<Node>(), 64);
}

fn push(waiters: &mut W, deadline: Instant) -> Key {
    push_with(waiters, deadline, Priority::Normal)
}

fn push_with(waiters: &mut W, deadline: Instant, priority: Priority) -> Key {
    let caller = Caller { location: Location::caller(), task: None, backtrace: None };
    let wish = Wish { priority, tag: None };
    let asker = Asker { caller: &caller, wish, since: deadline, deadline };
    waiters.push(Waker::noop().clone(), &asker)
}

fn grant_next(waiters: &mut W, value: u32, now: Instant) -> bool {
    let mut expired: Vec<Waker> = Vec::new();
    match waiters.head(now, &mut expired) {
        Some(head) => {
            drop(waiters.grant(head, Box::new(Number(value)), now));
            true
        }
        None => false,
    }
}

fn granted(outcome: Outcome<Number, &'static str>) -> Option<u32> {
    match outcome {
        Outcome::Granted(number) => Some(number.0),
        _ => None,
    }
}

#[test]
fn served_in_order_of_arrival() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let keys: Vec<Key> = (0..4).map(|_| push(&mut waiters, later)).collect();
    for value in 0..4 {
        assert!(grant_next(&mut waiters, value, now));
    }
    assert!(!grant_next(&mut waiters, 9, now));
    for (expected, key) in (0..4).zip(keys) {
        assert_eq!(granted(waiters.remove(key).0), Some(expected));
    }
}

#[test]
fn leaving_from_any_place_keeps_the_line() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    for leaver in 0..3 {
        let mut waiters = line();
        let mut keys: Vec<Key> = (0..3).map(|_| push(&mut waiters, later)).collect();
        let gone = keys.remove(leaver);
        assert!(matches!(waiters.remove(gone).0, Outcome::Waiting));
        assert_eq!(waiters.len(), 2);
        for (value, key) in (0..2).zip(keys) {
            assert!(grant_next(&mut waiters, value, now));
            assert_eq!(granted(waiters.remove(key).0), Some(value));
        }
        assert!(waiters.is_empty());
        assert_eq!(waiters.oldest_grant(), None);
    }
}

#[test]
fn the_expired_are_passed_over() {
    let now = crate::clock::now();
    let mut waiters = line();
    let late = push(&mut waiters, now);
    let fine = push(&mut waiters, now + Duration::from_secs(1));
    let mut expired: Vec<Waker> = Vec::new();
    let head = waiters.head(now, &mut expired).unwrap();
    drop(waiters.grant(head, Box::new(Number(7)), now));
    assert_eq!(expired.len(), 1);
    assert!(matches!(waiters.remove(late).0, Outcome::Waiting));
    assert_eq!(granted(waiters.remove(fine).0), Some(7));
}

#[test]
fn a_revoked_waiter_is_first_again() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let first = push(&mut waiters, later);
    let second = push(&mut waiters, later);
    assert!(grant_next(&mut waiters, 1, now));
    assert!(
        waiters.revoke(now.checked_sub(Duration::from_millis(1)).unwrap()).is_none(),
        "too fresh"
    );
    let (value, revoked) = waiters.revoke(now).unwrap();
    assert!(grant_next(&mut waiters, value.0, now), "the second is served meanwhile");
    waiters.restore(revoked);
    assert_eq!(granted(waiters.remove(second).0), Some(1));
    assert!(grant_next(&mut waiters, 2, now));
    assert_eq!(granted(waiters.remove(first).0), Some(2));
}

#[test]
fn nodes_are_reused() {
    let now = crate::clock::now();
    let mut waiters = line();
    for _ in 0..100 {
        let key = push(&mut waiters, now);
        waiters.remove(key);
    }
    assert_eq!(waiters.nodes.len(), 1);
}

#[test]
fn nodes_of_the_served_are_reused_once_they_have_come() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let mail = Arc::clone(&waiters.mail);
    // One never comes.
    let _absent = push(&mut waiters, later);
    assert!(grant_next(&mut waiters, 0, now));
    for value in 1..100 {
        let mut key = Some(push(&mut waiters, later));
        assert!(mail.collect(&mut key).is_none(), "nothing is there yet");
        assert!(grant_next(&mut waiters, value, now));
        assert_eq!(mail.collect(&mut key).unwrap().0, value);
        assert!(key.is_none());
    }
    assert_eq!(waiters.nodes.len(), 2);
    assert_eq!(waiters.oldest_grant(), Some(now));
    assert_eq!(waiters.revoke(now).unwrap().0.0, 0);
    assert!(waiters.revoke(now).is_none(), "the others have come");
}

#[test]
fn what_is_told_beside_goes_with_whoever_comes_for_his() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let mail = Arc::clone(&waiters.mail);
    let caller = Caller { location: Location::caller(), task: None, backtrace: None };
    let wish = Wish { priority: Priority::Normal, tag: Some(Tag::new(7)) };
    let asker = Asker { caller: &caller, wish, since: now, deadline: later };
    let mut tagged = Some(waiters.push(Waker::noop().clone(), &asker));
    assert_eq!(waiters.next_tag(), Some(Tag::new(7)));
    assert!(grant_next(&mut waiters, 1, now));
    assert!(mail.collect(&mut tagged).is_some());
    let _next = push(&mut waiters, later);
    assert_eq!((waiters.nodes.len(), waiters.next_tag()), (1, None));
}

#[test]
fn the_urgent_go_first_and_nobody_starves() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let low = push_with(&mut waiters, later, Priority::Low);
    let normal = push_with(&mut waiters, later, Priority::Normal);
    let high: Vec<Key> = (0..40).map(|_| push_with(&mut waiters, later, Priority::High)).collect();
    for value in 0..42 {
        assert!(grant_next(&mut waiters, value, now));
    }
    // Sixteen urgent ones, then the least urgent of those passed over, then the next.
    let most = MOST_PASSED;
    assert_eq!(granted(waiters.remove(low).0), Some(most));
    assert_eq!(granted(waiters.remove(normal).0), Some(most + 1));
    let mut expected = (0..42).filter(|value| *value != most && *value != most + 1);
    for key in high {
        assert_eq!(granted(waiters.remove(key).0), expected.next());
    }
}

#[test]
fn a_stuck_urgent_one_does_not_hold_up_the_others() {
    let now = crate::clock::now();
    let later = now + Duration::from_secs(1);
    let mut waiters = line();
    let stuck = push_with(&mut waiters, later, Priority::High);
    let normal = push(&mut waiters, later);
    assert!(grant_next(&mut waiters, 1, now));
    let (value, revoked) = waiters.revoke(now).unwrap();
    waiters.restore(revoked);
    assert!(grant_next(&mut waiters, value.0, now));
    assert_eq!(granted(waiters.remove(normal).0), Some(1));
    assert!(matches!(waiters.remove(stuck).0, Outcome::Waiting));
}
