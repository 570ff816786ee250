//! Capacity: one slot for each connection, from the start of connecting to the end of closing.
//!
//! A slot is always in exactly one phase, and the counts are changed only by moving a slot, so the
//! size identity (the phases add up to the size) holds in every snapshot by construction.

use std::time::Duration;

use crate::ConnectionId;
use crate::caller::Caller;
use crate::clock::Instant;
use crate::holder::Holder;

/// Where a slot's connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    /// Idle, in the state's hands.
    Idle,
    Used,
    /// Idle or used: its place on the shelf tells, and may change at any time.
    Open,
    Validating,
    Resetting,
    Closing,
    /// Still with a holder it was reclaimed from, or stuck in a call that cannot be interrupted.
    Abandoned,
}

const PHASES: usize = 8;

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) phase: Phase,
    pub(crate) since: Instant,
    pub(crate) id: ConnectionId,
    pub(crate) holder: Option<Caller>,
    /// The holder has been reported as a leak.
    pub(crate) leaking: bool,
    pub(crate) expires: Option<Instant>,
    /// A successor is on its way.
    pub(crate) renewing: bool,
    /// The successor is there: to be closed when it is not in use.
    pub(crate) renewed: bool,
    /// It connects to find out whether the breaker may close.
    pub(crate) probe: bool,
}

/// All slots of a pool.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    counts: [usize; PHASES],
    size: usize,
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), counts: [0; PHASES], size: 0 }
    }

    /// Takes a new slot, in the phase of connecting.
    pub(crate) fn take(&mut self, id: ConnectionId, now: Instant, probe: bool) -> u32 {
        let slot = Slot {
            phase: Phase::Connecting,
            since: now,
            id,
            holder: None,
            leaking: false,
            expires: None,
            renewing: false,
            renewed: false,
            probe,
        };
        self.counts[Phase::Connecting as usize] += 1;
        self.size += 1;
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
    pub(crate) fn set(&mut self, index: u32, phase: Phase, holder: Option<Caller>, now: Instant) {
        let slot = self.slots[index as usize].as_mut().expect("a slot in use is live");
        self.counts[slot.phase as usize] -= 1;
        self.counts[phase as usize] += 1;
        slot.phase = phase;
        slot.since = now;
        slot.leaking = false;
        slot.holder = holder;
    }

    /// A slot in use of which it is not known by whom.
    pub(crate) fn is_unknown(&self, index: u32) -> bool {
        let slot = self.slots.get(index as usize).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.phase == Phase::Used && slot.holder.is_none())
    }

    /// Notes who took a slot's connection without the lock.
    pub(crate) fn lent(&mut self, index: u32, holder: Caller, since: Instant) {
        let slot = self.get(index);
        slot.holder = Some(holder);
        slot.since = since;
    }

    /// Nobody is known to have a slot's connection: if somebody has, then since now.
    pub(crate) fn not_lent(&mut self, index: u32, now: Instant) {
        let slot = self.get(index);
        slot.holder = None;
        slot.since = now;
    }

    /// A slot in use passes from its holder to the next; `false` when there is more to it than that.
    #[inline(always)]
    pub(crate) fn pass_on(&mut self, index: u32) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(index as usize) else {
            return false;
        };
        if slot.phase != Phase::Used || slot.leaking || slot.renewed {
            return false;
        }
        // Who it is, he says himself, in the slot's place. Mostly it is so already, and nothing is
        // written that other threads read.
        if slot.holder.is_some() {
            slot.holder = None;
        }
        true
    }

    /// Takes a slot from its holder, who stays known.
    pub(crate) fn abandon(&mut self, index: u32) {
        let slot = self.slots[index as usize].as_mut().expect("a slot in use is live");
        self.counts[slot.phase as usize] -= 1;
        self.counts[Phase::Abandoned as usize] += 1;
        slot.phase = Phase::Abandoned;
    }

    /// How many slots there ever were at the same time.
    pub(crate) fn reach(&self) -> u32 {
        // Taking a slot checked that the index fits.
        self.slots.len() as u32
    }

    pub(crate) fn is_open(&self, index: u32) -> bool {
        let slot = self.slots.get(index as usize);
        slot.is_some_and(|slot| slot.as_ref().is_some_and(|slot| slot.phase == Phase::Open))
    }

    /// One slot.
    pub(crate) fn get(&mut self, index: u32) -> &mut Slot {
        self.slots[index as usize].as_mut().expect("a slot in use is live")
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, index: u32) {
        let slot = self.slots[index as usize].take().expect("a slot in use is live");
        self.counts[slot.phase as usize] -= 1;
        self.size -= 1;
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
                self.iter().filter(|slot| slot.phase == phase && slot.since >= start).count()
            }
        }
    }

    /// All slots in use, whatever for.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    pub(crate) fn indexed(&mut self) -> impl Iterator<Item = (u32, &mut Slot)> {
        // Taking a slot checked that the index fits.
        self.slots.iter_mut().enumerate().filter_map(|(i, slot)| Some((i as u32, slot.as_mut()?)))
    }

    /// Who holds connections, longest first, `most` of them; those with `which` only.
    pub(crate) fn holders(
        &self,
        now: Instant,
        most: usize,
        which: impl Fn(&Slot) -> bool,
    ) -> Vec<Holder> {
        let mut holders: Vec<Holder> = self
            .iter()
            .filter(|slot| slot.may_be_held() && which(slot))
            .filter_map(|slot| slot.holder_at(now))
            .collect();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held_for));
        holders.truncate(most);
        holders
    }
}

impl Slot {
    /// Who holds it.
    pub(crate) fn holder_at(&self, now: Instant) -> Option<Holder> {
        let caller = self.holder.as_ref()?;
        Some(Holder {
            connection: self.id,
            location: caller.location,
            task: caller.task,
            backtrace: caller.backtrace.clone(),
            held_for: now.saturating_duration_since(self.since),
            leak: self.leaking,
            reclaimed: self.phase == Phase::Abandoned,
        })
    }

    /// Somebody may have its connection.
    pub(crate) fn may_be_held(&self) -> bool {
        matches!(self.phase, Phase::Used | Phase::Open | Phase::Abandoned)
    }

    /// For how long it has been in its phase.
    pub(crate) fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}
