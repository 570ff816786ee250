//! A pooled connection with what the pool knows about it.

use std::fmt;
use std::time::Duration;

use crate::Tag;
use crate::clock::{self, Instant};

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

const KINDS: usize = 4;

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

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|work| work.count == 0)
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
#[derive(Debug)]
pub(crate) struct Entry<C> {
    pub(crate) connection: C,
    pub(crate) id: ConnectionId,
    /// The slot it occupies.
    pub(crate) slot: u32,
    pub(crate) created: Instant,
    /// When its lifetime ends, its jitter included.
    pub(crate) expires: Option<Instant>,
    /// When it was last returned.
    pub(crate) idle_since: Instant,
    /// When it last showed that it is alive.
    pub(crate) proven_at: Instant,
    pub(crate) checked_out_at: Instant,
    pub(crate) idle_for: Duration,
    /// It has lain idle since its manager was last asked for its hygiene.
    pub(crate) was_idle: bool,
    pub(crate) uses: u64,
    pub(crate) tag: Option<Tag>,
    /// The generation of the pool it was opened in; older ones are not handed out again.
    pub(crate) generation: u64,
    /// When it is validated in the background, if it is idle then.
    pub(crate) keepalive_at: Option<Instant>,
    pub(crate) work: WorkStats,
    /// What was reported since the last checkout, to be added to the pool's sums on return.
    pub(crate) recent: WorkStats,
    /// How long the pool just spent making it fit for use; not part of the next wait.
    pub(crate) preparation: Duration,
}

impl<C> Entry<C> {
    pub(crate) fn info(&self) -> ConnectionInfo {
        let mut work = self.work;
        work.merge(&self.recent);
        ConnectionInfo {
            id: self.id,
            age: clock::now().saturating_duration_since(self.created),
            idle_for: self.idle_for,
            uses: self.uses,
            tag: self.tag,
            work,
        }
    }

    /// It showed that it is alive: the next keepalive is an interval from now, less up to a fifth.
    pub(crate) fn prove(&mut self, now: Instant, keepalive: Option<Duration>) {
        self.proven_at = now;
        self.keepalive_at = keepalive.map(|interval| {
            let jitter = fastrand::f64() / 5.0;
            clock::after(now, interval.min(clock::FAR).mul_f64(1.0 - jitter))
        });
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
            idle_for: Duration::ZERO,
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
        entry.prove(now, None);
        assert_eq!(entry.keepalive_at, None);
    }
}
