//! Who waits, in order of arrival: a slab of nodes with a list of the waiting and a list of the
//! granted threaded through it.
//!
//! Pure data, changed only under the pool's lock. Every operation is constant time (skipping
//! expired waiters aside), and a warm slab does not allocate.

use std::panic::Location;
use std::task::Waker;

use crate::clock::Instant;

const NONE: u32 = u32::MAX;

/// The handle of one waiter, held by exactly one [`Acquire`](crate::Acquire) future, which removes
/// the node it names. Not `Clone`: a key is used up by [`Waiters::remove`].
#[derive(Debug)]
pub(crate) struct Key(u32);

/// What a waiter has come to.
#[derive(Debug)]
pub(crate) enum Outcome<T, F> {
    /// Still in line.
    Waiting,
    /// Has been given something, but was not polled since.
    Granted(T),
    /// Was told to give up.
    Failed(F),
}

#[derive(Debug)]
struct Node<T, F> {
    outcome: Outcome<T, F>,
    waker: Option<Waker>,
    location: &'static Location<'static>,
    deadline: Instant,
    granted_at: Option<Instant>,
    /// How many newcomers have overtaken it while it was the first in line.
    bypassed: u32,
    /// It was woken to look for itself, and may be counted on to come.
    called: bool,
    prev: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
    len: usize,
}

