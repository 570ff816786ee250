//! The pool's state behind its lock, and every decision about it: pure, synchronous, no user code.
//!
//! # Implementation notes
//!
//! One mutex guards everything. A method here looks, decides, changes the state and says in
//! [`Actions`] what is to be done once the lock is released: wake, spawn, close. Nothing else
//! changes pool state, so the invariants can be read off this file:
//!
//! 1. **Hand-off.** A connection that becomes available goes to the first waiter whose deadline
//!    has not passed ([`State::admit`]); only without waiters does it become idle. A newcomer takes
//!    an idle connection only when nobody waits. So nobody is overtaken.
//! 2. **Enqueue is atomic with "nothing idle"**: both happen in [`State::enqueue`], under one lock.
//! 3. **Capacity** is the number of slots ([`Slots`]); a slot is taken before a connect starts and
//!    released when the connection is gone, by guards whose `Drop` does it.
//! 4. **Progress.** After every change that frees capacity or adds demand, [`State::pump`] matches
//!    idle connections with waiters and starts as many connects as demand and limits allow.

use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Id;

use crate::actions::Actions;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::rules::Rules;
use crate::slots::{Phase as SlotPhase, Slots};
use crate::waiters::{Key, Outcome, Waiters};
use crate::{
    AcquireError, CloseReason, ConnectError, ConnectionId, Counters, PoolOptions, Reuse,
    TimeoutInfo, WhenExhausted, WorkStats,
};

mod housekeeping;
mod telling;

/// How long a granted connection may lie unclaimed while others wait, before it is taken back.
pub(crate) const GRANT_PATIENCE: Duration = Duration::from_millis(100);

/// How long a validation or reset is counted on to give its connection to a waiter.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many holders a timeout names.
const HOLDERS: usize = 5;

pub(crate) struct State<C, E> {
    idle: VecDeque<Box<Entry<C>>>,
    waiters: Waiters<Box<Entry<C>>, Failure<E>>,
    slots: Slots,
    next_id: u64,
    closed: bool,
    /// A connect has failed and its task waits to try again; no other may start meanwhile.
    backing_off: bool,
    /// Failures to connect since the last success.
    pub(crate) connect_failures: u32,
    /// When the first of them was.
    pub(crate) failing_since: Option<Instant>,
    last_connect_error: Option<Arc<ConnectError<E>>>,
    /// A housekeeper is running, or about to.
    pub(crate) housekeeper: bool,
    /// The housekeeper knows that somebody waits, and looks again soon.
    watching: bool,
    /// The runtime whose timer wakes the housekeeper. It also looks after the deadlines of those who
    /// wait in that runtime; others have timers of their own.
    watcher: Option<Id>,
    /// When the housekeeper looks again.
    next_look: Option<Instant>,
    pub(crate) counters: Counters,
    pub(crate) work: WorkStats,
}

/// What waiting came to.
pub(crate) type Served<C, E> = Result<Box<Entry<C>>, AcquireError<E>>;

/// An error nobody refers to any more: its destructor is the user's, to be run outside the lock.
pub(crate) type Forgotten<E> = Option<Arc<ConnectError<E>>>;

/// Why a waiter was told to give up.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Closed,
    Connect(Arc<ConnectError<E>>),
}

/// What looking for an idle connection came to.
pub(crate) enum Look<C> {
    /// One fit for use, marked as used. With `refill` the housekeeper has something to do: too few
    /// are idle now.
    Found {
        entry: Box<Entry<C>>,
        refill: bool,
    },
    /// None that may be taken at once.
    Nothing,
    Closed,
}

