//! Connections coming back from their holders: synchronous, no I/O.

use super::Shared;
use crate::abandoned::Abandoned;
use crate::actions::caught;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::state::Arrival;
use crate::sync::Weak;
use crate::{CloseReason, Event, Hygiene, Manager, ResetPolicy};

#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Admit,
    Reset,
    Close(CloseReason),
    Abandon,
}

impl<M: Manager> Shared<M> {
    /// As [`release`](Self::release), where the state decides what becomes of it.
    #[inline(never)]
    pub(super) fn decide(&self, mut entry: Box<Entry<M::Connection>>, fate: Fate, now: Instant) {
        let stuck = self.change(|state, rules, actions| {
            // Exactly, where somebody may be late.
            let now = if state.has_waiters() { clock::now() } else { now };
            let reclaimed = state.taken_from_holder(entry.slot, now, actions);
            match fate {
                Fate::Abandon => {
                    state.abandon(entry.slot, now, actions);
                    state.pump(rules, now, actions);
                    return Some(entry);
                }
                _ if state.is_closed() => state.close(entry, CloseReason::Shutdown, now, actions),
                _ if reclaimed => state.close(entry, CloseReason::Reclaimed, now, actions),
                Fate::Admit | Fate::Reset if entry.generation != state.generation() => {
                    state.close(entry, CloseReason::Invalidated, now, actions);
                    state.pump(rules, now, actions);
                }
                Fate::Close(reason) => {
                    state.close(entry, reason, now, actions);
                    state.pump(rules, now, actions);
                }
                Fate::Admit => {
                    state.come_last(&mut entry);
                    state.admit(rules, entry, Arrival::Returned, now, actions);
                }
                Fate::Reset => {
                    state.set_phase(&entry, crate::slots::Phase::Resetting, now);
                    actions.reset.push(entry);
                }
            }
            None
        });
        if let Some(entry) = stuck {
            self.give_up(*entry);
        }
    }

    /// What the manager says of a connection. A panic is no good sign.
    pub(crate) fn hygiene(&self, connection: &mut M::Connection) -> Hygiene {
        let hygiene = caught(|| self.manager.hygiene(connection));
        hygiene.unwrap_or_else(|| {
            tracing::error!(pool = &*self.name, "hygiene check panicked");
            Hygiene::Broken
        })
    }

    /// An idle connection on its way out, unless its manager knows that it died meanwhile: then it
    /// is closed, and its place is free for another. With `waited` it was counted as had after a wait,
    /// and whoever waited goes back to the head of the line before the pool looks around.
    pub(crate) fn unless_broken(
        &self,
        mut entry: Box<Entry<M::Connection>>,
        waited: bool,
    ) -> Option<Box<Entry<M::Connection>>> {
        if self.hygiene(&mut entry.connection) != Hygiene::Broken {
            entry.was_idle = false;
            return Some(entry);
        }
        let now = clock::now();
        self.change(|state, rules, actions| {
            state.close(entry, CloseReason::Broken, now, actions);
            if !waited {
                state.pump(rules, now, actions);
            }
        });
        None
    }

    pub(super) fn judge(&self, entry: &mut Entry<M::Connection>) -> Fate {
        let hygiene = self.hygiene(&mut entry.connection);
        let needs_hook = self.hooks.after_release.is_some();
        match (hygiene, self.options.reset) {
            (Hygiene::Stuck, _) => Fate::Abandon,
            (Hygiene::Broken, _) => Fate::Close(CloseReason::Broken),
            (Hygiene::NeedsReset, ResetPolicy::Never) => Fate::Close(CloseReason::Broken),
            _ if self.ease.retiring && self.is_to_retire(entry) => {
                Fate::Close(CloseReason::Retired)
            }
            (Hygiene::NeedsReset, _) | (_, ResetPolicy::Always) => Fate::Reset,
            (Hygiene::Clean, _) if needs_hook => Fate::Reset,
            (Hygiene::Clean, _) => Fate::Admit,
        }
    }

    /// What the user's predicate says. A panic is no good sign.
    #[cold]
    fn is_to_retire(&self, entry: &Entry<M::Connection>) -> bool {
        let Some(retire) = &self.hooks.retire_when else {
            return false;
        };
        let info = entry.info();
        caught(|| retire(&info)).unwrap_or_else(|| {
            tracing::error!(pool = &*self.name, "retire_when panicked");
            true
        })
    }

    /// Hands a stuck connection to its manager, with its place.
    pub(crate) fn give_up(&self, entry: Entry<M::Connection>) {
        self.report(&Event::Abandoned { id: entry.id });
        let Entry { connection, slot, .. } = entry;
        let home: Weak<Self> = Weak::clone(&self.this);
        let place = Abandoned::new(home, slot);
        if caught(|| self.manager.abandon(connection, place)).is_none() {
            tracing::error!(pool = &*self.name, "abandon panicked");
        }
    }
}
