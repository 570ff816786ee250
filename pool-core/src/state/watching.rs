//! Looking after those who hold connections: leaks, reclaim, tasks that hold one and wait for another.

use super::{GRANT_PATIENCE, SlotPhase, State};
use crate::Holder;
use crate::actions::{Actions, Notice};
use crate::clock::{self, Instant};
use crate::rules::Rules;

impl<C, E> State<C, E> {
    /// Reports what has been held for too long, and gives up what has been held for much too long.
    /// Returns when the next one will be.
    pub(super) fn watch_holders(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<Instant> {
        self.warn_of_deadlocks(now, actions);
        let (threshold, reclaim) = (rules.options.leak_threshold, rules.options.leak_reclaim);
        let mut next: Option<Instant> = None;
        let mut abandoned = Vec::new();
        for (index, slot) in self.slots.indexed() {
            if slot.phase != SlotPhase::Used {
                continue;
            }
            let lasts = slot.lasts(now);
            if !slot.leaking && threshold.is_some_and(|limit| lasts >= limit) {
                slot.leaking = true;
                self.counters.leaks += 1;
                actions.tell.extend(slot.holder_at(now).map(Notice::Leak));
            }
            if reclaim.is_some_and(|limit| lasts >= limit) {
                abandoned.push(index);
                continue;
            }
            let due = [threshold.filter(|_| !slot.leaking), reclaim].into_iter().flatten();
            let due = due.map(|limit| clock::after(slot.since, limit)).min();
            next = [next, due].into_iter().flatten().min();
        }
        for index in abandoned {
            if self.slots.count(SlotPhase::Abandoned) >= rules.options.max_abandoned {
                // No more may be given up; looked at again when one of them comes back.
                break;
            }
            self.slots.abandon(index);
            self.counters.reclaimed += 1;
            let holder = self.slots.get(index).holder_at(now);
            actions.tell.extend(holder.map(Notice::Reclaimed));
            self.pump(rules, now, actions);
        }
        self.watching_leaks = next.is_some();
        next
    }

    /// A task that holds a connection and waits for another, where there is none to be had, may wait
    /// for itself.
    fn warn_of_deadlocks(&mut self, now: Instant, actions: &mut Actions<C>) {
        if self.waiters.is_empty() || !self.idle.is_empty() || self.room() > 0 {
            return;
        }
        let Some(since) = now.checked_sub(GRANT_PATIENCE) else {
            return;
        };
        let slots = &self.slots;
        let counters = &mut self.counters;
        self.waiters.inspect(since, |caller, task| {
            let held = slots.iter().find(|slot| {
                slot.phase == SlotPhase::Used
                    && slot.holder.as_ref().is_some_and(|holder| holder.task == Some(task))
            });
            if let Some(holder) = held.and_then(|slot| slot.holder_at(now)) {
                counters.held_while_waiting += 1;
                let waiting_at = caller.location;
                actions.tell.push(Notice::HeldWhileWaiting { holder, waiting_at });
            }
        });
    }

    /// A connection comes back, or its holder takes it out of the pool. `true` when the pool had given
    /// it up.
    pub(crate) fn taken_from_holder(
        &mut self,
        slot: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> bool {
        let slot = self.slots.get(slot);
        let reclaimed = slot.phase == SlotPhase::Abandoned;
        if slot.leaking {
            self.counters.leaks_ended += 1;
            actions.tell.extend(slot.holder_at(now).map(Notice::LeakEnded));
        }
        if reclaimed {
            // Another may be given up in its place.
            self.poke(now, actions);
        }
        reclaimed
    }

    /// Who holds connections, longest first.
    pub(crate) fn holders(&self, now: Instant) -> Vec<Holder> {
        self.slots.holders(now, usize::MAX, |_| true)
    }

    /// Those who have held one for longer than the threshold, longest first.
    pub(crate) fn leaks(&self, rules: &Rules<'_>, now: Instant) -> Vec<Holder> {
        let Some(threshold) = rules.options.leak_threshold else {
            return Vec::new();
        };
        self.slots.holders(now, usize::MAX, |slot| slot.lasts(now) >= threshold)
    }
}
