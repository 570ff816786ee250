//! What a pool tells about itself.

use super::State;
use crate::clock::Instant;
use crate::slots::Phase as SlotPhase;
use crate::{Phase, Status};

impl<C, E> State<C, E> {
    pub(crate) fn status(&self, now: Instant) -> Status {
        let open = self.slots.count(SlotPhase::Open);
        let lying = if open == 0 { 0 } else { self.lying().min(open) };
        Status {
            size: self.slots.size(),
            idle: self.slots.count(SlotPhase::Idle) + lying,
            used: self.slots.count(SlotPhase::Used) + open - lying,
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

    /// What lies on the shelf at this moment.
    pub(crate) fn lying(&self) -> usize {
        let lies = |slot: &u32| self.slots.is_open(*slot) && self.shelf.is_lying(*slot);
        (0..self.slots.reach()).filter(lies).count()
    }

    /// Connections with holders, once what lies on the shelf has been collected.
    fn in_use(&self) -> usize {
        self.slots.count(SlotPhase::Used) + self.slots.count(SlotPhase::Open)
    }

    /// What somebody waits for.
    pub(super) fn phase(&self) -> Phase {
        let preparing =
            self.slots.count(SlotPhase::Validating) + self.slots.count(SlotPhase::Resetting);
        if self.paused {
            Phase::Pause
        } else if self.in_use() >= self.sizes.limit() {
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
