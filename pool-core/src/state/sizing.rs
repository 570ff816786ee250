//! Slots: how many there are, how many there may be, and how they are taken and given back.

use super::{SlotPhase, State};
use crate::actions::Actions;
use crate::circuit::Admission;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::rules::Rules;
use crate::{BreakerState, CloseReason, ConnectionId};

/// So many times a returned connection beyond the share serves the pool's own waiters before one is
/// given up for another pool that waits: to give up each of them would be to open one each time.
const MOST_KEPT: u32 = 16;

impl<C, E> State<C, E> {
    /// The slots that count against the limits: all but those given up, as far as that is allowed.
    pub(super) fn counted(&self) -> usize {
        self.slots.size() - self.slots.count(SlotPhase::Abandoned).min(self.forgiven)
    }

    /// Those of them that are not going away.
    pub(super) fn staying(&self) -> usize {
        self.counted().saturating_sub(self.slots.count(SlotPhase::Closing))
    }

    /// How many more connections there may be.
    pub(super) fn room(&self) -> usize {
        self.sizes.limit().saturating_sub(self.counted())
    }

    /// Connections that exist and can serve: not coming, not going away, not given up.
    pub(crate) fn living(&self) -> usize {
        self.slots.size()
            - self.slots.count(SlotPhase::Closing)
            - self.slots.count(SlotPhase::Connecting)
            - self.slots.count(SlotPhase::Abandoned)
    }

    pub(crate) fn set_phase(&mut self, entry: &Entry<C>, phase: SlotPhase, now: Instant) {
        self.slots.set(entry.slot, phase, None, now);
    }

    /// Takes a slot for a connect, if the cap over several pools allows it. With `queue` the pool waits
    /// for a place there, and the others are asked for one: for somebody who waits, not for stock.
    pub(super) fn take_slot(
        &mut self,
        queue: bool,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<(u32, ConnectionId)> {
        if let Some(membership) = &self.membership
            && !membership.take(queue, &mut actions.neighbours)
        {
            if queue {
                actions.ask_neighbours = true;
            }
            return None;
        }
        let probe = self.circuit.state(now) == BreakerState::HalfOpen;
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let slot = self.slots.take(id, now, probe);
        self.shelf.reach(slot);
        Some((slot, id))
    }

    /// Reserves one more slot for a caller who wants `target` connections, if there is a lane for its
    /// connect.
    pub(crate) fn reserve(
        &mut self,
        rules: &Rules<'_>,
        target: usize,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Reserve {
        if self.closed {
            return Reserve::Closed;
        }
        // What is still connecting may yet fail: it proves nothing.
        if self.living() >= target {
            return Reserve::Enough;
        }
        if let Admission::Refused { retry_in } = self.admission(rules.options, now) {
            return Reserve::Refused { retry_in };
        }
        let connecting = self.slots.count(SlotPhase::Connecting);
        if self.living() + connecting >= target
            || connecting >= rules.options.max_connecting
            || self.counted() >= self.sizes.max_size
        {
            return Reserve::Wait;
        }
        match self.take_slot(true, now, actions) {
            Some((slot, id)) => Reserve::Slot(slot, id),
            None => Reserve::Wait,
        }
    }

    /// Gives a slot back; its connection is gone.
    pub(crate) fn free(
        &mut self,
        rules: &Rules<'_>,
        slot: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.release_slot(slot, actions);
        self.pump(rules, now, actions);
    }

    /// Gives a slot back whose task died before it did its work, probably with its runtime. Does
    /// not start anything, which could die the same way: wakes a waiter to do it where it lives.
    /// `lost` says that a connection died with it.
    pub(crate) fn free_after_death(&mut self, slot: u32, lost: bool, actions: &mut Actions<C>) {
        if lost {
            self.counters.closed.count(CloseReason::Lost);
        }
        self.release_slot(slot, actions);
        self.orphaned = true;
        actions.wake.extend(self.waiters.take_head_waker());
    }

    fn release_slot(&mut self, slot: u32, actions: &mut Actions<C>) {
        self.slots.release(slot);
        if let Some(membership) = &self.membership {
            membership.give_back(&mut actions.neighbours);
        }
        actions.settled = true;
        self.note_drained(actions);
    }

    pub(super) fn note_drained(&self, actions: &mut Actions<C>) {
        if self.is_drained() {
            actions.drained = true;
        }
    }

    /// Closed, and nothing is left but what was given up.
    pub(crate) fn is_drained(&self) -> bool {
        self.closed && self.slots.size() == self.slots.count(SlotPhase::Abandoned)
    }

    /// Marks a connection as closing and leaves the rest to the caller of the actions.
    pub(crate) fn close(
        &mut self,
        entry: Box<Entry<C>>,
        reason: CloseReason,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.end_leak(entry.slot, now, actions);
        self.slots.set(entry.slot, SlotPhase::Closing, None, now);
        self.counters.closed.count(reason);
        actions.close.push((entry, reason));
    }

    /// A connection is stuck in a call that cannot be interrupted: given up, until that ends.
    pub(crate) fn abandon(&mut self, slot: u32, now: Instant, actions: &mut Actions<C>) {
        self.slots.set(slot, SlotPhase::Abandoned, None, now);
        self.counters.closed.count(CloseReason::Stuck);
        self.note_drained(actions);
    }

    // ---- a cap over several pools -----------------------------------------------------------

    /// Another pool waits for a place, and this one has more than its share.
    pub(super) fn is_wanted_elsewhere(&self) -> bool {
        let staying = self.slots.size() - self.slots.count(SlotPhase::Closing);
        self.membership.as_ref().is_some_and(|membership| membership.is_wanted(staying))
    }

    /// Another pool waits for a place, and this one has served its own waiters often enough since.
    pub(super) fn yields_to_others(&mut self) -> bool {
        if !self.is_wanted_elsewhere() {
            self.kept = 0;
            return false;
        }
        self.kept += 1;
        if self.kept <= MOST_KEPT {
            return false;
        }
        self.kept = 0;
        true
    }

    /// How many places the cap over several pools leaves to this one.
    pub(super) fn left_by_others(&self) -> usize {
        self.membership.as_ref().map_or(usize::MAX, |membership| membership.available())
    }

    /// This pool no longer waits for a place.
    pub(super) fn want_nothing_elsewhere(&self, actions: &mut Actions<C>) {
        if let Some(membership) = &self.membership {
            membership.want_nothing(&mut actions.neighbours);
        }
    }

    pub(crate) fn membership(&self) -> Option<&crate::group::Membership> {
        self.membership.as_ref()
    }

    /// Gives the coldest idle connection up for another pool; `true` if there was one, or one is on
    /// its way out already.
    pub(crate) fn shed(&mut self, now: Instant, actions: &mut Actions<C>) -> bool {
        if self.slots.count(SlotPhase::Closing) > 0 {
            return true;
        }
        if !self.is_wanted_elsewhere() {
            return false;
        }
        match self.idle.pop_front() {
            Some(entry) => {
                self.close(entry, CloseReason::Surplus, now, actions);
                true
            }
            None => false,
        }
    }
}

/// What reserving a slot came to.
#[derive(Debug)]
pub(crate) enum Reserve {
    Slot(u32, ConnectionId),
    /// Others are connecting; look again when one is done.
    Wait,
    /// There are as many as wanted.
    Enough,
    Closed,
    /// The breaker is open.
    Refused {
        retry_in: std::time::Duration,
    },
}
