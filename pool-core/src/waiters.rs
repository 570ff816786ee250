//! Who waits, in order of priority and arrival: a slab of nodes with a list for each priority and a
//! list of the granted threaded through it.
//!
//! Pure data, changed only under the pool's lock. Every operation on one waiter is constant time
//! (skipping expired waiters aside), and a warm slab does not allocate.

mod list;
#[cfg(test)]
mod tests;

use std::task::Waker;

use crate::caller::{Caller, Wish};
use crate::clock::Instant;
use crate::state::Asker;
use crate::{Priority, Tag, TaskId};
use list::{List, NONE, Which};

/// So many of higher priorities are served before the first of a lower one is.
pub(crate) const MOST_PASSED: u32 = 16;

/// The priorities, most urgent first, as indices of their lists.
const ORDER: [usize; 3] =
    [Priority::High as usize, Priority::Normal as usize, Priority::Low as usize];

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
    caller: Caller,
    wish: Wish,
    since: Instant,
    deadline: Instant,
    granted_at: Option<Instant>,
    /// How many newcomers have overtaken it while it was the first in line.
    bypassed: u32,
    /// It was woken to look for itself, and may be counted on to come.
    called: bool,
    /// It has been looked at for holding a connection while it waits.
    inspected: bool,
    /// A stale grant was taken back from it before.
    retaken: bool,
    prev: u32,
    next: u32,
}

/// All waiters of a pool.
#[derive(Debug)]
pub(crate) struct Waiters<T, F> {
    nodes: Vec<Option<Node<T, F>>>,
    free: Vec<u32>,
    /// By priority.
    waiting: [List; 3],
    /// How many of higher priorities have been served since the first of each list could have been.
    passed: [u32; 3],
    granted: List,
}

/// A waiter at the head of the line, about to be served.
#[derive(Debug)]
pub(crate) struct Head {
    index: u32,
    /// Who it is.
    pub(crate) caller: Caller,
}

