//! The free path: connections handed out and taken back without the lock, as long as nothing asks for
//! a decision. Whatever does goes through the state, where everything is decided.

use std::panic::Location;
use std::time::Duration;

use super::Shared;
use super::returning::Fate;
use crate::actions::wake;
use crate::caller::Caller;
use crate::clock::{self, Instant};
use crate::entry::{Entry, LONG_USE, Special};
use crate::hooks::Hooks;
use crate::shelf::Place;
use crate::state::{GRANT_PATIENCE, Look, Wait};
use crate::tally::Tally;
use crate::waiters::Key;
use crate::{
    CloseReason, Event, HistogramSnapshot, Hygiene, Manager, PoolOptions, ResetPolicy, Reuse, Tag,
    TaskId, Validate, WorkStats,
};

type Owned<M> = Box<Entry<<M as Manager>::Connection>>;

/// What the free path needs to know of options and hooks, worked out beforehand.
#[derive(Debug)]
pub(super) struct Ease {
    /// Connections may change hands without the lock: nothing asks for a look at each.
    pub(super) may_open: bool,
    pub(super) listening: bool,
    /// And nothing is to be known of one that comes back but that it is clean, nor is anybody told.
    plain: bool,
    /// There is a predicate that says when one is to be retired.
    pub(super) retiring: bool,
    /// For so many nanoseconds after it was proved alive, a connection need not be again.
    pub(super) good_for: u64,
    /// `acquire_timeout`, in nanoseconds.
    pub(super) acquire_timeout: u64,
    /// One that was held for no longer, and not reported to have done anything, counts as alive.
    pub(super) trusted: u64,
}

impl Ease {
    pub(super) fn new<C, E>(
        options: &PoolOptions,
        hooks: &Hooks<C, E>,
        listening: bool,
        grouped: bool,
    ) -> Self {
        let (good_for, trusted) = match options.validate {
            // At the limit itself it is still good.
            Validate::Idle(limit) => (clock::nanos(limit).saturating_add(1), clock::nanos(limit)),
            Validate::Never => (u64::MAX, u64::MAX),
            Validate::Always => (0, u64::MAX),
        };
        let may_open = options.reuse == Reuse::Lifo
            && options.validate != Validate::Always
            && options.reset != ResetPolicy::Always
            && !options.leak_backtrace
            && hooks.before_acquire.is_none()
            && hooks.after_release.is_none()
            && !grouped;
        let retiring = hooks.retire_when.is_some();
        let wearing = options.max_uses.is_some()
            || options.max_queries.is_some()
            || options.max_errors.is_some();
        Self {
            may_open,
            listening,
            plain: may_open && !retiring && !wearing && !listening && options.keepalive.is_none(),
            retiring,
            acquire_timeout: clock::nanos(options.acquire_timeout.min(clock::FAR)),
            good_for,
            trusted,
        }
    }
}

impl<M: Manager> Shared<M> {
    /// Takes an idle connection that is fit as it is, if one is to be had without the lock.
    #[inline(always)]
    pub(crate) fn pick_up(&self, location: &'static Location<'static>) -> Option<Owned<M>> {
        if self.shelf.is_open() { self.pick_up_lying(location) } else { None }
    }

    /// The usual case has nothing in it that could be a call, but for the manager's own check; each of
    /// the others is left to the careful way, which does the whole of it.
    #[inline(never)]
    fn pick_up_lying(&self, location: &'static Location<'static>) -> Option<Owned<M>> {
        let task = TaskId::current();
        let Some(now) = clock::fresh().filter(|_| self.ease.plain) else {
            return self.pick_up_any(location, task);
        };
        let Some((place, mut entry)) = self.shelf.take_hinted() else {
            return self.pick_up_any(location, task);
        };
        if now >= entry.good_until
            || entry.timing.is_due(now)
            || self.hygiene(&mut entry.connection) == Hygiene::Broken
        {
            return self.pick_up_carefully(place, entry, location, task);
        }
        place.lend(location, task, now);
        place.tally().count_acquired();
        entry.uses += 1;
        entry.checked_out_at = now;
        Some(entry)
    }

    #[inline(never)]
    fn pick_up_any(
        &self,
        location: &'static Location<'static>,
        task: Option<TaskId>,
    ) -> Option<Owned<M>> {
        let (place, entry) = self.shelf.take_any()?;
        self.pick_up_carefully(place, entry, location, task)
    }

