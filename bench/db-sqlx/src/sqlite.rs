//! SQLite through sqlx.

use std::sync::Arc;

use bench_kit::data::{Sums, insert_row};
use bench_kit::{
    FetchPeer, InsertPeer, Job, MixPeer, POOL, PointPeer, PointRow, Result, ScanPeer, Scratch,
    Write, sql,
};
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{QueryBuilder, Row as _, SqlitePool};

/// A pool on a copy of the file.
#[derive(Clone)]
pub(crate) struct Sqlite {
    pool: SqlitePool,
    _file: Arc<Scratch>,
}

impl Sqlite {
    /// `test`: whether a connection is checked before each use, as it is by default.
    pub(crate) async fn open(job: &Job, test: bool) -> Result<Self> {
        let file = Arc::new(Scratch::of(&job.url)?);
        let options = SqliteConnectOptions::new()
            .filename(file.path())
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new()
            .max_connections(POOL as u32)
            .test_before_acquire(test)
            .connect_with(options)
            .await?;
        Ok(Self { pool, _file: file })
    }
}

impl PointPeer for Sqlite {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let (id, n, name) = sqlx::query_as(sql::POINT).bind(id).fetch_one(&task.pool).await?;
        Ok(PointRow { id, n, name })
    }
}

impl MixPeer for Sqlite {
    async fn bump(task: &mut Self, id: i64) -> Result<Write> {
        match bump(&task.pool, id).await {
            Ok(()) => Ok(Write::Done),
            Err(sqlx::Error::Database(error)) if busy(error.code().as_deref()) => Ok(Write::Busy),
            Err(error) => Err(error.into()),
        }
    }
}

async fn bump(pool: &SqlitePool, id: i64) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    let n: i64 = sqlx::query_scalar(sql::BUMP_READ).bind(id).fetch_one(&mut *transaction).await?;
    sqlx::query(sql::BUMP_WRITE).bind(n + 1).bind(id).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// `SQLITE_BUSY` and its extended codes.
fn busy(code: Option<&str>) -> bool {
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 5)
}

impl ScanPeer for Sqlite {
    async fn scan(task: &mut Self, id: i64) -> Result<i64> {
        Ok(sqlx::query_scalar(sql::SCAN).bind(id).fetch_one(&task.pool).await?)
    }
}

/// Large fetches, as a stream or into a vector, and inserts.
pub(crate) struct Bulk {
    sqlite: Sqlite,
    all: bool,
}

const VALUES_ROWS: usize = 1_000;

impl Bulk {
    pub(crate) async fn open(job: &Job, all: bool) -> Result<Self> {
        Ok(Self { sqlite: Sqlite::open(job, true).await?, all })
    }
}

impl FetchPeer for Bulk {
    async fn fetch(&self, rows: u64, _: usize) -> Result<Sums> {
        let query = sqlx::query(sql::FETCH_SQLITE).bind(i64::try_from(rows)?);
        let mut sums = Sums::default();
        if self.all {
            for row in query.fetch_all(&self.sqlite.pool).await? {
                add(&mut sums, &row)?;
            }
        } else {
            let mut stream = query.fetch(&self.sqlite.pool);
            while let Some(row) = stream.try_next().await? {
                add(&mut sums, &row)?;
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut Sums, row: &SqliteRow) -> Result<()> {
    let text: String = row.try_get(2)?;
    sums.add(row.try_get(0)?, row.try_get(1)?, &text, row.try_get(3)?);
    sums.e += row.try_get::<i64, _>(4)?;
    Ok(())
}

impl InsertPeer for Bulk {
    async fn empty(&self) -> Result<()> {
        sqlx::query(sql::EMPTY).execute(&self.sqlite.pool).await?;
        // The next insert starts with a log that holds nothing, whoever was before.
        sqlx::query("pragma wal_checkpoint(truncate)").execute(&self.sqlite.pool).await?;
        Ok(())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let mut transaction = self.sqlite.pool.begin().await?;
        let mut rows = (1..=i64::try_from(rows)?).map(insert_row);
        loop {
            let batch: Vec<_> = rows.by_ref().take(VALUES_ROWS).collect();
            if batch.is_empty() {
                break;
            }
            let mut query = QueryBuilder::new("insert into bench_insert (a, b, c, d) ");
            query.push_values(batch, |mut values, (a, b, c, d)| {
                values.push_bind(a).push_bind(b).push_bind(c).push_bind(d);
            });
            query.build().execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn count(&self) -> Result<(i64, i64)> {
        Ok(sqlx::query_as(sql::COUNT).fetch_one(&self.sqlite.pool).await?)
    }
}
