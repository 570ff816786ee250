//! The rules of a circuit breaker, as plain data: when it opens, when it lets a probe through, when
//! it closes.

use std::fmt;
use std::time::Duration;

use crate::ConfigError;
use crate::clock::{self, Instant};

/// When a circuit breaker opens, and how it tries whether it may close again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BreakerOptions {
    /// So many failures in a row open it. At least 1; default 5.
    pub failures: u32,
    /// For how long it is open before it lets a probe through. Default 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::duration_text"))]
    #[cfg_attr(feature = "schema", schemars(with = "crate::duration_text::Text"))]
    pub open_for: Duration,
    /// How many probes it lets through at one time when it is half open. At least 1; default 1.
    pub probes: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(30), probes: 1 }
    }
}

impl BreakerOptions {
    /// Checks the values.
    ///
    /// # Errors
    /// The first that is wrong, with its value and what would be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (option, value) in [("failures", self.failures), ("probes", self.probes)] {
            if value == 0 {
                return Err(ConfigError::new(option, 0, "at least 1".to_owned()));
            }
        }
        if self.open_for.is_zero() {
            return Err(ConfigError::new("open_for", "0s", "more than zero".to_owned()));
        }
        Ok(())
    }
}

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BreakerState {
    /// Everything goes through.
    #[default]
    Closed,
    /// Nothing does.
    Open,
    /// Probes do, to find out.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
        })
    }
}

/// Whether something may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The circuit is closed.
    Pass,
    /// As a probe; so many may begin.
    Probe { left: usize },
    /// Not now.
    Refused { retry_in: Duration },
}

/// What a failure did to the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Opened,
    Closed,
}

/// The state of a circuit, changed only by its owner under its owner's lock.
#[derive(Debug)]
pub(crate) struct Circuit {
    options: BreakerOptions,
    /// Failures only open it once they have gone on for this long.
    tolerance: Duration,
    failures: u32,
    failing_since: Option<Instant>,
    /// `Some` while open or half open: until when nothing is let through.
    open_until: Option<Instant>,
    /// Probes under way.
    probing: u32,
    /// Changes with each opening and closing: what began before it tells nothing about it.
    epoch: u64,
    opened: u64,
    /// Failures open it; else only its owner does, by hand.
    automatic: bool,
    /// It was opened by hand, and stays so for its time.
    held: bool,
}

impl Circuit {
    pub(crate) fn new(options: BreakerOptions, tolerance: Duration) -> Self {
        Self {
            options,
            tolerance,
            failures: 0,
            failing_since: None,
            open_until: None,
            probing: 0,
            epoch: 0,
            opened: 0,
            automatic: true,
            held: false,
        }
    }

    /// As a pool has it; without options it opens only by hand.
    pub(crate) fn for_pool(options: Option<BreakerOptions>, tolerance: Duration) -> Self {
        Self { automatic: options.is_some(), ..Self::new(options.unwrap_or_default(), tolerance) }
    }

    pub(crate) fn options(&self) -> &BreakerOptions {
        &self.options
    }

    pub(crate) fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if until > now => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn failing_since(&self) -> Option<Instant> {
        self.failing_since
    }

    /// How often it has opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// May something be tried now?
    pub(crate) fn ask(&self, now: Instant) -> Admission {
        self.ask_beside(self.probing as usize, now)
    }

    /// As [`ask`](Self::ask), by an owner who knows how many probes are under way.
    pub(crate) fn ask_beside(&self, probing: usize, now: Instant) -> Admission {
        let left = (self.options.probes as usize).saturating_sub(probing);
        match self.open_until {
            None => Admission::Pass,
            Some(until) if until > now => {
                Admission::Refused { retry_in: until.saturating_duration_since(now) }
            }
            Some(_) if left > 0 => Admission::Probe { left },
            Some(_) => Admission::Refused { retry_in: Duration::ZERO },
        }
    }

