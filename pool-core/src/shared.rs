//! What all handles of a pool share, and how decisions made under the lock become actions.

mod guards;
mod lending;
#[cfg(test)]
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod meeting;
mod returning;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

pub(crate) use guards::{Held, Permit, drop_quietly};

use lending::Ease;

use crate::actions::{Actions, More, Notice, caught};
use crate::caller::Caller;
use crate::clock::Instant;
use crate::entry::{Entry, TIMED_EVERY};
use crate::group::{Member, Neighbour, PoolGroup};
use crate::hooks::Hooks;
use crate::rt::{self, Runtime};
use crate::rules::Rules;
use crate::shelf::Shelf;
use crate::state::State;
use crate::stats::Recorders;
use crate::sync::{Arc, Mutex, MutexGuard, Weak};
use crate::waiters::Mailboxes;
use crate::{ConfigError, Event, Listener, Manager, PoolOptions, clock};
use crate::{background, connect, housekeeper};

pub(crate) struct Shared<M: Manager> {
    pub(crate) name: Arc<str>,
    pub(crate) manager: M,
    pub(crate) options: PoolOptions,
    pub(crate) hooks: Hooks<M::Connection, M::Error>,
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) recorders: Recorders,
    pub(crate) signals: Arc<Signals>,
    /// Idle connections, for whoever comes.
    shelf: Arc<Shelf<Entry<M::Connection>>>,
    /// Where those who waited find what they are given.
    mail: Arc<Mailboxes<Entry<M::Connection>>>,
    ease: Ease,
    state: OwnLine<Mutex<State<M::Connection, M::Error>>>,
    /// When the last wait began that was timed.
    wait_timed_at: AtomicU64,
    /// A hint that the short steps of those who wait are worth trying.
    steady: AtomicBool,
    /// The runtime last seen, for connections returned outside one.
    runtime: Mutex<Option<Runtime>>,
    this: Weak<Self>,
}

/// What many threads write to, away from what they only read.
#[repr(align(128))]
struct OwnLine<T>(T);

/// What background tasks listen to while they sleep, without keeping the pool alive.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Those who back off look again: a connect has succeeded, or the pool hands out nothing any
    /// more.
    pub(crate) end_pause: Notify,
    /// A slot came back, or a connect has succeeded: for those who wait for room.
    pub(crate) settled: Notify,
    /// Background work is to be dropped on the spot.
    pub(crate) aborted: Notify,
    pub(crate) is_aborted: AtomicBool,
    /// The last connection of the closed pool is gone.
    pub(crate) drained: Notify,
}

