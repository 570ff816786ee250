//! Large fetches and inserts in PostgreSQL through sqlx.

use std::fmt::Write as _;

use bench_kit::data::{Sums, insert_row};
use bench_kit::{FetchPeer, InsertPeer, Job, POOL, Result, sql};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sqlx::any::{AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{AnyPool, PgPool, Postgres, QueryBuilder, Row as _};

async fn pool(job: &Job) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(POOL as u32).connect(&job.url).await?)
}

/// A fetch, as a stream or into a vector.
pub(crate) struct Fetch {
    pool: PgPool,
    all: bool,
}

impl Fetch {
    pub(crate) async fn open(job: &Job, all: bool) -> Result<Self> {
        Ok(Self { pool: pool(job).await?, all })
    }
}

impl FetchPeer for Fetch {
    async fn fetch(&self, rows: u64, columns: usize) -> Result<Sums> {
        let text = if columns == 4 { sql::FETCH_PG_4 } else { sql::FETCH_PG_6 };
        let query = sqlx::query(text).bind(i64::try_from(rows)?);
        let mut sums = Sums::default();
        if self.all {
            for row in query.fetch_all(&self.pool).await? {
                add(&mut sums, &row, columns)?;
            }
        } else {
            let mut stream = query.fetch(&self.pool);
            while let Some(row) = stream.try_next().await? {
                add(&mut sums, &row, columns)?;
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut Sums, row: &PgRow, columns: usize) -> Result<()> {
    // Each value becomes one of its own, as in a struct of the application's.
    let text: String = row.try_get(2)?;
    sums.add(row.try_get(0)?, row.try_get(1)?, &text, row.try_get(3)?);
    if columns > 4 {
        let at: DateTime<Utc> = row.try_get(4)?;
        let number: Decimal = row.try_get(5)?;
        sums.add_more(at.timestamp(), number.mantissa(), number.scale());
    }
    Ok(())
}

/// A fetch through the portable layer, of the four types that it has.
pub(crate) struct Any4(AnyPool);

impl Any4 {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        install_default_drivers();
        Ok(Self(AnyPoolOptions::new().max_connections(POOL as u32).connect(&job.url).await?))
    }
}

impl FetchPeer for Any4 {
    async fn fetch(&self, rows: u64, _: usize) -> Result<Sums> {
        let query = sqlx::query(sql::FETCH_PG_4).bind(i64::try_from(rows)?);
        let mut stream = query.fetch(&self.0);
        let mut sums = Sums::default();
        while let Some(row) = stream.try_next().await? {
            let row: AnyRow = row;
            let text: String = row.try_get(2)?;
            sums.add(row.try_get(0)?, row.try_get(1)?, &text, row.try_get(3)?);
        }
        Ok(sums)
    }
}

/// How an insert is made.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// `COPY` of text, made by hand.
    CopyText,
    /// Arrays of 10,000 values.
    Unnest,
    /// `VALUES` of 1,000 rows.
    Values,
}

const UNNEST_ROWS: usize = 10_000;
const VALUES_ROWS: usize = 1_000;
const COPY_BYTES: usize = 64 * 1024;

/// Inserts.
pub(crate) struct Insert {
    pool: PgPool,
    way: Way,
}

impl Insert {
    pub(crate) async fn open(job: &Job, way: Way) -> Result<Self> {
        Ok(Self { pool: pool(job).await?, way })
    }
}

impl InsertPeer for Insert {
    async fn empty(&self) -> Result<()> {
        sqlx::query(sql::TRUNCATE).execute(&self.pool).await?;
        Ok(())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let mut rows = (1..=i64::try_from(rows)?).map(insert_row);
        match self.way {
            Way::CopyText => {
                let mut copy =
                    transaction.copy_in_raw("copy bench_insert (a, b, c, d) from stdin").await?;
                let mut text = String::with_capacity(COPY_BYTES + 256);
                for (a, b, c, d) in rows {
                    // Nothing in these rows needs escaping.
                    writeln!(text, "{a}\t{b}\t{c}\t{d}")?;
                    if text.len() >= COPY_BYTES {
                        copy.send(text.as_bytes()).await?;
                        text.clear();
                    }
                }
                copy.send(text.as_bytes()).await?;
                copy.finish().await?;
            }
            Way::Unnest => loop {
                let (mut a, mut b, mut c, mut d) = (vec![], vec![], vec![], vec![]);
                for row in rows.by_ref().take(UNNEST_ROWS) {
                    a.push(row.0);
                    b.push(row.1);
                    c.push(row.2);
                    d.push(row.3);
                }
                if a.is_empty() {
                    break;
                }
                sqlx::query(
                    "insert into bench_insert (a, b, c, d) select * from \
                     unnest($1::int8[], $2::int4[], $3::text[], $4::float8[])",
                )
                .bind(a)
                .bind(b)
                .bind(c)
                .bind(d)
                .execute(&mut *transaction)
                .await?;
            },
            Way::Values => loop {
                let batch: Vec<_> = rows.by_ref().take(VALUES_ROWS).collect();
                if batch.is_empty() {
                    break;
                }
                let mut query =
                    QueryBuilder::<Postgres>::new("insert into bench_insert (a, b, c, d) ");
                query.push_values(batch, |mut values, (a, b, c, d)| {
                    values.push_bind(a).push_bind(b).push_bind(c).push_bind(d);
                });
                query.build().execute(&mut *transaction).await?;
            },
        }
        Ok(transaction.commit().await?)
    }

    async fn count(&self) -> Result<(i64, i64)> {
        Ok(sqlx::query_as(sql::COUNT).fetch_one(&self.pool).await?)
    }
}
