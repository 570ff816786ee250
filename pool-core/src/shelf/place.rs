//! One place on the shelf: what lies in it goes to whoever exchanges the pointer. All of the crate's
//! `unsafe` code is here.
//!
//! # The protocol
//! The content of a place is in one of three states, told by one atomic pointer:
//!
//! - *sealed*: the slot is in the hands of the pool's state, behind its lock;
//! - *lying* here: a connection is idle, and whoever exchanges the pointer has it;
//! - *out*: a holder took it from here, and may put it back.
//!
//! | from | to | by | who |
//! | --- | --- | --- | --- |
//! | lying | out | [`take`](Place::take) | anybody |
//! | out | lying | [`put`](Place::put) | the holder |
//! | lying, out | sealed | [`seal`](Place::seal) | the state, under its lock |
//! | sealed | lying | [`open`](Place::open) | the state, under its lock |
//!
//! Each is one exchange, so each has one winner: a connection has one owner at any time, and a state
//! that has sealed all places knows that nothing comes or goes without it. That is all that is needed
//! to queue fairly: who finds nothing seals every place before it joins the line, so those who come
//! later find nothing here, and those who return something must go through the lock, where the first
//! in line gets it. There is no flag to be seen in time, and so nothing that depends on the order in
//! which two places become visible; each exchange only has to carry the connection's content along.
//!
//! Where waiters find what they are given (`waiters::mailbox`), a content is never sealed: it is filled
//! under the lock, and emptied by its waiter, or under the lock if that does not come.
//!
//! # Invariants
//! 1. A pointer in a place is null (out), [`sealed`] or came from `Box::into_raw` and is owned by the
//!    place. Whoever replaces one of the third kind owns the box.
//! 2. A place holds no more than the one box that belongs to its slot, so a full one is never filled.
//! 3. What a holder wrote to the box before `put` or `open` (release) is seen by whoever gets it
//!    (acquire).

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr as PlainPtr, AtomicU64};

use crate::TaskId;
use crate::clock::Instant;
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::tally::Tally;

/// What a place holds while it is sealed: no address of anything.
fn sealed<T>() -> *mut T {
    ptr::without_provenance_mut(1)
}

/// What a place holds, if anything.
pub(crate) struct Content<T> {
    pointer: AtomicPtr<T>,
    witness: Witness,
}

/// What sealing came to.
#[derive(Debug)]
pub(crate) enum Seal<T> {
    /// A connection lay there.
    Lying(Box<T>),
    /// Its holder has it, and will find the place sealed.
    Out,
    Already,
}

impl<T> Content<T> {
    /// Nothing, in the hands of the state.
    pub(super) fn sealed() -> Self {
        Self { pointer: AtomicPtr::new(sealed()), witness: Witness::new() }
    }

    /// Nothing, to be filled.
    pub(crate) fn empty() -> Self {
        Self { pointer: AtomicPtr::new(ptr::null_mut()), witness: Witness::new() }
    }

    /// Takes what lies here.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<Box<T>> {
        let seen = self.pointer.load(Ordering::Relaxed);
        if seen.is_null() || seen == sealed() {
            return None;
        }
        // If it was taken and put back in between, or another came to its address, it is had all the
        // same.
        let out = ptr::null_mut();
        let taken = self.pointer.compare_exchange(seen, out, Ordering::Acquire, Ordering::Relaxed);
        // Not `seen`: what lay there then may be gone, and another at the same address.
        let taken = taken.ok()?;
        self.witness.touch();
        // SAFETY: by invariant 1 the content owned the box, and the exchange made it ours.
        Some(unsafe { Box::from_raw(taken) })
    }

    /// Puts `value` where nothing is; gives it back when it is sealed, or not empty.
    #[inline]
    pub(crate) fn put(&self, value: Box<T>) -> Result<(), Box<T>> {
        self.fill(ptr::null_mut(), value)
    }

    /// Takes it into the hands of the state.
    pub(super) fn seal(&self) -> Seal<T> {
        let before = self.pointer.swap(sealed(), Ordering::Acquire);
        if before == sealed() {
            return Seal::Already;
        }
        if before.is_null() {
            return Seal::Out;
        }
        self.witness.touch();
        // SAFETY: by invariant 1 the content owned the box, and the exchange made it ours.
        Seal::Lying(unsafe { Box::from_raw(before) })
    }

    /// Lays `value` in the sealed place, for whoever comes; gives it back if it is not sealed.
    pub(super) fn open(&self, value: Box<T>) -> Result<(), Box<T>> {
        self.fill(sealed(), value)
    }

    #[inline(always)]
    fn fill(&self, before: *mut T, value: Box<T>) -> Result<(), Box<T>> {
        self.witness.touch();
        let raw = Box::into_raw(value);
        let put = self.pointer.compare_exchange(before, raw, Ordering::Release, Ordering::Relaxed);
        if put.is_err() {
            // SAFETY: it was not exchanged for anything, so it is what `into_raw` gave.
            return Err(unsafe { Box::from_raw(raw) });
        }
        Ok(())
    }

    /// Whether something lies here.
    #[inline(always)]
    pub(crate) fn is_lying(&self) -> bool {
        let content = self.pointer.load(Ordering::Relaxed);
        !content.is_null() && content != sealed()
    }
}

