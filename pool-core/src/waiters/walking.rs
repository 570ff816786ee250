//! Going through all who wait: the expired, those to be told something, those to be looked at.

use std::panic::Location;
use std::task::Waker;

use super::list::NONE;
use super::node::{Flags, Node};
use super::{Gift, ORDER, Waiters, millis};
use crate::TaskId;
use crate::clock::Instant;

impl<T: Gift, F> Waiters<T, F> {
    /// Those whose deadline has passed leave the line and are woken, so that each finds out by itself.
    /// Returns the soonest deadline that has not.
    pub(crate) fn call_expired(
        &mut self,
        now: Instant,
        wake: &mut impl Extend<Waker>,
    ) -> Option<Instant> {
        let mut soonest: Option<Instant> = None;
        for list in ORDER {
            let mut index = self.waiting[list].head;
            while index != NONE {
                let node = self.node(index);
                let (this, deadline) = (index, node.deadline);
                index = node.next;
                if deadline <= now {
                    wake.extend(node.waker.take());
                    self.unlink(list, this);
                } else {
                    soonest = Some(soonest.map_or(deadline, |s| s.min(deadline)));
                }
            }
        }
        soonest
    }

    /// The wakers of all in line, taken: to make each look around by itself.
    pub(crate) fn call_all(&mut self, wake: &mut impl Extend<Waker>) {
        self.for_each_waiting(|node| {
            node.flags.set(Flags::CALLED, true);
            wake.extend(node.waker.take());
        });
    }

    /// Those who have waited since before `since` and were not looked at before.
    pub(crate) fn inspect(
        &mut self,
        since: Instant,
        mut look: impl FnMut(&'static Location<'static>, TaskId),
    ) {
        self.for_each_waiting(|node| {
            let long = millis(since).wrapping_sub(node.since) < u32::MAX / 2;
            if long && !node.flags.has(Flags::INSPECTED) {
                node.flags.set(Flags::INSPECTED, true);
                if let Some(task) = node.task {
                    look(node.location, task);
                }
            }
        });
    }

    fn for_each_waiting(&mut self, mut each: impl FnMut(&mut Node)) {
        for list in ORDER {
            let mut index = self.waiting[list].head;
            while index != NONE {
                let node = self.node(index);
                index = node.next;
                each(node);
            }
        }
    }
}
