//! What is told about each attempt at a transaction.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use wellspring_connector::Error;

/// One attempt at a transaction, as the hooks of a
/// [`TransactionBuilder`](crate::TransactionBuilder::on_attempt) see it when it is over.
///
/// An attempt whose closure panics, or whose future is dropped, is not told of.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// Which one it was, counted from 1.
    pub number: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The error that ended it: of the beginning, of the commit, or of a statement after which the
    /// whole may be run again. `None` when it did not fail, and when the closure failed for reasons
    /// of its own.
    pub error: Option<&'a Error>,
    /// How long it is until the next attempt; `None` when this was the last one.
    pub pause: Option<Duration>,
    /// How long ago the first attempt began.
    pub elapsed: Duration,
}

impl Attempt<'_> {
    /// True when there is no other attempt after it: its outcome is the transaction's.
    pub fn is_last(&self) -> bool {
        self.pause.is_none()
    }
}

/// How an attempt at a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// It was committed.
    Committed,
    /// It was rolled back, as [`Tx::set_rollback_only`](crate::Tx::set_rollback_only) wished.
    RolledBack,
    /// It failed, and nothing of it was kept.
    Failed,
    /// The connection was lost during the commit: nobody knows whether it was kept.
    Unknown,
}

pub(crate) type Hook<'h> = Box<dyn Fn(&Attempt<'_>) + Send + Sync + 'h>;

/// Those who want to know.
#[derive(Default)]
pub(crate) struct Hooks<'h>(pub(crate) Vec<Hook<'h>>);

impl Hooks<'_> {
    /// Tells all of them. One that panics is none of the transaction's business.
    pub(crate) fn tell(&self, attempt: &Attempt<'_>) {
        for hook in &self.0 {
            if catch_unwind(AssertUnwindSafe(|| hook(attempt))).is_err() {
                tracing::warn!(attempt = attempt.number, "a hook of a transaction panicked");
            }
        }
    }
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.0.len())
    }
}
