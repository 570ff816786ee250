//! Running a closure as a transaction: begin, commit or roll back, and again where that helps.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use wellspring_connector::{
    Error, ErrorKind, Lease, Result, Retry, TransactionOptions, Translator, WorkKind,
};

use crate::RetryPolicy;
use crate::attempt::{Attempt, AttemptOutcome, Hooks};
use crate::by_hand::roll_back;
use crate::home::{Home, Returned};
use crate::tx::{Tx, escaped};

/// Lends connections for transactions.
pub trait Begin {
    /// Lends a connection on which nothing is open.
    fn lease(&self) -> impl Future<Output = Result<Box<dyn Lease>>> + Send;

    /// The translator of the database's statements.
    fn translator(&self) -> &Arc<Translator>;

    /// Called each time before a transaction is run again. The default does nothing.
    fn retrying(&self) {}
}

impl<B: Begin + Sync> Begin for &B {
    fn lease(&self) -> impl Future<Output = Result<Box<dyn Lease>>> + Send {
        (**self).lease()
    }

    fn translator(&self) -> &Arc<Translator> {
        (**self).translator()
    }

    fn retrying(&self) {
        (**self).retrying();
    }
}

/// Runs `f` as a transaction: commits when it returns `Ok`, rolls back when it returns `Err`,
/// panics or is dropped. When the database undid the transaction for the sake of others
/// ([`Retry::Transaction`]), or the connection was lost when it was to begin, `f` is called again
/// with a new one, as often as `retry` allows. It is never called again when it is unknown whether
/// the commit happened.
///
/// [`TransactionBuilder`](crate::TransactionBuilder) can do more.
///
/// # Errors
/// What `f` returns; the database's error when a connection cannot be had, or begin or commit
/// fail; [`ErrorKind::Usage`](wellspring_connector::ErrorKind::Usage) when the [`Tx`] escaped.
///
/// # Cancel safety
/// Dropping the future rolls back, except while the commit is under way: then the outcome is open.
pub async fn transaction<B, R, E, F, Fut>(
    source: &B,
    options: TransactionOptions,
    retry: RetryPolicy,
    f: F,
) -> Result<R, E>
where
    B: Begin,
    F: FnMut(Tx) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    E: From<Error>,
{
    let plan = Plan { options, retry, idempotent: false };
    run(source, plan, &Hooks::default(), f).await
}

/// How a transaction is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) options: TransactionOptions,
    pub(crate) retry: RetryPolicy,
    /// Doing it twice is harmless.
    pub(crate) idempotent: bool,
}

pub(crate) async fn run<B, R, E, F, Fut>(
    source: &B,
    plan: Plan,
    hooks: &Hooks<'_>,
    mut f: F,
) -> Result<R, E>
where
    B: Begin,
    F: FnMut(Tx) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    E: From<Error>,
{
    let start = Instant::now();
    let mut number = 1;
    loop {
        let told = |outcome, error: Option<&Error>, pause| {
            hooks.tell(&Attempt { number, outcome, error, pause, elapsed: start.elapsed() });
        };
        let failed = match begin(source, plan.options).await {
            Ok((tx, home)) => {
                let result = f(tx).await;
                match finish(source, &home, result).await {
                    Ok((value, outcome)) => {
                        told(outcome, None, None);
                        return Ok(value);
                    }
                    Err(failed) => failed,
                }
            }
            Err(error) => Failed::to_begin(error),
        };
        let Failed { error, cause, retryable } = failed;
        let unknown = cause.as_ref().is_some_and(|cause| cause.kind() == ErrorKind::OutcomeUnknown);
        let again = if unknown { plan.idempotent } else { retryable };
        let pause = plan.retry.pause(number, start.elapsed()).filter(|_| again);
        let outcome = if unknown { AttemptOutcome::Unknown } else { AttemptOutcome::Failed };
        told(outcome, cause.as_ref(), pause);
        let Some(pause) = pause else {
            return Err(error);
        };
        drop((error, cause));
        tracing::debug!(attempt = number, ?pause, "transaction came to nothing, running it again");
        tokio::time::sleep(pause).await;
        source.retrying();
        number += 1;
    }
}

/// As [`transaction`], for a closure that can be called only once; it is not run again.
///
/// # Errors
/// As [`transaction`].
pub async fn transaction_once<B, R, E, F, Fut>(
    source: &B,
    options: TransactionOptions,
    f: F,
) -> Result<R, E>
where
    B: Begin,
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    E: From<Error>,
{
    let (tx, home) = begin(source, options).await?;
    let result = f(tx).await;
    match finish(source, &home, result).await {
        Ok((value, _)) => Ok(value),
        Err(failed) => Err(failed.error),
    }
}

/// An attempt that came to nothing.
struct Failed<E> {
    error: E,
    /// The database's part in it, as far as it is known.
    cause: Option<Error>,
    retryable: bool,
}

impl<E: From<Error>> From<Error> for Failed<E> {
    fn from(error: Error) -> Self {
        let retryable = error.retry() == Retry::Transaction;
        Self { error: error.clone().into(), cause: Some(error), retryable }
    }
}

impl<E: From<Error>> Failed<E> {
    /// Of a transaction that could not begin: when the connection was lost, nothing was lost with it.
    fn to_begin(error: Error) -> Self {
        let lost = error.is_connection_lost() || error.retry() == Retry::SafeToResend;
        let failed = Self::from(error);
        Self { retryable: failed.retryable || lost, ..failed }
    }
}

async fn begin<B: Begin>(source: &B, options: TransactionOptions) -> Result<(Tx, Arc<Home>)> {
    let lease = source.lease().await?;
    let tx = Tx::begin(lease, Arc::clone(source.translator()), options).await?;
    Ok(tx.at_home())
}

async fn finish<B: Begin, R, E: From<Error>>(
    source: &B,
    home: &Home,
    result: Result<R, E>,
) -> Result<(R, AttemptOutcome), Failed<E>> {
    let named = |error: Error| error.or_database(source.translator().database());
    let Some(returned) = home.end() else { return Err(named(escaped("transaction")).into()) };
    let Returned { mut open, mut half, retryable, rollback_only } = returned;
    let value = match result {
        Ok(value) if !rollback_only => value,
        result => {
            if let Err(failure) = roll_back(open).await {
                // The closure's error is the one that matters; the lender gets rid of the
                // connection.
                tracing::warn!(%failure, "rollback failed, connection abandoned");
            }
            return match result {
                Ok(value) => Ok((value, AttemptOutcome::RolledBack)),
                Err(error) => {
                    Err(Failed { error, retryable: retryable.is_some(), cause: retryable })
                }
            };
        }
    };
    let start = Instant::now();
    let committed = async {
        crate::half_done::settle(open.connection(), &mut half).await?;
        open.connection().commit().await
    }
    .await;
    open.book(WorkKind::Transaction, start.elapsed(), committed.is_ok());
    match committed {
        Ok(()) => {
            open.ended();
            Ok((value, AttemptOutcome::Committed))
        }
        Err(error) => {
            // A commit that failed may have left the transaction open; abandoning rolls it back.
            drop(open);
            Err(named(error).into())
        }
    }
}