    #[inline(never)]
    fn pick_up_carefully(
        &self,
        place: &Place<Entry<M::Connection>>,
        mut entry: Owned<M>,
        location: &'static Location<'static>,
        task: Option<TaskId>,
    ) -> Option<Owned<M>> {
        let now = clock::coarse();
        if now >= entry.good_until {
            self.lay_back(place, entry);
            return None;
        }
        place.lend(location, task, now);
        entry.uses += 1;
        entry.begin_use(now, self.ease.listening);
        if self.hygiene(&mut entry.connection) == Hygiene::Broken {
            self.bury(entry);
            return None;
        }
        place.tally().count_acquired();
        if self.ease.listening {
            self.emit(&Event::Acquired { id: entry.id, waited: Duration::ZERO });
        }
        Some(entry)
    }

    /// A connection comes back from its holder. The usual case is as short as that of
    /// [`pick_up`](Self::pick_up).
    #[inline(never)]
    pub(crate) fn release(&self, mut entry: Owned<M>) {
        let place = self.shelf.find_first(entry.slot);
        let (Some(place), Some(now)) = (place, clock::fresh().filter(|_| self.ease.plain)) else {
            return self.release_carefully(entry);
        };
        let took = now.nanos_since(entry.checked_out_at);
        if entry.special.is_any()
            || took >= LONG_USE
            || now >= entry.open_until
            || self.hygiene(&mut entry.connection) != Hygiene::Clean
        {
            return self.release_carefully(entry);
        }
        place.tally().uses().count_untimed();
        if took <= self.ease.trusted {
            entry.proven_at = now;
        }
        entry.idle_since = now;
        entry.be_good(self.ease.good_for);
        self.settle(place, entry, now);
    }

    /// Puts a connection that is fit for use back in its place, or gives it to who waits.
    #[inline(always)]
    fn settle(&self, place: &Place<Entry<M::Connection>>, entry: Owned<M>, now: Instant) {
        // While somebody waits, the place is sealed.
        if self.is_steady() {
            return self.pass_on(place, entry, now);
        }
        if let Err(entry) = place.put(entry) {
            self.pass_on(place, entry, now);
        }
    }

    /// Gives a connection that is fit for use to the first in line, or lets the state decide.
    #[inline(never)]
    pub(super) fn pass_on(
        &self,
        place: &Place<Entry<M::Connection>>,
        entry: Owned<M>,
        now: Instant,
    ) {
        place.take_back();
        let handed = self.lock().hand_over(entry, now, self.ease.listening);
        match handed {
            Ok(waker) => waker.into_iter().for_each(wake),
            Err(entry) => self.decide(entry, Fate::Admit, now),
        }
    }

    #[inline(never)]
    fn release_carefully(&self, mut entry: Owned<M>) {
        let place = self.shelf.place(entry.slot);
        let start = entry.checked_out_at;
        let now = entry.end_use(place.tally(), &self.recorders.usage);
        if entry.special.has(Special::WORKED) {
            self.book(&mut entry, place.tally(), now);
        } else if now.nanos_since(start) <= self.ease.trusted {
            entry.prove(now, self.options.keepalive);
        }
        if self.ease.listening {
            let held = now.saturating_duration_since(start);
            self.emit(&Event::Released { id: entry.id, held });
        }
        let fate = if entry.special.has(Special::DISCARDED) {
            Fate::Close(CloseReason::Discarded)
        } else {
            self.judge(&mut entry)
        };
        entry.idle_since = now;
        let fit = matches!(fate, Fate::Admit)
            && now < entry.open_until
            && self.rules().worn(&entry).is_none();
        if !fit {
            return self.decide(entry, fate, now);
        }
        entry.be_good(self.ease.good_for);
        if self.ease.may_open {
            self.settle(place, entry, now);
        } else {
            self.pass_on(place, entry, now);
        }
    }

    /// Says who has what the state has handed out.
    #[inline]
    pub(crate) fn lend(&self, entry: &Entry<M::Connection>, location: &'static Location<'static>) {
        let place = self.shelf.place(entry.slot);
        place.lend(location, TaskId::current(), entry.checked_out_at);
    }

    /// Takes what somebody who waits was given.
    #[inline(always)]
    pub(crate) fn collect(&self, key: &mut Option<Key>) -> Option<Owned<M>> {
        self.mail.collect(key)
    }