impl List {
    const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Which {
    Waiting,
    Granted,
}

/// All waiters of a pool.
#[derive(Debug)]
pub(crate) struct Waiters<T, F> {
    nodes: Vec<Option<Node<T, F>>>,
    free: Vec<u32>,
    waiting: List,
    granted: List,
}

/// A waiter at the head of the line, about to be served.
#[derive(Debug)]
pub(crate) struct Head {
    index: u32,
    /// Where it called from.
    pub(crate) location: &'static Location<'static>,
}

impl<T, F> Waiters<T, F> {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), waiting: List::EMPTY, granted: List::EMPTY }
    }

    /// How many are in line; those granted are not.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.len == 0
    }

    /// How many have been given something they have not picked up.
    pub(crate) fn granted(&self) -> usize {
        self.granted.len
    }

    /// Joins the end of the line.
    pub(crate) fn push(
        &mut self,
        waker: Waker,
        location: &'static Location<'static>,
        deadline: Instant,
    ) -> Key {
        let node = Node {
            outcome: Outcome::Waiting,
            waker: Some(waker),
            location,
            deadline,
            granted_at: None,
            bypassed: 0,
            called: false,
            prev: NONE,
            next: NONE,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.nodes[index as usize] = Some(node);
                index
            }
            None => {
                let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 waiters");
                self.nodes.push(Some(node));
                index
            }
        };
        self.link_back(Which::Waiting, index);
        Key(index)
    }

    /// The first in line whose deadline has not passed; those before it whose has are taken out of
    /// line, and their wakers pushed to `expired`, so that each finds out by itself.
    pub(crate) fn head(&mut self, now: Instant, expired: &mut impl Extend<Waker>) -> Option<Head> {
        loop {
            let index = self.waiting.head;
            if index == NONE {
                return None;
            }
            let node = self.node(index);
            if node.deadline > now {
                // A waiter without a waker has been woken and was not polled since: it may be stuck.
                // One that can be woken goes first, else two stuck ones could pass a connection to
                // and fro between them for ever.
                let comes = node.waker.is_some() || node.called;
                let index = if comes { index } else { self.awake(now, index) };
                let location = self.node(index).location;
                return Some(Head { index, location });
            }
            let waker = node.waker.take();
            self.unlink(Which::Waiting, index);
            expired.extend(waker);
        }
    }

    /// The first in line who can be woken and is not late, else `head`.
    fn awake(&mut self, now: Instant, head: u32) -> u32 {
        let mut index = head;
        while index != NONE {
            let node = self.node(index);
            if node.waker.is_some() && node.deadline > now {
                return index;
            }
            index = node.next;
        }
        head
    }

    /// True when newcomers may still overtake `head`.
    pub(crate) fn may_be_bypassed(&mut self, head: &Head, most: u32) -> bool {
        self.node(head.index).bypassed < most
    }

    /// Lets a newcomer overtake everybody, if there is nobody or the first in line has not been
    /// overtaken `most` times.
    pub(crate) fn bypass(&mut self, most: u32) -> bool {
        match self.waiting.head {
            NONE => true,
            index => {
                let node = self.node(index);
                let may = node.bypassed < most;
                node.bypassed += u32::from(may);
                may
            }
        }
    }

    /// The waker of one of the first `count` in line, taken, unless all of them have been woken.
    pub(crate) fn take_waker_among(&mut self, count: usize) -> Option<Waker> {
        let mut index = self.waiting.head;
        for _ in 0..count {
            if index == NONE {
                return None;
            }
            let node = self.node(index);
            if node.waker.is_some() {
                node.called = true;
                return node.waker.take();
            }
            index = node.next;
        }
        None
    }

    /// Gives the head of the line what it waits for. Returns the waker to wake, outside the lock.
    pub(crate) fn grant(&mut self, head: Head, value: T, now: Instant) -> Option<Waker> {
        self.unlink(Which::Waiting, head.index);
        self.link_back(Which::Granted, head.index);
        let node = self.node(head.index);
        node.outcome = Outcome::Granted(value);
        node.granted_at = Some(now);
        node.waker.take()
    }

    /// Tells everybody in line to give up. Returns their wakers through `wake`.
    pub(crate) fn fail_all(
        &mut self,
        mut reason: impl FnMut() -> F,
        wake: &mut impl Extend<Waker>,
    ) {
        while self.waiting.head != NONE {
            let index = self.waiting.head;
            self.unlink(Which::Waiting, index);
            let node = self.node(index);
            node.outcome = Outcome::Failed(reason());
            wake.extend(node.waker.take());
        }
    }

    /// The longest granted, if it was granted at or before `before` and not picked up: takes the
    /// value back and puts the waiter at the head of the line again. `Some` of the value, and the
    /// waiter keeps waiting.
    pub(crate) fn revoke(&mut self, before: Instant) -> Option<(T, Revoked)> {
        let index = self.granted.head;
        if index == NONE || self.node(index).granted_at.is_none_or(|at| at > before) {
            return None;
        }
        self.unlink(Which::Granted, index);
        let node = self.node(index);
        node.granted_at = None;
        node.called = false;
        match std::mem::replace(&mut node.outcome, Outcome::Waiting) {
            Outcome::Granted(value) => Some((value, Revoked(index))),
            other => {
                // The granted list holds only granted nodes; put it back as it was.
                node.outcome = other;
                None
            }
        }
    }

    /// Puts a waiter whose grant was revoked at the head of the line.
    pub(crate) fn restore(&mut self, revoked: Revoked) {
        self.link_front(Which::Waiting, revoked.0);
    }

    /// When the longest unpicked grant was made.
    pub(crate) fn oldest_grant(&self) -> Option<Instant> {
        match self.granted.head {
            NONE => None,
            index => self.nodes[index as usize].as_ref().and_then(|node| node.granted_at),
        }
    }

    /// True when a waiter has been served or told to give up. Where it still waits, it counts as
    /// called, until [`stay`](Self::stay): it is here. Its waker is returned, to be dropped outside
    /// the lock.
    pub(crate) fn is_ready(&mut self, key: &Key) -> (bool, Option<Waker>) {
        let node = self.node(key.0);
        match node.outcome {
            Outcome::Waiting => {
                node.called = true;
                (false, node.waker.take())
            }
            Outcome::Granted(_) | Outcome::Failed(_) => (true, None),
        }
    }

    /// Leaves `waker` for when the turn comes; gives it back when that is now.
    pub(crate) fn stay(&mut self, key: &Key, waker: Waker) -> Option<Waker> {
        let node = self.node(key.0);
        match node.outcome {
            Outcome::Waiting => {
                node.called = false;
                node.waker.replace(waker)
            }
            Outcome::Granted(_) | Outcome::Failed(_) => Some(waker),
        }
    }

    /// The wakers of those in line whose deadline has passed, taken, so that each finds out by itself.
    /// Returns the soonest deadline that has not.
    pub(crate) fn call_expired(
        &mut self,
        now: Instant,
        wake: &mut impl Extend<Waker>,
    ) -> Option<Instant> {
        let mut soonest: Option<Instant> = None;
        let mut index = self.waiting.head;
        while index != NONE {
            let node = self.node(index);
            index = node.next;
            if node.deadline <= now {
                wake.extend(node.waker.take());
            } else {
                soonest = Some(soonest.map_or(node.deadline, |s| s.min(node.deadline)));
            }
        }
        soonest
    }

    /// The wakers of all in line, taken: to make each look around by itself.
    pub(crate) fn call_all(&mut self, wake: &mut impl Extend<Waker>) {
        let mut index = self.waiting.head;
        while index != NONE {
            let node = self.node(index);
            index = node.next;
            node.called = true;
            wake.extend(node.waker.take());
        }
    }

    /// Leaves, in line or served. Returns what the waiter had come to and its waker, if it left
    /// one.
    pub(crate) fn remove(&mut self, key: Key) -> (Outcome<T, F>, Option<Waker>) {
        let index = key.0;
        let granted = matches!(self.node(index).outcome, Outcome::Granted(_));
        if granted {
            self.unlink(Which::Granted, index);
        } else if self.is_linked(index) {
            // Those expired or failed have already been taken out of line.
            self.unlink(Which::Waiting, index);
        }
        let node = self.nodes[index as usize].take().expect("a key names a live node");
        self.free.push(index);
        (node.outcome, node.waker)
    }

    /// The waker of the first in line, taken: to make it look around by itself.
    pub(crate) fn take_head_waker(&mut self) -> Option<Waker> {
        match self.waiting.head {
            NONE => None,
            index => self.node(index).waker.take(),
        }
    }

    fn node(&mut self, index: u32) -> &mut Node<T, F> {
        self.nodes[index as usize].as_mut().expect("a linked or keyed node is live")
    }

    fn list(&mut self, which: Which) -> &mut List {
        match which {
            Which::Waiting => &mut self.waiting,
            Which::Granted => &mut self.granted,
        }
    }

    fn is_linked(&mut self, index: u32) -> bool {
        let head = self.waiting.head;
        let node = self.node(index);
        node.prev != NONE || node.next != NONE || head == index
    }

    fn link_back(&mut self, which: Which, index: u32) {
        let tail = std::mem::replace(&mut self.list(which).tail, index);
        self.list(which).len += 1;
        let node = self.node(index);
        node.prev = tail;
        node.next = NONE;
        match tail {
            NONE => self.list(which).head = index,
            tail => self.node(tail).next = index,
        }
    }

    fn link_front(&mut self, which: Which, index: u32) {
        let head = std::mem::replace(&mut self.list(which).head, index);
        self.list(which).len += 1;
        let node = self.node(index);
        node.prev = NONE;
        node.next = head;
        match head {
            NONE => self.list(which).tail = index,
            head => self.node(head).prev = index,
        }
    }

    fn unlink(&mut self, which: Which, index: u32) {
        let node = self.node(index);
        let (prev, next) = (node.prev, node.next);
        node.prev = NONE;
        node.next = NONE;
        match prev {
            NONE => self.list(which).head = next,
            prev => self.node(prev).next = next,
        }
        match next {
            NONE => self.list(which).tail = prev,
            next => self.node(next).prev = prev,
        }
        self.list(which).len -= 1;
    }
}

