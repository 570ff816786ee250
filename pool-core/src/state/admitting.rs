//! Connections that become available: to the first waiter, to the idle ones, or out.

use std::time::Duration;

use super::{SlotPhase, State};
use crate::actions::Actions;
use crate::caller::Caller;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::rules::Rules;
use crate::{CloseReason, Reuse, Tag};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It was just opened: whatever its age, it serves once.
    Fresh,
    /// It was just proved alive, or nobody has touched it since.
    Prepared,
    /// From its holder.
    Returned,
}

impl<C, E> State<C, E> {
    /// Takes in a connection that is fit for use: to the first waiter, else idle, else closed.
    /// Where fairness is bounded, newcomers may be faster than the first waiter.
    pub(crate) fn admit(
        &mut self,
        rules: &Rules<'_>,
        entry: Box<Entry<C>>,
        arrival: Arrival,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        // One that was prepared for a waiter goes to one: a newcomer's would be to prepare again.
        let most = if arrival == Arrival::Prepared { 0 } else { rules.options.max_bypass() };
        self.place(rules, entry, arrival, most, now, actions);
    }

    /// As [`admit`](Self::admit), while the first waiter has been overtaken fewer than `most` times.
    pub(super) fn place(
        &mut self,
        rules: &Rules<'_>,
        mut entry: Box<Entry<C>>,
        arrival: Arrival,
        most: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.end_leak(entry.slot, now, actions);
        if self.closed {
            return self.close(entry, CloseReason::Shutdown, now, actions);
        }
        if let Some(reason) = self.worn(rules, &entry, arrival, now) {
            self.close(entry, reason, now, actions);
            return self.pump(rules, now, actions);
        }
        let head = if self.paused { None } else { self.waiters.head(now, &mut actions.wake) };
        if let Some(head) = head {
            if arrival == Arrival::Returned && self.yields_to_others() {
                self.close(entry, CloseReason::Surplus, now, actions);
                return self.pump(rules, now, actions);
            }
            if arrival == Arrival::Returned && rules.needs_preparation(&entry, now) {
                self.slots.set(entry.slot, SlotPhase::Validating, None, now);
                actions.prepare.push(entry);
                return;
            }
            if !self.waiters.may_be_bypassed(&head, most) || self.is_surplus() {
                let caller = self.waiters.caller(&head);
                let watch = self.hand_out(rules, &mut entry, caller, now);
                if watch {
                    self.poke(now, actions);
                }
                let waker = self.waiters.grant(head, entry, now);
                actions.wake.extend(waker);
                return;
            }
            // As many shall come as find something.
            actions.wake.extend(self.waiters.take_waker_among(self.idle.len() + 1));
        } else if self.is_surplus() || self.is_wanted_elsewhere() {
            return self.close(entry, CloseReason::Surplus, now, actions);
        }
        self.slots.set(entry.slot, SlotPhase::Idle, None, now);
        if let Some(due) = entry.keepalive_at
            && self.next_look.is_none_or(|next| due < next)
        {
            self.poke(now, actions);
        }
        self.push_idle(entry);
        self.want_housekeeper(now, actions);
    }

    /// Why a connection is not to be used again.
    fn worn(
        &mut self,
        rules: &Rules<'_>,
        entry: &Entry<C>,
        arrival: Arrival,
        now: Instant,
    ) -> Option<CloseReason> {
        let fresh = arrival == Arrival::Fresh;
        if self.slots.get(entry.slot).phase == SlotPhase::Abandoned {
            // Given up while nobody came for it: its place serves others.
            Some(CloseReason::Reclaimed)
        } else if entry.generation != self.generation {
            Some(CloseReason::Invalidated)
        } else if !fresh && (entry.is_expired(now) || self.slots.get(entry.slot).renewed) {
            Some(CloseReason::Lifetime)
        } else if self.staying() > self.sizes.limit() {
            // The pool was made smaller.
            Some(CloseReason::Surplus)
        } else {
            rules.worn(entry)
        }
    }

    /// One more idle connection would be one too many.
    fn is_surplus(&self) -> bool {
        self.staying() > self.sizes.max_size || self.idle.len() >= self.sizes.max_idle()
    }

