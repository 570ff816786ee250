//! Whether options make sense, each by itself and beside the others.

use std::borrow::Cow;
use std::fmt;

use crate::PoolOptions;

/// The most connections a pool may be asked for: far above what any server bears, low enough
/// that sizes can be added up without care.
const MOST: usize = 1 << 20;

impl PoolOptions {
    /// Checks every value by itself and against the others.
    ///
    /// # Errors
    /// The first option that is wrong, with its value and what would be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (option, value, least) in [
            ("max_size", self.max_size, 1),
            ("max_overflow", self.max_overflow, 0),
            ("max_connecting", self.max_connecting, 1),
            ("max_waiters", self.max_waiters.unwrap_or(1), 1),
            ("max_idle", self.max_idle.unwrap_or(1), 0),
        ] {
            if value < least {
                return Err(ConfigError::new(option, value, format!("at least {least}")));
            }
            if value > MOST && option != "max_waiters" {
                return Err(ConfigError::new(option, value, format!("at most {MOST}")));
            }
        }
        let max_size = self.max_size;
        if let Some(max_idle) = self.max_idle
            && self.initial_size > max_idle
        {
            let expected = format!("at most max_idle = {max_idle}");
            return Err(ConfigError::new("initial_size", self.initial_size, expected));
        }
        for (option, value) in [
            ("min_idle", self.min_idle),
            ("initial_size", self.initial_size),
            ("max_idle", self.max_idle.unwrap_or(max_size)),
        ] {
            if value > max_size {
                return Err(ConfigError::new(
                    option,
                    value,
                    format!("at most max_size = {max_size}"),
                ));
            }
        }
        if let Some(max_idle) = self.max_idle
            && max_idle < self.min_idle
        {
            let expected = format!("at least min_idle = {}", self.min_idle);
            return Err(ConfigError::new("max_idle", max_idle, expected));
        }
        for (option, value) in [
            ("acquire_timeout", Some(self.acquire_timeout)),
            ("connect_timeout", Some(self.connect_timeout)),
            ("validation_timeout", Some(self.validation_timeout)),
            ("reset_timeout", Some(self.reset_timeout)),
            ("close_timeout", Some(self.close_timeout)),
            ("idle_timeout", self.idle_timeout),
            ("max_lifetime", self.max_lifetime),
            ("keepalive", self.keepalive),
            ("leak_threshold", self.leak_threshold),
            ("leak_reclaim", self.leak_reclaim),
        ] {
            if value.is_some_and(|value| value.is_zero()) {
                return Err(ConfigError::new(option, "0s", "more than zero".to_owned()));
            }
        }
        self.connect_retry.check().map_err(|error| error.within("connect_retry"))?;
        if let Some(breaker) = &self.breaker {
            breaker.check().map_err(|error| error.within("breaker"))?;
        }
        for (option, value) in [
            ("max_uses", self.max_uses),
            ("max_queries", self.max_queries),
            ("max_errors", self.max_errors),
        ] {
            if value == Some(0) {
                return Err(ConfigError::new(option, 0, "at least 1".to_owned()));
            }
        }
        if let Some(reclaim) = self.leak_reclaim {
            if self.max_abandoned == 0 {
                let expected = "off while max_abandoned = 0: it could give no place back";
                let value = format!("{reclaim:?}");
                return Err(ConfigError::new("leak_reclaim", value, expected.to_owned()));
            }
            if let Some(threshold) = self.leak_threshold
                && reclaim < threshold
            {
                let expected = format!("at least leak_threshold = {threshold:?}");
                return Err(ConfigError::new("leak_reclaim", format!("{reclaim:?}"), expected));
            }
        }
        if !(0.0..=1.0).contains(&self.max_lifetime_jitter) {
            let expected = "a number between 0 and 1".to_owned();
            return Err(ConfigError::new(
                "max_lifetime_jitter",
                self.max_lifetime_jitter,
                expected,
            ));
        }
        Ok(())
    }

    /// Checks sizes that a living pool is to take on.
    pub(crate) fn check_sizes(&self, max_size: usize, min_idle: usize) -> Result<(), ConfigError> {
        if !(1..=MOST).contains(&max_size) {
            let expected = format!("between 1 and {MOST}");
            return Err(ConfigError::new("max_size", max_size, expected));
        }
        let most = self.max_idle.unwrap_or(max_size).min(max_size);
        if min_idle > most {
            let expected = format!("at most {most}, of max_size = {max_size} and max_idle");
            return Err(ConfigError::new("min_idle", min_idle, expected));
        }
        Ok(())
    }
}

/// An option has a value it cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    option: Cow<'static, str>,
    value: String,
    expected: String,
}

impl ConfigError {
    pub(crate) fn new(option: &'static str, value: impl fmt::Display, expected: String) -> Self {
        Self { option: option.into(), value: value.to_string(), expected }
    }

    /// The same of an option inside another.
    fn within(self, outer: &str) -> Self {
        Self { option: format!("{outer}.{}", self.option).into(), ..self }
    }

    /// The option's name; `outer.inner` for one inside another.
    pub fn option(&self) -> &str {
        &self.option
    }

    /// The value it has.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would be right.
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: expected {}", self.option, self.value, self.expected)
    }
}

impl std::error::Error for ConfigError {}
