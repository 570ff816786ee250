//! The callers' side: taking what is idle, joining the line, being served, leaving.

use std::task::Waker;
use std::time::Duration;

use super::{Arrival, Failure, Joiner, State};
use crate::actions::Actions;
use crate::caller::{Caller, Wish};
use crate::circuit::Admission;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::rules::Rules;
use crate::waiters::{Key, Outcome};
use crate::{AcquireError, Reuse, Tag, TimeoutInfo, WhenExhausted};

/// How many holders a timeout names.
const HOLDERS: usize = 5;

/// What waiting came to.
pub(crate) type Served<C, E> = Result<Box<Entry<C>>, AcquireError<E>>;

/// As [`Served`], with the waker that was left for it.
pub(crate) type Settled<C, E> = (Served<C, E>, Option<Waker>);

/// How somebody waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// How long at most, in nanoseconds.
    pub(crate) timeout: u64,
    /// Exactly by the clock.
    pub(crate) timed: bool,
}

/// The coarse clock may be behind by so many nanoseconds, where the machine is slow to run the thread
/// that feeds it: waits that begin by it are that much longer, as nobody is to give up too early.
const BEHIND: u64 = 8_000_000;

impl Wait {
    #[inline]
    pub(crate) fn new(timeout: u64, timed: bool) -> Self {
        Self { timeout: if timed { timeout } else { timeout.saturating_add(BEHIND) }, timed }
    }

    /// When it began, that was to last until `deadline`.
    pub(crate) fn began(self, deadline: Instant) -> Instant {
        deadline.minus_nanos(self.timeout)
    }
}

/// What a wait came to.
pub(crate) struct Claimed<C, E> {
    pub(crate) served: Served<C, E>,
    /// When it began.
    pub(crate) since: Instant,
    /// Until when it would have lasted.
    pub(crate) deadline: Instant,
    pub(crate) waited: Duration,
    /// The waker that was left for it, to be dropped outside the lock.
    pub(crate) waker: Option<Waker>,
}

/// Somebody who joins the line.
pub(crate) struct Asker<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) wish: Wish,
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
}

impl Asker<'_> {
    /// Without the wishes.
    pub(crate) fn joiner(&self) -> Joiner {
        let &Self { caller, since, deadline, .. } = self;
        Joiner { location: caller.location, task: caller.task, since, deadline }
    }
}

/// What looking for an idle connection came to.
pub(crate) enum Look<C> {
    /// One fit for use, marked as used. With `poke` the housekeeper has something to do: too few are
    /// idle now, or somebody holds a connection.
    Found {
        entry: Box<Entry<C>>,
        poke: bool,
    },
    /// None that may be taken at once.
    Nothing,
    Paused,
    Closed,
}

impl<C, E> State<C, E> {
    /// The free path: the next idle connection, if nobody waits and it is fit as it is.
    pub(crate) fn look(
        &mut self,
        rules: &Rules<'_>,
        caller: &Caller,
        tag: Option<Tag>,
        now: Instant,
    ) -> Look<C> {
        if self.closed {
            return Look::Closed;
        }
        if self.paused {
            return Look::Paused;
        }
        let Some(index) = self.choose(rules, tag) else {
            return Look::Nothing;
        };
        self.take_idle_at(rules, index, caller, now)
    }

    /// As [`look`](Self::look), for somebody who cannot wait for one to be prepared: the next one that
    /// is fit.
    pub(crate) fn look_for_any(
        &mut self,
        rules: &Rules<'_>,
        caller: &Caller,
        now: Instant,
    ) -> Look<C> {
        let fit = |entry: &Entry<C>| !entry.is_expired(now) && !rules.needs_preparation(entry, now);
        let index = match rules.options.reuse {
            Reuse::Lifo => self.idle.iter().rposition(|entry| fit(entry)),
            Reuse::Fifo => self.idle.iter().position(|entry| fit(entry)),
        };
        match index {
            _ if self.closed => Look::Closed,
            _ if self.paused => Look::Paused,
            None => Look::Nothing,
            Some(index) => self.take_idle_at(rules, index, caller, now),
        }
    }