impl<C, E> State<C, E> {
    pub(crate) fn new() -> Self {
        Self {
            idle: VecDeque::new(),
            waiters: Waiters::new(),
            slots: Slots::new(),
            next_id: 1,
            closed: false,
            backing_off: false,
            connect_failures: 0,
            failing_since: None,
            last_connect_error: None,
            housekeeper: false,
            watching: false,
            watcher: None,
            next_look: None,
            counters: Counters::default(),
            work: WorkStats::default(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    // ---- acquiring ------------------------------------------------------------------------

    /// The free path: the next idle connection, if nobody waits and it is fit as it is.
    pub(crate) fn look(
        &mut self,
        rules: &Rules<'_>,
        location: &'static Location<'static>,
        now: Instant,
    ) -> Look<C> {
        if self.closed {
            return Look::Closed;
        }
        let next = match rules.options.reuse {
            Reuse::Lifo => self.idle.back(),
            Reuse::Fifo => self.idle.front(),
        };
        match next {
            Some(entry)
                if !entry.is_expired(now)
                    && !rules.needs_preparation(entry, now)
                    && self.waiters.bypass(rules.options.max_bypass()) =>
            {
                let mut entry = self.pop_idle(rules).expect("just seen");
                self.hand_out(&mut entry, location, now);
                self.counters.acquired_directly += 1;
                let refill = self.idle.len() < rules.options.min_idle
                    && self.connects_wanted(rules, now) > 0;
                Look::Found { entry, refill }
            }
            _ => Look::Nothing,
        }
    }

    /// Joins the line, unless that is refused, and sets in motion what the waiter needs.
    pub(crate) fn enqueue(
        &mut self,
        rules: &Rules<'_>,
        waker: &mut Option<Waker>,
        location: &'static Location<'static>,
        deadline: Instant,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Result<Key, AcquireError<E>> {
        let options = rules.options;
        if let Some(limit) = options.max_waiters
            && self.waiters.len() >= limit
        {
            self.counters.refused += 1;
            return Err(AcquireError::TooManyWaiters { limit, status: self.status(options) });
        }
        if options.when_exhausted == WhenExhausted::Fail {
            let free = options.limit().saturating_sub(self.slots.size());
            let prospects = self.idle.len() + self.coming(options, now) + free;
            if self.waiters.len() >= prospects {
                self.counters.refused += 1;
                return Err(AcquireError::Exhausted { status: self.status(options) });
            }
        }
        let waker = waker.take().expect("the caller brings its waker");
        let key = self.waiters.push(waker, location, deadline);
        // With somebody in line the housekeeper watches over grants.
        actions.poke_housekeeper |= !std::mem::replace(&mut self.watching, true)
            || self.next_look.is_none_or(|next| deadline < next);
        self.pump(rules, now, actions);
        Ok(key)
    }

    /// Looks after a waiter: `true` when its turn has come and [`claim`](Self::claim) will tell.
    pub(crate) fn poll_waiter(
        &mut self,
        rules: &Rules<'_>,
        key: &Key,
        waker: Waker,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> (bool, [Option<Waker>; 2]) {
        let (ready, old) = self.waiters.is_ready(key);
        if ready {
            return (true, [old, Some(waker)]);
        }
        // Where fairness is bounded, there may be an idle connection. And what the pool started for
        // its waiters may have died with another runtime; whoever is polled starts it again on a
        // live one.
        self.pump(rules, now, actions);
        let leftover = self.waiters.stay(key, waker);
        let served = leftover.is_some();
        (served, [old, leftover])
    }

    /// Takes what a waiter whose turn has come was given.
    pub(crate) fn claim(&mut self, key: Key) -> Served<C, E> {
        match self.waiters.remove(key).0 {
            Outcome::Granted(entry) => {
                self.counters.acquired_after_wait += 1;
                Ok(entry)
            }
            Outcome::Failed(Failure::Closed) => Err(AcquireError::Closed),
            Outcome::Failed(Failure::Connect(error)) => Err(AcquireError::Connect(error)),
            Outcome::Waiting => unreachable!("claim is called when poll_waiter said ready"),
        }
    }

    /// A waiter's time is up. It may have been served in the last moment.
    pub(crate) fn expire(
        &mut self,
        rules: &Rules<'_>,
        key: Key,
        waited: Duration,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> (Served<C, E>, Option<Waker>) {
        let (outcome, waker) = self.waiters.remove(key);
        let result = match outcome {
            Outcome::Granted(entry) => {
                self.counters.acquired_after_wait += 1;
                Ok(entry)
            }
            Outcome::Failed(Failure::Closed) => Err(AcquireError::Closed),
            Outcome::Failed(Failure::Connect(error)) => Err(AcquireError::Connect(error)),
            Outcome::Waiting => {
                self.counters.timed_out += 1;
                self.pass_on(&waker, actions);
                Err(AcquireError::Timeout(Box::new(TimeoutInfo {
                    phase: self.phase(rules.options),
                    waited,
                    status: self.status(rules.options),
                    last_connect_error: self.last_connect_error.clone(),
                    holders: self.slots.holders(now, HOLDERS),
                })))
            }
        };
        (result, waker)
    }

    /// A waiter leaves without being asked. What it was given goes to the next.
    pub(crate) fn leave(
        &mut self,
        rules: &Rules<'_>,
        key: Key,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<Waker> {
        let (outcome, waker) = self.waiters.remove(key);
        self.counters.abandoned_waits += 1;
        if let Outcome::Granted(mut entry) = outcome {
            entry.uses -= 1;
            self.admit(rules, entry, true, now, actions);
        } else {
            self.pass_on(&waker, actions);
        }
        waker
    }

    /// A waiter that leaves line without a waker was woken to start what the pool needs (see
    /// [`free_after_death`](Self::free_after_death)) and did not come to it: the next one shall.
    fn pass_on(&mut self, waker: &Option<Waker>, actions: &mut Actions<C>) {
        if waker.is_none() {
            actions.wake.extend(self.waiters.take_head_waker());
        }
    }

    // ---- connections becoming available ---------------------------------------------------

    /// Takes in a connection that is fit for use: to the first waiter, else idle, else closed.
    ///
    /// `prepared` says that it comes fresh from being opened, or from what
    /// [`Rules::needs_preparation`] asks for. Where fairness is bounded, newcomers may be faster than
    /// the first waiter.
    pub(crate) fn admit(
        &mut self,
        rules: &Rules<'_>,
        entry: Box<Entry<C>>,
        prepared: bool,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        let most = rules.options.max_bypass();
        self.place(rules, entry, prepared, most, now, actions);
    }

    /// As [`admit`](Self::admit), while the first waiter has been overtaken fewer than `most` times.
    fn place(
        &mut self,
        rules: &Rules<'_>,
        mut entry: Box<Entry<C>>,
        prepared: bool,
        most: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        if self.closed {
            return self.close(entry, CloseReason::Shutdown, now, actions);
        }
        let worn = if entry.is_expired(now) {
            Some(CloseReason::Lifetime)
        } else if rules.options.max_uses.is_some_and(|most| entry.uses >= most) {
            Some(CloseReason::Uses)
        } else {
            None
        };
        if let Some(reason) = worn {
            self.close(entry, reason, now, actions);
            return self.pump(rules, now, actions);
        }
        if let Some(head) = self.waiters.head(now, &mut actions.wake) {
            if !prepared && rules.needs_preparation(&entry, now) {
                self.slots.set(entry.slot, SlotPhase::Validating, None, now);
                actions.prepare.push(entry);
                return;
            }
            if !self.waiters.may_be_bypassed(&head, most) || self.is_surplus(rules) {
                self.hand_out(&mut entry, head.location, now);
                let waker = self.waiters.grant(head, entry, now);
                actions.wake.extend(waker);
                return;
            }
            // As many shall come as find something.
            actions.wake.extend(self.waiters.take_waker_among(self.idle.len() + 1));
        } else if self.is_surplus(rules) {
            return self.close(entry, CloseReason::Surplus, now, actions);
        }
        self.slots.set(entry.slot, SlotPhase::Idle, None, now);
        self.idle.push_back(entry);
        self.want_housekeeper(actions);
    }

    /// One more idle connection would be one too many.
    fn is_surplus(&self, rules: &Rules<'_>) -> bool {
        let staying = self.slots.size() - self.slots.count(SlotPhase::Closing);
        staying > rules.options.max_size || self.idle.len() >= rules.options.effective_max_idle()
    }

    fn want_housekeeper(&mut self, actions: &mut Actions<C>) {
        if !self.housekeeper && !self.closed {
            self.housekeeper = true;
            actions.start_housekeeper = true;
        }
    }

    /// A connect succeeded; the connection lives until `expires`. Ends a time of backing off.
    pub(crate) fn connected(
        &mut self,
        slot: u32,
        expires: Option<Instant>,
        actions: &mut Actions<C>,
    ) -> Forgotten<E> {
        self.backing_off = false;
        self.connect_failures = 0;
        self.failing_since = None;
        let forgotten = self.last_connect_error.take();
        self.counters.connected += 1;
        self.slots.set_expiry(slot, expires);
        actions.poke_housekeeper = true;
        forgotten
    }

    /// A connect failed. A `permanent` failure is told to everybody who waits.
    ///
    /// `true` when the caller shall keep its slot, back off and try again (`retrying` says that it
    /// did so before); `false` when somebody else does, or nobody needs it.
    pub(crate) fn connect_failed(
        &mut self,
        rules: &Rules<'_>,
        error: &Arc<ConnectError<E>>,
        permanent: bool,
        retrying: bool,
        actions: &mut Actions<C>,
    ) -> (bool, Forgotten<E>) {
        self.note_connect_failure();
        let forgotten = self.last_connect_error.replace(Arc::clone(error));
        if permanent {
            self.waiters.fail_all(|| Failure::Connect(Arc::clone(error)), &mut actions.wake);
        }
        let retry = (retrying || !self.backing_off) && self.connect_needed(rules);
        if retry {
            self.backing_off = true;
        } else if retrying {
            self.backing_off = false;
        }
        (retry, forgotten)
    }

    /// Counts a failure to connect; returns how many there were in a row.
    pub(crate) fn note_connect_failure(&mut self) -> u32 {
        self.counters.connect_failures += 1;
        self.connect_failures = self.connect_failures.saturating_add(1);
        self.connect_failures
    }

    /// Somebody waits, or too few are idle.
    pub(crate) fn connect_needed(&self, rules: &Rules<'_>) -> bool {
        !self.closed && (!self.waiters.is_empty() || self.idle.len() < rules.options.min_idle)
    }

    /// The task that backed off is gone, or no longer needed.
    pub(crate) fn stop_backing_off(&mut self) {
        self.backing_off = false;
    }

    // ---- slots ----------------------------------------------------------------------------

    pub(crate) fn set_phase(&mut self, entry: &Entry<C>, phase: SlotPhase, now: Instant) {
        self.slots.set(entry.slot, phase, None, now);
    }

    /// Reserves slots for `count` more connections, as far as `max_size` allows.
    pub(crate) fn reserve(
        &mut self,
        rules: &Rules<'_>,
        target: usize,
        now: Instant,
    ) -> Vec<(u32, ConnectionId)> {
        // What is still connecting may yet fail: it proves nothing.
        let size = self.living();
        let room = rules.options.max_size.saturating_sub(self.slots.size());
        let count = if self.closed { 0 } else { target.saturating_sub(size).min(room) };
        (0..count).map(|_| self.take_slot(now)).collect()
    }

    /// Connections that exist and are not going away.
    pub(crate) fn living(&self) -> usize {
        self.slots.size()
            - self.slots.count(SlotPhase::Closing)
            - self.slots.count(SlotPhase::Connecting)
    }

    /// Gives a slot back; its connection is gone.
    pub(crate) fn free(
        &mut self,
        rules: &Rules<'_>,
        slot: u32,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.slots.release(slot);
        self.pump(rules, now, actions);
        actions.drained |= self.closed && self.slots.size() == 0;
    }

    /// Gives a slot back whose task died before it did its work, probably with its runtime. Does
    /// not start anything, which could die the same way: wakes a waiter to do it where it lives.
    pub(crate) fn free_after_death(&mut self, slot: u32, actions: &mut Actions<C>) {
        self.slots.release(slot);
        actions.wake.extend(self.waiters.take_head_waker());
        actions.drained |= self.closed && self.slots.size() == 0;
    }

    // ---- closing --------------------------------------------------------------------------

    /// Hands out nothing any more: fails all waiters, closes what is idle.
    pub(crate) fn shut(&mut self, now: Instant, actions: &mut Actions<C>) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        self.waiters.fail_all(|| Failure::Closed, &mut actions.wake);
        while let Some(entry) = self.idle.pop_front() {
            self.close(entry, CloseReason::Shutdown, now, actions);
        }
        actions.drained |= self.slots.size() == 0;
        true
    }

    /// Marks a connection as closing and leaves the rest to the caller of the actions.
    pub(crate) fn close(
        &mut self,
        entry: Box<Entry<C>>,
        reason: CloseReason,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        self.slots.set(entry.slot, SlotPhase::Closing, None, now);
        self.counters.closed.count(reason);
        actions.close.push((entry, reason));
    }

    // ---- matching demand with supply ------------------------------------------------------

    /// Serves waiters from idle connections, and starts what is missing.
    pub(crate) fn pump(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        if self.closed {
            return;
        }
        self.want_housekeeper(actions);
        while !self.waiters.is_empty() {
            let Some(entry) = self.pop_idle(rules) else {
                break;
            };
            if entry.is_expired(now) {
                self.close(entry, CloseReason::Lifetime, now, actions);
            } else if !rules.needs_preparation(&entry, now) {
                self.place(rules, entry, true, 0, now, actions);
                if self.waiters.is_empty() {
                    break;
                }
            } else if self.slots.count(SlotPhase::Validating) < self.waiters.len() {
                self.slots.set(entry.slot, SlotPhase::Validating, None, now);
                actions.prepare.push(entry);
            } else {
                self.unpop_idle(rules, entry);
                break;
            }
        }
        for _ in 0..self.connects_wanted(rules, now) {
            actions.connect.push(self.take_slot(now));
        }
    }

    fn connects_wanted(&self, rules: &Rules<'_>, now: Instant) -> usize {
        if self.backing_off {
            return 0;
        }
        let options = rules.options;
        let size = self.slots.size();
        let coming = self.coming(options, now);
        let waiting = self.waiters.len();
        let for_waiters = waiting.saturating_sub(coming).min(options.limit().saturating_sub(size));
        let spare = self.idle.len() + coming.saturating_sub(waiting);
        let for_idle = options
            .min_idle
            .saturating_sub(spare)
            .min(options.max_size.saturating_sub(size + for_waiters));
        let room = options.max_connecting.saturating_sub(self.slots.count(SlotPhase::Connecting));
        (for_waiters + for_idle).min(room)
    }

    /// Connections that will be there soon without anybody's doing. One whose check or reset takes
    /// long, or whose connect outlived its limit (its runtime does not run), is not counted on:
    /// a waiter gets another meanwhile.
    fn coming(&self, options: &PoolOptions, now: Instant) -> usize {
        let soon = now.checked_sub(PATIENCE);
        let connecting = now.checked_sub(options.connect_timeout.saturating_mul(2));
        self.slots.count_since(SlotPhase::Connecting, connecting)
            + self.slots.count_since(SlotPhase::Validating, soon)
            + self.slots.count_since(SlotPhase::Resetting, soon)
    }

    fn take_slot(&mut self, now: Instant) -> (u32, ConnectionId) {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        (self.slots.take(id, now), id)
    }

    fn pop_idle(&mut self, rules: &Rules<'_>) -> Option<Box<Entry<C>>> {
        match rules.options.reuse {
            Reuse::Lifo => self.idle.pop_back(),
            Reuse::Fifo => self.idle.pop_front(),
        }
    }

    fn unpop_idle(&mut self, rules: &Rules<'_>, entry: Box<Entry<C>>) {
        match rules.options.reuse {
            Reuse::Lifo => self.idle.push_back(entry),
            Reuse::Fifo => self.idle.push_front(entry),
        }
    }

    fn hand_out(
        &mut self,
        entry: &mut Entry<C>,
        location: &'static Location<'static>,
        now: Instant,
    ) {
        entry.uses += 1;
        entry.checked_out_at = now;
        self.slots.set(entry.slot, SlotPhase::Used, Some(location), now);
    }
}
