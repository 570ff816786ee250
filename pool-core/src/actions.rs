//! What a decision under the lock asks for once the lock is released.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::entry::Entry;
use crate::{CloseReason, ConnectionId};

/// Wakers to wake; almost always none or one.
#[derive(Debug, Default)]
pub(crate) struct WakeList {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Extend<Waker> for WakeList {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        for waker in wakers {
            match &self.first {
                None => self.first = Some(waker),
                Some(_) => self.rest.push(waker),
            }
        }
    }
}

impl WakeList {
    pub(crate) fn wake(self) {
        for waker in self.first.into_iter().chain(self.rest) {
            // Wakers are other people's code; one that panics must not cost the others their turn.
            if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
                tracing::error!("a waker panicked");
            }
        }
    }
}

/// What is to be done once the lock is released.
#[must_use]
pub(crate) struct Actions<C> {
    pub(crate) wake: WakeList,
    /// Idle connections to prove alive.
    pub(crate) prepare: Vec<Box<Entry<C>>>,
    /// Returned connections to clean.
    pub(crate) reset: Vec<Box<Entry<C>>>,
    /// Connections to close.
    pub(crate) close: Vec<(Box<Entry<C>>, CloseReason)>,
    /// Slots taken for connects to start.
    pub(crate) connect: Vec<(u32, ConnectionId)>,
    /// No housekeeper runs: start one.
    pub(crate) start_housekeeper: bool,
    /// The housekeeper should look again: something it waits for may have come nearer.
    pub(crate) poke_housekeeper: bool,
    /// The pool is closed and its last connection gone.
    pub(crate) drained: bool,
}

impl<C> Default for Actions<C> {
    fn default() -> Self {
        Self {
            wake: WakeList::default(),
            prepare: Vec::new(),
            reset: Vec::new(),
            close: Vec::new(),
            connect: Vec::new(),
            start_housekeeper: false,
            poke_housekeeper: false,
            drained: false,
        }
    }
}
