//! What time asks of a pool: unclaimed grants, idle and old connections, the minimum of idle ones.

use tokio::runtime::Id;

use super::{GRANT_PATIENCE, State};
use crate::CloseReason;
use crate::actions::Actions;
use crate::clock::Instant;
use crate::rules::Rules;

impl<C, E> State<C, E> {
    /// One round: takes back unclaimed grants, retires what is old or long idle, refills. Returns
    /// when to look again; `None` is when poked.
    pub(crate) fn housekeep(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<Instant> {
        self.take_back_grants(rules, now, actions);
        self.retire_idle(rules, now, actions);
        self.pump(rules, now, actions);
        let deadline = self.waiters.call_expired(now, &mut actions.wake);
        self.next_look = self.next_round(rules, now, deadline);
        self.next_look
    }

    /// The housekeeper lives in `runtime`, which has timers.
    pub(crate) fn watch_from(&mut self, runtime: Id) {
        self.watcher = Some(runtime);
    }

    /// The runtime in which the housekeeper looks after the deadlines of those who wait.
    pub(crate) fn watcher(&self) -> Option<Id> {
        self.watcher
    }

    /// The housekeeper is gone. Who relied on it shall get a timer of its own.
    pub(crate) fn unwatch(&mut self, actions: &mut Actions<C>) {
        self.housekeeper = false;
        self.watching = false;
        if self.watcher.take().is_some() {
            self.waiters.call_all(&mut actions.wake);
        }
    }

    fn take_back_grants(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        let Some(before) = now.checked_sub(GRANT_PATIENCE) else {
            return;
        };
        // At most one round over the grants: a waiter put back is not revoked again in it.
        for _ in 0..self.waiters.granted() {
            if self.waiters.is_empty() {
                return;
            }
            let Some((mut entry, revoked)) = self.waiters.revoke(before) else {
                return;
            };
            entry.uses -= 1;
            self.counters.revoked_grants += 1;
            self.place(rules, entry, true, 0, now, actions);
            self.waiters.restore(revoked);
        }
    }

    fn retire_idle(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        let min_idle = rules.options.min_idle;
        let mut index = 0;
        while index < self.idle.len() {
            let entry = &self.idle[index];
            let idle_too_long = rules.options.idle_timeout.is_some_and(|limit| {
                self.idle.len() > min_idle && crate::clock::after(entry.idle_since, limit) <= now
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

    fn next_round(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Option<Instant> {
        let mut next = deadline;
        let mut at = |instant: Instant| next = Some(next.map_or(instant, |n| n.min(instant)));
        if let Some(expires) = self.slots.soonest_expiry(now) {
            at(expires);
        }
        for entry in &self.idle {
            if let Some(limit) = rules.options.idle_timeout
                && self.idle.len() > rules.options.min_idle
            {
                at(crate::clock::after(entry.idle_since, limit));
            }
        }
        // Connections in use come back without a poke; the soonest one could then have to go.
        if self.slots.size() > self.idle.len()
            && let Some(limit) = rules.options.idle_timeout
        {
            at(crate::clock::after(now, limit));
        }
        self.watching = !self.waiters.is_empty();
        if self.watching {
            let oldest = self.waiters.oldest_grant().unwrap_or(now);
            let soon = crate::clock::after(now, GRANT_PATIENCE / 10);
            at(crate::clock::after(oldest, GRANT_PATIENCE).max(soon));
        }
        next
    }
}
