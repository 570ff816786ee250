//! From hand to hand: while somebody waits and nothing else asks for a decision, joining the line and
//! serving its head with a returned connection are a few steps each; picking that up needs no lock.
//!
//! Whether it is so is worked out at the end of each change made in the long way ([`State::settle`]),
//! and nothing here changes the answer. What does not fit is left alone, and goes the long way.

use std::panic::Location;
use std::task::Waker;

use super::{GRANT_PATIENCE, State};
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::rt::RuntimeId;
use crate::rules::Rules;
use crate::slots::Phase as SlotPhase;
use crate::waiters::Key;
use crate::{TaskId, WhenExhausted};

/// Somebody who joins the line and wishes for nothing else.
pub(crate) struct Joiner {
    pub(crate) location: &'static Location<'static>,
    pub(crate) task: Option<TaskId>,
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
}

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
            && !rules.prepare_always
            && !rules.options.leak_backtrace
            && rules.options.when_exhausted == WhenExhausted::Wait;
    }

    pub(crate) fn is_steady(&self) -> bool {
        self.steady
    }

    /// Joins the end of a line that others stand in, as somebody who wishes for nothing else. Gives the
    /// waker back when there is more to it; `runtime` is the caller's.
    #[inline(always)]
    pub(crate) fn join_line(
        &mut self,
        waker: Waker,
        joiner: &Joiner,
        runtime: RuntimeId,
    ) -> Result<Key, Waker> {
        let now = joiner.since;
        let watched = |next: Instant| {
            next <= joiner.deadline
                && now.nanos_since(next) < const { clock::nanos(GRANT_PATIENCE) }
        };
        if !self.steady
            || self.watcher != Some(runtime)
            || joiner.deadline <= now
            || self.waiters.is_empty()
            || !self.next_look.is_some_and(watched)
        {
            return Err(waker);
        }
        Ok(self.waiters.push_plainly(waker, joiner))
    }

    /// Gives a connection that came back, and was just found fit for use, to the first in line.
    #[inline(always)]
    pub(crate) fn hand_over(
        &mut self,
        mut entry: Box<Entry<C>>,
        now: Instant,
        exactly: bool,
    ) -> Result<Option<Waker>, Box<Entry<C>>> {
        // Its age is part of how long it is good.
        if !self.steady || entry.generation != self.generation || now >= entry.good_until {
            return Err(entry);
        }
        let Some(head) = self.waiters.plain_head(now) else {
            return Err(entry);
        };
        if !self.slots.pass_on(entry.slot) {
            return Err(entry);
        }
        entry.uses += 1;
        entry.begin_use(now, exactly);
        Ok(self.waiters.grant_plainly(head, entry, now))
    }
}
