//! From hand to hand: while somebody waits and nothing else asks for a decision, joining the line,
//! serving its head with a returned connection, and picking that up are a few steps each.
//!
//! Whether it is so is worked out at the end of each change made in the long way ([`State::settle`]),
//! and nothing here changes the answer. What does not fit is left alone, and goes the long way.

use std::task::Waker;
use std::time::Duration;

use super::{Asker, GRANT_PATIENCE, State, Wait};
use crate::WhenExhausted;
use crate::clock::{self, Instant};
use crate::entry::{Entry, LONG_USE};
use crate::rules::Rules;
use crate::slots::Phase as SlotPhase;
use crate::waiters::Key;

impl<C, E> State<C, E> {
    /// Nothing but the line decides: every connection is in use, none can be opened, there is nothing
    /// to look at when one comes back but the connection itself, and the housekeeper is awake.
    pub(super) fn work_out_steadiness(&mut self, rules: &Rules<'_>) {
        self.steady = !self.waiters.is_empty()
            && self.idle.is_empty()
            && self.slots.count(SlotPhase::Open) == 0
            && self.room() == 0
            && self.staying() <= self.sizes.max_size
            && !self.closed
            && !self.paused
            && !self.orphaned
            && self.membership.is_none()
            && self.housekeeper
            && self.watching
            && self.circuit.is_closed()
            && rules.options.max_bypass() == 0
            && rules.options.max_waiters.is_none()
            && rules.options.when_exhausted == WhenExhausted::Wait;
    }

    pub(crate) fn is_steady(&self) -> bool {
        self.steady
    }

    /// Joins the end of a line that others stand in.
    #[inline(always)]
    pub(crate) fn join_line(
        &mut self,
        asker: &Asker<'_>,
        waker: &mut Option<Waker>,
        now: Instant,
    ) -> Option<Key> {
        let watched = |next: Instant| {
            next <= asker.deadline && now.nanos_since(next) < const { clock::nanos(GRANT_PATIENCE) }
        };
        if asker.deadline <= now
            || !self.steady
            || self.waiters.is_empty()
            || !self.next_look.is_some_and(watched)
        {
            return None;
        }
        Some(self.waiters.push(waker.take()?, asker))
    }

    /// Gives a connection that came back to the first in line.
    #[inline(always)]
    pub(crate) fn hand_over(
        &mut self,
        rules: &Rules<'_>,
        mut entry: Box<Entry<C>>,
        now: Instant,
    ) -> Result<Option<Waker>, Box<Entry<C>>> {
        if !self.steady
            || entry.generation != self.generation
            || entry.is_expired(now)
            || rules.worn(&entry).is_some()
            || rules.needs_preparation(&entry, now)
        {
            return Err(entry);
        }
        let Some(head) = self.waiters.plain_head(now) else {
            return Err(entry);
        };
        if !self.slots.pass_on(entry.slot) {
            return Err(entry);
        }
        entry.uses += 1;
        entry.begin_use(now, rules.exact);
        Ok(self.waiters.grant_plainly(head, entry, now))
    }

    /// Picks up what was granted not long ago, straight from its last holder.
    #[inline(always)]
    pub(crate) fn pick_up(
        &mut self,
        rules: &Rules<'_>,
        slot: &mut Option<Key>,
        wait: Wait,
        now: Instant,
    ) -> Option<Box<Entry<C>>> {
        let key = slot.as_ref()?;
        let granted =
            self.waiters.granted_since(key, now, const { clock::nanos(GRANT_PATIENCE) })?;
        if self.orphaned || rules.exact || granted.was_idle || !granted.preparation.is_zero() {
            return None;
        }
        let since = wait.began(self.waiters.deadline(key));
        let entry = self.waiters.remove_granted(slot.take()?)?;
        self.book_served(rules, &entry, since, wait.timed, now);
        Some(entry)
    }

    /// Somebody has what he waited for: one that was idle only once it is known to be alive. Takes note
    /// of how long he waited, without the time that went into preparing the connection.
    #[inline]
    pub(crate) fn book_served(
        &mut self,
        rules: &Rules<'_>,
        entry: &Entry<C>,
        since: Instant,
        timed: bool,
        now: Instant,
    ) -> Duration {
        self.counters.acquired_after_wait += 1;
        let now = if timed { clock::now() } else { now };
        let waited = now.saturating_duration_since(since);
        // A long wait is known well enough by the coarse clock.
        if timed || now.nanos_since(since) >= LONG_USE {
            self.waits.count_timed(waited.saturating_sub(entry.preparation), rules.waits);
        } else {
            self.waits.count_untimed();
        }
        waited
    }
}
