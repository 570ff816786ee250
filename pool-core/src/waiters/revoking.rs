//! Grants that nobody has picked up: how old they are, and taking them back.

use super::node::{Flags, Stage};
use super::{Gift, Head, Waiters};
use crate::caller::Caller;
use crate::clock::Instant;

/// A waiter whose grant was taken back and who is in no list until [`Waiters::restore`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Revoked(u32);

impl<T: Gift, F> Waiters<T, F> {
    /// The longest granted, if it was granted at or before `before` and not picked up: takes the
    /// value back. The waiter goes back to the head of its line by [`restore`](Self::restore).
    pub(crate) fn revoke(&mut self, before: Instant) -> Option<(Box<T>, Revoked)> {
        let late = |index: &u32| self.nodes[*index as usize].granted_at <= before;
        let late: Vec<u32> = self.granted().take_while(late).collect();
        // Its waiter may come for it at the same time.
        late.into_iter().find_map(|index| self.take_back(index))
    }

    /// Takes everything back that was granted and not picked up: their waiters are at the head of the
    /// line again, in the order they had. They have been woken, and come.
    pub(crate) fn take_back_all(&mut self) -> Vec<Box<T>> {
        let granted: Vec<u32> = self.granted().collect();
        let mut values = Vec::new();
        // The last first, each to the head of the line.
        for index in granted.into_iter().rev() {
            if let Some((value, revoked)) = self.take_back(index) {
                self.node(index).flags.set(Flags::CALLED, true);
                self.restore(revoked);
                values.push(value);
            }
        }
        values
    }

    /// Takes everything back that was granted and not picked up, and tells those to give up.
    pub(crate) fn fail_granted(&mut self, mut reason: impl FnMut() -> F) -> Vec<Box<T>> {
        let granted: Vec<u32> = self.granted().collect();
        let mut values = Vec::new();
        for index in granted {
            if let Some((value, revoked)) = self.take_back(index) {
                self.fail(revoked.0, reason());
                values.push(value);
            }
        }
        values
    }

    /// What was granted and, at this moment, not picked up: the slot, to whom, and when.
    pub(crate) fn grants(&self) -> Vec<(u32, Caller, Instant)> {
        let told = |index: u32| {
            let node = &self.nodes[index as usize];
            (node.prev, self.caller(&Head { index }), node.granted_at)
        };
        self.granted().map(told).collect()
    }

    /// Those who have not picked up what they were granted, in the order of that.
    fn granted(&self) -> impl Iterator<Item = u32> {
        self.served().filter(|index| !self.mail.is_empty(*index))
    }

    fn take_back(&mut self, index: u32) -> Option<(Box<T>, Revoked)> {
        let gift = self.mail.take(index)?;
        self.unserve(index);
        let node = self.node(index);
        node.flags.set_stage(Stage::Waiting);
        node.flags.set(Flags::CALLED, false);
        Some((gift, Revoked(index)))
    }

    /// Puts a waiter whose grant was revoked at the head of its line.
    pub(crate) fn restore(&mut self, revoked: Revoked) {
        let list = super::list_of(self.node(revoked.0).priority);
        self.link_front(list, revoked.0);
    }

    /// When the longest unpicked grant was made.
    pub(crate) fn oldest_grant(&self) -> Option<Instant> {
        self.granted().next().map(|index| self.nodes[index as usize].granted_at)
    }

    /// How many unpicked grants there are at most.
    pub(crate) fn most_granted(&self) -> usize {
        self.served().count()
    }

    /// Counts all unpicked grants as made now: time has jumped, and nobody could pick them up.
    pub(crate) fn renew_grants(&mut self, now: Instant) {
        let served: Vec<u32> = self.served().collect();
        for index in served {
            self.node(index).granted_at = now;
        }
    }
}
