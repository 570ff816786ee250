//! Guards of slots: whatever ends them, the slot comes back.

use super::Shared;
use crate::Manager;
use crate::actions::caught;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::sync::{Arc, Weak};

impl<M: Manager> Shared<M> {
    /// Guards a connection and its slot.
    pub(crate) fn hold(&self, entry: Box<Entry<M::Connection>>) -> Held<M> {
        Held { pool: self.arc(), entry: Some(entry), lost: true }
    }

    /// As [`hold`](Self::hold), of a connection that is already counted as closed.
    pub(crate) fn hold_closing(&self, entry: Box<Entry<M::Connection>>) -> Held<M> {
        let mut held = self.hold(entry);
        held.lost = false;
        held
    }

    /// Guards a slot whose connection is yet to come, or gone already.
    pub(crate) fn permit(&self, slot: u32, id: crate::ConnectionId) -> Permit<M> {
        Permit { pool: Weak::clone(&self.this), slot, id, retrying: false, armed: true }
    }
}

/// A connection in the pool's hands, with its slot: dropping it drops the connection and gives the
/// slot back, so that no error, panic, cancellation or dying runtime can lose either.
pub(crate) struct Held<M: Manager> {
    pub(crate) pool: Arc<Shared<M>>,
    entry: Option<Box<Entry<M::Connection>>>,
    /// Dropped without having been disarmed, the connection died with a task.
    lost: bool,
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
        let lost = self.lost;
        self.pool.change(|state, _, actions| state.free_after_death(slot, lost, actions));
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
                    state.stop_backing_off(self.slot);
                }
                state.free_after_death(self.slot, false, actions);
            });
        }
    }
}

/// Drops a connection; a panic in its destructor stays here.
pub(crate) fn drop_quietly<T>(pool: &str, value: T) {
    if caught(|| drop(value)).is_none() {
        tracing::error!(pool, "destructor of a connection panicked");
    }
}
