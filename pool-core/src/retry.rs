//! How often, and with what pauses, something is tried again.

use std::time::Duration;

use crate::ConfigError;

/// When to try again what may succeed the next time, and when to give up. The pool connects by
/// one, and transactions are run again by one.
///
/// Pauses are drawn evenly between zero and a bound ("full jitter"), so that those who failed
/// together do not come back together. The bound doubles with each attempt up to a cap.
///
/// ```
/// use std::time::Duration;
/// use wellspring_pool_core::RetryPolicy;
///
/// let policy = RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() };
/// assert!(policy.pause(1, Duration::ZERO).unwrap() <= policy.base_pause);
/// assert_eq!(policy.pause(3, Duration::ZERO), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct RetryPolicy {
    /// How often it is tried at most, the first time included; at least 1. `None` is without end.
    /// Default 5.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<u32>"))]
    pub max_attempts: Option<u32>,
    /// The bound of the first pause. Default 10 ms.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub base_pause: Duration,
    /// The most the bound grows to. Default 1 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub max_pause: Duration,
    /// No attempt begins later than this after the first. `None` is without end. Default 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub max_elapsed: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: Some(5),
            base_pause: Duration::from_millis(10),
            max_pause: Duration::from_secs(1),
            max_elapsed: Some(Duration::from_secs(30)),
        }
    }
}

impl RetryPolicy {
    /// Tries once.
    pub fn never() -> Self {
        Self { max_attempts: Some(1), ..Self::default() }
    }

    /// How a pool connects by default: without end while somebody waits, at first after at most
    /// 20 ms and never after more than 5 s.
    pub fn connecting() -> Self {
        Self {
            max_attempts: None,
            base_pause: Duration::from_millis(20),
            max_pause: Duration::from_secs(5),
            max_elapsed: None,
        }
    }

    /// Checks the values, each by itself and against the others.
    ///
    /// # Errors
    /// The first that is wrong, with its value and what would be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.max_attempts == Some(0) {
            return Err(ConfigError::new("max_attempts", 0, "at least 1".to_owned()));
        }
        if self.base_pause.is_zero() {
            return Err(ConfigError::new("base_pause", "0s", "more than zero".to_owned()));
        }
        if self.max_pause < self.base_pause {
            let expected = format!("at least base_pause = {:?}", self.base_pause);
            return Err(ConfigError::new("max_pause", format!("{:?}", self.max_pause), expected));
        }
        Ok(())
    }

    /// The pause before the next attempt, when `attempts` have failed since `elapsed` ago and
    /// there may be another; `None` is to give up.
    pub fn pause(&self, attempts: u32, elapsed: Duration) -> Option<Duration> {
        self.pause_below(attempts, elapsed, Duration::MAX)
    }

    /// As [`pause`](Self::pause), with a bound of at most `most` (but `base_pause` at least).
    pub(crate) fn pause_below(
        &self,
        attempts: u32,
        elapsed: Duration,
        most: Duration,
    ) -> Option<Duration> {
        if self.max_attempts.is_some_and(|most| attempts >= most) {
            return None;
        }
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.base_pause.saturating_mul(doubled).min(most.max(self.base_pause));
        let pause = bound.min(self.max_pause).mul_f64(fastrand::f64());
        let in_time = self.max_elapsed.is_none_or(|most| elapsed.saturating_add(pause) <= most);
        in_time.then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_and_time_are_bounded() {
        let policy = RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() };
        assert!(policy.pause(1, Duration::ZERO).unwrap() <= Duration::from_millis(10));
        assert!(policy.pause(2, Duration::ZERO).unwrap() <= Duration::from_millis(20));
        assert_eq!(policy.pause(3, Duration::ZERO), None);
        assert_eq!(policy.pause(1, Duration::from_secs(31)), None);
        assert_eq!(RetryPolicy::never().pause(1, Duration::ZERO), None);
        let endless = RetryPolicy::connecting();
        assert!(endless.pause(u32::MAX, Duration::MAX).is_some());
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let policy = RetryPolicy { max_attempts: None, ..RetryPolicy::default() };
        for attempt in [31, 32, 33, 1_000_000] {
            assert!(policy.pause(attempt, Duration::ZERO).unwrap() <= policy.max_pause);
        }
    }

    #[test]
    fn pauses_are_jittered_and_stay_below_a_given_bound() {
        let policy = RetryPolicy::connecting();
        let bound = Duration::from_millis(600);
        let drawn: Vec<_> =
            (0..100).map(|_| policy.pause_below(30, Duration::ZERO, bound).unwrap()).collect();
        assert!(drawn.iter().all(|pause| *pause <= bound));
        assert!(drawn.iter().any(|pause| *pause > bound / 2), "the bound is not reached");
        assert!(drawn.iter().any(|pause| *pause < bound / 2), "no jitter");
    }

    #[test]
    fn wrong_values_are_named() {
        let base = RetryPolicy::default();
        for (policy, option) in [
            (RetryPolicy { max_attempts: Some(0), ..base }, "max_attempts"),
            (RetryPolicy { base_pause: Duration::ZERO, ..base }, "base_pause"),
            (RetryPolicy { max_pause: Duration::from_millis(1), ..base }, "max_pause"),
        ] {
            assert_eq!(policy.check().unwrap_err().option(), option);
        }
        base.check().unwrap();
    }
}
