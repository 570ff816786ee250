//! Transactions begun and ended by hand.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use wellspring_connector::{
    Error, ErrorKind, Lease, Result, TransactionOptions, Translator, WorkKind,
};

use crate::open::Open;
use crate::tx::{Tx, escaped};

/// A transaction begun and ended by hand: it is a [`Tx`] with [`commit`](Self::commit) and
/// [`rollback`](Self::rollback). Dropping it rolls back.
#[derive(Debug)]
#[must_use = "dropping a transaction rolls it back"]
pub struct Transaction {
    tx: Tx,
}

impl Transaction {
    /// Begins a transaction on a borrowed connection.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::Unsupported`] when it does not have what `options` ask for.
    ///
    /// # Cancel safety
    /// A transaction begun half-way is rolled back.
    pub async fn begin(
        lease: Box<dyn Lease>,
        translator: Arc<Translator>,
        options: TransactionOptions,
    ) -> Result<Self> {
        Ok(Self { tx: Tx::begin(lease, translator, options).await? })
    }

    /// Commits.
    ///
    /// # Errors
    /// The database's. [`ErrorKind::OutcomeUnknown`] when the connection was lost on the way.
    /// [`ErrorKind::Usage`] after [`set_rollback_only`](Tx::set_rollback_only): it has been rolled back.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was committed.
    pub async fn commit(mut self) -> Result<()> {
        let database = self.tx.translator().database().cloned();
        let named = |error: Error| error.or_database(database.as_ref());
        if self.tx.is_rollback_only() {
            if let Some(open) = self.tx.take_open() {
                roll_back(open).await.map_err(named)?;
            }
            return Err(named(Error::new(
                ErrorKind::Usage,
                "the transaction was set to be rolled back only, and has been rolled back",
            )));
        }
        self.tx.settle().await?;
        let mut open = self.tx.take_open().ok_or_else(|| escaped("savepoint"))?;
        let start = Instant::now();
        let result = open.connection().commit().await;
        open.book(WorkKind::Transaction, start.elapsed(), result.is_ok());
        result.map_err(named)?;
        open.ended();
        Ok(())
    }

    /// Rolls back. Dropping does the same in the background; this waits for it.
    ///
    /// # Errors
    /// The database's; the connection is then not used again.
    pub async fn rollback(mut self) -> Result<()> {
        match self.tx.take_open() {
            Some(open) => roll_back(open).await,
            None => Ok(()),
        }
    }
}

pub(crate) async fn roll_back(mut open: Open) -> Result<()> {
    let start = Instant::now();
    let result = open.connection().rollback().await;
    open.book(WorkKind::Rollback, start.elapsed(), result.is_ok());
    result?;
    open.ended();
    Ok(())
}

impl Deref for Transaction {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}
