//! Durations counted in buckets 3 % wide: little to write, enough to read a percentile from.

use std::time::Duration;

const SUB_BITS: u32 = 5;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) << SUB_BITS;

/// Counts of durations.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts `duration`.
    pub fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    /// Counts all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// How many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The duration that `share` (0 to 1) of them do not exceed; none when nothing was counted.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted && count > 0 {
                return Some(Duration::from_nanos(upper(index)).min(self.longest));
            }
        }
        None
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < 1 << SUB_BITS {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - SUB_BITS;
    ((shift as usize) << SUB_BITS) + (nanos >> shift) as usize
}

fn upper(index: usize) -> u64 {
    if index < 2 << SUB_BITS {
        return index as u64;
    }
    let shift = (index >> SUB_BITS) - 1;
    let mantissa = (index - (shift << SUB_BITS)) as u64;
    (mantissa << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_narrow() {
        for nanos in (0..100_000).chain((1..63).map(|bit| 1 << bit)).chain([u64::MAX]) {
            let index = bucket(nanos);
            assert!(index < BUCKETS, "{nanos}");
            assert!(upper(index) >= nanos, "{nanos} in a bucket that ends at {}", upper(index));
            assert!(upper(index) - nanos <= nanos / 31, "{nanos} {}", upper(index));
        }
        for nanos in 1..100_000 {
            assert!((0..=1).contains(&(bucket(nanos) - bucket(nanos - 1))), "{nanos}");
        }
    }

    #[test]
    fn percentiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        let median = histogram.percentile(0.5).expect("counted").as_micros();
        assert!((500..=516).contains(&median), "{median}");
        assert_eq!(histogram.percentile(1.0), Some(Duration::from_micros(1000)));
        assert_eq!(histogram.total(), 1000);
    }
}