impl<T, F> Waiters<T, F> {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            waiting: [List::EMPTY; 3],
            passed: [0; 3],
            granted: List::EMPTY,
        }
    }

    /// How many are in line; those granted are not.
    pub(crate) fn len(&self) -> usize {
        self.waiting.iter().map(|list| list.len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.iter().all(|list| list.head == NONE)
    }

    /// How many have been given something they have not picked up.
    pub(crate) fn granted(&self) -> usize {
        self.granted.len
    }

    /// Joins the end of the line of its priority.
    pub(crate) fn push(&mut self, waker: Waker, asker: &Asker<'_>) -> Key {
        let key = self.insert(waker, asker);
        self.link_back(Which::Waiting(asker.wish.priority as usize), key.0);
        key
    }

    /// Joins the line of its priority at its head.
    pub(crate) fn push_front(&mut self, waker: Waker, asker: &Asker<'_>) -> Key {
        let key = self.insert(waker, asker);
        self.link_front(Which::Waiting(asker.wish.priority as usize), key.0);
        key
    }

    fn insert(&mut self, waker: Waker, asker: &Asker<'_>) -> Key {
        let node = Node {
            outcome: Outcome::Waiting,
            waker: Some(waker),
            caller: asker.caller.clone(),
            wish: asker.wish,
            since: asker.since,
            deadline: asker.deadline,
            granted_at: None,
            bypassed: 0,
            called: false,
            inspected: false,
            retaken: false,
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
        Key(index)
    }

    /// The lists in the order in which they are served now.
    fn order(&self) -> [usize; 3] {
        let mut order = ORDER;
        // One that was passed over too often goes first; the least urgent of them, which has waited
        // for the others as well.
        let starved = (0..ORDER.len()).rev().find(|i| {
            let list = ORDER[*i];
            self.waiting[list].head != NONE && self.passed[list] >= MOST_PASSED
        });
        if let Some(index) = starved {
            order[..=index].rotate_right(1);
        }
        order
    }

    /// The first in line whose deadline has not passed; those before it whose has are taken out of
    /// line, and their wakers pushed to `expired`, so that each finds out by itself.
    pub(crate) fn head(&mut self, now: Instant, expired: &mut impl Extend<Waker>) -> Option<Head> {
        let mut stuck = None;
        for list in self.order() {
            let Some(index) = self.live_head(list, now, expired) else {
                continue;
            };
            // A waiter without a waker has been woken and was not polled since: it may be stuck.
            // One that can be woken goes first, else two stuck ones could pass a connection to and
            // fro between them for ever.
            match self.awake(index, now) {
                Some(index) => return Some(self.head_at(index)),
                None => stuck = stuck.or(Some(index)),
            }
        }
        stuck.map(|index| self.head_at(index))
    }

    fn head_at(&mut self, index: u32) -> Head {
        Head { index, caller: self.node(index).caller.clone() }
    }

    /// The first in one list whose deadline has not passed.
    fn live_head(
        &mut self,
        list: usize,
        now: Instant,
        expired: &mut impl Extend<Waker>,
    ) -> Option<u32> {
        loop {
            let index = self.waiting[list].head;
            if index == NONE {
                return None;
            }
            let node = self.node(index);
            if node.deadline > now {
                return Some(index);
            }
            let waker = node.waker.take();
            self.unlink(Which::Waiting(list), index);
            expired.extend(waker);
        }
    }

    /// The first from `index` on who comes when called, and is not late.
    fn awake(&mut self, mut index: u32, now: Instant) -> Option<u32> {
        let node = self.node(index);
        if node.called {
            return Some(index);
        }
        while index != NONE {
            let node = self.node(index);
            if node.waker.is_some() && node.deadline > now {
                return Some(index);
            }
            index = node.next;
        }
        None
    }

    /// The connection the next to be served would like best.
    pub(crate) fn next_tag(&mut self) -> Option<Tag> {
        let index = self.first()?;
        self.node(index).wish.tag
    }

    fn first(&self) -> Option<u32> {
        self.order().into_iter().map(|list| self.waiting[list].head).find(|head| *head != NONE)
    }

    /// True when newcomers may still overtake `head`.
    pub(crate) fn may_be_bypassed(&mut self, head: &Head, most: u32) -> bool {
        self.node(head.index).bypassed < most
    }

    /// Lets a newcomer overtake everybody, if there is nobody or the first in line has not been
    /// overtaken `most` times.
    pub(crate) fn bypass(&mut self, most: u32) -> bool {
        match self.first() {
            None => true,
            Some(index) => {
                let node = self.node(index);
                let may = node.bypassed < most;
                node.bypassed += u32::from(may);
                may
            }
        }
    }

    /// The waker of one of the first `count` in line, taken, unless all of them have been woken.
    pub(crate) fn take_waker_among(&mut self, mut count: usize) -> Option<Waker> {
        for list in self.order() {
            let mut index = self.waiting[list].head;
            while index != NONE && count > 0 {
                let node = self.node(index);
                if node.waker.is_some() {
                    node.called = true;
                    return node.waker.take();
                }
                index = node.next;
                count -= 1;
            }
        }
        None
    }

    /// Gives the head of the line what it waits for. Returns the waker to wake, outside the lock.
    pub(crate) fn grant(&mut self, head: Head, value: T, now: Instant) -> Option<Waker> {
        let list = self.node(head.index).wish.priority as usize;
        self.passed[list] = 0;
        for lower in 0..list {
            if self.waiting[lower].head != NONE {
                self.passed[lower] = self.passed[lower].saturating_add(1);
            }
        }
        self.unlink(Which::Waiting(list), head.index);
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
        for list in ORDER {
            while self.waiting[list].head != NONE {
                let index = self.waiting[list].head;
                self.unlink(Which::Waiting(list), index);
                let node = self.node(index);
                node.outcome = Outcome::Failed(reason());
                wake.extend(node.waker.take());
            }
        }
    }

    /// Takes everything back that was granted and not picked up, and tells those to give up.
    pub(crate) fn fail_granted(&mut self, mut reason: impl FnMut() -> F) -> Vec<T> {
        let mut values = Vec::new();
        while self.granted.head != NONE {
            let index = self.granted.head;
            self.unlink(Which::Granted, index);
            let node = self.node(index);
            if let Outcome::Granted(value) =
                std::mem::replace(&mut node.outcome, Outcome::Failed(reason()))
            {
                values.push(value);
            }
        }
        values
    }

    /// The longest granted, if it was granted at or before `before` and not picked up: takes the
    /// value back. The waiter goes back to the head of its line by [`restore`](Self::restore).
    pub(crate) fn revoke(&mut self, before: Instant) -> Option<(T, Revoked)> {
        let index = self.granted.head;
        if index == NONE || self.node(index).granted_at.is_none_or(|at| at > before) {
            return None;
        }
        self.take_back(index)
    }

    /// Takes everything back that was granted and not picked up: their waiters are at the head of the
    /// line again, in the order they had. They have been woken, and come.
    pub(crate) fn take_back_all(&mut self) -> Vec<T> {
        let mut values = Vec::new();
        while self.granted.tail != NONE {
            let Some((value, revoked)) = self.take_back(self.granted.tail) else {
                break;
            };
            self.node(revoked.0).called = true;
            self.restore(revoked);
            values.push(value);
        }
        values
    }

    /// As [`revoke`](Self::revoke), of one waiter.
    pub(crate) fn revoke_from(&mut self, key: &Key) -> Option<(T, Revoked)> {
        let node = self.node(key.0);
        // Once: a runtime in which every poll comes late would never be served.
        let first = !std::mem::replace(&mut node.retaken, true);
        (first && matches!(node.outcome, Outcome::Granted(_))).then_some(())?;
        self.take_back(key.0)
    }

    fn take_back(&mut self, index: u32) -> Option<(T, Revoked)> {
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

    /// Puts a waiter whose grant was revoked at the head of its line.
    pub(crate) fn restore(&mut self, revoked: Revoked) {
        let list = self.node(revoked.0).wish.priority as usize;
        self.link_front(Which::Waiting(list), revoked.0);
    }

    /// When the longest unpicked grant was made.
    pub(crate) fn oldest_grant(&self) -> Option<Instant> {
        match self.granted.head {
            NONE => None,
            index => self.nodes[index as usize].as_ref().and_then(|node| node.granted_at),
        }
    }

    /// Counts all unpicked grants as made now: time has jumped, and nobody could pick them up.
    pub(crate) fn renew_grants(&mut self, now: Instant) {
        let mut index = self.granted.head;
        while index != NONE {
            let node = self.node(index);
            node.granted_at = Some(now);
            index = node.next;
        }
    }

    /// What a waiter was granted and when, if it was.
    pub(crate) fn granted_to(&mut self, key: &Key) -> Option<(&T, Instant)> {
        let node = self.node(key.0);
        match (&node.outcome, node.granted_at) {
            (Outcome::Granted(value), Some(at)) => Some((value, at)),
            _ => None,
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

    /// Those whose deadline has passed leave the line and are woken, so that each finds out by itself.
    /// Returns the soonest deadline that has not.
    pub(crate) fn call_expired(
        &mut self,
        now: Instant,
        wake: &mut impl Extend<Waker>,
    ) -> Option<Instant> {
        let mut soonest: Option<Instant> = None;
        for list in ORDER {
            let mut index = self.waiting[list].head;
            while index != NONE {
                let node = self.node(index);
                let (this, deadline) = (index, node.deadline);
                index = node.next;
                if deadline <= now {
                    wake.extend(node.waker.take());
                    self.unlink(Which::Waiting(list), this);
                } else {
                    soonest = Some(soonest.map_or(deadline, |s| s.min(deadline)));
                }
            }
        }
        soonest
    }

    /// The wakers of all in line, taken: to make each look around by itself.
    pub(crate) fn call_all(&mut self, wake: &mut impl Extend<Waker>) {
        self.for_each_waiting(|node| {
            node.called = true;
            wake.extend(node.waker.take());
        });
    }

    /// Those who have waited since before `since` and were not looked at before.
    pub(crate) fn inspect(&mut self, since: Instant, mut look: impl FnMut(&Caller, TaskId)) {
        self.for_each_waiting(|node| {
            if node.since <= since && !node.inspected {
                node.inspected = true;
                if let Some(task) = node.caller.task {
                    look(&node.caller, task);
                }
            }
        });
    }

    fn for_each_waiting(&mut self, mut each: impl FnMut(&mut Node<T, F>)) {
        for list in ORDER {
            let mut index = self.waiting[list].head;
            while index != NONE {
                let node = self.node(index);
                index = node.next;
                each(node);
            }
        }
    }

    /// Leaves, in line or served. Returns what the waiter had come to and its waker, if it left
    /// one.
    pub(crate) fn remove(&mut self, key: Key) -> (Outcome<T, F>, Option<Waker>) {
        let index = key.0;
        let node = self.node(index);
        let list = node.wish.priority as usize;
        if matches!(node.outcome, Outcome::Granted(_)) {
            self.unlink(Which::Granted, index);
        } else if self.is_waiting(list, index) {
            // Those expired or failed have already been taken out of line.
            self.unlink(Which::Waiting(list), index);
        }
        let node = self.nodes[index as usize].take().expect("a key names a live node");
        self.free.push(index);
        (node.outcome, node.waker)
    }

    /// The waker of the first in line, taken: to make it look around by itself.
    pub(crate) fn take_head_waker(&mut self) -> Option<Waker> {
        let index = self.first()?;
        let node = self.node(index);
        node.called = true;
        node.waker.take()
    }

    fn node(&mut self, index: u32) -> &mut Node<T, F> {
        self.nodes[index as usize].as_mut().expect("a linked or keyed node is live")
    }
}

/// A waiter whose grant was taken back and who is in no list until [`Waiters::restore`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Revoked(u32);
