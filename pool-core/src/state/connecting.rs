//! Opening connections: how many are wanted, what a success or a failure means, what the breaker says.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, Forgotten, PATIENCE, SlotPhase, State};
use crate::actions::{Actions, Notice};
use crate::circuit::{Admission, Change};
use crate::clock::{self, Instant};
use crate::rules::Rules;
use crate::{BreakerState, ConnectError, PoolOptions};

/// How much longer the pauses are while the server has too many connections.
pub(crate) const OVERLOADED: u32 = 8;

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

/// For how long the task of a connect is counted on: twice what it may take. One that has not shown up
/// by then lives in a runtime that does not run.
fn believed(options: &PoolOptions) -> Duration {
    options.connect_timeout.saturating_mul(2)
}

/// Since when a connect must have begun for its task to be counted on.
fn alive_since(options: &PoolOptions, now: Instant) -> Option<Instant> {
    now.checked_sub(believed(options))
}

/// Connects to start, by what they are for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) for_waiters: usize,
    for_idle: usize,
    /// Successors of old connections.
    for_successors: usize,
}

impl Wanted {
    pub(super) fn all(self) -> usize {
        self.for_waiters + self.for_idle + self.for_successors
    }
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
        if self.backing_off.take().is_some() {
            actions.end_pause = true;
        }
        actions.settled = true;
        self.attempts = 0;
        self.attempts_since = None;
        self.missed = false;
        self.next_attempt = None;
        // What was opened by hand is not closed by a connect that was under way.
        if !self.circuit.is_held_open(now) && self.circuit.succeeded() == Change::Closed {
            actions.tell.push(Notice::BreakerClosed);
        }
        let forgotten = self.last_connect_error.take();
        self.counters.connected += 1;
        let new = self.slots.get(slot);
        new.expires = expires;
        new.probe = false;
        self.succeed_old(now, actions);
        // The new one counts as connecting until it is admitted.
        if self.living() + 1 >= self.fill_to {
            self.fill_to = 0;
        }
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
        let verdict = self.verdict(rules, error, slot, now, actions);
        match verdict {
            Verdict::Retry(pause) => {
                // As long as it can get where the server is overloaded.
                let pause = pause.saturating_mul(OVERLOADED);
                self.backing_off = Some(self.patience(rules.options, clock::after(now, pause)));
                self.retrier = Some(slot);
            }
            Verdict::GiveBack if retrying && self.retrier == Some(slot) => self.backing_off = None,
            Verdict::GiveBack => {}
        }
        (verdict, forgotten)
    }

    fn verdict(
        &mut self,
        rules: &Rules<'_>,
        error: &Arc<ConnectError<E>>,
        slot: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Verdict {
        // One task asks for everybody.
        if self.is_backing_off(now) && self.retrier != Some(slot) {
            return Verdict::GiveBack;
        }
        let outage = self.outage(now);
        let policy = &rules.options.connect_retry;
        self.attempts = self.attempts.saturating_add(1);
        let since = *self.attempts_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        let pause = policy.pause_below(self.attempts, elapsed, outage / 100);
        let pause = pause.unwrap_or_else(|| {
            self.end_attempts();
            self.waiters.fail_all(|| Failure::Connect(Arc::clone(error)), &mut actions.wake);
            policy.max_pause.mul_f64(fastrand::f64())
        });
        self.next_attempt = Some(clock::after(now, pause));
        if self.connect_needed() {
            return Verdict::Retry(pause);
        }
        self.end_attempts();
        // Who asks next begins with short pauses again; the background does not.
        let rest = (outage / 100).min(policy.max_pause).mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next_attempt = Some(clock::after(now, pause.max(rest)));
        Verdict::GiveBack
    }

    /// Nobody needs a connection any more: who does later begins anew.
    fn end_attempts(&mut self) {
        self.attempts = 0;
        self.attempts_since = None;
    }

    /// Until when the task of a connect is counted on that begins at `start`.
    fn patience(&self, options: &PoolOptions, start: Instant) -> Instant {
        clock::after(start, believed(options))
    }

    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        self.backing_off.is_some_and(|until| until > now)
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
            self.poke(now, actions);
            let failures = self.circuit.failures();
            let open_for = self.circuit.options().open_for;
            actions.tell.push(Notice::BreakerOpened { failures, open_for });
        }
        // Who needs one asks for it. The successor of an old connection may have been among them: asked
        // for again in a while.
        self.fill_to = 0;
        self.owed = 0;
        for (_, slot) in self.slots.indexed() {
            slot.renewing = slot.renewed;
        }
    }

    /// Somebody waits, or too few are idle, or somebody would have waited but for the breaker.
    pub(crate) fn connect_needed(&self) -> bool {
        let idle = self.idle.len() < self.sizes.min_idle;
        !self.closed && !self.paused && (!self.waiters.is_empty() || idle || self.missed)
    }

    /// A task that has paused looks whether it is to go on, with its slot.
    pub(crate) fn resume_connecting(&mut self, rules: &Rules<'_>, slot: u32, now: Instant) -> bool {
        if self.is_backing_off(now) && self.retrier != Some(slot) {
            // Another has taken over.
            return false;
        }
        self.retrier = Some(slot);
        let needed = self.connect_needed() && self.counted() <= self.sizes.limit();
        if needed {
            self.backing_off = Some(self.patience(rules.options, now));
            self.missed = false;
            self.slots.get(slot).since = now;
        } else {
            self.backing_off = None;
            self.end_attempts();
        }
        needed
    }

    /// The task that backed off is gone, or no longer needed.
    pub(crate) fn stop_backing_off(&mut self, slot: u32) {
        if self.retrier == Some(slot) {
            self.backing_off = None;
        }
    }

    // ---- the breaker ----------------------------------------------------------------------

    /// May a connection be opened for somebody now, as far as the breaker goes? Probes under way count
    /// as long as their tasks can be alive.
    pub(super) fn admission(&self, options: &PoolOptions, now: Instant) -> Admission {
        let since = alive_since(options, now);
        let probes = self.slots.iter().filter(|slot| {
            slot.phase == SlotPhase::Connecting
                && slot.probe
                && since.is_none_or(|since| slot.since >= since)
        });
        self.circuit.ask_beside(probes.count(), now)
    }

    /// Who needs a new connection is refused while the breaker is open, for so much longer. There is
    /// none in use either, that could come back.
    pub(super) fn refused_by_breaker(&self, now: Instant) -> Option<Duration> {
        self.circuit
            .open_until()
            .and_then(|until| until.checked_duration_since(now))
            .filter(|retry_in| !retry_in.is_zero() && self.living() == 0)
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
    pub(super) fn attempt_in_background(
        &mut self,
        options: &PoolOptions,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        let alive = alive_since(options, now);
        if self.is_backing_off(now)
            || self.paused
            || self.circuit.is_held_open(now)
            || self.slots.count_since(SlotPhase::Connecting, alive) > 0
            || self.next_attempt.is_some_and(|next| next > now)
            || self.room() == 0
        {
            return;
        }
        self.want_housekeeper(now, actions);
        if let Some(slot) = self.take_slot(true, now, actions) {
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
        if self.room() == 0 {
            return self.want_nothing_elsewhere(actions);
        }
        let wanted = self.connects_wanted(rules, now);
        for n in 0..wanted.all() {
            let Some(slot) = self.take_slot(n < wanted.for_waiters, now, actions) else {
                break;
            };
            if n >= wanted.for_waiters + wanted.for_idle {
                self.owed -= 1;
            }
            actions.connect.push(slot);
        }
        if wanted.for_waiters == 0 {
            self.want_nothing_elsewhere(actions);
        }
        if !self.waiters.is_empty() && self.circuit.state(now) == BreakerState::Open {
            // They wait for one in use to come back; the server may be sooner.
            self.attempt_in_background(rules.options, now, actions);
        }
    }

    /// How many connects to start, and what for.
    pub(super) fn connects_wanted(&self, rules: &Rules<'_>, now: Instant) -> Wanted {
        if self.is_backing_off(now) || self.paused {
            return Wanted::default();
        }
        let options = rules.options;
        let alive = alive_since(options, now);
        let busy = self.slots.count_since(SlotPhase::Connecting, alive);
        let mut lanes = options.max_connecting.saturating_sub(busy);
        match self.admission(options, now) {
            Admission::Pass => {}
            Admission::Probe { left } => lanes = lanes.min(left),
            Admission::Refused { .. } => lanes = 0,
        }
        let size = self.counted();
        let room = self.room();
        let coming = self.coming(options, now);
        let waiting = self.waiters.len();
        let for_waiters = waiting.saturating_sub(coming).min(room).min(lanes);
        let spare = self.idle.len() + coming.saturating_sub(waiting);
        let kept = self.sizes.max_size.saturating_sub(size + for_waiters);
        let for_idle = self.stock_missing(spare, for_waiters).min(kept).min(lanes - for_waiters);
        // A successor in the overflow would be closed as soon as it is there.
        let for_successors = self.owed.min(kept - for_idle).min(lanes - for_waiters - for_idle);
        Wanted { for_waiters, for_idle, for_successors }
    }

    /// How many connections are missing that nobody waits for.
    fn stock_missing(&self, spare: usize, for_waiters: usize) -> usize {
        let there = self.living() + self.slots.count(SlotPhase::Connecting) + for_waiters;
        let to_fill = self.fill_to.saturating_sub(there);
        self.sizes.min_idle.saturating_sub(spare).max(to_fill)
    }

    /// Fills the pool to `size` connections in the background, as long as none fails.
    pub(crate) fn fill(
        &mut self,
        rules: &Rules<'_>,
        size: usize,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.fill_to = size;
        self.pump(rules, now, actions);
    }

    /// Connections that will be there soon without anybody's doing. One whose check or reset takes
    /// long, or whose connect outlived its limit (its runtime does not run), is not counted on:
    /// a waiter gets another meanwhile.
    pub(super) fn coming(&self, options: &PoolOptions, now: Instant) -> usize {
        let soon = now.checked_sub(PATIENCE);
        let connecting = alive_since(options, now);
        self.slots.count_since(SlotPhase::Connecting, connecting)
            + self.slots.count_since(SlotPhase::Validating, soon)
            + self.slots.count_since(SlotPhase::Resetting, soon)
    }
}
