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
    pub(crate) fn revoke(&mut self, before: Instant) -> Option<(T, Revoked)> {
        let (at, index) = self.oldest()?;
        if at > before {
            return None;
        }
        self.take_back(index)
    }

    /// As [`revoke`](Self::revoke), of one waiter.
    pub(crate) fn revoke_from(&mut self, key: &super::Key) -> Option<(T, Revoked)> {
        let node = self.node(key.index());
        // Once: a runtime in which every poll comes late would never be served.
        let again = node.flags.has(Flags::RETAKEN);
        node.flags.set(Flags::RETAKEN, true);
        (!again && node.flags.stage() == Stage::Granted).then_some(())?;
        self.take_back(key.index())
    }

    /// Takes everything back that was granted and not picked up: their waiters are at the head of the
    /// line again, in the order they had. They have been woken, and come.
    pub(crate) fn take_back_all(&mut self) -> Vec<T> {
        let mut granted = self.all_granted();
        // The last first, each to the head of the line.
        let grants = self.grants;
        granted.sort_by_key(|index| grants.wrapping_sub(self.nodes[*index as usize].prev));
        let mut values = Vec::new();
        for index in granted {
            if let Some((value, revoked)) = self.take_back(index) {
                self.node(index).flags.set(Flags::CALLED, true);
                self.restore(revoked);
                values.push(value);
            }
        }
        values
    }

    /// Takes everything back that was granted and not picked up, and tells those to give up.
    pub(crate) fn fail_granted(&mut self, mut reason: impl FnMut() -> F) -> Vec<T> {
        let mut values = Vec::new();
        for index in self.all_granted() {
            values.extend(self.node(index).gift.take());
            self.granted -= 1;
            self.fail(index, reason());
        }
        values
    }

    /// Few at any time; looked for among all, which is seldom, so that granting need not keep a list.
    fn all_granted(&self) -> Vec<u32> {
        if self.granted == 0 {
            return Vec::new();
        }
        let all = self.nodes.iter().enumerate();
        // Adding a node checked that the index fits.
        all.filter(|(_, node)| node.gift.is_some()).map(|(index, _)| index as u32).collect()
    }

    /// What was granted and not picked up: the slot, to whom, and when.
    pub(crate) fn grants(&self) -> Vec<(u32, Caller, Instant)> {
        let told = |index: u32| {
            let gift = self.nodes[index as usize].gift.as_ref()?;
            Some((gift.slot(), self.caller(&Head { index }), gift.granted_at()))
        };
        self.all_granted().into_iter().filter_map(told).collect()
    }

    fn oldest(&self) -> Option<(Instant, u32)> {
        let grants = self.grants;
        let age = |index: &u32| grants.wrapping_sub(self.nodes[*index as usize].prev);
        let index = self.all_granted().into_iter().max_by_key(age)?;
        let gift = self.nodes[index as usize].gift.as_ref()?;
        Some((gift.granted_at(), index))
    }

    fn take_back(&mut self, index: u32) -> Option<(T, Revoked)> {
        let node = self.node(index);
        let gift = node.gift.take()?;
        node.flags.set_stage(Stage::Waiting);
        node.flags.set(Flags::CALLED, false);
        self.granted -= 1;
        Some((gift, Revoked(index)))
    }

    /// Puts a waiter whose grant was revoked at the head of its line.
    pub(crate) fn restore(&mut self, revoked: Revoked) {
        let list = self.node(revoked.0).priority as usize;
        self.link_front(list, revoked.0);
    }

    /// When the longest unpicked grant was made.
    pub(crate) fn oldest_grant(&self) -> Option<Instant> {
        self.oldest().map(|(at, _)| at)
    }

    /// Counts all unpicked grants as made now: time has jumped, and nobody could pick them up.
    pub(crate) fn renew_grants(&mut self, now: Instant) {
        for gift in self.nodes.iter_mut().filter_map(|node| node.gift.as_mut()) {
            gift.set_granted_at(now);
        }
    }
}
