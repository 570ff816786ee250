//! Between the state and the shelf: which slots may change hands without the lock, and when the state
//! takes them back.
//!
//! A slot is *open* or *sealed*. All that the rest of this folder decides is about sealed ones. When the
//! lock is taken, whatever lies on the shelf comes into the state's hands (`collect`); before it is
//! released, idle connections go there again (`shelve`), unless something asks for every connection to
//! pass through the lock: then those in use are sealed as well (`settle`). Sealing comes after the
//! decision and before the lock is released, so to join the line and to find nothing idle is one step.

use super::{Arrival, SlotPhase, State};
use crate::actions::Actions;
use crate::caller::Caller;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::rules::Rules;
use crate::shelf::Seal;
use crate::tally::Tally;

impl<C, E> State<C, E> {
    /// Takes in what lies on the shelf.
    #[inline]
    pub(crate) fn collect(&mut self) {
        if self.slots.count(SlotPhase::Open) > 0 {
            self.collect_all();
        }
    }

    fn collect_all(&mut self) {
        for slot in 0..self.slots.reach() {
            if self.slots.is_open(slot)
                && self.shelf.is_lying(slot)
                && let Some(entry) = self.seal_one(slot)
            {
                self.slots.set(slot, SlotPhase::Idle, None, entry.idle_since);
                self.lay_idle(entry);
            }
        }
        // In the order in which they became idle: once for all.
        self.idle.make_contiguous().sort_by_key(|entry| entry.idle_since);
    }

    /// Before the lock is released: lays out what anybody may take, or sees to it that nothing changes
    /// hands without the lock.
    #[inline]
    pub(crate) fn settle(&mut self, rules: &Rules<'_>, actions: &mut Actions<C>) {
        if rules.may_open {
            self.settle_shelf(rules, actions);
        }
        self.work_out_steadiness(rules);
    }

    fn settle_shelf(&mut self, rules: &Rules<'_>, actions: &mut Actions<C>) {
        if self.must_seal() {
            if self.slots.count(SlotPhase::Open) > 0 {
                let now = clock::now();
                for entry in self.seal_all() {
                    // It came back while the lock was held.
                    self.admit(rules, entry, Arrival::Returned, now, actions);
                }
            }
        } else if self.housekeeper && (self.watching_leaks || !rules.watches_leaks()) {
            self.shelve(rules);
        }
    }

    /// Something asks for every connection to pass through the lock.
    fn must_seal(&self) -> bool {
        self.closed
            || self.paused
            || !self.waiters.is_empty()
            || self.staying() > self.sizes.max_size.min(self.sizes.max_idle())
    }

    /// Lays out what is idle, but for the coldest that are to stay idle, and those that are to be proved
    /// alive first.
    fn shelve(&mut self, rules: &Rules<'_>) {
        // Where none could be opened in their place, they are as good as the others.
        let kept = if self.room() == 0 { 0 } else { self.sizes.min_idle };
        if self.idle.len() <= kept {
            return;
        }
        let now = clock::coarse();
        let mut warmest = None;
        for index in (kept..self.idle.len()).rev() {
            let entry = &mut self.idle[index];
            entry.open(rules.good_for, now);
            if entry.good_until <= now {
                continue;
            }
            let Some(entry) = self.idle.remove(index) else {
                continue;
            };
            let slot = entry.slot;
            match self.shelf.open(slot, entry) {
                Ok(()) => {
                    self.slots.set(slot, SlotPhase::Open, None, now);
                    warmest = warmest.or(Some(slot));
                }
                Err(entry) => {
                    debug_assert!(false, "an idle connection's place is sealed");
                    self.idle.insert(index, entry);
                }
            }
        }
        if let Some(slot) = warmest {
            self.shelf.look_first_at(slot);
        }
    }

    /// Takes a slot back: from now on its connection passes through the lock. If it is idle, it is in
    /// the state's hands.
    pub(crate) fn seal(&mut self, slot: u32) {
        if let Some(entry) = self.seal_one(slot) {
            self.slots.set(slot, SlotPhase::Idle, None, entry.idle_since);
            self.push_idle(entry);
        }
    }

    /// Takes all slots back. The connections that are returned were idle, and are in nobody's care.
    fn seal_all(&mut self) -> Vec<Box<Entry<C>>> {
        (0..self.slots.reach()).filter_map(|slot| self.seal_one(slot)).collect()
    }

    /// As [`seal_all`](Self::seal_all), into the state's hands.
    pub(super) fn seal_and_collect(&mut self) {
        for slot in 0..self.slots.reach() {
            self.seal(slot);
        }
    }

    fn seal_one(&mut self, slot: u32) -> Option<Box<Entry<C>>> {
        if !self.slots.is_open(slot) {
            return None;
        }
        let sealed = self.shelf.seal(slot);
        let borrower = self.shelf.borrower(slot);
        let since = borrower.map_or_else(clock::coarse, |borrower| borrower.since);
        let holder = borrower.map(Caller::from);
        self.slots.set(slot, SlotPhase::Used, holder, since);
        match sealed {
            Seal::Lying(entry) => Some(entry),
            Seal::Out => None,
            Seal::Already => {
                debug_assert!(false, "an open slot's place is not sealed");
                None
            }
        }
    }

    /// Gives back a connection that was taken from the shelf and not handed to anybody.
    pub(crate) fn put_back(
        &mut self,
        rules: &Rules<'_>,
        mut entry: Box<Entry<C>>,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.seal(entry.slot);
        // It was idle all the time, and was not handed out because it is to be looked at.
        entry.was_idle = true;
        self.admit(rules, entry, Arrival::Returned, now, actions);
    }

    /// Fills in who has connections that changed hands without being told of here, as far as that is
    /// known by now: without the lock, or from hand to hand.
    pub(super) fn find_holders(&mut self) {
        for slot in 0..self.slots.reach() {
            if !self.slots.is_open(slot) && !self.slots.is_unknown(slot) {
                continue;
            }
            match self.shelf.borrower(slot) {
                Some(borrower) => self.slots.lent(slot, Caller::from(borrower), borrower.since),
                None => self.slots.not_lent(slot, clock::coarse()),
            }
        }
        for (slot, caller, since) in self.waiters.grants() {
            self.slots.lent(slot, caller, since);
        }
    }

    /// How many times a connection was acquired, however: enough to see whether there were more.
    pub(super) fn acquired(&self, rules: &Rules<'_>) -> u64 {
        let by_slot = |tally: &Tally| tally.acquired() + tally.waits().untimed().0;
        let counted: u64 = self.shelf.tallies().map(by_slot).sum();
        counted.wrapping_add(rules.waits.count())
    }
}
