//! Wellspring itself: one peer for every group, on whatever database its URL names.
//!
//! Nothing here is chosen to please the measurement: the defaults, and the size everybody has.

use std::sync::Arc;

use bench_kit::data::{Sums, insert_row};
use bench_kit::{
    FetchPeer, InsertPeer, Job, MixPeer, POOL, PointPeer, PointRow, Result, ScanPeer, Scratch,
    Write, sql,
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use wellspring::{Database, ErrorKind};

/// As everybody's, with the portable placeholder.
const FETCH_6: &str = "select a, b, c, d, e, f from bench_fetch where a <= ?";
const FETCH_4: &str = "select a, b, c, d from bench_fetch where a <= ?";

/// A database, and the SQLite file if it is one.
#[derive(Clone)]
pub(crate) struct Ours {
    db: Database,
    _file: Option<Arc<Scratch>>,
}

impl Ours {
    /// A server's.
    #[cfg(any(feature = "ours-postgres", feature = "ours-mariadb"))]
    pub(crate) async fn server(job: &Job) -> Result<Self> {
        Self::open(&job.url, None).await
    }

    /// A copy of the SQLite file's.
    pub(crate) async fn file(job: &Job) -> Result<Self> {
        let file = Scratch::of(&job.url)?;
        let url = format!("sqlite:{}", file.text());
        Self::open(&url, Some(file)).await
    }

    async fn open(url: &str, file: Option<Scratch>) -> Result<Self> {
        let db = Database::builder(url).max_size(POOL).connect().await?;
        Ok(Self { db, _file: file.map(Arc::new) })
    }
}

impl PointPeer for Ours {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let (id, n, name) = task.db.query(sql::POINT, (id,)).one().await?;
        Ok(PointRow { id, n, name })
    }
}

impl MixPeer for Ours {
    async fn bump(task: &mut Self, id: i64) -> Result<Write> {
        let done: wellspring::Result<()> = task
            .db
            .transaction(move |mut tx| async move {
                let n: i64 = tx.query(sql::BUMP_READ, (id,)).one().await?;
                tx.execute(sql::BUMP_WRITE, (n + 1, id)).await?;
                Ok(())
            })
            .await;
        match done {
            Ok(()) => Ok(Write::Done),
            Err(error) if error.kind() == ErrorKind::LockTimeout => Ok(Write::Busy),
            Err(error) => Err(error.into()),
        }
    }
}

impl ScanPeer for Ours {
    async fn scan(task: &mut Self, id: i64) -> Result<i64> {
        Ok(task.db.query(sql::SCAN, (id,)).one().await?)
    }
}

impl FetchPeer for Ours {
    async fn fetch(&self, rows: u64, columns: usize) -> Result<Sums> {
        let text = match columns {
            4 => FETCH_4,
            5 => sql::FETCH_SQLITE,
            _ => FETCH_6,
        };
        let mut stream = self.db.query(text, (i64::try_from(rows)?,)).stream();
        let mut sums = Sums::default();
        while let Some(row) = stream.next().await? {
            // Each value becomes one of its own, as in a struct of the application's.
            let text: String = row.try_get(2)?;
            sums.add(row.try_get(0)?, row.try_get(1)?, &text, row.try_get(3)?);
            if columns == 5 {
                sums.e += row.try_get::<i64>(4)?;
            } else if columns == 6 {
                let at: DateTime<Utc> = row.try_get(4)?;
                let number: Decimal = row.try_get(5)?;
                sums.add_more(at.timestamp(), number.mantissa(), number.scale());
            }
        }
        Ok(sums)
    }
}

impl InsertPeer for Ours {
    async fn empty(&self) -> Result<()> {
        self.db.execute(sql::EMPTY, ()).await?;
        Ok(())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let rows = i64::try_from(rows)?;
        self.db
            .transaction_once(move |mut tx| async move {
                let rows = (1..=rows).map(insert_row);
                tx.bulk_insert("bench_insert", ["a", "b", "c", "d"], rows).await
            })
            .await?;
        Ok(())
    }

    async fn count(&self) -> Result<(i64, i64)> {
        Ok(self.db.query(sql::COUNT, ()).one().await?)
    }
}
