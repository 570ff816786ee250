//! What is done to a living pool by hand: close, pause, resize, invalidate, open or close the breaker.

use super::{Failure, State};
use crate::CloseReason;
use crate::actions::{Actions, Notice};
use crate::circuit::Change;
use crate::clock::Instant;
use crate::rules::Rules;

impl<C, E> State<C, E> {
    /// Hands out nothing any more: fails all waiters, those served but not back for it included, and
    /// closes what is idle.
    pub(crate) fn shut(&mut self, now: Instant, actions: &mut Actions<C>) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        self.waiters.fail_all(|| Failure::Closed, &mut actions.wake);
        for mut entry in self.waiters.fail_granted(|| Failure::Closed) {
            entry.uses -= 1;
            self.close(entry, CloseReason::Shutdown, now, actions);
        }
        while let Some(entry) = self.idle.pop_front() {
            self.close(entry, CloseReason::Shutdown, now, actions);
        }
        self.want_nothing_elsewhere(actions);
        if let Some(membership) = &self.membership {
            membership.give_up_share(&mut actions.neighbours);
        }
        actions.ring = Some(self.bell());
        self.note_drained(actions);
        actions.tell.push(Notice::Closed);
        true
    }

    /// Stops handing out, or goes on. `false` when it was so already.
    pub(crate) fn pause(
        &mut self,
        rules: &Rules<'_>,
        paused: bool,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> bool {
        if self.closed || self.paused == paused {
            return false;
        }
        self.paused = paused;
        if paused {
            actions.tell.push(Notice::Paused);
            self.want_nothing_elsewhere(actions);
        } else {
            actions.tell.push(Notice::Resumed);
            // One that backs off looks again; others are started by the pump.
            actions.end_pause = true;
            self.pump(rules, now, actions);
            self.poke(now, actions);
        }
        true
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Takes on other sizes: closes idle connections that are too many now, those in use when they
    /// come back; opens what is missing.
    pub(crate) fn resize(
        &mut self,
        rules: &Rules<'_>,
        max_size: usize,
        min_idle: usize,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.sizes.max_size = max_size;
        self.sizes.min_idle = min_idle;
        while let Some(coldest) = self.one_too_many() {
            let entry = self.idle.remove(coldest).expect("there is a coldest");
            self.close(entry, CloseReason::Surplus, now, actions);
        }
        actions.tell.push(Notice::Resized { max_size, min_idle });
        self.pump(rules, now, actions);
        self.poke(now, actions);
    }

    fn one_too_many(&self) -> Option<usize> {
        let many = self.staying() > self.sizes.max_size || self.idle.len() > self.sizes.max_idle();
        (many && !self.idle.is_empty()).then_some(0)
    }

    pub(crate) fn max_size(&self) -> usize {
        self.sizes.max_size
    }

    /// The most connections that are kept with nobody using them.
    pub(crate) fn most_kept(&self) -> usize {
        self.sizes.max_idle()
    }

    pub(crate) fn min_idle(&self) -> usize {
        self.sizes.min_idle
    }

    /// Retires every connection of today: the idle ones now, and those that were granted to somebody
    /// who has not come for them, the others when they come back.
    pub(crate) fn invalidate_all(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        if self.closed {
            return;
        }
        self.generation += 1;
        // Those in use are looked at when they come back.
        self.seal_and_collect();
        while let Some(entry) = self.idle.pop_front() {
            self.close(entry, CloseReason::Invalidated, now, actions);
        }
        for mut entry in self.waiters.take_back_all() {
            entry.uses -= 1;
            self.close(entry, CloseReason::Invalidated, now, actions);
        }
        actions.tell.push(Notice::Invalidated);
        self.pump(rules, now, actions);
        // Those back in line have deadlines again.
        self.poke(now, actions);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Opens the breaker by hand.
    pub(crate) fn open_breaker(&mut self, now: Instant, actions: &mut Actions<C>) {
        self.circuit.hold_open(now);
        let failures = self.circuit.failures();
        let open_for = self.circuit.options().open_for;
        actions.tell.push(Notice::BreakerOpened { failures, open_for });
        self.refuse_waiters(now, actions);
        self.poke(now, actions);
    }

    /// Closes the breaker by hand and forgets the failures.
    pub(crate) fn reset_breaker(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        if self.circuit.reset() == Change::Closed {
            actions.tell.push(Notice::BreakerClosed);
        }
        for (_, slot) in self.slots.indexed() {
            slot.probe = false;
        }
        self.next_attempt = None;
        actions.end_pause = true;
        self.pump(rules, now, actions);
    }
}
