//! Groups of operations: several at once, each on a connection of its own, or one after the other in one
//! transaction.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;

use tokio::task::{Id, JoinSet};
use wellspring_connector::{Error, ErrorKind, Result};
use wellspring_txn::Tx;

use crate::{Database, DatabaseConnection};

/// A named group of operations: made by [`Database::operations`].
///
/// ```
/// # use wellspring::prelude::*;
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> wellspring::Result<()> {
/// # let db = Database::connect("sqlite::memory:").await?;
/// # db.execute("create table numbers (n integer)", ()).await?;
/// # db.insert_many("numbers", (1..=9).map(|n| params! { n: n })).execute().await?;
/// let sums: Vec<i64> = db
///     .operations("sums")
///     .parallel([3, 6, 9].map(|most| {
///         move |mut connection: wellspring::DatabaseConnection| async move {
///             connection.query("select sum(n) from numbers where n <= ?", (most,)).one().await
///         }
///     }), 2)
///     .await?;
/// assert_eq!(sums, [6, 21, 45]);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
#[must_use = "a group does nothing until operations are run in it"]
pub struct OperationGroup {
    db: Database,
    name: Box<str>,
    location: &'static Location<'static>,
}

impl Database {
    /// A group of operations, whose name is in errors and logs.
    #[track_caller]
    pub fn operations(&self, name: impl Into<Box<str>>) -> OperationGroup {
        OperationGroup { db: self.clone(), name: name.into(), location: Location::caller() }
    }
}

impl OperationGroup {
    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs operations at the same time, each in a task and on a connection of its own, at most
    /// `max_concurrency` of them (at least one), and returns their results in the order in which the
    /// operations were given.
    ///
    /// # Errors
    /// The first error of any of them, with its number in [`Error::operation`]. The others are then
    /// cancelled, and have ended when this returns; those that were not begun are not. A panic counts as
    /// [`ErrorKind::Usage`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels all of them.
    pub async fn parallel<T, F, Fut>(
        &self,
        operations: impl IntoIterator<Item = F>,
        max_concurrency: usize,
    ) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: FnOnce(DatabaseConnection) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let mut waiting: VecDeque<(usize, F)> = operations.into_iter().enumerate().collect();
        let mut results: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
        let mut running = JoinSet::new();
        let mut numbers: Vec<(Id, usize)> = Vec::new();
        loop {
            while running.len() < max_concurrency.max(1)
                && let Some((index, operation)) = waiting.pop_front()
            {
                let connection = self.db.connection_for(self.location);
                let task = async move { operation(connection.await?).await };
                numbers.push((running.spawn(task).id(), index));
            }
            let Some(ended) = running.join_next_with_id().await else {
                return Ok(results.into_iter().flatten().collect());
            };
            let id = match &ended {
                Ok((id, _)) => *id,
                Err(error) => error.id(),
            };
            let at = numbers.iter().position(|(other, _)| *other == id);
            let index = at.map_or(usize::MAX, |at| numbers.swap_remove(at).1);
            let error = match ended {
                Ok((_, Ok(value))) => {
                    if let Some(place) = results.get_mut(index) {
                        *place = Some(value);
                    }
                    continue;
                }
                Ok((_, Err(error))) => error,
                Err(_) => Error::new(ErrorKind::Usage, "it panicked"),
            };
            // All connections are back when the error is told.
            running.shutdown().await;
            return Err(self.named(error, index));
        }
    }

    /// Runs operations one after the other in one transaction, each in a savepoint, and returns their
    /// results in order.
    ///
    /// # Errors
    /// The first error of any of them, with its number in [`Error::operation`]: the transaction is rolled
    /// back, the others are not begun. What the pool or the database says to beginning and committing.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, except while the commit is under way: then the outcome is open.
    pub async fn in_transaction<T, F, Fut>(
        &self,
        operations: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let transaction = self.db.transaction_once_for(self.location, async |mut tx: Tx| {
            let mut results = Vec::new();
            for (index, operation) in operations.into_iter().enumerate() {
                let result = tx.savepoint(operation).await;
                results.push(result.map_err(|error: Error| self.named(error, index))?);
            }
            Ok(results)
        });
        transaction.await
    }

    fn named(&self, error: Error, index: usize) -> Error {
        error.at_operation(format_args!("{}: operation", self.name), index)
    }
}
