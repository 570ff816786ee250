//! Connections coming back from their holders: synchronous, no I/O.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::Shared;
use crate::abandoned::Abandoned;
use crate::clock;
use crate::entry::Entry;
use crate::shared::Held;
use crate::state::Arrival;
use crate::sync::Weak;
use crate::{CloseReason, Event, Hygiene, Manager, ResetPolicy, Validate};

enum Fate {
    Admit,
    Reset,
    Close(CloseReason),
    Abandon,
}

impl<M: Manager> Shared<M> {
    /// A connection comes back from its holder.
    pub(crate) fn release(&self, entry: Box<Entry<M::Connection>>, discard: bool) {
        let now = clock::now();
        let mut held = self.hold(entry);
        let entry = held.entry();
        let used_for = now.saturating_duration_since(entry.checked_out_at);
        self.recorders.usage.record(used_for);
        let recent = std::mem::take(&mut entry.recent);
        entry.work.merge(&recent);
        entry.idle_since = now;
        entry.was_idle = false;
        entry.preparation = Duration::ZERO;
        if used_for <= self.trusted() || !recent.is_empty() {
            entry.prove(now, self.options.keepalive);
        }
        self.emit(&Event::Released { id: held.id(), held: used_for });

        let fate =
            if discard { Fate::Close(CloseReason::Discarded) } else { self.judge(&mut held) };
        let abandoned = self.change(|state, rules, actions| {
            state.work.merge(&recent);
            let reclaimed = state.taken_from_holder(held.entry().slot, now, actions);
            match fate {
                Fate::Abandon => {
                    state.abandon(held.entry().slot, now, actions);
                    state.pump(rules, now, actions);
                    return true;
                }
                _ if state.is_closed() => {
                    state.close(held.disarm(), CloseReason::Shutdown, now, actions);
                }
                _ if reclaimed => state.close(held.disarm(), CloseReason::Reclaimed, now, actions),
                Fate::Admit | Fate::Reset if held.entry().generation != state.generation() => {
                    state.close(held.disarm(), CloseReason::Invalidated, now, actions);
                    state.pump(rules, now, actions);
                }
                Fate::Close(reason) => {
                    state.close(held.disarm(), reason, now, actions);
                    state.pump(rules, now, actions);
                }
                Fate::Admit => state.admit(rules, held.disarm(), Arrival::Returned, now, actions),
                Fate::Reset => {
                    state.set_phase(held.entry(), crate::slots::Phase::Resetting, now);
                    actions.reset.push(held.disarm());
                }
            }
            false
        });
        if abandoned {
            self.give_up(held);
        }
    }

    /// For how long a connection that was held, and not reported to have done anything, counts as
    /// alive.
    fn trusted(&self) -> Duration {
        match self.options.validate {
            Validate::Idle(limit) => limit,
            Validate::Never | Validate::Always => Duration::MAX,
        }
    }

    /// What the manager says of a connection. A panic is no good sign.
    pub(crate) fn hygiene(&self, connection: &mut M::Connection) -> Hygiene {
        let hygiene = catch_unwind(AssertUnwindSafe(|| self.manager.hygiene(connection)));
        hygiene.unwrap_or_else(|_| {
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
            return Some(entry);
        }
        let now = clock::now();
        self.change(|state, rules, actions| {
            // Nobody got it.
            let counters = &mut state.counters;
            *(if waited {
                &mut counters.acquired_after_wait
            } else {
                &mut counters.acquired_directly
            }) -= 1;
            state.close(entry, CloseReason::Broken, now, actions);
            if !waited {
                state.pump(rules, now, actions);
            }
        });
        None
    }

    fn judge(&self, held: &mut Held<M>) -> Fate {
        let hygiene = self.hygiene(&mut held.entry().connection);
        let needs_hook = self.hooks.after_release.is_some();
        match (hygiene, self.options.reset) {
            (Hygiene::Stuck, _) => Fate::Abandon,
            (Hygiene::Broken, _) => Fate::Close(CloseReason::Broken),
            (Hygiene::NeedsReset, ResetPolicy::Never) => Fate::Close(CloseReason::Broken),
            _ if self.is_to_retire(held) => Fate::Close(CloseReason::Retired),
            (Hygiene::NeedsReset, _) | (_, ResetPolicy::Always) => Fate::Reset,
            (Hygiene::Clean, _) if needs_hook => Fate::Reset,
            (Hygiene::Clean, _) => Fate::Admit,
        }
    }

    /// What the user's predicate says. A panic is no good sign.
    fn is_to_retire(&self, held: &mut Held<M>) -> bool {
        let Some(retire) = &self.hooks.retire_when else {
            return false;
        };
        let info = held.entry().info();
        catch_unwind(AssertUnwindSafe(|| retire(&info))).unwrap_or_else(|_| {
            tracing::error!(pool = &*self.name, "retire_when panicked");
            true
        })
    }

    /// Hands a stuck connection to its manager, with its place.
    pub(crate) fn give_up(&self, mut held: Held<M>) {
        let entry = held.disarm();
        self.emit(&Event::Abandoned { id: entry.id });
        tracing::warn!(
            pool = &*self.name, id = %entry.id,
            "connection abandoned: it is stuck in a call that cannot be interrupted"
        );
        let Entry { connection, slot, .. } = *entry;
        let home: Weak<Self> = Weak::clone(&self.this);
        let place = Abandoned::new(home, slot);
        if catch_unwind(AssertUnwindSafe(|| self.manager.abandon(connection, place))).is_err() {
            tracing::error!(pool = &*self.name, "abandon panicked");
        }
    }
}
