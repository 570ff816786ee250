//! What a pool is told to be: every option with its unit, default and check.

mod check;

use std::time::Duration;

pub use check::ConfigError;

use crate::{BreakerOptions, ResetMode, RetryPolicy};

/// When an idle connection is proved alive before it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Validate {
    /// Never; the first statement finds out.
    Never,
    /// When nothing was heard from it for longer than this.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    Idle(Duration),
    /// Every time. Costs a round trip per checkout.
    Always,
}

/// When a returned connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Reuse {
    /// The one used last: few warm connections, the others reach their idle timeout. Where it can be
    /// had without the lock, that is the one which the caller's thread returned last, or else the
    /// first of the idle ones in the order of their places; few and warm they are all the same.
    #[default]
    Lifo,
    /// The one unused longest: load spreads over all connections. Every acquire and return then goes
    /// through the pool's lock.
    Fifo,
}

/// Whether a newcomer may take a returned connection before those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// What [`Pool::start`](crate::Pool::start) does before it says that the pool works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Startup {
    /// Nothing: connections are opened when they are needed, and their failures are told to those
    /// who need them.
    Lazy,
    /// Opens one connection, to fail early and clearly; the rest of `initial_size` follows in the
    /// background.
    #[default]
    Probe,
    /// Opens all of `initial_size` and `min_idle`, and fails if one of them fails.
    Fill,
}

/// What an acquire does when every connection is in use and no more may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<usize>"))]
    pub max_idle: Option<usize>,
    /// How many connections [`Pool::start`](crate::Pool::start) opens. Default 0.
    pub initial_size: usize,
    /// What [`Pool::start`](crate::Pool::start) waits for. Default: one proven connection.
    pub startup: Startup,
    /// The most callers that may wait; the next one fails at once. `None`, the default, is no
    /// limit.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<usize>"))]
    pub max_waiters: Option<usize>,
    /// What an acquire does when nothing is free. Default: wait.
    pub when_exhausted: WhenExhausted,
    /// The most connects in flight at one time. At least 1; default 4.
    pub max_connecting: usize,
    /// The longest an acquire as a whole may take, whatever it waits for. Default 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub acquire_timeout: Duration,
    /// The longest one attempt to connect may take, its hook included. Default 10 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub connect_timeout: Duration,
    /// How connecting is tried again while somebody waits. The bound of the pauses also stays within
    /// a hundredth of the outage so far, so that its end is noticed within 1 % of it. When the policy
    /// gives up, everybody who waits for a connection fails with the last error. Default
    /// [`RetryPolicy::connecting`].
    pub connect_retry: RetryPolicy,
    /// When to refuse those who need a new connection at once, instead of letting them wait for a
    /// server that is down. Idle connections are still handed out. `None` is never; default after 5
    /// failures in a row, for 30 s, with 1 probe.
    #[cfg_attr(feature = "serde", serde(with = "crate::or_off"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<BreakerOptions>"))]
    pub breaker: Option<BreakerOptions>,
    /// The breaker does not open before connecting has failed for this long, so that a restart of
    /// the server is waited out. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub outage_tolerance: Duration,
    /// The longest a validation may take, its hook included. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub validation_timeout: Duration,
    /// The longest a reset may take, its hook included. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub reset_timeout: Duration,
    /// The longest a polite close may take. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub close_timeout: Duration,
    /// A connection idle for longer is closed, as long as more than `min_idle` are idle. `None`
    /// is never; default 10 min.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub idle_timeout: Option<Duration>,
    /// A connection older than this is closed when it is not in use. One that is still needed is
    /// replaced shortly before, as far as there is room for its successor. `None` is never; default
    /// 30 min.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub max_lifetime: Option<Duration>,
    /// By how much of itself `max_lifetime` is shortened, drawn for each connection at birth
    /// between zero and this, so that connections made together do not die together. Between 0
    /// and 1; default 0.1.
    pub max_lifetime_jitter: f64,
    /// A connection handed out this often is closed when it comes back. `None`, the default, is
    /// never.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<u64>"))]
    pub max_uses: Option<u64>,
    /// A connection on which this many queries were reported
    /// ([`Pooled::record`](crate::Pooled::record)) is closed when it comes back. `None`, the default,
    /// is never.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<u64>"))]
    pub max_queries: Option<u64>,
    /// A connection on which this many failures were reported is closed when it comes back. `None`,
    /// the default, is never.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::or_off::number"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::or_off::OrOff<u64>"))]
    pub max_errors: Option<u64>,
    /// An idle connection that has not shown for this long that it is alive is validated in the
    /// background, by up to a fifth earlier, so that many do not come due together. `None`, the
    /// default, is never.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub keepalive: Option<Duration>,
    /// A connection held for longer is reported as a leak, once, with who holds it, and once more
    /// when it comes back. `None` is never; default 5 min.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub leak_threshold: Option<Duration>,
    /// Records a backtrace with each acquire, to be told with a leak. Costs microseconds for each.
    /// Default off.
    pub leak_backtrace: bool,
    /// A connection held for longer is given up: it no longer occupies a place, and is closed when
    /// it comes back. Needs `max_abandoned`. `None`, the default, is never.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::TextOrOff"))]
    pub leak_reclaim: Option<Duration>,
    /// How many abandoned connections (reclaimed from their holders, or stuck in a call that cannot
    /// be interrupted) may exist without occupying a place. Those above that occupy theirs. Default
    /// 0.
    pub max_abandoned: usize,
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
            startup: Startup::Probe,
            max_waiters: None,
            when_exhausted: WhenExhausted::Wait,
            max_connecting: 4,
            acquire_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            connect_retry: RetryPolicy::connecting(),
            breaker: Some(BreakerOptions::default()),
            outage_tolerance: Duration::from_secs(5),
            validation_timeout: Duration::from_secs(5),
            reset_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_secs(10 * 60)),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            max_lifetime_jitter: 0.1,
            max_uses: None,
            max_queries: None,
            max_errors: None,
            keepalive: None,
            leak_threshold: Some(Duration::from_secs(5 * 60)),
            leak_backtrace: false,
            leak_reclaim: None,
            max_abandoned: 0,
            validate: Validate::Idle(Duration::from_secs(1)),
            reset: ResetPolicy::OnDirty,
            reset_mode: ResetMode::Rollback,
            reuse: Reuse::Lifo,
            fairness: Fairness::Strict,
        }
    }
}

impl PoolOptions {
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

    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            max_size: self.max_size,
            max_overflow: self.max_overflow,
            min_idle: self.min_idle,
            max_idle: self.max_idle,
        }
    }
}

/// The sizes of a pool, which can be changed while it lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) max_size: usize,
    pub(crate) max_overflow: usize,
    pub(crate) min_idle: usize,
    max_idle: Option<usize>,
}

impl Sizes {
    pub(crate) fn limit(&self) -> usize {
        self.max_size + self.max_overflow
    }

    pub(crate) fn max_idle(&self) -> usize {
        self.max_idle.map_or(self.max_size, |most| most.min(self.max_size))
    }
}
