//! What a pool tells about itself.

use super::State;
use crate::clock::Instant;
use crate::slots::Phase as SlotPhase;
use crate::{Phase, PoolOptions, Status};

impl<C, E> State<C, E> {
    pub(crate) fn status(&self, options: &PoolOptions) -> Status {
        Status {
            size: self.slots.size(),
            idle: self.slots.count(SlotPhase::Idle),
            used: self.slots.count(SlotPhase::Used),
            connecting: self.slots.count(SlotPhase::Connecting),
            validating: self.slots.count(SlotPhase::Validating),
            resetting: self.slots.count(SlotPhase::Resetting),
            closing: self.slots.count(SlotPhase::Closing),
            waiting: self.waiters.len(),
            max_size: options.max_size,
            max_overflow: options.max_overflow,
            closed: self.closed,
        }
    }

    pub(crate) fn holders(&self, now: Instant) -> Vec<crate::Holder> {
        self.slots.holders(now, usize::MAX)
    }

    pub(super) fn phase(&self, options: &PoolOptions) -> Phase {
        let preparing =
            self.slots.count(SlotPhase::Validating) + self.slots.count(SlotPhase::Resetting);
        if self.slots.count(SlotPhase::Used) >= options.limit() {
            Phase::Wait
        } else if self.slots.count(SlotPhase::Connecting) > 0 || self.last_connect_error.is_some() {
            Phase::Connect
        } else if preparing > 0 {
            Phase::Prepare
        } else {
            Phase::Wait
        }
    }
}
