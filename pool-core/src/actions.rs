//! What a decision under the lock asks for once the lock is released.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;

use crate::entry::Entry;
use crate::group::Neighbour;
use crate::{CloseReason, ConnectionId, Holder};

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

/// What listeners are to be told.
#[derive(Debug)]
pub(crate) enum Notice {
    Leak(Holder),
    LeakEnded(Holder),
    Reclaimed(Holder),
    HeldWhileWaiting { holder: Holder, waiting_at: &'static Location<'static> },
    BreakerOpened { failures: u32, open_for: Duration },
    BreakerClosed,
    Resized { max_size: usize, min_idle: usize },
    Invalidated,
    Paused,
    Resumed,
    Closed,
    TimeJumped { by: Duration },
}

/// What is to be done once the lock is released.
#[must_use]
pub(crate) struct Actions<C> {
    pub(crate) wake: WakeList,
    /// Idle connections to prove alive for a waiter.
    pub(crate) prepare: Vec<Box<Entry<C>>>,
    /// Idle connections to prove alive for no one in particular.
    pub(crate) keepalive: Vec<Box<Entry<C>>>,
    /// Returned connections to clean.
    pub(crate) reset: Vec<Box<Entry<C>>>,
    /// Connections to close.
    pub(crate) close: Vec<(Box<Entry<C>>, CloseReason)>,
    /// Slots taken for connects to start.
    pub(crate) connect: Vec<(u32, ConnectionId)>,
    /// No housekeeper runs: start this one.
    pub(crate) start_housekeeper: Option<(u64, Arc<Notify>)>,
    /// The housekeeper should look again: something it waits for may have come nearer.
    pub(crate) ring: Option<Arc<Notify>>,
    /// Who backs off between two attempts to connect shall look again.
    pub(crate) end_pause: bool,
    /// A slot was given back, or a connect has succeeded.
    pub(crate) settled: bool,
    /// The pool is closed and its last connection gone.
    pub(crate) drained: bool,
    pub(crate) tell: Vec<Notice>,
    /// Pools under the same cap that may have a place now.
    pub(crate) neighbours: Vec<Neighbour>,
    /// This pool waits for a place under a common cap: others may have one to spare.
    pub(crate) ask_neighbours: bool,
}

impl<C> Default for Actions<C> {
    fn default() -> Self {
        Self {
            wake: WakeList::default(),
            prepare: Vec::new(),
            keepalive: Vec::new(),
            reset: Vec::new(),
            close: Vec::new(),
            connect: Vec::new(),
            start_housekeeper: None,
            ring: None,
            end_pause: false,
            settled: false,
            drained: false,
            tell: Vec::new(),
            neighbours: Vec::new(),
            ask_neighbours: false,
        }
    }
}
