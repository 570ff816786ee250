//! How long statements usually take: a moving average for each statement text.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Statements below this on average are short: a tenth of a hop to another thread and back would
/// be a tenth of them.
const SHORT: Duration = Duration::from_micros(50);

/// One sample counts for no more than this, so that one long run is forgotten after a few short
/// ones.
const CAP: u64 = 8 * SHORT.as_nanos() as u64;

/// Slots of the table: a power of two.
const SLOTS: usize = 1024;

/// What is known about a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    New,
    /// It is usually short.
    Short,
    /// It is usually long.
    Long,
}

/// A fixed table of averages. Each slot is one word, half tag and half average, so that it needs
/// no lock; a statement that hashes to a taken slot takes it over.
pub(crate) struct Averages(Box<[AtomicU64]>);

impl std::fmt::Debug for Averages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let used = self.0.iter().filter(|slot| slot.load(Ordering::Relaxed) != 0).count();
        f.debug_struct("Averages").field("used", &used).finish()
    }
}

impl Averages {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// What is known about the statement with this hash.
    pub(crate) fn look(&self, hash: u64) -> Known {
        let word = self.slot(hash).load(Ordering::Relaxed);
        if word == 0 || tag(word) != tag(hash) {
            Known::New
        } else if u128::from(average(word)) < SHORT.as_nanos() {
            Known::Short
        } else {
            Known::Long
        }
    }

    /// Adds one sample. Two at the same time may lose one, which does not matter.
    pub(crate) fn record(&self, hash: u64, took: Duration) {
        let sample = u64::try_from(took.as_nanos()).unwrap_or(CAP).clamp(1, CAP);
        let slot = self.slot(hash);
        let word = slot.load(Ordering::Relaxed);
        let new = if word != 0 && tag(word) == tag(hash) {
            let old = average(word);
            if sample > old { old + (sample - old).div_ceil(8) } else { old - (old - sample) / 8 }
        } else {
            sample
        };
        slot.store(tag(hash) << 32 | new, Ordering::Relaxed);
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.0[hash as usize % SLOTS]
    }
}

fn tag(word: u64) -> u64 {
    word >> 32
}

fn average(word: u64) -> u64 {
    word & u64::from(u32::MAX)
}

/// A quick hash of a statement's text. Only averages and column lists hang on it, and the latter
/// are compared before use.
pub(crate) fn hash(text: &str) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64 ^ K;
    let mut chunks = text.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("the chunk has eight bytes"));
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(K);
    }
    let mut last = [0; 8];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    hash = (hash.rotate_left(23) ^ u64::from_le_bytes(last)).wrapping_mul(K);
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_run_makes_a_statement_long_and_a_few_short_ones_short_again() {
        let averages = Averages::new();
        let select = hash("select name from users where id = ?1");
        assert_eq!(averages.look(select), Known::New);
        for _ in 0..20 {
            averages.record(select, Duration::from_micros(5));
        }
        assert_eq!(averages.look(select), Known::Short);
        averages.record(select, Duration::from_secs(3));
        assert_eq!(averages.look(select), Known::Long);
        for _ in 0..4 {
            averages.record(select, Duration::from_micros(5));
        }
        assert_eq!(averages.look(select), Known::Short);
    }

    #[test]
    fn a_first_long_run_makes_a_statement_long() {
        let averages = Averages::new();
        averages.record(1, Duration::from_millis(2));
        assert_eq!(averages.look(1), Known::Long);
        assert_eq!(averages.look(1 | 7 << 40), Known::New, "another tag in the same slot");
    }

    #[test]
    fn texts_hash_apart() {
        let mut seen = std::collections::HashSet::new();
        for i in 0..10_000 {
            assert!(seen.insert(hash(&format!("select {i}"))));
            assert!(seen.insert(hash(&format!("insert into t values ({i}, {i})"))));
        }
    }
}
