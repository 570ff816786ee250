//! What time asks of a pool: unclaimed grants, idle and old connections, keepalive, the minimum of
//! idle ones.

use std::sync::Arc;
use std::time::Duration;

use super::{Arrival, GRANT_PATIENCE, SlotPhase, State};
use crate::CloseReason;
use crate::actions::{Actions, Notice};
use crate::circuit::Admission;
use crate::clock::{self, Instant};
use crate::rt::RuntimeId;
use crate::rules::Rules;

/// A housekeeper so much later than it wanted to be has been away: its runtime stood still, or the
/// whole process did.
const ABSENT: Duration = Duration::from_secs(1);

/// The shortest time between two rounds that nobody rang for: the step of tokio's clock.
const SHORTEST: Duration = Duration::from_millis(1);

/// A connection used within this time is still needed when it gets old.
const RECENTLY: Duration = Duration::from_secs(60);

impl<C, E> State<C, E> {
    /// One round: takes back unclaimed grants, retires what is old or long idle, refills. Returns
    /// when to look again; `None` is when poked.
    pub(crate) fn housekeep(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<Instant> {
        if let Some(late) = self.next_look.and_then(|at| now.checked_duration_since(at))
            && late > ABSENT
        {
            // Whoever was served could not come for it either.
            self.waiters.renew_grants(now);
            actions.tell.push(Notice::TimeJumped { by: late });
        }
        self.take_back_grants(rules, now, actions);
        self.retire_idle(rules, now, actions);
        self.renew_old(rules, now, actions);
        self.keep_alive(rules, now, actions);
        self.pump(rules, now, actions);
        let leaks = self.watch_holders(rules, now, actions);
        let deadline = self.waiters.call_expired(now, &mut actions.wake);
        let next = [deadline, leaks, self.next_round(rules, now)];
        // However wrong a due time may be, rounds do not follow each other without a pause.
        let soonest = clock::after(now, SHORTEST);
        self.next_look = next.into_iter().flatten().min().map(|at| at.max(soonest));
        self.next_look
    }

    // ---- who keeps house --------------------------------------------------------------------

    /// Sees to it that there is a housekeeper: one that is long overdue lives in a runtime that does
    /// not run, and is replaced by one in the caller's.
    pub(super) fn want_housekeeper(&mut self, now: Instant, actions: &mut Actions<C>) {
        let overdue = self.next_look.is_some_and(|at| clock::after(at, ABSENT) < now);
        if self.closed || (self.housekeeper && !overdue) {
            return;
        }
        if self.housekeeper {
            self.dismiss(actions);
        }
        self.housekeeper = true;
        self.duty += 1;
        self.bell = Arc::default();
        self.next_look = None;
        actions.start_housekeeper = Some((self.duty, self.bell()));
    }

    /// The housekeeper is to look at once.
    pub(crate) fn poke(&mut self, now: Instant, actions: &mut Actions<C>) {
        self.want_housekeeper(now, actions);
        self.next_look = Some(self.next_look.map_or(now, |at| at.min(now)));
        actions.ring = Some(self.bell());
    }

    /// True for the one housekeeper that is in charge.
    pub(crate) fn is_on_duty(&self, duty: u64) -> bool {
        self.housekeeper && self.duty == duty
    }

    /// The housekeeper lives in `runtime`, which has timers.
    pub(crate) fn watch_from(&mut self, runtime: RuntimeId) {
        self.watcher = Some(runtime);
    }

    /// The runtime in which the housekeeper looks after the deadlines of those who wait.
    pub(crate) fn watcher(&self) -> Option<RuntimeId> {
        self.watcher
    }

    /// A housekeeper is gone.
    pub(crate) fn unwatch(&mut self, duty: u64, actions: &mut Actions<C>) {
        if self.is_on_duty(duty) {
            self.dismiss(actions);
        }
    }

    /// Who relied on the housekeeper shall get a timer of its own.
    fn dismiss(&mut self, actions: &mut Actions<C>) {
        self.housekeeper = false;
        self.watching = false;
        self.watching_leaks = false;
        self.next_look = None;
        if self.watcher.take().is_some() {
            self.waiters.call_all(&mut actions.wake);
        }
    }

    // ---- the round ----------------------------------------------------------------------------

    fn take_back_grants(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        let Some(before) = now.checked_sub(GRANT_PATIENCE) else {
            return;
        };
        // At most one round over the grants: a waiter put back is not revoked again in it.
        for _ in 0..self.waiters.most_granted() {
            if self.waiters.is_empty() {
                return;
            }
            let Some((mut entry, revoked)) = self.waiters.revoke(before) else {
                return;
            };
            entry.uses -= 1;
            self.counters.revoked_grants += 1;
            self.place(rules, entry, Arrival::Returned, 0, now, actions);
            self.waiters.restore(revoked);
        }
    }

    fn retire_idle(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        let min_idle = self.sizes.min_idle;
        let mut index = 0;
        while index < self.idle.len() {
            let entry = &self.idle[index];
            let idle_too_long = rules.options.idle_timeout.is_some_and(|limit| {
                self.idle.len() > min_idle && clock::after(entry.idle_since, limit) <= now
            });
            let reason = if entry.is_expired(now) {
                CloseReason::Lifetime
            } else if idle_too_long {
                CloseReason::Idle
            } else {
                index += 1;
                continue;
            };
            let entry = self.idle.remove(index).expect("index is below the length");
            self.close(entry, reason, now, actions);
        }
    }

    /// Makes before it breaks: connections near the end of their life that are still needed get a
    /// successor first, some at a time; where there is no room for one, idle ones go first.
    fn renew_old(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        let Some(lead) = rules.renewal_lead() else {
            return;
        };
        let refused = matches!(self.admission(rules.options, now), Admission::Refused { .. });
        if self.paused || refused || self.is_backing_off(now) {
            // None could be opened now.
            return;
        }
        let most = 1 + self.slots.size() / 8;
        let under_way = self.slots.iter().filter(|slot| slot.renewing && !slot.renewed).count();
        // Those that came to their end without a successor are owed none any more: who needs a
        // connection asks for it.
        self.owed = self.owed.min(under_way);
        let mut left = most.saturating_sub(under_way);
        let recently = RECENTLY.min(rules.options.max_lifetime.unwrap_or(RECENTLY) / 10);
        let kept = self.idle.len() <= self.sizes.min_idle;
        let needed: Vec<u32> = self
            .idle
            .iter()
            .filter(|entry| kept || now.saturating_duration_since(entry.idle_since) <= recently)
            .map(|entry| entry.slot)
            .collect();
        let mut room = self.sizes.max_size.saturating_sub(self.counted() + self.owed);
        let mut break_first = Vec::new();
        for (index, slot) in self.slots.indexed() {
            let is_due = slot.expires.is_some_and(|expires| expires <= clock::after(now, lead));
            let idle = slot.phase == SlotPhase::Idle;
            let used = matches!(slot.phase, SlotPhase::Used | SlotPhase::Open);
            let is_needed = used || (idle && needed.contains(&index));
            if left == 0 || !is_due || !is_needed || slot.renewing {
                continue;
            }
            left -= 1;
            slot.renewing = true;
            self.owed += 1;
            match room {
                0 if idle => break_first.push(index),
                0 => {}
                _ => room -= 1,
            }
        }
        for slot in break_first {
            self.close_idle(slot, now, actions);
        }
    }

    /// A connection was opened: the oldest that waits for a successor has one.
    pub(super) fn succeed_old(&mut self, now: Instant, actions: &mut Actions<C>) {
        let old = self
            .slots
            .indexed()
            .filter(|(_, slot)| slot.renewing && !slot.renewed)
            .min_by_key(|(_, slot)| slot.expires);
        let Some(index) = old.map(|(index, _)| index) else {
            return;
        };
        // When it comes back it is to go.
        self.seal(index);
        let slot = self.slots.get(index);
        slot.renewed = true;
        if slot.phase == SlotPhase::Idle {
            self.close_idle(index, now, actions);
        }
    }

    fn close_idle(&mut self, slot: u32, now: Instant, actions: &mut Actions<C>) {
        let index = self.idle.iter().position(|entry| entry.slot == slot);
        if let Some(entry) = index.and_then(|index| self.idle.remove(index)) {
            self.close(entry, CloseReason::Lifetime, now, actions);
        }
    }

    /// Has those validated that have been silent for too long, some at a time.
    fn keep_alive(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        if rules.options.keepalive.is_none() || self.paused {
            return;
        }
        let busy = self.slots.count(SlotPhase::Validating);
        let most = rules.options.max_connecting.min(self.idle.len().div_ceil(2));
        for _ in busy..most {
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            let Some(index) = self.idle.iter().position(|entry| due(entry.keepalive_at)) else {
                return;
            };
            let entry = self.idle.remove(index).expect("just seen");
            self.slots.set(entry.slot, SlotPhase::Validating, None, now);
            actions.keepalive.push(entry);
        }
    }

    /// A validation in the background has ended: others may be due.
    pub(crate) fn after_keepalive(&mut self, now: Instant, actions: &mut Actions<C>) {
        self.poke(now, actions);
    }

    fn next_round(&mut self, rules: &Rules<'_>, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut at = |instant: Instant| next = Some(next.map_or(instant, |n| n.min(instant)));
        let lead = rules.renewal_lead().unwrap_or_default();
        for slot in self.slots.iter() {
            // Those already past belong to connections in use, looked at when they come back.
            if let Some(expires) = slot.expires.filter(|expires| *expires > now) {
                at(expires);
                let renewal = expires.checked_sub(lead).unwrap_or(expires);
                if renewal > now {
                    at(renewal);
                } else if !slot.renewed {
                    // The successor may have failed, too.
                    at(clock::after(now, lead / 4));
                }
            }
        }
        let closable = self.idle.len() > self.sizes.min_idle;
        for entry in &self.idle {
            if let Some(limit) = rules.options.idle_timeout
                && closable
            {
                at(clock::after(entry.idle_since, limit));
            }
            if let Some(due) = entry.keepalive_at
                && due > now
                && !self.paused
            {
                at(due);
            }
        }
        // Connections in use come back without a poke; the soonest one could then have to go, or be due.
        if self.slots.size() > self.idle.len() {
            if let Some(limit) = rules.options.idle_timeout {
                at(clock::after(now, limit));
            }
            if let Some(interval) = rules.options.keepalive.filter(|_| !self.paused) {
                at(clock::after(now, interval.min(clock::FAR).mul_f64(0.8)));
            }
        }
        // Nobody may ask when the breaker lets a probe through.
        if self.idle.len() < self.sizes.min_idle
            && let Some(until) = self.circuit.open_until().filter(|until| *until > now)
        {
            at(until);
        }
        self.watching = !self.waiters.is_empty();
        if self.watching {
            let oldest = self.waiters.oldest_grant().unwrap_or(now);
            let soon = clock::after(now, GRANT_PATIENCE / 10);
            at(clock::after(oldest, GRANT_PATIENCE).max(soon));
        }
        next
    }
}
