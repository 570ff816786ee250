//! The pool's state behind its lock, and every decision about it: pure, synchronous, no user code.
//!
//! # Implementation notes
//!
//! One mutex guards everything. A method here looks, decides, changes the state and says in
//! `Actions` what is to be done once the lock is released: wake, spawn, close. Nothing else
//! changes pool state, so the invariants can be read off this folder:
//!
//! 1. **Hand-off.** A connection that becomes available goes to the first waiter whose deadline
//!    has not passed (`admit`); only without waiters does it become idle. A newcomer takes
//!    an idle connection only when nobody waits. So nobody is overtaken.
//! 2. **Enqueue is atomic with "nothing idle"**: both happen in `enqueue`, under one lock.
//! 3. **Capacity** is the number of slots ([`Slots`]); a slot is taken before a connect starts and
//!    released when the connection is gone, by guards whose `Drop` does it.
//! 4. **Progress.** After every change that frees capacity or adds demand, `pump` matches
//!    idle connections with waiters and starts as many connects as demand and limits allow.
//!
//! 5. **The shelf.** What is idle may be taken and put back without the lock while nobody waits and
//!    nothing else asks for a look at each connection (`shelving`).
//!
//! 6. **From hand to hand.** While somebody waits and nothing else asks for a decision, the common
//!    steps are short (`handing`).
//!
//! By subject: `acquiring` (the callers' side), `admitting` (connections that become available),
//! `connecting` (failures, the breaker, how many are wanted), `sizing` (slots and limits), `control`
//! (close, pause, resize, invalidate), `housekeeping` and `watching` (what time asks for), `telling`.

mod acquiring;
mod admitting;
mod connecting;
mod control;
mod handing;
mod housekeeping;
mod shelving;
mod sizing;
mod telling;
mod watching;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

pub(crate) use acquiring::{Asker, Claimed, Look, Wait};
pub(crate) use admitting::Arrival;
pub(crate) use connecting::{FailedConnect, OVERLOADED, Verdict};
pub(crate) use handing::Joiner;
pub(crate) use sizing::Reserve;

use crate::circuit::Circuit;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::group::Membership;
use crate::options::Sizes;
use crate::rt::RuntimeId;
use crate::shelf::Shelf;
use crate::slots::{Phase as SlotPhase, Slots};
use crate::waiters::{Mailboxes, Waiters};
use crate::{ConnectError, Counters, PoolOptions};

/// How long a granted connection may lie unclaimed while others wait, before it is taken back.
pub(crate) const GRANT_PATIENCE: Duration = Duration::from_millis(100);

/// How long a validation or reset is counted on to give its connection to a waiter.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is looked at each time somebody joins the line or is served comes first.
#[repr(C)]
pub(crate) struct State<C, E> {
    waiters: Waiters<Entry<C>, Failure<E>>,
    /// Nothing but the line decides (`handing`).
    steady: bool,
    /// Connections of older generations are not handed out any more.
    generation: u64,
    slots: Slots,
    /// The runtime whose timer wakes the housekeeper. It also looks after the deadlines of those who
    /// wait in that runtime; others have timers of their own.
    watcher: Option<RuntimeId>,
    /// When the housekeeper looks again.
    next_look: Option<Instant>,
    /// In the order in which they became idle.
    idle: VecDeque<Box<Entry<C>>>,
    /// Where connections change hands without the lock.
    shelf: Arc<Shelf<Entry<C>>>,
    sizes: Sizes,
    /// So many abandoned connections do not count against the limits.
    forgiven: usize,
    /// The share in a cap over several pools.
    membership: Option<Membership>,
    /// How often own waiters were served while another pool waited.
    kept: u32,
    next_id: u64,
    closed: bool,
    paused: bool,
    /// Failures to connect in a row, and whether to go on.
    pub(crate) circuit: Circuit,
    /// A connect has failed and its task waits to try again; no other may start meanwhile. Until then:
    /// a task that has not shown up by this time lives in a runtime that does not run.
    backing_off: Option<Instant>,
    /// The slot of that task.
    retrier: Option<u32>,
    /// Attempts that failed since somebody succeeded or gave up, and since when.
    attempts: u32,
    attempts_since: Option<Instant>,
    /// The breaker has refused somebody since the last attempt.
    missed: bool,
    /// No attempt in the background before this while the breaker is open.
    next_attempt: Option<Instant>,
    last_connect_error: Option<Arc<ConnectError<E>>>,
    /// The pool is being filled to this many connections, with nobody waiting for it.
    fill_to: usize,
    /// Connections to open in the place of old ones that are still needed.
    owed: usize,
    /// A task died that was to free capacity or to open a connection, perhaps with its runtime:
    /// whoever comes by sees to what that leaves undone.
    orphaned: bool,
    /// A housekeeper is running, or about to.
    housekeeper: bool,
    /// Which one: an older one that shows up again retires.
    duty: u64,
    /// What it listens to; each has one of its own.
    bell: Arc<Notify>,
    /// The housekeeper knows that somebody waits, and looks again soon.
    watching: bool,
    /// The housekeeper knows that connections are in use, and looks for leaks in time.
    watching_leaks: bool,
    /// So many acquires there had been when it looked last.
    acquired_then: u64,
    pub(crate) counters: Counters,
}

/// Why a waiter was told to give up.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Closed,
    Connect(Arc<ConnectError<E>>),
    BreakerOpen { cause: Option<Arc<ConnectError<E>>>, retry_in: Duration },
}

/// An error nobody refers to any more: its destructor is the user's, to be run outside the lock.
pub(crate) type Forgotten<E> = Option<Arc<ConnectError<E>>>;

impl<C, E> State<C, E> {
    pub(crate) fn new(
        options: &PoolOptions,
        membership: Option<Membership>,
        shelf: Arc<Shelf<Entry<C>>>,
        mail: Arc<Mailboxes<Entry<C>>>,
    ) -> Self {
        Self {
            idle: VecDeque::new(),
            waiters: Waiters::new(mail),
            slots: Slots::new(),
            steady: false,
            shelf,
            sizes: options.sizes(),
            forgiven: options.max_abandoned,
            membership,
            kept: 0,
            next_id: 1,
            generation: 0,
            closed: false,
            paused: false,
            circuit: Circuit::for_pool(options.breaker, options.outage_tolerance),
            backing_off: None,
            retrier: None,
            attempts: 0,
            attempts_since: None,
            missed: false,
            next_attempt: None,
            last_connect_error: None,
            fill_to: 0,
            owed: 0,
            orphaned: false,
            housekeeper: false,
            duty: 0,
            bell: Arc::default(),
            watching: false,
            watching_leaks: false,
            acquired_then: 0,
            watcher: None,
            next_look: None,
            counters: Counters::default(),
        }
    }

    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Rings for the housekeeper.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// What is left when the pool itself goes: its destructors are the user's.
    pub(crate) fn take_idle(&mut self) -> VecDeque<Box<Entry<C>>> {
        self.collect();
        std::mem::take(&mut self.idle)
    }
}
