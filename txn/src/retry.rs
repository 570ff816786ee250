//! How often, and with what pauses, a transaction is run again.

use std::time::Duration;

/// When a database undoes a transaction for the sake of others (serialisation failure, deadlock,
/// lock not granted), running it again from the start is the answer. This says how often.
///
/// ```
/// use std::time::Duration;
/// use wellspring_txn::RetryPolicy;
///
/// let policy = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
/// assert!(policy.max_pause >= policy.base_pause);
/// assert_eq!(RetryPolicy::never().max_attempts, 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often the transaction is run at most, the first time included. 0 counts as 1; default 5.
    pub max_attempts: u32,
    /// The upper bound of the first pause; it doubles with each attempt, and the pause is drawn
    /// evenly between zero and the bound. Default 10 ms.
    pub base_pause: Duration,
    /// The most the bound grows to. Default 1 s.
    pub max_pause: Duration,
    /// No attempt begins later than this after the first. Default 30 s.
    pub max_elapsed: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_pause: Duration::from_millis(10),
            max_pause: Duration::from_secs(1),
            max_elapsed: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Runs the transaction once.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// The pause before the next attempt, when `attempt` attempts have failed and there may be
    /// another.
    pub(crate) fn pause(&self, attempt: u32, elapsed: Duration) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.base_pause.saturating_mul(doubled).min(self.max_pause);
        let pause = bound.mul_f64(fastrand::f64());
        (elapsed.saturating_add(pause) <= self.max_elapsed).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_and_time_are_bounded() {
        let policy = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
        assert!(policy.pause(1, Duration::ZERO).unwrap() <= Duration::from_millis(10));
        assert!(policy.pause(2, Duration::ZERO).unwrap() <= Duration::from_millis(20));
        assert_eq!(policy.pause(3, Duration::ZERO), None);
        assert_eq!(policy.pause(1, Duration::from_secs(31)), None);
        assert_eq!(RetryPolicy::never().pause(1, Duration::ZERO), None);
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let policy = RetryPolicy { max_attempts: u32::MAX, ..RetryPolicy::default() };
        for attempt in [31, 32, 33, 1_000_000] {
            assert!(policy.pause(attempt, Duration::ZERO).unwrap() <= policy.max_pause);
        }
    }
}