    /// Marks a connection as with a holder. `true` when the housekeeper is to be told that there is
    /// one now.
    #[must_use]
    pub(super) fn hand_out(
        &mut self,
        rules: &Rules<'_>,
        entry: &mut Entry<C>,
        caller: Caller,
        now: Instant,
    ) -> bool {
        entry.uses += 1;
        entry.begin_use(now, rules.exact);
        entry.look_in(now);
        self.slots.set(entry.slot, SlotPhase::Used, Some(caller), now);
        rules.watches_leaks() && !std::mem::replace(&mut self.watching_leaks, true)
    }

    // ---- the idle ones --------------------------------------------------------------------

    /// A connection that comes back has been idle for less time than all others, even where clocks of
    /// different precision say otherwise.
    pub(crate) fn come_last(&self, entry: &mut Entry<C>) {
        if let Some(last) = self.idle.back() {
            entry.idle_since = entry.idle_since.max(last.idle_since);
        }
    }

    /// Keeps the idle ones in the order in which they became idle: one that was validated
    /// meanwhile goes back to its place.
    pub(super) fn push_idle(&mut self, entry: Box<Entry<C>>) {
        let index = self.idle.partition_point(|other| other.idle_since <= entry.idle_since);
        self.lay_idle(entry);
        if index + 1 < self.idle.len()
            && let Some(entry) = self.idle.pop_back()
        {
            self.idle.insert(index, entry);
        }
    }

    /// As [`push_idle`](Self::push_idle), at the end whatever the order.
    pub(super) fn lay_idle(&mut self, mut entry: Box<Entry<C>>) {
        entry.was_idle = true;
        entry.preparation = Duration::ZERO;
        self.idle.push_back(entry);
    }

    /// The idle connection to hand out next: one with the tag wished for, else one without any, else
    /// the coldest; without a wish the warmest or the coldest.
    pub(super) fn choose(&self, rules: &Rules<'_>, tag: Option<Tag>) -> Option<usize> {
        let last = self.idle.len().checked_sub(1)?;
        let plain = match rules.options.reuse {
            Reuse::Lifo => last,
            Reuse::Fifo => 0,
        };
        if tag.is_none() {
            return Some(plain);
        }
        let with = |wanted: Option<Tag>| match rules.options.reuse {
            Reuse::Lifo => self.idle.iter().rposition(|entry| entry.tag == wanted),
            Reuse::Fifo => self.idle.iter().position(|entry| entry.tag == wanted),
        };
        with(tag).or_else(|| with(None)).or(Some(0))
    }

    // ---- matching demand with supply ------------------------------------------------------

    /// Serves waiters from idle connections, and starts what is missing.
    pub(crate) fn pump(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        self.orphaned = false;
        if self.closed {
            return;
        }
        self.want_housekeeper(now, actions);
        if self.paused {
            self.want_nothing_elsewhere(actions);
            return;
        }
        self.serve_from_idle(rules, now, actions);
        self.refuse_waiters(now, actions);
        self.start_connects(rules, now, actions);
    }

    fn serve_from_idle(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        // One whose check hangs is not counted on.
        let soon = now.checked_sub(super::PATIENCE);
        while !self.waiters.is_empty() {
            let tag = self.waiters.next_tag();
            let Some(index) = self.choose(rules, tag) else {
                return;
            };
            let entry = &self.idle[index];
            let needs_preparation = rules.needs_preparation(entry, now);
            if needs_preparation
                && !entry.is_expired(now)
                && self.slots.count_since(SlotPhase::Validating, soon) >= self.waiters.len()
            {
                return;
            }
            let entry = self.idle.remove(index).expect("just seen");
            if entry.is_expired(now) {
                self.close(entry, CloseReason::Lifetime, now, actions);
            } else if needs_preparation {
                self.slots.set(entry.slot, SlotPhase::Validating, None, now);
                actions.prepare.push(entry);
            } else {
                self.place(rules, entry, Arrival::Prepared, 0, now, actions);
            }
        }
    }
}