    fn take_idle_at(
        &mut self,
        rules: &Rules<'_>,
        index: usize,
        caller: &Caller,
        now: Instant,
    ) -> Look<C> {
        let entry = &self.idle[index];
        if entry.is_expired(now)
            || rules.needs_preparation(entry, now)
            || !self.waiters.bypass(rules.options.max_bypass())
        {
            return Look::Nothing;
        }
        let mut entry = self.idle.remove(index).expect("just seen");
        let watch = self.hand_out(rules, &mut entry, caller.clone(), now);
        let refill =
            self.idle.len() < self.sizes.min_idle && self.connects_wanted(rules, now).all() > 0;
        Look::Found { entry, poke: refill || watch }
    }

    /// Joins the line, unless that is refused, and sets in motion what the waiter needs.
    pub(crate) fn enqueue(
        &mut self,
        rules: &Rules<'_>,
        waker: &mut Option<Waker>,
        asker: &Asker<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Result<Key, AcquireError<E>> {
        let options = rules.options;
        if let Some(retry_in) = self.refused_by_breaker(now) {
            self.counters.refused += 1;
            self.missed = true;
            self.attempt_in_background(options, now, actions);
            let last_connect_error = self.last_connect_error.clone();
            return Err(AcquireError::BreakerOpen { last_connect_error, retry_in });
        }
        let queued = self.waiters.len();
        if options.max_waiters.is_some_and(|limit| queued >= limit)
            || options.when_exhausted == WhenExhausted::Fail
        {
            let may_open = match self.admission(options, now) {
                Admission::Refused { .. } => 0,
                _ => self.room().min(self.left_by_others()),
            };
            let prospects = if self.paused {
                0
            } else {
                self.idle.len() + self.coming(options, now) + may_open
            };
            if options.when_exhausted == WhenExhausted::Fail && queued >= prospects {
                self.counters.refused += 1;
                return Err(AcquireError::Exhausted { status: Box::new(self.status(now)) });
            }
            // Those for whom something is on its way do not count.
            if let Some(limit) = options.max_waiters
                && queued >= limit.saturating_add(prospects)
            {
                self.counters.refused += 1;
                let status = Box::new(self.status(now));
                return Err(AcquireError::TooManyWaiters { limit, status });
            }
        }
        let waker = waker.take().expect("the caller brings its waker");
        let key = self.waiters.push(waker, asker);
        // With somebody in line the housekeeper watches over grants.
        if !std::mem::replace(&mut self.watching, true)
            || self.next_look.is_none_or(|next| asker.deadline < next)
        {
            self.poke(now, actions);
        }
        self.pump(rules, now, actions);
        Ok(key)
    }

    /// Goes back to the head of the line, after what it was given turned out to be dead.
    pub(crate) fn rejoin(
        &mut self,
        rules: &Rules<'_>,
        waker: Waker,
        asker: &Asker<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Key {
        let key = self.waiters.push_front(waker, asker);
        self.watching = true;
        self.poke(now, actions);
        self.pump(rules, now, actions);
        key
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
            if self.orphaned {
                self.pump(rules, now, actions);
            }
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

    /// A grant was picked up so late that the connection has become too old, or unproven again: it goes
    /// back, and who was given it to the head of the line.
    pub(crate) fn give_back_stale(
        &mut self,
        rules: &Rules<'_>,
        mut entry: Box<Entry<C>>,
        waker: Waker,
        asker: &Asker<'_>,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Key {
        let key = self.waiters.push_front(waker, asker);
        self.watching = true;
        entry.uses -= 1;
        self.place(rules, entry, Arrival::Returned, 0, now, actions);
        // Its deadline is to be looked after again.
        self.poke(now, actions);
        key
    }

    /// Who has come for what he was given sees to what was left undone.
    pub(crate) fn pass_by(&mut self, rules: &Rules<'_>, now: Instant, actions: &mut Actions<C>) {
        if self.orphaned {
            self.pump(rules, now, actions);
        }
    }

    /// Takes what the waiter of `slot` was given, if its turn has come.
    pub(crate) fn claim_in_place(
        &mut self,
        rules: &Rules<'_>,
        slot: &mut Option<Key>,
        wait: Wait,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Option<Claimed<C, E>> {
        let key = slot.take()?;
        let deadline = self.waiters.deadline(&key);
        let since = wait.began(deadline);
        match self.claim_if_ready(key) {
            Ok((served, waker)) => {
                self.pass_by(rules, now, actions);
                let waited = match &served {
                    Ok(entry) if !entry.was_idle => {
                        let tally = self.shelf.place(entry.slot).tally();
                        rules.book_wait(tally, entry, since, wait.timed, now)
                    }
                    _ => now.saturating_duration_since(since),
                };
                Some(Claimed { served, since, deadline, waited, waker })
            }
            Err(key) => {
                *slot = Some(key);
                None
            }
        }
    }

    /// Takes what a waiter was given, if its turn has come.
    pub(crate) fn claim_if_ready(&mut self, key: Key) -> Result<Settled<C, E>, Key> {
        if !self.waiters.is_settled(&key) {
            return Err(key);
        }
        let (outcome, waker) = self.waiters.remove(key);
        match outcome {
            Outcome::Granted(entry) => Ok((Ok(entry), waker)),
            Outcome::Failed(failure) => Ok((Err(failure.into_error()), waker)),
            Outcome::Waiting => unreachable!("it is settled"),
        }
    }

    /// Until when somebody waits.
    pub(crate) fn deadline(&mut self, key: &Key) -> Instant {
        self.waiters.deadline(key)
    }

    /// A waiter's time is up. It may have been served in the last moment.
    pub(crate) fn expire(
        &mut self,
        rules: &Rules<'_>,
        key: Key,
        wait: Wait,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> Claimed<C, E> {
        let deadline = self.waiters.deadline(&key);
        let since = wait.began(deadline);
        let mut waited = now.saturating_duration_since(since);
        let (outcome, waker) = self.waiters.remove(key);
        let served = match outcome {
            Outcome::Granted(entry) => {
                if !entry.was_idle {
                    let tally = self.shelf.place(entry.slot).tally();
                    waited = rules.book_wait(tally, &entry, since, wait.timed, now);
                }
                Ok(entry)
            }
            Outcome::Failed(failure) => Err(failure.into_error()),
            Outcome::Waiting => {
                self.counters.timed_out += 1;
                let phase = self.phase();
                self.find_holders();
                self.pass_on(rules, &waker, now, actions);
                Err(AcquireError::Timeout(Box::new(TimeoutInfo {
                    phase,
                    waited,
                    status: self.status(now),
                    last_connect_error: self.last_connect_error.clone(),
                    holders: self.slots.holders(now, HOLDERS, |_| true),
                })))
            }
        };
        Claimed { served, since, deadline, waited, waker }
    }

    /// A waiter leaves without being asked. What it was given goes to the next.
    pub(crate) fn leave(
        &mut self,
        rules: &Rules<'_>,
        key: Key,
        now: Instant,
        actions: &mut Actions<C>,
    ) -> (Option<Failure<E>>, Option<Waker>) {
        let (outcome, waker) = self.waiters.remove(key);
        self.counters.abandoned_waits += 1;
        match outcome {
            Outcome::Granted(mut entry) => {
                entry.uses -= 1;
                self.taken_from_holder(entry.slot, now, actions);
                self.admit(rules, entry, Arrival::Prepared, now, actions);
                (None, waker)
            }
            Outcome::Waiting => {
                self.pass_on(rules, &waker, now, actions);
                (None, waker)
            }
            // The last to know of an error: its destructor is the user's.
            Outcome::Failed(failure) => (Some(failure), waker),
        }
    }

    /// A waiter that leaves line without a waker was woken to start what the pool needs (see
    /// [`free_after_death`](Self::free_after_death)) and did not come to it: the next one shall.
    fn pass_on(
        &mut self,
        rules: &Rules<'_>,
        waker: &Option<Waker>,
        now: Instant,
        actions: &mut Actions<C>,
    ) {
        if waker.is_none() {
            actions.wake.extend(self.waiters.take_head_waker());
        }
        // What it wanted of other pools is wanted no more.
        if self.membership.is_some() && self.connects_wanted(rules, now).for_waiters == 0 {
            self.want_nothing_elsewhere(actions);
        }
    }
}

impl<E> Failure<E> {
    fn into_error(self) -> AcquireError<E> {
        match self {
            Self::Closed => AcquireError::Closed,
            Self::Connect(error) => AcquireError::Connect(error),
            Self::BreakerOpen { cause, retry_in } => {
                AcquireError::BreakerOpen { last_connect_error: cause, retry_in }
            }
        }
    }
}