/// A waiter whose grant was taken back and who is in no list until [`Waiters::restore`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Revoked(u32);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type W = Waiters<u32, &'static str>;

    fn push(waiters: &mut W, deadline: Instant) -> Key {
        waiters.push(Waker::noop().clone(), Location::caller(), deadline)
    }

    fn grant_next(waiters: &mut W, value: u32, now: Instant) -> bool {
        let mut expired: Vec<Waker> = Vec::new();
        match waiters.head(now, &mut expired) {
            Some(head) => {
                drop(waiters.grant(head, value, now));
                true
            }
            None => false,
        }
    }

    fn granted(outcome: Outcome<u32, &'static str>) -> Option<u32> {
        match outcome {
            Outcome::Granted(value) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn served_in_order_of_arrival() {
        let now = crate::clock::now();
        let later = now + Duration::from_secs(1);
        let mut waiters = W::new();
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
            let mut waiters = W::new();
            let mut keys: Vec<Key> = (0..3).map(|_| push(&mut waiters, later)).collect();
            let gone = keys.remove(leaver);
            assert!(matches!(waiters.remove(gone).0, Outcome::Waiting));
            assert_eq!(waiters.len(), 2);
            for (value, key) in (0..2).zip(keys) {
                assert!(grant_next(&mut waiters, value, now));
                assert_eq!(granted(waiters.remove(key).0), Some(value));
            }
            assert!(waiters.is_empty());
            assert_eq!(waiters.granted(), 0);
        }
    }

    #[test]
    fn the_expired_are_passed_over() {
        let now = crate::clock::now();
        let mut waiters = W::new();
        let late = push(&mut waiters, now);
        let fine = push(&mut waiters, now + Duration::from_secs(1));
        let mut expired: Vec<Waker> = Vec::new();
        let head = waiters.head(now, &mut expired).unwrap();
        drop(waiters.grant(head, 7, now));
        assert_eq!(expired.len(), 1);
        assert!(matches!(waiters.remove(late).0, Outcome::Waiting));
        assert_eq!(granted(waiters.remove(fine).0), Some(7));
    }

    #[test]
    fn a_revoked_waiter_is_first_again() {
        let now = crate::clock::now();
        let later = now + Duration::from_secs(1);
        let mut waiters = W::new();
        let first = push(&mut waiters, later);
        let second = push(&mut waiters, later);
        assert!(grant_next(&mut waiters, 1, now));
        assert!(waiters.revoke(now - Duration::from_millis(1)).is_none(), "too fresh");
        let (value, revoked) = waiters.revoke(now).unwrap();
        assert!(grant_next(&mut waiters, value, now), "the second is served meanwhile");
        waiters.restore(revoked);
        assert_eq!(granted(waiters.remove(second).0), Some(1));
        assert!(grant_next(&mut waiters, 2, now));
        assert_eq!(granted(waiters.remove(first).0), Some(2));
    }

    #[test]
    fn nodes_are_reused() {
        let now = crate::clock::now();
        let mut waiters = W::new();
        for _ in 0..100 {
            let key = push(&mut waiters, now);
            waiters.remove(key);
        }
        assert_eq!(waiters.nodes.len(), 1);
    }
}
