//! The pool's time: one clock for the process, tokio's, so that tests can pause it; and the coarse
//! reading of it that costs next to nothing. Under a model checker, the model's.

use std::num::NonZeroU64;
use std::time::Duration;

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
pub(crate) use crate::coarse::{coarse, follow_tests, fresh};

/// Longer than any process lives; what "never" becomes where an instant is needed.
pub(crate) const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The first reading of the clock, in nanoseconds: far enough from 0 that patience can be subtracted,
/// and from the end that [`FAR`] can be added.
const ORIGIN: u64 = 1 << 62;

/// A moment, in nanoseconds: half as long as the standard library's, and an `Option` of it no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Instant(NonZeroU64);

impl Instant {
    /// So long after the origin of the clock.
    pub(crate) const fn from_origin(nanos: u64) -> Self {
        match NonZeroU64::new(ORIGIN.saturating_add(nanos)) {
            Some(nanos) => Self(nanos),
            None => unreachable!(),
        }
    }

    /// The bare number, to be kept in an atomic.
    pub(crate) const fn get(self) -> u64 {
        self.0.get()
    }

    /// What [`get`](Self::get) gave; `None` for 0.
    pub(crate) fn from_bare(nanos: u64) -> Option<Self> {
        NonZeroU64::new(nanos).map(Self)
    }

    pub(crate) fn checked_add(self, delay: Duration) -> Option<Self> {
        self.0.checked_add(nanos(delay)).map(Self)
    }

    pub(crate) fn checked_sub(self, delay: Duration) -> Option<Self> {
        Self::from_bare(self.get().checked_sub(nanos(delay))?)
    }

    /// The time since `earlier`; `None` when that is later.
    pub(crate) fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        self.get().checked_sub(earlier.get()).map(Duration::from_nanos)
    }

    /// The time since `earlier` in nanoseconds; 0 when that is later.
    #[inline]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        self.get().saturating_sub(earlier.get())
    }

    /// So many nanoseconds earlier; at least the beginning of time.
    #[inline]
    pub(crate) fn minus_nanos(self, nanos: u64) -> Self {
        Self(NonZeroU64::new(self.get().saturating_sub(nanos)).unwrap_or(NonZeroU64::MIN))
    }

    /// So many nanoseconds later; at most the end of time.
    #[inline]
    pub(crate) fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The time since `earlier`; zero when that is later.
    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        after(self, delay)
    }
}

/// In nanoseconds; at most 584 years.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

/// `start + delay`, saturating instead of overflowing.
pub(crate) fn after(start: Instant, delay: Duration) -> Instant {
    start.checked_add(delay.min(FAR)).unwrap_or(start)
}

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod tokios {
    use std::sync::OnceLock;

    use super::{Instant, ORIGIN, nanos};

    /// Where the clock of the process began to be read.
    fn anchor() -> tokio::time::Instant {
        static ANCHOR: OnceLock<tokio::time::Instant> = OnceLock::new();
        *ANCHOR.get_or_init(tokio::time::Instant::now)
    }

    /// Now.
    pub(crate) fn now() -> Instant {
        let anchor = anchor();
        let now = tokio::time::Instant::now();
        match now.checked_duration_since(anchor) {
            Some(since) => Instant::from_origin(nanos(since)),
            // A runtime whose clock was stopped before.
            None => {
                let before = nanos(anchor.saturating_duration_since(now));
                Instant::from_bare(ORIGIN - before.min(ORIGIN / 2))
                    .unwrap_or(Instant::from_origin(0))
            }
        }
    }

    /// What tokio's timers understand.
    pub(crate) fn to_tokio(at: Instant) -> tokio::time::Instant {
        let anchor = anchor();
        let origin = Instant::from_origin(0);
        match at.checked_duration_since(origin) {
            Some(since) => anchor.checked_add(since).unwrap_or(anchor),
            None => anchor.checked_sub(origin.saturating_duration_since(at)).unwrap_or(anchor),
        }
    }
}

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
pub(crate) use tokios::{now, to_tokio};

#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub(crate) use crate::model::now;

/// The model's clock costs nothing.
#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub(crate) use crate::model::now as coarse;

#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub(crate) fn fresh() -> Option<Instant> {
    Some(now())
}

#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub(crate) fn follow_tests() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_add_up() {
        let start = now();
        let minute = Duration::from_secs(60);
        let later = start + minute;
        assert_eq!(later.saturating_duration_since(start), minute);
        assert_eq!(start.checked_duration_since(later), None);
        assert_eq!(later.checked_sub(minute), Some(start));
        assert_eq!(Instant::from_bare(start.get()), Some(start));
        assert_eq!(after(start, Duration::MAX), start + FAR);
        assert_eq!(size_of::<Option<Instant>>(), 8);
    }

    #[test]
    fn tokio_understands_them() {
        let (before, now, after) =
            (tokio::time::Instant::now(), now(), tokio::time::Instant::now());
        let there = to_tokio(now);
        assert!(before <= there && there <= after);
        let hour = Duration::from_secs(3600);
        assert_eq!(to_tokio(now + hour), there + hour);
        assert!(to_tokio(now.checked_sub(hour).unwrap()) < there);
    }
}
