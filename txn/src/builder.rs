//! Running a transaction with everything said about it: options, retries, hooks.

use std::future::Future;
use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, IsolationLevel, Result, TransactionOptions};

use crate::attempt::{Attempt, Hooks};
use crate::run::{Begin, Plan, run};
use crate::{RetryPolicy, Tx};

/// Runs a closure as a transaction, and again where that helps.
///
/// It is run again when the database undid it for the sake of others, or the connection was lost
/// before the commit; never when it is unknown whether the commit happened, unless it is
/// [`idempotent`](Self::idempotent). How often, and with what pauses, the [`RetryPolicy`] says.
///
/// ```
/// use wellspring_connector::{IsolationLevel, Result};
/// use wellspring_txn::{Begin, RetryPolicy, TransactionBuilder};
///
/// # async fn demo(source: impl Begin) -> Result<()> {
/// let rows: i64 = TransactionBuilder::new(source)
///     .isolation(IsolationLevel::Serializable)
///     .retry(RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() })
///     .on_attempt(|attempt| {
///         if let (Some(error), Some(pause)) = (attempt.error, attempt.pause) {
///             println!("attempt {} failed: {error}; the next in {pause:?}", attempt.number);
///         }
///     })
///     .run(async |mut tx| -> Result<i64> {
///         tx.execute("update counters set n = n + 1", ()).await?;
///         tx.query("select count(*) from counters", ()).one().await
///     })
///     .await?;
/// # let _ = rows; Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a transaction does nothing until it is run"]
pub struct TransactionBuilder<'h, B> {
    source: B,
    plan: Plan,
    hooks: Hooks<'h>,
}

impl<'h, B: Begin> TransactionBuilder<'h, B> {
    /// A transaction on a connection of `source`, with default options and the default policy.
    pub fn new(source: B) -> Self {
        let plan = Plan {
            options: TransactionOptions::new(),
            retry: RetryPolicy::default(),
            idempotent: false,
        };
        Self { source, plan, hooks: Hooks::default() }
    }

    /// Replaces all options of the transaction.
    pub fn options(mut self, options: TransactionOptions) -> Self {
        self.plan.options = options;
        self
    }

    /// Sets the isolation level. See [`TransactionOptions::isolation`].
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.plan.options = self.plan.options.isolation(level);
        self
    }

    /// Declares that it will not write.
    pub fn read_only(mut self) -> Self {
        self.plan.options = self.plan.options.read_only();
        self
    }

    /// Bounds each wait for locks. See [`TransactionOptions::lock_timeout`].
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.plan.options = self.plan.options.lock_timeout(timeout);
        self
    }

    /// Bounds each statement. See [`TransactionOptions::statement_timeout`].
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.plan.options = self.plan.options.statement_timeout(timeout);
        self
    }

    /// How often it is tried, and for how long in all.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.plan.retry = retry;
        self
    }

    /// Says that doing it twice is as good as once: it is then run again also where it is unknown
    /// whether it was committed.
    pub fn idempotent(mut self) -> Self {
        self.plan.idempotent = true;
        self
    }

    /// Tells `hook` of each attempt when it is over, the last one included. It runs where the
    /// transaction does: it should be quick. One that panics is caught, and logged. Several hooks are
    /// told in the order they were given.
    pub fn on_attempt(mut self, hook: impl Fn(&Attempt<'_>) + Send + Sync + 'h) -> Self {
        self.hooks.0.push(Box::new(hook));
        self
    }

    /// Runs `f` as the transaction: commits when it returns `Ok`, rolls back when it returns `Err`,
    /// panics or is dropped.
    ///
    /// # Errors
    /// What `f` returns in the last attempt; the database's error when a connection cannot be had, or
    /// begin or commit fail; [`ErrorKind::Config`] for a policy that never tries;
    /// [`ErrorKind::Unsupported`] when the database does not have what the options ask for;
    /// [`ErrorKind::Usage`] when the [`Tx`] escaped.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, except while the commit is under way: then the outcome is
    /// open.
    pub async fn run<R, E, F, Fut>(self, f: F) -> Result<R, E>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.plan.retry.check().map_err(|error| {
            Error::new(ErrorKind::Config, format!("retry option {error}"))
                .or_database(self.source.translator().database())
        })?;
        run(&self.source, self.plan, &self.hooks, f).await
    }
}
