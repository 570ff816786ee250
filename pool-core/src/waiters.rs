//! Who waits, in order of priority and arrival: a slab of nodes with a line for each priority
//! threaded through it.
//!
//! Pure data, changed only under the pool's lock. Every operation on one waiter is constant time
//! (skipping expired waiters aside), a warm slab does not allocate, and a node is one cache line: what
//! few waiters need lies beside.

mod list;
mod mailbox;
mod node;
mod revoking;
#[cfg(test)]
mod tests;
mod walking;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Waker;

use crate::caller::Caller;
use crate::clock::Instant;
use crate::state::{Asker, Joiner};
use crate::{Priority, Tag};
use list::{List, NONE};
pub(crate) use mailbox::Mailboxes;
use node::{Extra, Flags, Node, Stage};

/// So many of higher priorities are served before the first of a lower one is.
pub(crate) const MOST_PASSED: u32 = 16;

/// So many nanoseconds before the deadline, a coarse reading of the clock does not tell who is late,
/// even where the machine is slow to run the thread that feeds it.
const NEARLY_LATE: u64 = 50_000_000;

/// No more are let pass than can be counted.
const MOST_BYPASSED: u32 = u16::MAX as u32;

const NANOS_PER_MILLI: u64 = 1_000_000;

// Indices of the lists: the one in which nearly all wait is the first.
const NORMAL: usize = 0;
const HIGH: usize = 1;
const LOW: usize = 2;

/// The lists, most urgent first.
const ORDER: [usize; 3] = [HIGH, NORMAL, LOW];

fn list_of(priority: Priority) -> usize {
    match priority {
        Priority::Normal => NORMAL,
        Priority::High => HIGH,
        Priority::Low => LOW,
    }
}

/// In milliseconds, beginning anew every 49 days.
fn millis(at: Instant) -> u32 {
    (at.get() / NANOS_PER_MILLI) as u32
}

/// The handle of one waiter, held by exactly one [`Acquire`](crate::Acquire) future, which removes
/// the node it names. Not `Clone`: a key is used up by [`Waiters::remove`].
#[derive(Debug)]
pub(crate) struct Key(NonZeroU32);

impl Key {
    fn of(index: u32) -> Self {
        // Indices are below `u32::MAX`, which is `NONE`.
        Self(NonZeroU32::MIN.saturating_add(index))
    }

    fn index(&self) -> u32 {
        self.0.get() - 1
    }
}

/// What waiters are given.
pub(crate) trait Gift {
    /// Somebody is told `now` to come for it, who would have waited `until` then.
    fn be_granted(&mut self, now: Instant, until: Instant);
    /// The slot it comes from.
    fn slot(&self) -> u32;
}

/// What a waiter has come to.
#[derive(Debug)]
pub(crate) enum Outcome<T, F> {
    /// Still in line.
    Waiting,
    /// Has been given something, but was not polled since.
    Granted(Box<T>),
    /// Was told to give up.
    Failed(F),
}

/// All waiters of a pool. What is written each time somebody joins or is served comes first: with the
/// lock before it, it is one cache line.
#[repr(C)]
pub(crate) struct Waiters<T, F> {
    /// The first node that is nobody's; the others follow it.
    free: u32,
    /// By priority.
    waiting: [List; 3],
    /// Those who were given something, longest ago first: once a mailbox is empty, its node may serve
    /// another.
    served: List,
    /// How many of higher priorities have been served since the first of each list could have been.
    passed: [u32; 3],
    nodes: Vec<Node>,
    mail: Arc<Mailboxes<T>>,
    extras: BTreeMap<u32, Extra<F>>,
}

/// A waiter at the head of the line, about to be served.
#[derive(Debug)]
pub(crate) struct Head {
    index: u32,
}

impl<T: Gift, F> Waiters<T, F> {
    pub(crate) fn new(mail: Arc<Mailboxes<T>>) -> Self {
        Self {
            nodes: Vec::new(),
            extras: BTreeMap::new(),
            free: NONE,
            waiting: [List::EMPTY; 3],
            passed: [0; 3],
            served: List::EMPTY,
            mail,
        }
    }

    /// How many are in line; those granted are not.
    pub(crate) fn len(&self) -> usize {
        self.waiting.iter().map(|list| list.len as usize).sum()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.iter().all(|list| list.head == NONE)
    }

    // ---- joining ----------------------------------------------------------------------------

    /// Joins the end of the line of its priority.
    #[inline(always)]
    pub(crate) fn push(&mut self, waker: Waker, asker: &Asker<'_>) -> Key {
        let index = self.insert(waker, asker);
        self.link_back(list_of(asker.wish.priority), index);
        Key::of(index)
    }

    /// Joins the line of its priority at its head.
    pub(crate) fn push_front(&mut self, waker: Waker, asker: &Asker<'_>) -> Key {
        let index = self.insert(waker, asker);
        self.link_front(list_of(asker.wish.priority), index);
        Key::of(index)
    }

