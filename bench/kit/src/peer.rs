//! The traits a peer implements: one for each kind of work.
//!
//! All get the same rows and give the same answers; the caller checks them.

use std::future::Future;

use crate::Result;
use crate::data::Sums;

/// One row of the table that point reads go to.
#[derive(Debug, Clone, PartialEq)]
pub struct PointRow {
    /// Its key.
    pub id: i64,
    /// What the mixed work counts up.
    pub n: i64,
    /// Some text.
    pub name: String,
}

/// Reads rows by their primary key.
pub trait PointPeer: Send + Sync + 'static {
    /// What each task has: a clone of the pool, as a rule.
    type Task: Send + 'static;

    /// One for the next task.
    fn task(&self) -> impl Future<Output = Result<Self::Task>> + Send;

    /// Takes a connection, reads row `id`, gives the connection back.
    fn read(task: &mut Self::Task, id: i64) -> impl Future<Output = Result<PointRow>> + Send;
}

/// How a writing transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It took place.
    Done,
    /// The database was busy; nothing took place.
    Busy,
}

/// Reads and writes.
pub trait MixPeer: PointPeer {
    /// Counts `n` of row `id` up by one: a transaction that reads, then writes, as the peer begins
    /// one by default.
    fn bump(task: &mut Self::Task, id: i64) -> impl Future<Output = Result<Write>> + Send;
}

/// Scans many rows in one statement.
pub trait ScanPeer: PointPeer {
    /// Counts the rows up to `id` whose names have a `7`.
    fn scan(task: &mut Self::Task, id: i64) -> impl Future<Output = Result<i64>> + Send;
}

/// The same work, on a thread and without a runtime: the floor of an embedded database.
pub trait BlockingPeer: Send + 'static {
    /// Reads row `id`.
    ///
    /// # Errors
    /// The database's.
    fn read(&mut self, id: i64) -> Result<PointRow>;
    /// As [`MixPeer::bump`].
    ///
    /// # Errors
    /// The database's.
    fn bump(&mut self, id: i64) -> Result<Write>;
}

/// Reads many rows and decodes every value.
pub trait FetchPeer: Send + Sync + 'static {
    /// Reads the first `rows` rows, `columns` of each, each into values of its own.
    fn fetch(&self, rows: u64, columns: usize) -> impl Future<Output = Result<Sums>> + Send;
}

/// Writes many rows in one transaction.
pub trait InsertPeer: Send + Sync + 'static {
    /// Makes the table empty. Not measured.
    fn empty(&self) -> impl Future<Output = Result<()>> + Send;
    /// Inserts `rows` rows.
    fn insert(&self, rows: u64) -> impl Future<Output = Result<()>> + Send;
    /// How many rows there are, and the sum of their keys. Not measured.
    fn count(&self) -> impl Future<Output = Result<(i64, i64)>> + Send;
}
