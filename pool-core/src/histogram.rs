//! A duration recorder: lock-free, of fixed size, exact to a quarter of a doubling.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Buckets per doubling: a quantile is at most 25 % above the true value.
const PER_OCTAVE: u32 = 4;
/// 2^40 ns is about 18 minutes; longer durations fall into the last bucket.
const OCTAVES: u32 = 40;
const BUCKETS: usize = (OCTAVES * PER_OCTAVE) as usize + 1;

/// Counts durations by size. Recording is one relaxed addition to a bucket and one to the sum.
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
    max_nanos: AtomicU64,
    /// Held while durations that were only counted come into the buckets, and while both are read.
    flushing: Mutex<()>,
}

impl Histogram {
    /// Nothing that was only counted comes into the buckets meanwhile.
    pub(crate) fn hold_flushes(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_nanos: AtomicU64::new(0),
            max_nanos: AtomicU64::new(0),
            flushing: Mutex::new(()),
        }
    }

    pub(crate) fn record(&self, duration: Duration) {
        self.record_many(duration, 1);
    }

    /// As `count` times [`record`](Self::record).
    pub(crate) fn record_many(&self, duration: Duration, count: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(count, Ordering::Relaxed);
        if nanos == 0 {
            return;
        }
        self.sum_nanos.fetch_add(nanos.saturating_mul(count), Ordering::Relaxed);
        if nanos > self.max_nanos.load(Ordering::Relaxed) {
            self.max_nanos.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        let mut count = 0;
        let mut buckets = Vec::new();
        for (index, bucket) in self.buckets.iter().enumerate() {
            let here = bucket.load(Ordering::Relaxed);
            if here > 0 {
                count += here;
                buckets
                    .push(Bucket { upper: Duration::from_nanos(upper_bound(index)), count: here });
            }
        }
        HistogramSnapshot {
            count,
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
            max: Duration::from_nanos(self.max_nanos.load(Ordering::Relaxed)),
            buckets,
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.snapshot(), f)
    }
}

/// Bucket 0 holds up to 1 ns; the others split each doubling into [`PER_OCTAVE`] equal steps.
fn bucket(nanos: u64) -> usize {
    if nanos <= 1 {
        return 0;
    }
    let octave = nanos.ilog2();
    if octave >= OCTAVES {
        return BUCKETS - 1;
    }
    // The two bits below the leading one choose the quarter of the octave.
    let quarter =
        if octave >= 2 { (nanos >> (octave - 2)) & 3 } else { (nanos << (2 - octave)) & 3 };
    (octave * PER_OCTAVE) as usize + quarter as usize
}

/// The largest duration, in nanoseconds, that falls into a bucket.
fn upper_bound(bucket: usize) -> u64 {
    if bucket == 0 {
        return 1;
    }
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let octave = bucket as u32 / PER_OCTAVE;
    let quarter = u64::from(bucket as u32 % PER_OCTAVE) + 1;
    let base = 1_u64 << octave;
    (base + (base * quarter).div_ceil(4)).saturating_sub(1).max(1)
}

/// One bucket of a [`HistogramSnapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Bucket {
    /// The largest duration counted here.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::stats::seconds"))]
    pub upper: Duration,
    /// How many durations fell into this bucket, and no other.
    pub count: u64,
}

/// How long something took, over all times it happened.
///
/// ```
/// # use wellspring_pool_core::HistogramSnapshot;
/// # fn show(wait: &HistogramSnapshot) {
/// println!("{} waits, half of them under {:?}", wait.count, wait.quantile(0.5));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HistogramSnapshot {
    /// How many durations were recorded.
    pub count: u64,
    /// Their sum.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::stats::seconds"))]
    pub sum: Duration,
    /// The longest.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::stats::seconds"))]
    pub max: Duration,
    /// The buckets that are not empty, shortest first.
    pub buckets: Vec<Bucket>,
}

impl HistogramSnapshot {
    /// With `count` more of `duration`.
    pub(crate) fn with(mut self, duration: Duration, count: u64) -> Self {
        if count == 0 {
            return self;
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let upper = Duration::from_nanos(upper_bound(bucket(nanos)));
        match self.buckets.binary_search_by_key(&upper, |bucket| bucket.upper) {
            Ok(index) => self.buckets[index].count += count,
            Err(index) => self.buckets.insert(index, Bucket { upper, count }),
        }
        self.count += count;
        self.sum = self.sum.saturating_add(Duration::from_nanos(nanos.saturating_mul(count)));
        self.max = self.max.max(duration);
        self
    }

    /// The duration that a share `q` (0 to 1) of the recorded ones did not exceed, rounded up to
    /// its bucket's bound (at most 25 % above) and never above the maximum. Zero when nothing was
    /// recorded.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (q.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for bucket in &self.buckets {
            seen += bucket.count;
            if seen >= rank {
                return bucket.upper.min(self.max);
            }
        }
        self.max
    }

    /// The arithmetic mean. Zero when nothing was recorded.
    pub fn mean(&self) -> Duration {
        match self.count {
            0 => Duration::ZERO,
            count => Duration::from_nanos((self.sum.as_nanos() / u128::from(count)) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_within_its_bucket() {
        let mut previous = 0;
        for shift in 0..45 {
            for offset in [0_u64, 1, 3] {
                let nanos = (1_u64 << shift) + offset * ((1 << shift) / 4);
                let index = bucket(nanos);
                assert!(nanos <= upper_bound(index), "{nanos} above bucket {index}");
                assert!(index >= previous, "{nanos} goes back to bucket {index}");
                if index > 0 && index < BUCKETS - 1 {
                    assert!(nanos as f64 >= upper_bound(index) as f64 / 1.34, "{nanos} in {index}");
                }
                previous = index;
            }
        }
    }

    #[test]
    fn quantiles_bound_the_samples() {
        let histogram = Histogram::new();
        for millis in 1..=1000 {
            histogram.record(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count, 1000);
        assert_eq!(snapshot.max, Duration::from_secs(1));
        for (q, exact) in [(0.5, 500), (0.99, 990), (1.0, 1000)] {
            let exact = Duration::from_millis(exact);
            let found = snapshot.quantile(q);
            assert!(found >= exact && found <= exact.mul_f64(1.26), "{q}: {found:?} for {exact:?}");
        }
        assert_eq!(snapshot.mean(), Duration::from_micros(500_500));
    }

    #[test]
    fn nothing_recorded_is_zero() {
        let snapshot = Histogram::new().snapshot();
        assert_eq!(snapshot.quantile(0.99), Duration::ZERO);
        assert_eq!(snapshot.mean(), Duration::ZERO);
    }

    #[test]
    fn absurd_durations_do_not_overflow() {
        let histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.snapshot().count, 1);
    }
}
