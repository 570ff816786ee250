//! Running a closure as a transaction: begin, commit or roll back, and again where that helps.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use wellspring_connector::{
    Error, Lease, Result, Retry, SavepointOp, TransactionOptions, Translator, WorkKind,
};

use crate::RetryPolicy;
use crate::home::{Home, Returned};
use crate::tx::{Tx, escaped, roll_back};

/// Lends connections for transactions.
pub trait Begin {
    /// Lends a connection on which nothing is open.
    fn lease(&self) -> impl Future<Output = Result<Box<dyn Lease>>> + Send;

    /// The translator of the database's statements.
    fn translator(&self) -> &Arc<Translator>;
}

/// Runs `f` as a transaction: commits when it returns `Ok`, rolls back when it returns `Err`,
/// panics or is dropped. When the database undid the transaction for the sake of others
/// ([`Retry::Transaction`]), `f` is called again with a new one, as often as `retry` allows. It is
/// never called again when it is unknown whether the commit happened.
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
    mut f: F,
) -> Result<R, E>
where
    B: Begin,
    F: FnMut(Tx) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    E: From<Error>,
{
    let start = Instant::now();
    let mut attempt = 1;
    loop {
        let failed = match begin(source, options).await {
            Ok((tx, home)) => {
                let result = f(tx).await;
                match finish(source, &home, result).await {
                    Ok(value) => return Ok(value),
                    Err(failed) => failed,
                }
            }
            Err(error) => Failed::from(error),
        };
        let pause = retry.pause(attempt, start.elapsed()).filter(|_| failed.retryable);
        let Some(pause) = pause else {
            return Err(failed.error);
        };
        tracing::debug!(attempt, ?pause, "transaction undone by the database, running it again");
        tokio::time::sleep(pause).await;
        attempt += 1;
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
    finish(source, &home, result).await.map_err(|failed| failed.error)
}

/// An attempt that came to nothing.
struct Failed<E> {
    error: E,
    retryable: bool,
}

impl<E: From<Error>> From<Error> for Failed<E> {
    fn from(error: Error) -> Self {
        let retryable = error.retry() == Retry::Transaction;
        Self { error: error.into(), retryable }
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
) -> Result<R, Failed<E>> {
    let named = |error: Error| error.or_database(source.translator().database());
    let Some(returned) = home.end() else { return Err(named(escaped("transaction")).into()) };
    let Returned { mut open, undo, retryable } = returned;
    let value = match result {
        Ok(value) => value,
        Err(error) => {
            if let Err(failure) = roll_back(open).await {
                // The closure's error is the one that matters; the lender gets rid of the
                // connection.
                tracing::warn!(%failure, "rollback failed, connection abandoned");
            }
            return Err(Failed { error, retryable });
        }
    };
    let start = Instant::now();
    let committed = async {
        if let Some(depth) = undo {
            let name = crate::tx::savepoint_name(depth);
            open.connection().savepoint(SavepointOp::RollbackTo, &name).await?;
        }
        open.connection().commit().await
    }
    .await;
    open.lease().record(WorkKind::Transaction, start.elapsed(), committed.is_ok());
    match committed {
        Ok(()) => {
            open.ended();
            Ok(value)
        }
        Err(error) => {
            // A commit that failed may have left the transaction open; abandoning rolls it back.
            drop(open);
            Err(named(error).into())
        }
    }
}