impl<T> Drop for Content<T> {
    fn drop(&mut self) {
        drop(self.seal());
    }
}

/// A slot's place, on lines of its own, with what is known about who has the connection and what it
/// was used for.
#[repr(align(128))]
pub(crate) struct Place<T> {
    slot: u32,
    content: Content<T>,
    lent: Lent,
    tally: Tally,
}

/// Who has a connection that was taken from its place.
#[derive(Default)]
struct Lent {
    location: PlainPtr<Location<'static>>,
    task: AtomicU64,
    /// 0 while it is not known.
    since: AtomicU64,
}

/// Who has a connection, as far as can be seen from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Borrower {
    pub(crate) location: &'static Location<'static>,
    pub(crate) task: Option<TaskId>,
    pub(crate) since: Instant,
}

impl<T> Place<T> {
    pub(super) fn new(slot: u32) -> Self {
        Self { slot, content: Content::sealed(), lent: Lent::default(), tally: Tally::default() }
    }

    /// Takes what lies here.
    #[inline(always)]
    pub(super) fn take(&self) -> Option<Box<T>> {
        self.content.take()
    }

    /// Puts back what was taken from here; gives it back when the place was sealed meanwhile.
    #[inline]
    pub(crate) fn put(&self, value: Box<T>) -> Result<(), Box<T>> {
        self.take_back();
        self.content.put(value)?;
        super::hint::set(self.slot);
        Ok(())
    }

    /// Takes the place into the hands of the state.
    pub(super) fn seal(&self) -> Seal<T> {
        self.content.seal()
    }

    /// Lays `value` in the sealed place, for whoever comes; gives it back if the place is not sealed.
    pub(super) fn open(&self, value: Box<T>) -> Result<(), Box<T>> {
        self.take_back();
        self.content.open(value)
    }

    /// Whether something lies here.
    pub(super) fn is_lying(&self) -> bool {
        self.content.is_lying()
    }

    /// Who has taken the connection, if that is known by now.
    pub(super) fn borrower(&self) -> Option<Borrower> {
        let since = Instant::from_bare(self.lent.since.load(Ordering::Acquire))?;
        let location = self.lent.location.load(Ordering::Relaxed);
        let task = TaskId::from_bare(self.lent.task.load(Ordering::Relaxed));
        // SAFETY: only ever set to a `&'static Location`, before `since` was.
        let location = unsafe { location.as_ref() }?;
        Some(Borrower { location, task, since })
    }

    /// Notes who has taken the connection.
    #[inline]
    pub(crate) fn lend(
        &self,
        location: &'static Location<'static>,
        task: Option<TaskId>,
        since: Instant,
    ) {
        let lent = &self.lent;
        lent.location.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
        lent.task.store(task.map_or(0, TaskId::get), Ordering::Relaxed);
        lent.since.store(since.get(), Ordering::Release);
    }

    /// Nobody has it any more.
    #[inline]
    pub(crate) fn take_back(&self) {
        self.lent.since.store(0, Ordering::Relaxed);
    }

    /// What was done with the connections; changed by whoever has the connection.
    #[inline]
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Stands for the content of what is handed over: loom reports it when two threads touch it without
/// one having seen what the other did.
#[cfg(wellspring_loom)]
struct Witness(loom::cell::UnsafeCell<u32>);

#[cfg(wellspring_loom)]
impl Witness {
    fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(0))
    }

    /// Whoever got the content, or gives it away.
    fn touch(&self) {
        self.0.with_mut(|_| ());
    }
}

// SAFETY: that only one thread touches it at a time is what loom checks.
#[cfg(wellspring_loom)]
unsafe impl Sync for Witness {}

#[cfg(not(wellspring_loom))]
struct Witness;

#[cfg(not(wellspring_loom))]
impl Witness {
    fn new() -> Self {
        Self
    }

    #[inline]
    fn touch(&self) {}
}
