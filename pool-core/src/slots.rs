//! Capacity: one slot for each connection, from the start of connecting to the end of closing.
//!
//! A slot is always in exactly one phase, and the counts are changed only by moving a slot, so the
//! size identity (`idle + used + connecting + validating + resetting + closing == size`) holds in
//! every snapshot by construction.

use std::panic::Location;
use std::time::Duration;

use crate::ConnectionId;
use crate::clock::Instant;

/// Where a slot's connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Idle,
    Used,
    Validating,
    Resetting,
    Closing,
}

const PHASES: usize = 6;

#[derive(Debug, Clone, Copy)]
struct Slot {
    phase: Phase,
    since: Instant,
    id: ConnectionId,
    holder: Option<&'static Location<'static>>,
    expires: Option<Instant>,
}

/// All slots of a pool.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    counts: [usize; PHASES],
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), counts: [0; PHASES] }
    }

    /// Takes a new slot, in the phase of connecting.
    pub(crate) fn take(&mut self, id: ConnectionId, now: Instant) -> u32 {
        let slot = Slot { phase: Phase::Connecting, since: now, id, holder: None, expires: None };
        self.counts[Phase::Connecting as usize] += 1;
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(slot);
                index
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 slots");
                self.slots.push(Some(slot));
                index
            }
        }
    }

    /// Moves a slot to another phase.
    pub(crate) fn set(
        &mut self,
        index: u32,
        phase: Phase,
        holder: Option<&'static Location<'static>>,
        now: Instant,
    ) {
        let slot = self.slots[index as usize].as_mut().expect("a slot in use is live");
        self.counts[slot.phase as usize] -= 1;
        self.counts[phase as usize] += 1;
        slot.phase = phase;
        slot.since = now;
        slot.holder = holder;
    }

    /// Notes when the connection of a slot reaches the end of its lifetime.
    pub(crate) fn set_expiry(&mut self, index: u32, expires: Option<Instant>) {
        self.slots[index as usize].as_mut().expect("a slot in use is live").expires = expires;
    }

    /// The next end of a lifetime after `now`. Those already past belong to connections in use,
    /// which are looked at when they come back.
    pub(crate) fn soonest_expiry(&self, now: Instant) -> Option<Instant> {
        self.slots.iter().flatten().filter_map(|slot| slot.expires).filter(|e| *e > now).min()
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, index: u32) {
        let slot = self.slots[index as usize].take().expect("a slot in use is live");
        self.counts[slot.phase as usize] -= 1;
        self.free.push(index);
    }

    pub(crate) fn count(&self, phase: Phase) -> usize {
        self.counts[phase as usize]
    }

    /// How many have been in a phase only since `start`; all of them without a start.
    pub(crate) fn count_since(&self, phase: Phase, start: Option<Instant>) -> usize {
        match (self.count(phase), start) {
            (0, _) => 0,
            (count, None) => count,
            (_, Some(start)) => {
                let slots = self.slots.iter().flatten();
                slots.filter(|slot| slot.phase == phase && slot.since >= start).count()
            }
        }
    }

    /// All slots in use, whatever for.
    pub(crate) fn size(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Who holds connections, longest first, `most` of them.
    pub(crate) fn holders(&self, now: Instant, most: usize) -> Vec<Holder> {
        let mut holders: Vec<Holder> = self
            .slots
            .iter()
            .flatten()
            .filter(|slot| slot.phase == Phase::Used)
            .filter_map(|slot| {
                Some(Holder {
                    connection: slot.id,
                    location: slot.holder?,
                    held_for: now.saturating_duration_since(slot.since),
                })
            })
            .collect();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held_for));
        holders.truncate(most);
        holders
    }
}

/// Somebody who holds a connection: where it was acquired, and how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The connection held.
    pub connection: ConnectionId,
    /// The place in the source that acquired it.
    pub location: &'static Location<'static>,
    /// For how long it has been held.
    pub held_for: Duration,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} for {:.1?} by {}", self.connection, self.held_for, self.location)
    }
}
