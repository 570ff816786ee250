//! A pooled connection with what the pool knows about it.

use std::fmt;
use std::time::Duration;

use crate::Tag;
use crate::clock::{self, Instant};
use crate::histogram::Histogram;
use crate::tally::Tally;
use crate::waiters::Gift;

/// Each connection passes through the lock at least so often, in nanoseconds: to see that there is a housekeeper that
/// is not overdue, and that nothing else has changed.
const LOOK_IN: u64 = 1_000_000_000;

/// The number of a connection: unique in its pool, counted from 1 in order of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// The bare number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// A kind of work that owners report through [`Pooled::record`](crate::Pooled::record).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkKind {
    /// One request.
    Query,
    /// A group of requests that counted as one, and was kept.
    Transaction,
    /// A group that was undone.
    Rollback,
    /// Anything else.
    Other,
}

pub(crate) const KINDS: usize = 4;

/// How often one kind of work was done, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Work {
    /// How often.
    pub count: u64,
    /// How often it failed.
    pub errors: u64,
    /// How long in all.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::stats::seconds"))]
    pub total: Duration,
    /// How long at most.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::stats::seconds"))]
    pub max: Duration,
}

impl Work {
    fn add(&mut self, took: Duration, ok: bool) {
        self.count += 1;
        self.errors += u64::from(!ok);
        self.total = self.total.saturating_add(took);
        self.max = self.max.max(took);
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.count += other.count;
        self.errors += other.errors;
        self.total = self.total.saturating_add(other.total);
        self.max = self.max.max(other.max);
    }
}

/// What was reported, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkStats([Work; KINDS]);

impl WorkStats {
    /// Failures of all kinds.
    pub fn errors(&self) -> u64 {
        self.0.iter().map(|work| work.errors).sum()
    }

    pub(crate) fn kinds(&self) -> &[Work; KINDS] {
        &self.0
    }

    pub(crate) fn kinds_mut(&mut self) -> &mut [Work; KINDS] {
        &mut self.0
    }

    /// What was reported of one kind.
    pub fn get(&self, kind: WorkKind) -> Work {
        self.0[kind as usize]
    }

    pub(crate) fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.0[kind as usize].add(took, ok);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for WorkStats {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = out.serialize_map(Some(KINDS))?;
        for (name, work) in ["query", "transaction", "rollback", "other"].into_iter().zip(&self.0) {
            map.serialize_entry(name, work)?;
        }
        map.end()
    }
}

/// What is known about one connection, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its number.
    pub id: ConnectionId,
    /// How long ago it was opened.
    pub age: Duration,
    /// For how long it was idle before it was handed out; zero for one handed straight from one
    /// holder to the next.
    pub idle_for: Duration,
    /// How often it was handed out, this time included.
    pub uses: u64,
    /// The mark its holders put on it.
    pub tag: Option<Tag>,
    /// What its owners reported over its whole life.
    pub work: WorkStats,
}

/// A connection in the pool's hands. Boxed once, at birth; the box moves, the connection does not.
/// What is looked at each time it changes hands comes first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry<C> {
    /// The slot it occupies.
    pub(crate) slot: u32,
    pub(crate) special: Special,
    /// It is handed out without the lock until then: it may need to be proved alive.
    pub(crate) good_until: Instant,
    /// It changes hands without the lock until then: the pool wants to look at it now and then, and at
    /// the end of its life.
    pub(crate) open_until: Instant,
    pub(crate) checked_out_at: Instant,
    /// When it last showed that it is alive.
    pub(crate) proven_at: Instant,
    /// When it was last returned.
    pub(crate) idle_since: Instant,
    pub(crate) uses: u64,
    pub(crate) timing: Timing,
    /// The generation of the pool it was opened in; older ones are not handed out again.
    pub(crate) generation: u64,
    /// When somebody was told to come for it, and until when that one would have waited.
    pub(crate) granted_at: Instant,
    pub(crate) awaited_until: Instant,
    /// How long the pool just spent making it fit for use; not part of the next wait.
    pub(crate) preparation: Duration,
    /// It has lain idle since its manager was last asked for its hygiene.
    pub(crate) was_idle: bool,
    pub(crate) connection: C,
    pub(crate) id: ConnectionId,
    pub(crate) tag: Option<Tag>,
    pub(crate) created: Instant,
    /// When its lifetime ends, its jitter included.
    pub(crate) expires: Option<Instant>,
    /// When it is validated in the background, if it is idle then.
    pub(crate) keepalive_at: Option<Instant>,
    pub(crate) work: WorkStats,
    /// What was reported since the last checkout, to be added to the pool's sums on return.
    pub(crate) recent: WorkStats,
}

impl<C> Gift for Entry<C> {
    fn be_granted(&mut self, now: Instant, until: Instant) {
        self.granted_at = now;
        self.awaited_until = until;
    }

    fn slot(&self) -> u32 {
        self.slot
    }
}

/// What is special about one use of a connection, in one word: mostly nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Special(u32);

impl Special {
    /// It is timed exactly.
    pub(crate) const EXACT: u32 = 1;
    /// Its holder has reported work.
    pub(crate) const WORKED: u32 = 2;
    /// Its holder knows that the connection is bad.
    pub(crate) const DISCARDED: u32 = 4;