    /// As [`push`](Self::push), of one who wishes for nothing else.
    #[inline(always)]
    pub(crate) fn push_plainly(&mut self, waker: Waker, joiner: &Joiner) -> Key {
        let index = self.vacant();
        let stale = self.node(index).occupy(waker, Priority::Normal, joiner);
        if stale {
            // Of one who came for it without the lock.
            self.extras.remove(&index);
        }
        self.link_back(NORMAL, index);
        Key::of(index)
    }

    fn insert(&mut self, waker: Waker, asker: &Asker<'_>) -> u32 {
        let index = self.vacant();
        let stale = self.node(index).occupy(waker, asker.wish.priority, &asker.joiner());
        if stale {
            self.extras.remove(&index);
        }
        if asker.wish.tag.is_some() || asker.caller.backtrace.is_some() {
            self.node(index).flags.set(Flags::EXTRA, true);
            let (tag, backtrace) = (asker.wish.tag, asker.caller.backtrace.clone());
            self.extras.insert(index, Extra { tag, backtrace, failure: None });
        }
        index
    }

    /// A node that is nobody's: mostly that of whoever was served longest ago, and has come for it.
    #[inline(always)]
    fn vacant(&mut self) -> u32 {
        let first = self.served.head;
        if first != NONE && self.mail.is_empty(first) {
            self.served.head = self.node(first).next;
            if self.served.head == NONE {
                self.served.tail = NONE;
            }
            return first;
        }
        self.vacant_elsewhere()
    }

    #[inline(never)]
    fn vacant_elsewhere(&mut self) -> u32 {
        if self.free != NONE {
            let index = self.free;
            self.free = self.node(index).next;
            return index;
        }
        // What is not picked up holds a connection, so they are not many.
        let empty = self.served().find(|index| self.mail.is_empty(*index));
        match empty {
            Some(index) => {
                self.unserve(index);
                index
            }
            None => self.add(),
        }
    }

    /// One more node.
    #[cold]
    fn add(&mut self) -> u32 {
        let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 waiters");
        self.mail.reach(index);
        self.nodes.push(Node::new());
        index
    }

    /// A node is nobody's any more.
    #[inline(always)]
    fn release(&mut self, index: u32) {
        let next = std::mem::replace(&mut self.free, index);
        let node = self.node(index);
        node.flags.set_stage(Stage::Free);
        node.next = next;
    }

