//! Opening connections: how many are wanted, what a success or a failure means, what the breaker says.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, Forgotten, PATIENCE, SlotPhase, State};
use crate::actions::{Actions, Notice};
use crate::circuit::{Admission, Change};
use crate::clock::{self, Instant};
use crate::rules::Rules;
use crate::{ConnectError, PoolOptions};

/// A connect that failed.
pub(crate) struct FailedConnect<'a, E> {
    pub(crate) slot: u32,
    pub(crate) error: &'a Arc<ConnectError<E>>,
    /// Told to everybody who waits.
    pub(crate) permanent: bool,
    /// Its task has tried before.
    pub(crate) retrying: bool,
}

/// What the task of a failed connect is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Keep the slot and try again after a pause.
    Retry(Duration),
    /// Give the slot back: somebody else tries again, or nobody needs it.
    GiveBack,
}

impl<C, E> State<C, E> {
    /// A connect succeeded; the connection lives until `expires`. Ends a time of backing off.
    pub(crate) fn connected(
        &mut self,
        slot: u32,
        expires: Option<Instant>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Forgotten<E> {
        actions.end_pause |= std::mem::take(&mut self.backing_off);
        self.attempts = 0;
        self.attempts_since = None;
        self.missed = false;
        self.next_attempt = None;
        if self.circuit.succeeded() == Change::Closed {
            actions.tell.push(Notice::BreakerClosed);
        }
        let forgotten = self.last_connect_error.take();
        self.counters.connected += 1;
        let new = self.slots.get(slot);
        new.expires = expires;
        new.probe = false;
        self.succeed_old(now, actions);
        self.poke(now, actions);
        forgotten
    }

    /// A connect failed.
    pub(crate) fn connect_failed(
        &mut self,
        rules: &Rules<'_>,
        failed: &FailedConnect<'_, E>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> (Verdict, Forgotten<E>) {
        let &FailedConnect { slot, error, permanent, retrying } = failed;
        self.note_connect_failure(slot, now, actions);
        let forgotten = self.last_connect_error.replace(Arc::clone(error));
        if permanent {
            self.waiters.fail_all(|| Failure::Connect(Arc::clone(error)), &mut actions.wake);
        }
        self.refuse_waiters(now, actions);
        let verdict = self.verdict(rules, error, retrying, now, actions);
        match verdict {
            Verdict::Retry(_) => self.backing_off = true,
            Verdict::GiveBack if retrying => self.backing_off = false,
            Verdict::GiveBack => {}
        }
        (verdict, forgotten)
    }

    fn verdict(
        &mut self,
        rules: &Rules<'_>,
        error: &Arc<ConnectError<E>>,
        retrying: bool,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Verdict {
        // One task asks for everybody.
        if self.backing_off && !retrying {
            return Verdict::GiveBack;
        }
        let outage = self.outage(now);
        let policy = &rules.options.connect_retry;
        self.attempts = self.attempts.saturating_add(1);
        let since = *self.attempts_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        let pause = policy.pause_below(self.attempts, elapsed, outage / 100);
        let pause = pause.unwrap_or_else(|| {
            // Who comes later begins anew.
            self.attempts = 0;
            self.attempts_since = None;
            self.waiters.fail_all(|| Failure::Connect(Arc::clone(error)), &mut actions.wake);
            policy.max_pause.mul_f64(fastrand::f64())
        });
        self.next_attempt = Some(clock::after(now, pause));
        if self.connect_needed() { Verdict::Retry(pause) } else { Verdict::GiveBack }
    }

    /// For how long connecting has failed.
    pub(crate) fn outage(&self, now: Instant) -> Duration {
        let since = self.circuit.failing_since();
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Counts a failure to connect.
    pub(crate) fn note_connect_failure(
        &mut self,
        slot: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.counters.connect_failures += 1;
        self.slots.get(slot).probe = false;
        if self.circuit.failed(now) == Change::Opened {
            let failures = self.circuit.failures();
            let open_for = self.circuit.options().open_for;
            actions.tell.push(Notice::BreakerOpened { failures, open_for });
        }
        // The successor of an old connection may have been among them: asked for again in a while.
        self.owed = 0;
        for (_, slot) in self.slots.indexed() {
            slot.renewing = false;
        }
    }

    /// Somebody waits, or too few are idle, or somebody would have waited but for the breaker.
    pub(crate) fn connect_needed(&self) -> bool {
        let idle = self.idle.len() < self.sizes.min_idle;
        !self.closed && !self.paused && (!self.waiters.is_empty() || idle || self.missed)
    }

    /// A task that has paused looks whether it is to go on.
    pub(crate) fn resume_connecting(&mut self) -> bool {
        let needed = self.connect_needed();
        if needed {
            self.backing_off = true;
            self.missed = false;
        } else {
            self.backing_off = false;
        }
        needed
    }

    /// The task that backed off is gone, or no longer needed.
    pub(crate) fn stop_backing_off(&mut self) {
        self.backing_off = false;
    }

    // ---- the breaker ----------------------------------------------------------------------

    /// May a connection be opened for somebody now, as far as the breaker goes?
    pub(super) fn may_connect(&self, now: Instant) -> bool {
        !matches!(self.circuit.ask(now), Admission::Refused { .. })
    }

    /// Who needs a new connection is refused while the breaker is open, for so much longer. There is
    /// none in use either, that could come back.
    pub(super) fn refused_by_breaker(&self, now: Instant) -> Option<Duration> {
        match self.circuit.ask(now) {
            Admission::Refused { retry_in } if !retry_in.is_zero() && self.living() == 0 => {
                Some(retry_in)
            }
            _ => None,
        }
    }

    /// Those who wait for nothing.
    pub(super) fn refuse_waiters(&mut self, now: Instant, actions: &mut Actions<C>) {
        if !self.waiters.is_empty()
            && let Some(retry_in) = self.refused_by_breaker(now)
        {
            let cause = &self.last_connect_error;
            let reason = || Failure::BreakerOpen { cause: cause.clone(), retry_in };
            self.waiters.fail_all(reason, &mut actions.wake);
        }
    }

    /// While the breaker is open and there is demand, one connect at a time tries in the background
    /// whether it is still right.
    pub(super) fn attempt_in_background(&mut self, now: Instant, actions: &mut Actions<C>) {
        if self.backing_off
            || self.paused
            || self.slots.count(SlotPhase::Connecting) > 0
            || self.next_attempt.is_some_and(|next| next > now)
            || self.room() == 0
        {
            return;
        }
        self.want_housekeeper(now, actions);
        if let Some(slot) = self.take_slot(now, actions) {
            self.missed = false;
            actions.connect.push(slot);
        }
    }

    // ---- demand ---------------------------------------------------------------------------

    /// Starts as many connects as are wanted.
    pub(super) fn start_connects(
        &mut self,
        rules: &Rules<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        let (wanted, for_successors) = self.connects_wanted(rules, now);
        for n in 0..wanted {
            let Some(slot) = self.take_slot(now, actions) else {
                return;
            };
            if n + for_successors >= wanted {
                self.owed -= 1;
            }
            actions.connect.push(slot);
        }
        if wanted == 0 {
            self.want_nothing_elsewhere(actions);
        }
    }

    /// How many connects to start, and how many of them are for successors of old connections.
    pub(super) fn connects_wanted(&self, rules: &Rules<'_>, now: Instant) -> (usize, usize) {
        if self.backing_off || self.paused {
            return (0, 0);
        }
        let options = rules.options;
        let lanes = options.max_connecting.saturating_sub(self.slots.count(SlotPhase::Connecting));
        let lanes = match self.circuit.ask(now) {
            Admission::Pass => lanes,
            Admission::Probe => lanes.min(self.circuit.probes_left() as usize),
            Admission::Refused { .. } => 0,
        };
        let size = self.counted();
        let room = self.room();
        let coming = self.coming(options, now);
        let waiting = self.waiters.len();
        let for_waiters = waiting.saturating_sub(coming).min(room);
        let spare = self.idle.len() + coming.saturating_sub(waiting);
        let for_idle = self
            .sizes
            .min_idle
            .saturating_sub(spare)
            .min(self.sizes.max_size.saturating_sub(size + for_waiters));
        let for_successors = self.owed.min(room.saturating_sub(for_waiters + for_idle));
        let first = (for_waiters + for_idle).min(lanes);
        let for_successors = for_successors.min(lanes - first);
        (first + for_successors, for_successors)
    }

    /// Connections that will be there soon without anybody's doing. One whose check or reset takes
    /// long, or whose connect outlived its limit (its runtime does not run), is not counted on:
    /// a waiter gets another meanwhile.
    pub(super) fn coming(&self, options: &PoolOptions, now: Instant) -> usize {
        let soon = now.checked_sub(PATIENCE);
        let connecting = now.checked_sub(options.connect_timeout.saturating_mul(2));
        self.slots.count_since(SlotPhase::Connecting, connecting)
            + self.slots.count_since(SlotPhase::Validating, soon)
            + self.slots.count_since(SlotPhase::Resetting, soon)
    }
}
