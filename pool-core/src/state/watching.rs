//! Looking after those who hold connections: leaks, reclaim, tasks that hold one and wait for another.

use super::{GRANT_PATIENCE, SlotPhase, State};
use std::time::Duration;

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
        self.find_holders();
        self.warn_of_deadlocks(now, actions);
        let (threshold, reclaim) = (rules.options.leak_threshold, rules.options.leak_reclaim);
        let mut next: Option<Instant> = None;
        let mut abandoned = Vec::new();
        let shortest = threshold.into_iter().chain(reclaim).min().unwrap_or(Duration::MAX);
        for slot in 0..self.slots.reach() {
            // What is decided about one holder is not to meet the next.
            if self.slots.is_open(slot) && self.slots.get(slot).lasts(now) >= shortest {
                self.seal(slot);
            }
        }
        for (index, slot) in self.slots.indexed() {
            let open = slot.phase == SlotPhase::Open && slot.holder.is_some();
            if slot.phase != SlotPhase::Used && !open {
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
        let acquired = self.acquired(rules);
        let more = acquired != std::mem::replace(&mut self.acquired_then, acquired);
        // What lay on the shelf has been collected: who has an open one's connection has not yet said
        // who he is, or has put it back just now, for others to take.
        if next.is_none() && (more || self.slots.count(SlotPhase::Open) > 0) {
            // In use but for this moment: somebody will be found when it would be too long.
            next = Some(clock::after(now, shortest));
        }
        self.watching_leaks = next.is_some();
        next
    }

    #[cfg(test)]
    pub(crate) fn has_more_acquires(&self, rules: &Rules<'_>) -> bool {
        self.acquired(rules) != self.acquired_then
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
        self.waiters.inspect(since, |waiting_at, task| {
            let held = slots.iter().find(|slot| {
                slot.phase == SlotPhase::Used
                    && slot.holder.as_ref().is_some_and(|holder| holder.task == Some(task))
            });
            if let Some(holder) = held.and_then(|slot| slot.holder_at(now)) {
                counters.held_while_waiting += 1;
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
        self.seal(slot);
        self.end_leak(slot, now, actions);
        let reclaimed = self.slots.get(slot).phase == SlotPhase::Abandoned;
        if reclaimed {
            // Another may be given up in its place.
            self.poke(now, actions);
        }
        reclaimed
    }

    /// A connection is not with its holder any more, or was never picked up: if that was told of as a
    /// leak, it has ended.
    pub(super) fn end_leak(&mut self, slot: u32, now: Instant, actions: &mut Actions<C>) {
        let slot = self.slots.get(slot);
        if slot.leaking {
            let holder = slot.holder_at(now);
            slot.leaking = false;
            self.counters.leaks_ended += 1;
            actions.tell.extend(holder.map(Notice::LeakEnded));
        }
    }

    /// Who holds connections, longest first.
    pub(crate) fn holders(&mut self, now: Instant) -> Vec<Holder> {
        self.find_holders();
        self.slots.holders(now, usize::MAX, |_| true)
    }

    /// Those who have held one for longer than the threshold, longest first.
    pub(crate) fn leaks(&mut self, rules: &Rules<'_>, now: Instant) -> Vec<Holder> {
        self.find_holders();
        let Some(threshold) = rules.options.leak_threshold else {
            return Vec::new();
        };
        self.slots.holders(now, usize::MAX, |slot| slot.lasts(now) >= threshold)
    }
}
