//! What all handles of a pool share, and how decisions made under the lock become actions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::actions::Actions;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::hooks::Hooks;
use crate::rules::Rules;
use crate::state::State;
use crate::stats::Recorders;
use crate::sync::{Arc, Mutex, Weak};
use crate::{CloseReason, Event, Hygiene, Listener, Manager, PoolOptions, ResetPolicy};
use crate::{background, connect, housekeeper};

pub(crate) struct Shared<M: Manager> {
    pub(crate) name: Arc<str>,
    pub(crate) manager: M,
    pub(crate) options: PoolOptions,
    pub(crate) hooks: Hooks<M::Connection, M::Error>,
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) recorders: Recorders,
    pub(crate) signals: Arc<Signals>,
    state: Mutex<State<M::Connection, M::Error>>,
    /// The runtime last seen, for connections returned outside one.
    runtime: Mutex<Option<Handle>>,
    this: Weak<Self>,
}

/// What background tasks listen to while they sleep, without keeping the pool alive.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Look again.
    pub(crate) housekeeper: Notify,
    /// The pool hands out nothing any more; those who back off give up.
    pub(crate) closed: Notify,
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
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            name,
            manager,
            options,
            hooks,
            listener,
            recorders: Recorders::new(),
            signals: Arc::default(),
            state: Mutex::new(State::new()),
            runtime: Mutex::new(None),
            this: Weak::clone(this),
        })
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules { options: &self.options, prepare_always: self.hooks.before_acquire.is_some() }
    }

    /// Looks at the state without changing it.
    pub(crate) fn peek<R>(
        &self,
        look: impl FnOnce(&mut State<M::Connection, M::Error>, &Rules<'_>) -> R,
    ) -> R {
        look(&mut self.state.lock(), &self.rules())
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
        let result = change(&mut self.state.lock(), &self.rules(), &mut actions);
        self.act(actions);
        result
    }

    /// Runs outside the lock: wakers, spawns and closes are other people's code.
    fn act(&self, actions: Actions<M::Connection>) {
        let Actions {
            wake,
            prepare,
            reset,
            close,
            connect,
            start_housekeeper,
            poke_housekeeper,
            drained,
        } = actions;
        // Guards first: whatever panics below, no slot is lost.
        let prepare: Vec<_> = prepare.into_iter().map(|entry| self.hold(entry)).collect();
        let reset: Vec<_> = reset.into_iter().map(|entry| self.hold(entry)).collect();
        let close: Vec<_> = close.into_iter().map(|(entry, why)| (self.hold(entry), why)).collect();
        let connect: Vec<_> = connect.into_iter().map(|(slot, id)| self.permit(slot, id)).collect();

        wake.wake();
        for held in prepare {
            self.spawn(background::prepare(held));
        }
        for held in reset {
            self.spawn(background::reset(held));
        }
        for (held, reason) in close {
            self.emit(&Event::Closed { id: held.id(), reason });
            self.spawn(background::close(held));
        }
        for permit in connect {
            self.spawn(connect::supervise(permit));
        }
        if start_housekeeper {
            self.spawn(housekeeper::run(housekeeper::Duty::new(
                Weak::clone(&self.this),
                Arc::clone(&self.signals),
            )));
        }
        if poke_housekeeper {
            self.signals.housekeeper.notify_one();
        }
        if drained {
            self.signals.drained.notify_waiters();
        }
    }

    /// Spawns on the runtime of the caller, else on the one last seen. Without a live one the
    /// future is dropped, and its guards clean up.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match Handle::try_current() {
            Ok(handle) => {
                drop(handle.spawn(future));
                let mut last = self.runtime.lock();
                if last.as_ref().is_none_or(|last| last.id() != handle.id()) {
                    let old = last.replace(handle);
                    drop(last);
                    drop(old);
                }
            }
            Err(_) => {
                let last = self.runtime.lock().clone();
                if let Some(handle) = last {
                    drop(handle.spawn(future));
                }
            }
        }
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        if let Some(listener) = &self.listener
            && catch_unwind(AssertUnwindSafe(|| listener.on_event(&self.name, event))).is_err()
        {
            tracing::error!(pool = &*self.name, "event listener panicked");
        }
    }

    /// Books an acquire that did not have to wait.
    pub(crate) fn served_directly(&self, entry: &Entry<M::Connection>, refill: bool) {
        if refill {
            self.signals.housekeeper.notify_one();
        }
        self.recorders.wait.record(Duration::ZERO);
        if self.listener.is_some() {
            self.emit(&Event::Acquired { id: entry.id, waited: Duration::ZERO });
        }
    }

    // ---- connections coming back ----------------------------------------------------------

    /// A connection comes back from its holder. Synchronous, no I/O.
    pub(crate) fn release(&self, entry: Box<Entry<M::Connection>>, discard: bool) {
        let now = clock::now();
        let mut held = self.hold(entry);
        let entry = held.entry();
        let used_for = now.saturating_duration_since(entry.checked_out_at);
        self.recorders.usage.record(used_for);
        let recent = std::mem::take(&mut entry.recent);
        entry.work.merge(&recent);
        entry.idle_since = now;
        entry.preparation = Duration::ZERO;
        entry.proven_at = now;
        self.emit(&Event::Released { id: held.id(), held: used_for });

        let fate =
            if discard { Fate::Close(CloseReason::Discarded) } else { self.judge(&mut held) };
        self.change(|state, rules, actions| {
            state.work.merge(&recent);
            match fate {
                _ if state.is_closed() => {
                    state.close(held.disarm(), CloseReason::Shutdown, now, actions);
                }
                Fate::Close(reason) => state.close(held.disarm(), reason, now, actions),
                Fate::Admit => state.admit(rules, held.disarm(), false, now, actions),
                Fate::Reset => {
                    state.set_phase(held.entry(), crate::slots::Phase::Resetting, now);
                    actions.reset.push(held.disarm());
                }
            }
        });
    }

    /// What the manager says of a connection. A panic is no good sign.
    fn hygiene(&self, connection: &mut M::Connection) -> Hygiene {
        let hygiene = catch_unwind(AssertUnwindSafe(|| self.manager.hygiene(connection)));
        hygiene.unwrap_or_else(|_| {
            tracing::error!(pool = &*self.name, "hygiene check panicked");
            Hygiene::Broken
        })
    }

    /// An idle connection on its way out, unless its manager knows that it died meanwhile: then it
    /// is closed, and its place is free for another.
    pub(crate) fn unless_broken(
        &self,
        mut entry: Box<Entry<M::Connection>>,
    ) -> Option<Box<Entry<M::Connection>>> {
        if self.hygiene(&mut entry.connection) != Hygiene::Broken {
            return Some(entry);
        }
        let now = clock::now();
        self.change(|state, _, actions| state.close(entry, CloseReason::Broken, now, actions));
        None
    }

    fn judge(&self, held: &mut Held<M>) -> Fate {
        let hygiene = self.hygiene(&mut held.entry().connection);
        let needs_hook = self.hooks.after_release.is_some();
        match (hygiene, self.options.reset) {
            (Hygiene::Broken, _) => Fate::Close(CloseReason::Broken),
            (Hygiene::NeedsReset, ResetPolicy::Never) => Fate::Close(CloseReason::Broken),
            (Hygiene::NeedsReset, _) | (_, ResetPolicy::Always) => Fate::Reset,
            (Hygiene::Clean, _) if needs_hook => Fate::Reset,
            (Hygiene::Clean, _) => Fate::Admit,
        }
    }

    // ---- guards ---------------------------------------------------------------------------

    pub(crate) fn arc(&self) -> Arc<Self> {
        self.this.upgrade().expect("self is alive, and only ever made inside an Arc")
    }

    /// Guards a connection and its slot.
    pub(crate) fn hold(&self, entry: Box<Entry<M::Connection>>) -> Held<M> {
        Held { pool: self.arc(), entry: Some(entry) }
    }

    /// Guards a slot whose connection is yet to come.
    pub(crate) fn permit(&self, slot: u32, id: crate::ConnectionId) -> Permit<M> {
        Permit { pool: Weak::clone(&self.this), slot, id, retrying: false, armed: true }
    }
}

