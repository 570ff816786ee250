//! What a pool is told to be: every option with its unit, default and check.

use std::fmt;
use std::time::Duration;

use crate::ResetMode;

/// When an idle connection is proved alive before it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Validate {
    /// Never; the first statement finds out.
    Never,
    /// When nothing was heard from it for longer than this.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    Idle(Duration),
    /// Every time. Costs a round trip per checkout.
    Always,
}

/// When a returned connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ResetPolicy {
    /// When [`Manager::hygiene`](crate::Manager::hygiene) says that it needs it.
    #[default]
    OnDirty,
    /// Every time.
    Always,
    /// Never; a connection that would need it is closed instead, so that no dirty session is ever
    /// handed on.
    Never,
}

/// Which idle connection is handed out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Reuse {
    /// The one used last: few warm connections, the others reach their idle timeout.
    #[default]
    Lifo,
    /// The one unused longest: load spreads over all connections.
    Fifo,
}

/// Whether a newcomer may take a returned connection before those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Fairness {
    /// Never: a returned connection goes straight to the first in line.
    #[default]
    Strict,
    /// The first in line is woken, and until it comes, newcomers may take the connection: at most
    /// `max_bypass` times, then it goes straight to the first in line after all.
    ///
    /// Worth trying where connections are used for a few microseconds at a time by more tasks than
    /// there are connections: under strict fairness each use then takes a switch between tasks.
    /// The price is a longer wait, of up to `max_bypass` uses for each place in line.
    Bounded {
        /// How many newcomers may overtake the first in line. 0 is as strict.
        max_bypass: u32,
    },
}

/// What an acquire does when every connection is in use and no more may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum WhenExhausted {
    /// Waits, up to `acquire_timeout`.
    #[default]
    Wait,
    /// Fails at once.
    Fail,
}

/// Everything a pool can be told. Plain data: fill it in, deserialise it, or use the
/// [`Builder`](crate::Builder), which has a method for each field.
///
/// ```
/// use std::time::Duration;
/// use wellspring_pool_core::PoolOptions;
///
/// let options = PoolOptions { max_size: 0, ..PoolOptions::default() };
/// let error = options.check().unwrap_err();
/// assert_eq!(error.to_string(), "max_size = 0: expected at least 1");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct PoolOptions {
    /// The most connections kept for reuse. At least 1; default 10.
    pub max_size: usize,
    /// How many more may be opened when all are in use; they are closed on return when nobody
    /// waits. Default 0.
    pub max_overflow: usize,
    /// The pool keeps at least this many connections idle, as far as `max_size` allows.
    /// Default 0.
    pub min_idle: usize,
    /// The most idle connections; more are closed on return. `None`, the default, is `max_size`.
    pub max_idle: Option<usize>,
    /// How many connections [`Pool::start`](crate::Pool::start) opens. Default 0.
    pub initial_size: usize,
    /// The most callers that may wait; the next one fails at once. `None`, the default, is no
    /// limit.
    pub max_waiters: Option<usize>,
    /// What an acquire does when nothing is free. Default: wait.
    pub when_exhausted: WhenExhausted,
    /// The most connects in flight at one time. At least 1; default 4.
    pub max_connecting: usize,
    /// The longest an acquire as a whole may take, whatever it waits for. Default 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub acquire_timeout: Duration,
    /// The longest one attempt to connect may take, its hook included. Default 10 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub connect_timeout: Duration,
    /// The least upper bound of the pause after a failed connect, which is drawn evenly between zero
    /// and the bound. The bound grows to a hundredth of the time since the first failure, so that the
    /// end of an outage is noticed within 1 % of it. Default 20 ms.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub connect_backoff: Duration,
    /// The most the bound of the pause grows to. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub connect_backoff_max: Duration,
    /// The longest a validation may take, its hook included. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub validation_timeout: Duration,
    /// The longest a reset may take, its hook included. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub reset_timeout: Duration,
    /// The longest a polite close may take. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    pub close_timeout: Duration,
    /// A connection idle for longer is closed, as long as more than `min_idle` are idle. `None`
    /// is never; default 10 min.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    pub idle_timeout: Option<Duration>,
    /// A connection older than this is closed when it is not in use. `None` is never; default
    /// 30 min.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    pub max_lifetime: Option<Duration>,
    /// By how much of itself `max_lifetime` is shortened, drawn for each connection at birth
    /// between zero and this, so that connections made together do not die together. Between 0
    /// and 1; default 0.1.
    pub max_lifetime_jitter: f64,
    /// A connection handed out this often is closed when it comes back. `None`, the default, is
    /// never.
    pub max_uses: Option<u64>,
    /// When an idle connection is proved alive before it is handed out. Default: after 1 s idle.
    pub validate: Validate,
    /// When a returned connection is reset. Default: when it is dirty.
    pub reset: ResetPolicy,
    /// What a reset does with an open transaction. Default: roll it back.
    pub reset_mode: ResetMode,
    /// Which idle connection is handed out first. Default: the one used last.
    pub reuse: Reuse,
    /// Whether newcomers may overtake those who wait, and how often. Default: never.
    pub fairness: Fairness,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_size: 10,
            max_overflow: 0,
            min_idle: 0,
            max_idle: None,
            initial_size: 0,
            max_waiters: None,
            when_exhausted: WhenExhausted::Wait,
            max_connecting: 4,
            acquire_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            connect_backoff: Duration::from_millis(20),
            connect_backoff_max: Duration::from_secs(5),
            validation_timeout: Duration::from_secs(5),
            reset_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_secs(10 * 60)),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            max_lifetime_jitter: 0.1,
            max_uses: None,
            validate: Validate::Idle(Duration::from_secs(1)),
            reset: ResetPolicy::OnDirty,
            reset_mode: ResetMode::Rollback,
            reuse: Reuse::Lifo,
            fairness: Fairness::Strict,
        }
    }
}

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
            ("connect_backoff", Some(self.connect_backoff)),
            ("validation_timeout", Some(self.validation_timeout)),
            ("reset_timeout", Some(self.reset_timeout)),
            ("close_timeout", Some(self.close_timeout)),
            ("idle_timeout", self.idle_timeout),
            ("max_lifetime", self.max_lifetime),
        ] {
            if value.is_some_and(|value| value.is_zero()) {
                return Err(ConfigError::new(option, "0s", "more than zero".to_owned()));
            }
        }
        if self.connect_backoff_max < self.connect_backoff {
            let expected = format!("at least connect_backoff = {:?}", self.connect_backoff);
            let value = format!("{:?}", self.connect_backoff_max);
            return Err(ConfigError::new("connect_backoff_max", value, expected));
        }
        if self.max_uses == Some(0) {
            return Err(ConfigError::new("max_uses", 0, "at least 1".to_owned()));
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

    /// The most connections there can be at one time: `max_size + max_overflow`.
    pub fn limit(&self) -> usize {
        self.max_size + self.max_overflow
    }

    /// How many newcomers may overtake the first in line.
    pub(crate) fn max_bypass(&self) -> u32 {
        match self.fairness {
            Fairness::Strict => 0,
            Fairness::Bounded { max_bypass } => max_bypass,
        }
    }

    pub(crate) fn effective_max_idle(&self) -> usize {
        self.max_idle.unwrap_or(self.max_size)
    }
}

/// An option has a value it cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    option: &'static str,
    value: String,
    expected: String,
}

impl ConfigError {
    fn new(option: &'static str, value: impl fmt::Display, expected: String) -> Self {
        Self { option, value: value.to_string(), expected }
    }

    /// The option's name.
    pub fn option(&self) -> &'static str {
        self.option
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
