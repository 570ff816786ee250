//! What a decision under the lock asks for once the lock is released.

use std::ops::{Deref, DerefMut};
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
        if let Some(first) = self.first {
            wake(first);
            self.rest.into_iter().for_each(wake);
        }
    }
}

/// Runs other people's code: a panic stays here, and so does one of the destructor of what it carries.
pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(payload) => {
            if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                // Whatever it is, dropping it would go on like that.
                let _ = Box::leak(worse);
            }
            None
        }
    }
}

/// Wakers are other people's code; one that panics must not cost the others their turn.
pub(crate) fn wake(waker: Waker) {
    if caught(|| waker.wake()).is_none() {
        tracing::error!("a waker panicked");
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

/// What is to be done once the lock is released: mostly nothing, or somebody to wake.
#[must_use]
pub(crate) struct Actions<C> {
    pub(crate) wake: WakeList,
    more: Option<Box<More<C>>>,
}

impl<C> Actions<C> {
    /// Both parts.
    #[inline]
    pub(crate) fn split(self) -> (WakeList, Option<Box<More<C>>>) {
        (self.wake, self.more)
    }
}

impl<C> Default for Actions<C> {
    #[inline]
    fn default() -> Self {
        Self { wake: WakeList::default(), more: None }
    }
}

/// Made when it is first needed.
impl<C> DerefMut for Actions<C> {
    fn deref_mut(&mut self) -> &mut More<C> {
        self.more.get_or_insert_default()
    }
}

impl<C> Deref for Actions<C> {
    type Target = More<C>;

    fn deref(&self) -> &More<C> {
        self.more.as_deref().expect("looked at after it was written to")
    }
}

/// What is to be done now and then.
pub(crate) struct More<C> {
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

impl<C> Default for More<C> {
    fn default() -> Self {
        Self {
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