impl<M: Manager> Drop for Shared<M> {
    fn drop(&mut self) {
        // The housekeeper and those who back off sleep without holding the pool; let them end.
        self.signals.housekeeper.notify_one();
        self.signals.closed.notify_waiters();
    }
}

enum Fate {
    Admit,
    Reset,
    Close(CloseReason),
}

/// A connection in the pool's hands, with its slot: dropping it drops the connection and gives the
/// slot back, so that no error, panic, cancellation or dying runtime can lose either.
pub(crate) struct Held<M: Manager> {
    pub(crate) pool: Arc<Shared<M>>,
    entry: Option<Box<Entry<M::Connection>>>,
}

impl<M: Manager> Held<M> {
    pub(crate) fn entry(&mut self) -> &mut Entry<M::Connection> {
        self.entry.as_mut().expect("armed until disarmed")
    }

    pub(crate) fn id(&self) -> crate::ConnectionId {
        self.entry.as_ref().expect("armed until disarmed").id
    }

    /// Takes the connection out of the guard, back into the state's care.
    pub(crate) fn disarm(&mut self) -> Box<Entry<M::Connection>> {
        self.entry.take().expect("armed until disarmed")
    }
}

impl<M: Manager> Drop for Held<M> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        let slot = entry.slot;
        drop_quietly(&self.pool.name, entry);
        self.pool.change(|state, _, actions| state.free_after_death(slot, actions));
    }
}

/// The right to one slot, while a connection for it is being opened.
pub(crate) struct Permit<M: Manager> {
    pub(crate) pool: Weak<Shared<M>>,
    pub(crate) slot: u32,
    pub(crate) id: crate::ConnectionId,
    /// This permit's task is the one that backs off.
    pub(crate) retrying: bool,
    armed: bool,
}

impl<M: Manager> Permit<M> {
    /// The slot has passed to an entry.
    pub(crate) fn disarm(mut self) {
        self.armed = false;
    }

    /// Gives the slot back in good order: others may start what they need.
    pub(crate) fn give_back(mut self, pool: &Shared<M>, now: Instant) {
        self.armed = false;
        pool.change(|state, rules, actions| state.free(rules, self.slot, now, actions));
    }
}

impl<M: Manager> Drop for Permit<M> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Some(pool) = self.pool.upgrade() {
            pool.change(|state, _, actions| {
                if self.retrying {
                    state.stop_backing_off();
                }
                state.free_after_death(self.slot, actions);
            });
        }
    }
}

/// Drops a connection; a panic in its destructor stays here.
pub(crate) fn drop_quietly<T>(pool: &str, value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        tracing::error!(pool, "destructor of a connection panicked");
    }
}