    // ---- the head of the line ---------------------------------------------------------------

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
                Some(index) => return Some(Head { index }),
                None => stuck = stuck.or(Some(index)),
            }
        }
        stuck.map(|index| Head { index })
    }

    /// As [`head`](Self::head), where that is no question: all are of one priority, the first is not
    /// about to be late, and comes when called.
    #[inline(always)]
    pub(crate) fn plain_head(&self, now: Instant) -> Option<Head> {
        if self.waiting[HIGH].head != NONE || self.waiting[LOW].head != NONE {
            return None;
        }
        let index = self.waiting[NORMAL].head;
        let node = self.nodes.get(index as usize)?;
        let plain = node.waker.is_some() && node.deadline.nanos_since(now) > NEARLY_LATE;
        plain.then_some(Head { index })
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
            self.unlink(list, index);
            expired.extend(waker);
        }
    }

    /// The first from `index` on who comes when called, and is not late.
    fn awake(&mut self, mut index: u32, now: Instant) -> Option<u32> {
        let node = self.node(index);
        if node.flags.has(Flags::CALLED) {
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

    fn first(&self) -> Option<u32> {
        self.order().into_iter().map(|list| self.waiting[list].head).find(|head| *head != NONE)
    }

    /// Who is at the head of the line.
    #[inline(always)]
    pub(crate) fn caller(&self, head: &Head) -> Caller {
        let node = &self.nodes[head.index as usize];
        let backtrace = match node.flags.has(Flags::EXTRA) {
            true => self.extras.get(&head.index).and_then(|extra| extra.backtrace.clone()),
            false => None,
        };
        Caller { location: node.location, task: node.task, backtrace }
    }

    /// The connection the next to be served would like best.
    pub(crate) fn next_tag(&self) -> Option<Tag> {
        self.extras.get(&self.first()?)?.tag
    }

    /// True when newcomers may still overtake `head`.
    pub(crate) fn may_be_bypassed(&mut self, head: &Head, most: u32) -> bool {
        u32::from(self.node(head.index).bypassed) < most.min(MOST_BYPASSED)
    }

    /// Lets a newcomer overtake everybody, if there is nobody or the first in line has not been
    /// overtaken `most` times.
    pub(crate) fn bypass(&mut self, most: u32) -> bool {
        match self.first() {
            None => true,
            Some(index) => {
                let node = self.node(index);
                let may = u32::from(node.bypassed) < most.min(MOST_BYPASSED);
                node.bypassed += u16::from(may);
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
                    node.flags.set(Flags::CALLED, true);
                    return node.waker.take();
                }
                index = node.next;
                count -= 1;
            }
        }
        None
    }

    /// The waker of the first in line, taken: to make it look around by itself.
    pub(crate) fn take_head_waker(&mut self) -> Option<Waker> {
        let index = self.first()?;
        let node = self.node(index);
        node.flags.set(Flags::CALLED, true);
        node.waker.take()
    }

    // ---- being served -----------------------------------------------------------------------

    /// Gives the head of the line what it waits for. Returns the waker to wake, outside the lock.
    pub(crate) fn grant(&mut self, head: Head, gift: Box<T>, now: Instant) -> Option<Waker> {
        let list = list_of(self.node(head.index).priority);
        self.passed[list] = 0;
        for lower in ORDER.into_iter().skip_while(|other| *other != list).skip(1) {
            if self.waiting[lower].head != NONE {
                self.passed[lower] = self.passed[lower].saturating_add(1);
            }
        }
        self.unlink(list, head.index);
        self.give(head.index, gift, now)
    }

    /// As [`grant`](Self::grant), to the head that [`plain_head`](Self::plain_head) found.
    #[inline(always)]
    pub(crate) fn grant_plainly(
        &mut self,
        head: Head,
        gift: Box<T>,
        now: Instant,
    ) -> Option<Waker> {
        if self.passed[NORMAL] != 0 {
            self.passed[NORMAL] = 0;
        }
        let node = &mut self.nodes[head.index as usize];
        self.waiting[NORMAL].go_on_to(node.next);
        self.give(head.index, gift, now)
    }

    /// Puts `gift` into the mailbox of a waiter who has left his line.
    #[inline(always)]
    fn give(&mut self, index: u32, mut gift: Box<T>, now: Instant) -> Option<Waker> {
        let node = &mut self.nodes[index as usize];
        node.prev = gift.slot();
        node.next = NONE;
        node.granted_at = now;
        node.flags.grant();
        gift.be_granted(now, node.deadline);
        let waker = node.waker.take();
        match std::mem::replace(&mut self.served.tail, index) {
            NONE => self.served.head = index,
            tail => self.node(tail).next = index,
        }
        if self.mail.put(index, gift).is_err() {
            unreachable!("who is in line has an empty mailbox");
        }
        waker
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
                self.unlink(list, index);
                self.fail(index, reason());
                wake.extend(self.node(index).waker.take());
            }
        }
    }

    fn fail(&mut self, index: u32, reason: F) {
        let node = self.node(index);
        node.flags.set_stage(Stage::Failed);
        node.flags.set(Flags::EXTRA, true);
        let none = || Extra { tag: None, backtrace: None, failure: None };
        self.extras.entry(index).or_insert_with(none).failure = Some(reason);
    }

    /// True when a waiter has been served or told to give up.
    pub(crate) fn is_settled(&mut self, key: &Key) -> bool {
        self.node(key.index()).flags.stage() != Stage::Waiting
    }

    /// Until when it waits.
    pub(crate) fn deadline(&mut self, key: &Key) -> Instant {
        self.node(key.index()).deadline
    }

    /// True when a waiter has been served or told to give up. Where it still waits, it counts as
    /// called, until [`stay`](Self::stay): it is here. Its waker is returned, to be dropped outside
    /// the lock.
    pub(crate) fn is_ready(&mut self, key: &Key) -> (bool, Option<Waker>) {
        let node = self.node(key.index());
        if node.flags.stage() != Stage::Waiting {
            return (true, None);
        }
        node.flags.set(Flags::CALLED, true);
        (false, node.waker.take())
    }

    /// Leaves `waker` for when the turn comes; gives it back when that is now.
    pub(crate) fn stay(&mut self, key: &Key, waker: Waker) -> Option<Waker> {
        let node = self.node(key.index());
        if node.flags.stage() != Stage::Waiting {
            return Some(waker);
        }
        node.flags.set(Flags::CALLED, false);
        node.waker.replace(waker)
    }

    /// Leaves, in line or served. Returns what the waiter had come to and its waker, if it left
    /// one.
    pub(crate) fn remove(&mut self, key: Key) -> (Outcome<T, F>, Option<Waker>) {
        let index = key.index();
        let node = self.node(index);
        let (stage, list) = (node.flags.stage(), list_of(node.priority));
        let waker = node.waker.take();
        let extra = match node.flags.has(Flags::EXTRA) {
            true => self.extras.remove(&index),
            false => None,
        };
        if stage == Stage::Granted {
            // With its mailbox empty, the node is nobody's.
            let gift = self.mail.take(index).expect("its waiter has not come for it before");
            return (Outcome::Granted(gift), waker);
        }
        let outcome = match extra.and_then(|extra| extra.failure) {
            Some(failure) => Outcome::Failed(failure),
            None => {
                debug_assert_eq!(stage, Stage::Waiting, "a key names a live node");
                // Those expired have already been taken out of line.
                if self.node(index).flags.has(Flags::LINKED) {
                    self.unlink(list, index);
                }
                Outcome::Waiting
            }
        };
        self.release(index);
        (outcome, waker)
    }

    #[inline(always)]
    fn node(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }
}