impl<M: Manager> Shared<M> {
    pub(crate) fn new(
        name: Arc<str>,
        manager: M,
        options: PoolOptions,
        hooks: Hooks<M::Connection, M::Error>,
        listener: Option<Arc<dyn Listener>>,
        group: Option<(PoolGroup, usize)>,
    ) -> Result<Arc<Self>, ConfigError> {
        clock::follow_tests();
        let mut refused = None;
        let shelf = Arc::new(Shelf::new(options.sizes().limit()));
        let mail = Arc::new(Mailboxes::new());
        let ease = Ease::new(&options, &hooks, listener.is_some(), group.is_some());
        let shared = Arc::new_cyclic(|this: &Weak<Self>| {
            let membership = group.and_then(|(group, share)| {
                let member: Neighbour = Weak::clone(this) as Neighbour;
                group.join(share, member).map_err(|error| refused = Some(error)).ok()
            });
            Self {
                name,
                state: OwnLine(Mutex::new(State::new(
                    &options,
                    membership,
                    Arc::clone(&shelf),
                    Arc::clone(&mail),
                ))),
                shelf,
                mail,
                ease,
                wait_timed_at: AtomicU64::new(0),
                steady: AtomicBool::new(false),
                manager,
                options,
                hooks,
                listener,
                recorders: Recorders::new(),
                signals: Arc::default(),
                runtime: Mutex::new(None),
                this: Weak::clone(this),
            }
        });
        refused.map_or(Ok(shared), Err)
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            options: &self.options,
            prepare_always: self.hooks.before_acquire.is_some(),
            may_open: self.ease.may_open,
            good_for: self.ease.good_for,
            waits: &self.recorders.wait,
            exact: self.ease.listening,
        }
    }

    /// Looks at the state without changing it, or what is idle: that may lie on the shelf.
    pub(crate) fn peek<R>(
        &self,
        look: impl FnOnce(&mut State<M::Connection, M::Error>, &Rules<'_>) -> R,
    ) -> R {
        look(&mut self.state.0.lock(), &self.rules())
    }

    /// The state, for a step that asks for nothing afterwards.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<M::Connection, M::Error>> {
        self.state.0.lock()
    }

    /// How long is waited at most by default, in nanoseconds.
    pub(crate) fn acquire_timeout(&self) -> u64 {
        self.ease.acquire_timeout
    }

    /// A hint that nothing but the line decides.
    #[inline]
    pub(crate) fn is_steady(&self) -> bool {
        self.steady.load(Ordering::Relaxed)
    }

    /// True when every connection passes through the lock.
    pub(crate) fn is_plain(&self) -> bool {
        !self.ease.may_open
    }

    /// When a wait begins, and whether it is timed exactly: now and then one stands for all, where
    /// there are many.
    pub(crate) fn begin_wait(&self, exactly: bool) -> (Instant, bool) {
        let Some(coarse) = clock::fresh() else {
            return (clock::now(), true);
        };
        let last = self.wait_timed_at.load(Ordering::Relaxed);
        if !exactly && !self.ease.listening && coarse.get().saturating_sub(last) < TIMED_EVERY {
            return (coarse, false);
        }
        self.wait_timed_at.store(coarse.get(), Ordering::Relaxed);
        (clock::now(), true)
    }

    /// Changes the state under the lock, then does what that asks for.
    pub(crate) fn change<R>(
        &self,
        change: impl FnOnce(
            &mut State<M::Connection, M::Error>,
            &Rules<'_>,
            &mut Actions<M::Connection>,
        ) -> R,
    ) -> R {
        let mut actions = Actions::default();
        let rules = self.rules();
        let mut state = self.state.0.lock();
        state.collect();
        let result = change(&mut state, &rules, &mut actions);
        state.settle(&rules, &mut actions);
        if state.is_steady() != self.is_steady() {
            self.steady.store(state.is_steady(), Ordering::Relaxed);
        }
        drop(state);
        self.act(actions);
        result
    }

    /// Runs outside the lock: wakers, spawns, listeners and closes are other people's code.
    #[inline]
    fn act(&self, actions: Actions<M::Connection>) {
        let (wake, more) = actions.split();
        wake.wake();
        if let Some(more) = more {
            self.do_more(*more);
        }
    }

    fn do_more(&self, more: More<M::Connection>) {
        let More {
            prepare,
            keepalive,
            reset,
            close,
            connect,
            start_housekeeper,
            ring,
            end_pause,
            settled,
            drained,
            tell,
            neighbours,
            ask_neighbours,
        } = more;
        // Guards first: whatever panics below, no slot is lost.
        let prepare: Vec<_> = prepare.into_iter().map(|entry| self.hold(entry)).collect();
        let keepalive: Vec<_> = keepalive.into_iter().map(|entry| self.hold(entry)).collect();
        let reset: Vec<_> = reset.into_iter().map(|entry| self.hold(entry)).collect();
        let close: Vec<_> =
            close.into_iter().map(|(entry, why)| (self.hold_closing(entry), why)).collect();
        let connect: Vec<_> = connect.into_iter().map(|(slot, id)| self.permit(slot, id)).collect();

        for held in prepare {
            self.spawn(background::prepare(held));
        }
        for held in keepalive {
            self.spawn(background::keepalive(held));
        }
        for held in reset {
            self.spawn(background::reset(held));
        }
        for (held, reason) in close {
            self.emit(&Event::Closed { id: held.id(), reason });
            if self.signals.is_aborted.load(Ordering::Acquire) {
                drop(held);
            } else {
                self.spawn(background::close(held));
            }
        }
        for permit in connect {
            self.spawn(connect::supervise(permit));
        }
        if let Some((number, bell)) = start_housekeeper {
            let pool = Weak::clone(&self.this);
            self.spawn(housekeeper::run(housekeeper::Duty::new(pool, bell, number)));
        }
        if let Some(bell) = ring {
            bell.notify_one();
        }
        self.signal(end_pause, settled, drained);
        for notice in tell {
            self.tell(notice);
        }
        self.turn_to(neighbours, ask_neighbours);
    }

    fn signal(&self, end_pause: bool, settled: bool, drained: bool) {
        if end_pause {
            self.signals.end_pause.notify_waiters();
        }
        if settled {
            self.signals.settled.notify_waiters();
        }
        if drained {
            self.signals.drained.notify_waiters();
        }
    }

    /// Other pools under the same cap.
    fn turn_to(&self, neighbours: Vec<Neighbour>, ask: bool) {
        for neighbour in neighbours.into_iter().filter_map(|neighbour| neighbour.upgrade()) {
            neighbour.look_again();
        }
        if ask {
            let richer = self.peek(|state, _| state.membership().map(|place| place.richer()));
            for neighbour in richer.into_iter().flatten().filter_map(|one| one.upgrade()) {
                if neighbour.shed() {
                    return;
                }
            }
        }
    }

    /// Spawns on the runtime of the caller, else on the one last seen. Without a live one the
    /// future is dropped, and its guards clean up.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match rt::current() {
            Some(runtime) => {
                rt::spawn(&runtime, future);
                let mut last = self.runtime.lock();
                if last.as_ref().is_none_or(|last| last.id() != runtime.id()) {
                    let old = last.replace(runtime);
                    drop(last);
                    drop(old);
                }
            }
            None => {
                let last = self.runtime.lock().clone();
                if let Some(runtime) = last {
                    rt::spawn(&runtime, future);
                }
            }
        }
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        if let Some(listener) = &self.listener
            && caught(|| listener.on_event(&self.name, event)).is_none()
        {
            tracing::error!(pool = &*self.name, "event listener panicked");
        }
    }

    /// Tells of something that operators should know of even where nobody listens.
    pub(crate) fn report(&self, event: &Event<'_>) {
        let logs = |listener: &Arc<dyn Listener>| caught(|| listener.logs()).unwrap_or(false);
        if !self.listener.as_ref().is_some_and(logs) {
            event.log(&self.name);
        }
        self.emit(event);
    }

    fn tell(&self, notice: Notice) {
        self.report(&match &notice {
            Notice::Leak(holder) => Event::Leak { holder },
            Notice::LeakEnded(holder) => Event::LeakEnded { holder },
            Notice::Reclaimed(holder) => Event::Reclaimed { holder },
            &Notice::HeldWhileWaiting { ref holder, waiting_at } => {
                Event::HeldWhileWaiting { holder, waiting_at }
            }
            &Notice::BreakerOpened { failures, open_for } => {
                Event::BreakerOpened { failures, open_for }
            }
            Notice::BreakerClosed => Event::BreakerClosed,
            &Notice::Resized { max_size, min_idle } => Event::Resized { max_size, min_idle },
            Notice::Invalidated => Event::Invalidated,
            Notice::Paused => Event::Paused,
            Notice::Resumed => Event::Resumed,
            Notice::Closed => Event::PoolClosed,
            Notice::TimeJumped { by } => {
                let pool = &*self.name;
                tracing::debug!(pool, ?by, "time jumped, or the runtime stood still");
                return;
            }
        });
    }

    /// Who asks for a connection.
    pub(crate) fn caller(&self, location: &'static std::panic::Location<'static>) -> Caller {
        Caller::here(location, self.options.leak_backtrace)
    }

    /// Books an acquire that did not have to wait.
    pub(crate) fn served_directly(&self, entry: &Entry<M::Connection>, poke: bool) {
        self.shelf.place(entry.slot).tally().count_acquired();
        if poke {
            // Through the state: whoever looks whether the housekeeper is overdue shall see it.
            self.change(|state, _, actions| state.poke(clock::now(), actions));
        }
        if self.listener.is_some() {
            self.emit(&Event::Acquired { id: entry.id, waited: Duration::ZERO });
        }
    }

    /// Tells of an acquire that had to wait.
    pub(crate) fn served_late(&self, entry: &mut Entry<M::Connection>, waited: Duration) {
        entry.preparation = Duration::ZERO;
        if self.listener.is_some() {
            self.emit(&Event::Acquired { id: entry.id, waited });
        }
    }

    pub(crate) fn arc(&self) -> Arc<Self> {
        self.this.upgrade().expect("self is alive, and only ever made inside an Arc")
    }
}

impl<M: Manager> Member for Shared<M> {
    fn look_again(&self) {
        self.change(|state, rules, actions| {
            state.pump(rules, clock::now(), actions);
            // A warm-up may wait for the place.
            actions.settled = true;
        });
    }

    fn shed(&self) -> bool {
        self.change(|state, _, actions| state.shed(clock::now(), actions))
    }
}

impl<M: Manager> Drop for Shared<M> {
    fn drop(&mut self) {
        // The housekeeper and those who back off sleep without holding the pool; let them end.
        let mut state = self.state.0.lock();
        let (bell, idle) = (state.bell(), state.take_idle());
        drop(state);
        bell.notify_one();
        self.signals.end_pause.notify_waiters();
        for entry in idle {
            drop_quietly(&self.name, entry);
        }
    }
}