    /// Somebody has come in time for what came straight from its last holder. `false` when there is
    /// more to it than to take note of that.
    #[inline(always)]
    pub(crate) fn served_plainly(
        &self,
        entry: &Entry<M::Connection>,
        wait: Wait,
        location: &'static Location<'static>,
    ) -> bool {
        let now = clock::coarse();
        let waited = now.nanos_since(wait.began(entry.awaited_until));
        let plain = self.is_steady()
            && !entry.was_idle
            && entry.preparation.is_zero()
            && now.nanos_since(entry.granted_at) <= const { clock::nanos(GRANT_PATIENCE) }
            && !wait.timed
            && waited < LONG_USE
            && !self.ease.listening;
        let Some(place) = self.shelf.find_first(entry.slot).filter(|_| plain) else {
            return false;
        };
        place.tally().waits().count_untimed();
        place.lend(location, TaskId::current(), entry.checked_out_at);
        true
    }

    /// Takes note of how long somebody waited.
    pub(crate) fn book_wait(
        &self,
        entry: &Entry<M::Connection>,
        since: Instant,
        timed: bool,
        now: Instant,
    ) -> Duration {
        let tally = self.shelf.place(entry.slot).tally();
        self.rules().book_wait(tally, entry, since, timed, now)
    }

    /// What was granted long ago, and is not fit for use any more.
    pub(crate) fn is_stale(&self, entry: &Entry<M::Connection>, now: Instant) -> bool {
        let silent = now.saturating_duration_since(entry.proven_at);
        let proven = match self.options.validate {
            Validate::Never => true,
            Validate::Idle(limit) => silent <= limit,
            Validate::Always => false,
        };
        now.saturating_duration_since(entry.granted_at) > GRANT_PATIENCE
            && (!proven || entry.is_expired(now))
    }

    /// Takes an idle connection that is fit as it is, through the lock.
    pub(crate) fn look(&self, caller: &Caller, tag: Option<Tag>) -> Option<Owned<M>> {
        loop {
            let now = clock::coarse();
            let look = self.change(|state, rules, _| state.look(rules, caller, tag, now));
            let Look::Found { entry, poke } = look else {
                return None;
            };
            // It may have died while it was idle; the next one then.
            if let Some(entry) = self.unless_broken(entry, false) {
                self.served_directly(&entry, poke);
                return Some(entry);
            }
        }
    }

    /// Takes note of what was reported. Whatever it was, the connection is alive.
    #[inline(never)]
    fn book(&self, entry: &mut Entry<M::Connection>, tally: &Tally, now: Instant) {
        let recent = std::mem::take(&mut entry.recent);
        entry.special.set(Special::WORKED, false);
        tally.add_work(&recent);
        entry.work.merge(&recent);
        entry.prove(now, self.options.keepalive);
    }

    /// As [`book`](Self::book), of a connection that leaves the pool.
    pub(crate) fn add_work(&self, slot: u32, recent: &WorkStats) {
        self.shelf.place(slot).tally().add_work(recent);
    }

    /// It was taken and is not fit as it is.
    #[cold]
    pub(super) fn lay_back(&self, place: &Place<Entry<M::Connection>>, entry: Owned<M>) {
        if let Err(entry) = place.put(entry) {
            self.change(|state, rules, actions| {
                state.put_back(rules, entry, clock::now(), actions);
            });
        }
    }

    /// It died while it was idle.
    #[cold]
    fn bury(&self, entry: Owned<M>) {
        let now = clock::now();
        self.change(|state, rules, actions| {
            state.seal(entry.slot);
            state.close(entry, CloseReason::Broken, now, actions);
            state.pump(rules, now, actions);
        });
    }

    /// How much lies on the shelf.
    #[cfg(any(wellspring_loom, wellspring_shuttle))]
    pub(crate) fn lying(&self) -> usize {
        self.peek(|state, _| state.lying())
    }

    /// What the slots' own books say.
    pub(crate) fn lent(&self) -> Lending {
        let mut lending = Lending::default();
        self.shelf.tallies().for_each(|tally| lending.add(tally));
        lending
    }
}

/// The sums of the slots' own books.
#[derive(Debug, Default)]
pub(crate) struct Lending {
    pub(crate) acquired: u64,
    pub(crate) work: WorkStats,
    pub(crate) uses: Untimed,
    pub(crate) waits: Untimed,
}

/// What was only counted, and how long each of it counts for.
#[derive(Debug, Default)]
pub(crate) struct Untimed(Vec<(u64, Duration)>);

impl Lending {
    fn add(&mut self, tally: &Tally) {
        self.acquired += tally.acquired();
        self.uses.0.push(tally.uses().untimed());
        self.waits.0.push(tally.waits().untimed());
        self.work.merge(&tally.work());
    }
}

impl Untimed {
    /// Adds what was not timed to `timed`, which was read while none of it could get there.
    pub(crate) fn complete(&self, timed: HistogramSnapshot) -> HistogramSnapshot {
        self.0.iter().fold(timed, |all, &(count, took)| all.with(took, count))
    }
}