    /// Until when nothing is let through, while it is not closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.open_until.is_none()
    }

    pub(crate) fn open_until(&self) -> Option<Instant> {
        self.open_until
    }

    /// A probe begins.
    pub(crate) fn begin_probe(&mut self) {
        self.probing += 1;
    }

    /// A probe ended without telling anything.
    pub(crate) fn end_probe(&mut self) {
        self.probing = self.probing.saturating_sub(1);
    }

    /// Something succeeded.
    pub(crate) fn succeeded(&mut self) -> Change {
        self.failures = 0;
        self.failing_since = None;
        if self.open_until.take().is_none() {
            return Change::None;
        }
        self.probing = 0;
        self.epoch += 1;
        Change::Closed
    }

    /// Something failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Change {
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        match self.state(now) {
            BreakerState::Closed => {
                let long_enough = now.saturating_duration_since(since) >= self.tolerance;
                if self.automatic && self.failures >= self.options.failures && long_enough {
                    self.open(now);
                    return Change::Opened;
                }
            }
            // The probe failed: as long again.
            BreakerState::HalfOpen => {
                self.open(now);
                return Change::Opened;
            }
            BreakerState::Open => {}
        }
        Change::None
    }

    /// Opens it, whatever it was.
    pub(crate) fn open(&mut self, now: Instant) {
        self.open_until = Some(clock::after(now, self.options.open_for));
        self.held = false;
        self.probing = 0;
        self.epoch += 1;
        self.opened += 1;
    }

    /// Opens it by hand: nothing closes it before its time but a reset.
    pub(crate) fn hold_open(&mut self, now: Instant) {
        self.open(now);
        self.held = true;
    }

    /// It was opened by hand, and its time is not over.
    pub(crate) fn is_held_open(&self, now: Instant) -> bool {
        self.held && self.state(now) == BreakerState::Open
    }

    /// Closes it, whatever it was, and forgets the failures.
    pub(crate) fn reset(&mut self) -> Change {
        self.succeeded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn circuit(failures: u32, tolerance: Duration) -> Circuit {
        let options = BreakerOptions { failures, ..BreakerOptions::default() };
        Circuit::new(options, tolerance)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_begins_anew() {
        let now = clock::now();
        let mut circuit = circuit(3, Duration::ZERO);
        assert_eq!(circuit.failed(now), Change::None);
        assert_eq!(circuit.failed(now), Change::None);
        assert_eq!(circuit.succeeded(), Change::None);
        assert_eq!(circuit.failed(now), Change::None);
        assert_eq!(circuit.failed(now), Change::None);
        assert_eq!(circuit.state(now), BreakerState::Closed);
        assert_eq!(circuit.failed(now), Change::Opened);
        assert_eq!(circuit.state(now), BreakerState::Open);
        assert_eq!(circuit.ask(now), Admission::Refused { retry_in: 30 * SECOND });
    }

    #[test]
    fn short_outages_do_not_open_it() {
        let start = clock::now();
        let mut circuit = circuit(1, 5 * SECOND);
        assert_eq!(circuit.failed(start), Change::None);
        assert_eq!(circuit.failed(start + 4 * SECOND), Change::None);
        assert_eq!(circuit.failed(start + 5 * SECOND), Change::Opened);
    }

    #[test]
    fn exactly_as_many_probes_as_allowed_go_through() {
        let start = clock::now();
        let mut circuit = circuit(1, Duration::ZERO);
        assert_eq!(circuit.failed(start), Change::Opened);
        let later = start + 30 * SECOND;
        assert_eq!(circuit.state(later), BreakerState::HalfOpen);
        assert_eq!(circuit.ask(later), Admission::Probe { left: 1 });
        circuit.begin_probe();
        assert_eq!(circuit.ask(later), Admission::Refused { retry_in: Duration::ZERO });
        circuit.end_probe();
        assert_eq!(circuit.ask(later), Admission::Probe { left: 1 });
        circuit.begin_probe();
        assert_eq!(circuit.failed(later), Change::Opened, "the probe failed");
        assert_eq!(circuit.ask(later), Admission::Refused { retry_in: 30 * SECOND });
        let last = later + 30 * SECOND;
        assert_eq!(circuit.ask(last), Admission::Probe { left: 1 });
        circuit.begin_probe();
        assert_eq!(circuit.succeeded(), Change::Closed);
        assert_eq!(circuit.ask(last), Admission::Pass);
        assert_eq!(circuit.failures(), 0);
    }

    #[test]
    fn wrong_values_are_named() {
        let base = BreakerOptions::default();
        for (options, option) in [
            (BreakerOptions { failures: 0, ..base }, "failures"),
            (BreakerOptions { probes: 0, ..base }, "probes"),
            (BreakerOptions { open_for: Duration::ZERO, ..base }, "open_for"),
        ] {
            assert_eq!(options.check().unwrap_err().option(), option);
        }
        base.check().unwrap();
    }
}
