//! What the tasks of a pool came by: acquires by their outcome and time, and what became of
//! statements.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wellspring_connector::Error;
use wellspring_pool_core::AcquireError;

/// By how much an acquire may be late for the scheduler's sake.
const SLACK: Duration = Duration::from_millis(250);
/// How many failures of no known kind are kept to be shown.
const SHOWN: usize = 5;

/// The numbers of one task, or of several.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    acquired: u64,
    failed: BTreeMap<String, u64>,
    longest: Duration,
    /// The most by which an acquire was later than its limit.
    latest: Duration,
    /// Acquires that were later than the slack.
    pub(crate) violations: u64,
    /// Failures that neither an outage nor a limit explains.
    pub(crate) unexpected: Vec<String>,
    /// Turns that came to their end.
    pub(crate) answered: u64,
    /// Turns that ended with the connection.
    pub(crate) lost: u64,
    /// Turns that were dropped half-way.
    pub(crate) cut: u64,
}

impl Tally {
    /// Books an acquire that took `took` and might take `limit`.
    pub(crate) fn acquire(
        &mut self,
        took: Duration,
        limit: Duration,
        error: Option<&AcquireError<Error>>,
    ) {
        self.longest = self.longest.max(took);
        self.latest = self.latest.max(took.saturating_sub(limit));
        self.violations += u64::from(took > limit + SLACK);
        let Some(error) = error else {
            self.acquired += 1;
            return;
        };
        let kind = match error {
            AcquireError::Timeout(info) => format!("timed out {}", info.phase),
            AcquireError::BreakerOpen { .. } => "breaker open".to_owned(),
            other => {
                self.unexpected(other.to_string());
                "unexpected".to_owned()
            }
        };
        *self.failed.entry(kind).or_default() += 1;
    }

    /// Books a failure of no known kind.
    pub(crate) fn unexpected(&mut self, what: String) {
        if self.unexpected.len() < SHOWN {
            self.unexpected.push(what);
        }
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.acquired += other.acquired;
        for (kind, count) in other.failed {
            *self.failed.entry(kind).or_default() += count;
        }
        self.longest = self.longest.max(other.longest);
        self.latest = self.latest.max(other.latest);
        self.violations += other.violations;
        self.unexpected.extend(other.unexpected);
        self.answered += other.answered;
        self.lost += other.lost;
        self.cut += other.cut;
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: u64 = self.failed.values().sum();
        write!(f, "acquires ok {}, failed {failed} (", self.acquired)?;
        for (n, (kind, count)) in self.failed.iter().enumerate() {
            write!(f, "{}{kind} {count}", if n == 0 { "" } else { ", " })?;
        }
        write!(
            f,
            "), longest {:.3} s, latest by {:.3} s, violations {}, turns ok {}, lost {}, dropped \
             half-way {}",
            self.longest.as_secs_f64(),
            self.latest.as_secs_f64(),
            self.violations,
            self.answered,
            self.lost,
            self.cut
        )
    }
}
