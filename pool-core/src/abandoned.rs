//! The place of a connection that is stuck in a call which cannot be interrupted.

use std::fmt;

use crate::Manager;
use crate::clock;
use crate::shared::Shared;
use crate::sync::Weak;

/// The place an abandoned connection occupies in its pool. Drop it when the call it is stuck in has
/// ended and the connection is gone: that gives the place back.
///
/// A driver that runs blocking calls on a thread keeps it there.
pub struct Abandoned {
    home: Weak<dyn Home>,
    slot: u32,
}

trait Home: Send + Sync {
    fn free(&self, slot: u32);
}

impl<M: Manager> Home for Shared<M> {
    fn free(&self, slot: u32) {
        self.change(|state, rules, actions| {
            let now = clock::now();
            state.free(rules, slot, now, actions);
            // Another may be given up in its place.
            state.poke(now, actions);
        });
    }
}

impl Abandoned {
    pub(crate) fn new<M: Manager>(home: Weak<Shared<M>>, slot: u32) -> Self {
        Self { home, slot }
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.free(self.slot);
        }
    }
}

impl fmt::Debug for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abandoned").finish_non_exhaustive()
    }
}
