//! Where waiters find what they are given: a mailbox for each node of the line, filled under the pool's
//! lock and emptied without it.

use super::Key;
use crate::pieces::Pieces;
use crate::shelf::Content;

/// How many are made when the pool is.
const FIRST: usize = if cfg!(any(wellspring_loom, wellspring_shuttle)) { 4 } else { 64 };

/// On a line of its own: its waiter and whoever serves it write there.
#[repr(align(64))]
struct Mailbox<T>(Content<T>);

impl<T> Mailbox<T> {
    fn new(_: u32) -> Self {
        Self(Content::empty())
    }
}

/// The mailboxes of a pool, by the index of the node.
pub(crate) struct Mailboxes<T>(Pieces<Mailbox<T>>);

impl<T> Mailboxes<T> {
    pub(crate) fn new() -> Self {
        Self(Pieces::new(FIRST, Mailbox::new))
    }

    /// Takes what a waiter was given. It is in line no more then, and its key is used up.
    #[inline(always)]
    pub(crate) fn collect(&self, key: &mut Option<Key>) -> Option<Box<T>> {
        let gift = self.take(key.as_ref()?.index())?;
        *key = None;
        Some(gift)
    }

    /// Takes what lies in the mailbox: its waiter, or under the lock whoever takes it back.
    #[inline(always)]
    pub(super) fn take(&self, index: u32) -> Option<Box<T>> {
        self.find(index).take()
    }

    // ---- under the lock -----------------------------------------------------------------------

    /// Makes sure that there is a mailbox for a node.
    pub(super) fn reach(&self, index: u32) {
        self.0.reach(index, Mailbox::new);
    }

    /// Puts something into a mailbox that is empty; gives it back if it is not, which would be a
    /// mistake of the line's.
    #[inline(always)]
    pub(super) fn put(&self, index: u32, gift: Box<T>) -> Result<(), Box<T>> {
        self.find(index).put(gift)
    }

    /// Nobody has to come for it any more.
    #[inline(always)]
    pub(super) fn is_empty(&self, index: u32) -> bool {
        !self.find(index).is_lying()
    }

    #[inline(always)]
    fn find(&self, index: u32) -> &Content<T> {
        &self.0.get(index).expect("a node has a mailbox").0
    }
}
