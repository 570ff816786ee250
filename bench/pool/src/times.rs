//! Histograms of times: one for each thread that records, so that recording shares nothing.

use std::array;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Buckets in each power of two.
const STEPS: u64 = 16;
/// Up to 2^40 ns, which is 18 minutes.
const BUCKETS: usize = 37 * STEPS as usize;

struct Times([AtomicU32; BUCKETS]);

/// Of all threads that ever recorded.
static ALL: Mutex<Vec<&'static Times>> = Mutex::new(Vec::new());

thread_local! {
    static MINE: &'static Times = {
        let times: &'static Times = Box::leak(Box::new(Times(array::from_fn(|_| 0.into()))));
        ALL.lock().unwrap_or_else(PoisonError::into_inner).push(times);
        times
    };
}

/// Writes down a time.
pub(crate) fn record(time: Duration) {
    let bucket = bucket(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    MINE.with(|times| {
        // Only this thread writes.
        let count = &times.0[bucket];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    });
}

/// The times, in microseconds, that these shares of all recorded ones were at most: the middles of
/// their buckets, which are 1/16 wide.
pub(crate) fn quantiles<const N: usize>(shares: [f64; N]) -> [f64; N] {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let mut counts = [0_u64; BUCKETS];
    for times in all.iter() {
        for (count, more) in counts.iter_mut().zip(&times.0) {
            *count += u64::from(more.load(Ordering::Relaxed));
        }
    }
    shares.map(|share| of(&counts, share).unwrap_or(f64::NAN) / 1e3)
}

fn of(counts: &[u64], share: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let wanted = (share * total as f64).ceil() as u64;
    let mut seen = 0;
    counts.iter().enumerate().find_map(|(bucket, count)| {
        seen += count;
        (*count > 0 && seen >= wanted).then(|| middle(bucket as u64))
    })
}

/// Below 16 ns a bucket each, then 16 in each power of two.
fn bucket(ns: u64) -> usize {
    let octave = u64::from(ns.max(STEPS).ilog2()) - 4;
    let bucket = if ns < STEPS { ns } else { octave * STEPS + (ns >> octave) };
    usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// The middle of a bucket, in ns.
fn middle(bucket: u64) -> f64 {
    let octave = (bucket / STEPS).saturating_sub(1);
    let low = (bucket - octave * STEPS) << octave;
    low as f64 + (1_u64 << octave) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_middle_and_buckets_follow_each_other() {
        let mut last = 0;
        for ns in 0..100_000_u64 {
            let found = bucket(ns);
            assert!(found == last || found == last + 1, "{ns}");
            last = found;
            let middle = middle(found as u64);
            assert!((middle - ns as f64).abs() <= 0.5 + ns as f64 / 16.0, "{ns} is not {middle}");
            assert_eq!(bucket(middle as u64), found);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_of_all_threads() {
        std::thread::spawn(|| (0..90).for_each(|_| record(Duration::from_micros(10)))).join().ok();
        (0..10).for_each(|_| record(Duration::from_micros(1000)));
        let [p50, p90, p99] = quantiles([0.5, 0.9, 0.99]);
        assert!((9.4..10.6).contains(&p50) && p50 == p90, "{p50} {p90}");
        assert!((940.0..1060.0).contains(&p99), "{p99}");
    }
}
