//! What a pool tells about itself.

use super::State;
use crate::clock::Instant;
use crate::slots::Phase as SlotPhase;
use crate::{Phase, Status};

impl<C, E> State<C, E> {
    pub(crate) fn status(&self, now: Instant) -> Status {
        Status {
            size: self.slots.size(),
            idle: self.slots.count(SlotPhase::Idle),
            used: self.slots.count(SlotPhase::Used),
            connecting: self.slots.count(SlotPhase::Connecting),
            validating: self.slots.count(SlotPhase::Validating),
            resetting: self.slots.count(SlotPhase::Resetting),
            closing: self.slots.count(SlotPhase::Closing),
            abandoned: self.slots.count(SlotPhase::Abandoned),
            waiting: self.waiters.len(),
            max_size: self.sizes.max_size,
            max_overflow: self.sizes.max_overflow,
            min_idle: self.sizes.min_idle,
            breaker: self.circuit.state(now),
            paused: self.paused,
            closed: self.closed,
        }
    }

    /// What somebody waits for.
    pub(super) fn phase(&self) -> Phase {
        let preparing =
            self.slots.count(SlotPhase::Validating) + self.slots.count(SlotPhase::Resetting);
        if self.paused {
            Phase::Pause
        } else if self.slots.count(SlotPhase::Used) >= self.sizes.limit() {
            Phase::Wait
        } else if self.slots.count(SlotPhase::Connecting) > 0 || self.last_connect_error.is_some() {
            Phase::Connect
        } else if preparing > 0 {
            Phase::Prepare
        } else if self.room() > 0 && self.left_by_others() == 0 {
            Phase::Share
        } else {
            Phase::Wait
        }
    }
}
