//! Wellspring itself: 100,000 rows into PostgreSQL, by each of the ways it has.

use bench_kit::csv::Files;
use bench_kit::{InsertPeer, Job, POOL, Result, sql};
use futures_util::stream;
use wellspring::{Database, Row, params};

use super::pg_write::row;

/// How they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `insert_many` of records.
    InsertMany,
    /// `stream_insert` of records, committed at the end.
    StreamInsert,
    /// `bulk_insert` of tuples.
    BulkInsert,
    /// `bulk_load` of rows of another query, which were read before.
    LoadRows,
    /// `bulk_load` of a file of CSV.
    LoadFile,
}

/// Writes.
pub(crate) struct Writer {
    db: Database,
    way: Way,
    files: Option<Files>,
    /// What is loaded from rows.
    read: Vec<Row>,
}

/// The rows, as another database would have them.
const ROWS: &str = "select i as a, 'row ' || i as b, (i % 1000)::int4 as c, (i / 2.0)::float8 as d, \
     to_timestamp(1577836800 + i) as e from generate_series(1::int8, ?::int8) i";

impl Writer {
    pub(crate) async fn open(job: &Job, way: Way) -> Result<Self> {
        let db = Database::builder(&job.url).max_size(POOL).connect().await?;
        let files = (way == Way::LoadFile).then(|| Files::of(job)).transpose()?;
        let mut read = Vec::new();
        if way == Way::LoadRows {
            let mut rows = db.query(ROWS, (i64::try_from(job.rows)?,)).stream();
            while let Some(row) = rows.next().await? {
                read.push(row);
            }
        }
        Ok(Self { db, way, files, read })
    }
}

impl InsertPeer for Writer {
    async fn empty(&self) -> Result<()> {
        self.db.execute(sql::WRITE_TRUNCATE, ()).await?;
        Ok(())
    }

    async fn insert(&self, count: u64) -> Result<()> {
        let rows = (1..=i64::try_from(count)?).map(row);
        let records = (1..=i64::try_from(count)?).map(|i| {
            let (a, b, c, d, e) = row(i);
            params! { a: a, b: b, c: c, d: d, e: e }
        });
        match self.way {
            Way::InsertMany => {
                self.db.insert_many("bench_write", records).execute().await?;
            }
            Way::StreamInsert => {
                let records = stream::iter(records.map(Ok));
                self.db.stream_insert("bench_write", records).commit_every(0).execute().await?;
            }
            Way::BulkInsert => {
                self.db.bulk_insert("bench_write", sql::WRITE_COLUMNS, rows).await?;
            }
            Way::LoadRows => {
                let read = self.read[..usize::try_from(count)?].iter().cloned();
                let load = self.db.bulk_load("bench_write").columns(sql::WRITE_COLUMNS);
                load.from_rows(stream::iter(read.map(Ok))).run().await?;
            }
            Way::LoadFile => {
                let path = self.files.as_ref().ok_or("no file was made")?.path(count)?;
                self.db.bulk_load("bench_write").from_file(path).run().await?;
            }
        }
        Ok(())
    }

    async fn count(&self) -> Result<(i64, i64)> {
        Ok(self.db.query(sql::WRITE_COUNT, ()).one().await?)
    }
}
