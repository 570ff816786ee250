//! SQLite through rusqlite alone, on plain threads; and the work that the pools do in theirs.

use bench_kit::data::{Sums, insert_row};
use bench_kit::{BlockingPeer, FetchPeer, InsertPeer, Job, PointRow, Result, Scratch, Write, sql};
use rusqlite::{Connection, ErrorCode, Row};

/// What each connection is told.
pub(crate) const SETTINGS: &str = "pragma synchronous = normal";

/// A connection to the file at `path`.
pub(crate) fn connect(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// A point read.
pub(crate) fn read(connection: &Connection, id: i64) -> rusqlite::Result<PointRow> {
    connection
        .prepare_cached(sql::POINT)?
        .query_row([id], |row| Ok(PointRow { id: row.get(0)?, n: row.get(1)?, name: row.get(2)? }))
}

/// A transaction that reads, then writes; it begins as one does by default, deferred.
pub(crate) fn bump(connection: &mut Connection, id: i64) -> rusqlite::Result<Write> {
    match try_bump(connection, id) {
        Ok(()) => Ok(Write::Done),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(Write::Busy),
        Err(error) => Err(error),
    }
}

fn try_bump(connection: &mut Connection, id: i64) -> rusqlite::Result<()> {
    // Dropped on an error, it rolls back.
    let transaction = connection.transaction()?;
    let n: i64 = transaction.prepare_cached(sql::BUMP_READ)?.query_row([id], |row| row.get(0))?;
    transaction.prepare_cached(sql::BUMP_WRITE)?.execute([n + 1, id])?;
    transaction.commit()
}

/// A scan.
pub(crate) fn scan(connection: &Connection, id: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached(sql::SCAN)?.query_row([id], |row| row.get(0))
}

/// One row of a fetch, in values of its own.
pub(crate) struct Fetched {
    a: i64,
    b: i32,
    c: String,
    d: f64,
    e: i64,
}

impl Fetched {
    /// Decodes `row`.
    pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { a: row.get(0)?, b: row.get(1)?, c: row.get(2)?, d: row.get(3)?, e: row.get(4)? })
    }

    /// Adds it.
    pub(crate) fn add_to(&self, sums: &mut Sums) {
        sums.add(self.a, self.b, &self.c, self.d);
        sums.e += self.e;
    }
}

/// Calls `each` with every row of a fetch.
pub(crate) fn fetch_each(
    connection: &Connection,
    rows: i64,
    mut each: impl FnMut(Fetched),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql::FETCH_SQLITE)?;
    let mut found = statement.query([rows])?;
    while let Some(row) = found.next()? {
        each(Fetched::from_row(row)?);
    }
    Ok(())
}

/// Every row of a fetch.
pub(crate) fn fetch_vec(connection: &Connection, rows: i64) -> rusqlite::Result<Vec<Fetched>> {
    let mut all = Vec::new();
    fetch_each(connection, rows, |row| all.push(row))?;
    Ok(all)
}

/// An insert of `rows` rows.
pub(crate) fn insert(connection: &mut Connection, rows: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(sql::INSERT_SQLITE)?;
        for row in (1..=rows).map(insert_row) {
            statement.execute(row)?;
        }
    }
    transaction.commit()
}

/// Empties the table of inserts.
pub(crate) fn empty(path: &str) -> Result<()> {
    let connection = connect(path)?;
    connection.execute_batch(sql::EMPTY)?;
    // The next insert starts with a log that holds nothing, whoever was before.
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    Ok(())
}

/// How many rows were inserted, and the sum of their keys.
pub(crate) fn count(path: &str) -> Result<(i64, i64)> {
    Ok(connect(path)?.query_row(sql::COUNT, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// A connection on a thread of its own.
pub(crate) struct Thread {
    connection: Connection,
    _file: std::sync::Arc<Scratch>,
}

impl Thread {
    /// `threads` of them, on one file.
    pub(crate) fn open(job: &Job, threads: usize) -> Result<Vec<Self>> {
        let file = std::sync::Arc::new(Scratch::of(&job.url)?);
        let mut all = Vec::with_capacity(threads);
        for _ in 0..threads {
            all.push(Self { connection: connect(file.text())?, _file: file.clone() });
        }
        Ok(all)
    }
}

impl BlockingPeer for Thread {
    fn read(&mut self, id: i64) -> Result<PointRow> {
        Ok(read(&self.connection, id)?)
    }

    fn bump(&mut self, id: i64) -> Result<Write> {
        Ok(bump(&mut self.connection, id)?)
    }
}

/// One large job on one connection, on one blocking thread.
pub(crate) struct Whole(Scratch);

impl Whole {
    pub(crate) fn open(job: &Job) -> Result<Self> {
        Ok(Self(Scratch::of(&job.url)?))
    }

    async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R> {
        let mut connection = connect(self.0.text())?;
        Ok(tokio::task::spawn_blocking(move || work(&mut connection)).await??)
    }
}

impl FetchPeer for Whole {
    async fn fetch(&self, rows: u64, _: usize) -> Result<Sums> {
        let rows = i64::try_from(rows)?;
        self.with(move |connection| {
            let mut sums = Sums::default();
            fetch_each(connection, rows, |row| row.add_to(&mut sums))?;
            Ok(sums)
        })
        .await
    }
}

impl InsertPeer for Whole {
    async fn empty(&self) -> Result<()> {
        empty(self.0.text())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let rows = i64::try_from(rows)?;
        self.with(move |connection| insert(connection, rows)).await
    }

    async fn count(&self) -> Result<(i64, i64)> {
        count(self.0.text())
    }
}

/// A blocking thread that sends decoded rows in batches: what a stream would cost at least.
pub(crate) struct Batches(Whole);

/// Rows in one message.
const BATCH: usize = 256;
/// Messages under way.
const UNDER_WAY: usize = 4;

impl Batches {
    pub(crate) fn open(job: &Job) -> Result<Self> {
        Ok(Self(Whole::open(job)?))
    }
}

impl FetchPeer for Batches {
    async fn fetch(&self, rows: u64, _: usize) -> Result<Sums> {
        let rows = i64::try_from(rows)?;
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<Fetched>>(UNDER_WAY);
        let reading = self.0.with(move |connection| {
            let mut batch = Vec::with_capacity(BATCH);
            fetch_each(connection, rows, |row| {
                batch.push(row);
                if batch.len() == BATCH {
                    // A receiver that is gone wants nothing more.
                    let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                    let _ = sender.blocking_send(full);
                }
            })?;
            let _ = sender.blocking_send(batch);
            Ok(())
        });
        let adding = async {
            let mut sums = Sums::default();
            while let Some(batch) = receiver.recv().await {
                batch.iter().for_each(|row| row.add_to(&mut sums));
            }
            sums
        };
        let (read, sums) = tokio::join!(reading, adding);
        read?;
        Ok(sums)
    }
}