    #[inline(always)]
    pub(crate) fn is_any(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn has(self, one: u32) -> bool {
        self.0 & one != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, one: u32, on: bool) {
        self.0 = if on { self.0 | one } else { self.0 & !one };
    }
}

/// Which uses are timed exactly: all, as long as they come slowly. Reading the clock costs more than
/// handing out a connection, so of those that follow each other within milliseconds some stand for all.
#[derive(Debug)]
pub(crate) struct Timing {
    /// When the last one began that was.
    last: Instant,
    /// So many are left out when the next one is due: without that, it would always be the first to
    /// begin after a step of the coarse clock, which is the one after a long one.
    skip: u8,
}

/// The uses of a connection are timed at least so often, in nanoseconds.
pub(crate) const TIMED_EVERY: u64 = 2_000_000;

/// A use that took longer than this is known well enough by the coarse clock.
pub(crate) const LONG_USE: u64 = 8_000_000;

impl Timing {
    pub(crate) fn new(born: Instant) -> Self {
        Self { last: born.minus_nanos(TIMED_EVERY), skip: 0 }
    }

    /// A use that begins now is to be timed, or to be left out.
    #[inline(always)]
    pub(crate) fn is_due(&self, coarse: Instant) -> bool {
        coarse.nanos_since(self.last) >= TIMED_EVERY
    }
}

impl<C> Entry<C> {
    /// A use begins, about now.
    #[inline]
    pub(crate) fn begin_use(&mut self, coarse: Instant, exactly: bool) {
        self.checked_out_at = coarse;
        // One that was given back without having been picked up may have been.
        self.special.set(Special::EXACT, false);
        if exactly || self.timing.is_due(coarse) {
            self.begin_exactly(coarse, exactly);
        }
    }

    #[cold]
    fn begin_exactly(&mut self, coarse: Instant, exactly: bool) {
        if self.timing.skip > 0 && !exactly {
            self.timing.skip -= 1;
            return;
        }
        self.timing.last = coarse;
        self.special.set(Special::EXACT, true);
        self.checked_out_at = clock::now();
    }

    /// A use ends: counts it, and returns when.
    pub(crate) fn end_use(&mut self, tally: &Tally, usage: &Histogram) -> Instant {
        let exact = self.special.has(Special::EXACT);
        let now = if exact { clock::now() } else { clock::coarse() };
        let took = now.nanos_since(self.checked_out_at);
        if exact {
            let frequent = tally.uses().untimed().0 > 0;
            self.timing.skip = if frequent { fastrand::u8(..4) } else { 0 };
            self.special.set(Special::EXACT, false);
        }
        if exact || took >= LONG_USE {
            tally.uses().count_timed(Duration::from_nanos(took), usage);
        } else {
            tally.uses().count_untimed();
        }
        now
    }

    /// It is about to change hands without the lock, for as long as that needs no decision.
    pub(crate) fn open(&mut self, good_for: u64, now: Instant) {
        self.look_in(now);
        // Whoever takes it without the lock asks for its hygiene.
        self.was_idle = false;
        self.be_good(good_for);
    }

    /// The pool has looked at it.
    pub(crate) fn look_in(&mut self, now: Instant) {
        let again = now.plus_nanos(LOOK_IN);
        self.open_until = self.expires.map_or(again, |expires| expires.min(again));
    }

    /// Until when it need not be proved alive again: for so many nanoseconds after it was last.
    #[inline]
    pub(crate) fn be_good(&mut self, good_for: u64) {
        self.good_until = self.proven_at.plus_nanos(good_for).min(self.open_until);
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        let mut work = self.work;
        work.merge(&self.recent);
        ConnectionInfo {
            id: self.id,
            age: clock::now().saturating_duration_since(self.created),
            idle_for: self.checked_out_at.saturating_duration_since(self.idle_since),
            uses: self.uses,
            tag: self.tag,
            work,
        }
    }

    /// Takes note of work done.
    pub(crate) fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.recent.record(kind, took, ok);
        self.special.set(Special::WORKED, true);
    }

    /// It showed that it is alive: the next keepalive is an interval from now, less up to a fifth.
    #[inline]
    pub(crate) fn prove(&mut self, now: Instant, keepalive: Option<Duration>) {
        self.proven_at = now;
        if let Some(interval) = keepalive {
            self.keep_alive(now, interval);
        }
    }

    #[cold]
    fn keep_alive(&mut self, now: Instant, interval: Duration) {
        let jitter = fastrand::f64() / 5.0;
        let interval = interval.min(clock::FAR).mul_f64(1.0 - jitter);
        self.keepalive_at = Some(clock::after(now, interval));
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepalives_of_many_do_not_come_due_together() {
        let now = clock::now();
        let minute = Duration::from_secs(60);
        let mut entry = Entry {
            connection: (),
            id: ConnectionId(1),
            slot: 0,
            created: now,
            expires: None,
            idle_since: now,
            proven_at: now,
            checked_out_at: now,
            good_until: now,
            open_until: now,
            timing: Timing::new(now),
            granted_at: now,
            awaited_until: now,
            special: Special::default(),
            was_idle: false,
            uses: 0,
            tag: None,
            generation: 0,
            keepalive_at: None,
            work: WorkStats::default(),
            recent: WorkStats::default(),
            preparation: Duration::ZERO,
        };
        let drawn: Vec<Duration> = (0..100)
            .map(|_| {
                entry.prove(now, Some(minute));
                entry.keepalive_at.expect("it is on").saturating_duration_since(now)
            })
            .collect();
        assert!(drawn.iter().all(|due| *due <= minute && *due >= minute.mul_f64(0.8)));
        assert!(drawn.iter().any(|due| *due < minute.mul_f64(0.9)), "no jitter");
    }
}
