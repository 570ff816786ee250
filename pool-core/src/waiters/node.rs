//! What is kept of one waiter: a cache line, and what few have beside it.

use std::backtrace::Backtrace;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use super::millis;
use crate::clock::Instant;
use crate::state::Joiner;
use crate::{Priority, Tag, TaskId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In line, or taken out of it for being late.
    Waiting,
    /// Among those served. If its mailbox is empty, it has come for what was in there, and the node is
    /// nobody's.
    Granted,
    /// Why is in the [`Extra`].
    Failed,
    /// Nobody's.
    Free,
}

/// One waiter.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub(super) waker: Option<Waker>,
    pub(super) location: &'static Location<'static>,
    pub(super) task: Option<TaskId>,
    pub(super) deadline: Instant,
    /// When it was granted something.
    pub(super) granted_at: Instant,
    /// While it is granted something, the slot that is from.
    pub(super) prev: u32,
    pub(super) next: u32,
    /// When the wait began, in milliseconds; begins anew every 49 days.
    pub(super) since: u32,
    /// How many newcomers have overtaken it while it was the first in line.
    pub(super) bypassed: u16,
    pub(super) priority: Priority,
    pub(super) flags: Flags,
}

impl Node {
    /// Nobody's.
    #[track_caller]
    pub(super) fn new() -> Self {
        let never = Instant::from_origin(0);
        Self {
            waker: None,
            location: Location::caller(),
            task: None,
            deadline: never,
            granted_at: never,
            prev: 0,
            next: 0,
            since: 0,
            bypassed: 0,
            priority: Priority::Normal,
            flags: Flags::default(),
        }
    }

    /// Somebody's from now on. `true` when something of the last one may lie beside.
    #[inline(always)]
    pub(super) fn occupy(&mut self, waker: Waker, priority: Priority, joiner: &Joiner) -> bool {
        let stale = self.flags.has(Flags::EXTRA);
        self.waker = Some(waker);
        self.location = joiner.location;
        self.task = joiner.task;
        self.deadline = joiner.deadline;
        self.since = millis(joiner.since);
        self.bypassed = 0;
        self.priority = priority;
        self.flags = Flags::default();
        stale
    }
}

/// The stage of a node, and what is known about it besides.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags(pub(super) u8);

impl Flags {
    /// It was woken to look for itself, and may be counted on to come.
    pub(super) const CALLED: u8 = 1;
    /// It has been looked at for holding a connection while it waits.
    pub(super) const INSPECTED: u8 = 2;
    /// It is in line. At the head of it, `prev` means nothing.
    pub(super) const LINKED: u8 = 16;
    /// There is more in the [`Extra`].
    pub(super) const EXTRA: u8 = 8;

    /// Where the stage begins.
    const STAGE: u32 = 6;

    pub(super) fn stage(self) -> Stage {
        match self.0 >> Self::STAGE {
            0 => Stage::Waiting,
            1 => Stage::Granted,
            2 => Stage::Failed,
            _ => Stage::Free,
        }
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.0 = self.0 & ((1 << Self::STAGE) - 1) | ((stage as u8) << Self::STAGE);
    }

    /// Served, and in line no more.
    #[inline(always)]
    pub(super) fn grant(&mut self) {
        self.0 = self.0 & ((1 << Self::STAGE) - 1) & !Self::LINKED
            | ((Stage::Granted as u8) << Self::STAGE);
    }

    pub(super) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(super) fn set(&mut self, flag: u8, on: bool) {
        self.0 = if on { self.0 | flag } else { self.0 & !flag };
    }
}

/// What few waiters have.
#[derive(Debug)]
pub(super) struct Extra<F> {
    pub(super) tag: Option<Tag>,
    pub(super) backtrace: Option<Arc<Backtrace>>,
    pub(super) failure: Option<F>,
}
