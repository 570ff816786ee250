//! 100,000 rows into PostgreSQL through sqlx, in the ways its users go.

use std::fmt::Write as _;

use bench_kit::csv::Files;
use bench_kit::data::write_row;
use bench_kit::{InsertPeer, Job, POOL, Result, sql};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres, QueryBuilder};

/// How they are written.
#[derive(Clone, Copy)]
pub(crate) enum Write {
    /// Arrays of so many values.
    Unnest(usize),
    /// `VALUES` of so many rows, in one transaction.
    Values(usize),
    /// `COPY` of text that is made on the way.
    CopyText,
    /// `COPY` of CSV that is made on the way.
    CopyCsv,
    /// `COPY` of a file of CSV.
    CopyFile,
}

/// The most rows that a statement has parameters for.
pub(crate) const MOST_VALUES: usize = 65_535 / sql::WRITE_COLUMNS.len();
const COPY_BYTES: usize = 64 * 1024;

/// Writes.
pub(crate) struct Writer {
    pool: PgPool,
    way: Write,
    files: Option<Files>,
}

impl Writer {
    pub(crate) async fn open(job: &Job, way: Write) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(POOL as u32).connect(&job.url).await?;
        let files = matches!(way, Write::CopyFile).then(|| Files::of(job)).transpose()?;
        Ok(Self { pool, way, files })
    }

    async fn copy(&self, rows: impl Iterator<Item = Row>, csv: bool) -> Result<()> {
        let statement = match csv {
            true => "copy bench_write (a, b, c, d, e) from stdin (format csv)",
            false => "copy bench_write (a, b, c, d, e) from stdin",
        };
        let mut connection = self.pool.acquire().await?;
        let mut copy = connection.copy_in_raw(statement).await?;
        let mut text = String::with_capacity(COPY_BYTES + 256);
        for (a, b, c, d, e) in rows {
            let e = e.naive_utc();
            // Nothing in these rows needs escaping; nobody else is spared the look.
            if csv {
                writeln!(text, "{a},{b},{c},{d},{e}+00")?;
            } else {
                writeln!(text, "{a}\t{b}\t{c}\t{d}\t{e}+00")?;
            }
            if text.len() >= COPY_BYTES {
                copy.send(text.as_bytes()).await?;
                text.clear();
            }
        }
        copy.send(text.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }
}

type Row = (i64, String, i32, f64, DateTime<Utc>);

fn row(i: i64) -> Row {
    let (a, b, c, d, e) = write_row(i);
    (a, b, c, d, DateTime::from_timestamp(e, 0).expect("a time of this century"))
}

impl InsertPeer for Writer {
    async fn empty(&self) -> Result<()> {
        sqlx::query(sql::WRITE_TRUNCATE).execute(&self.pool).await?;
        Ok(())
    }

    async fn insert(&self, count: u64) -> Result<()> {
        let mut rows = (1..=i64::try_from(count)?).map(row);
        match self.way {
            Write::CopyText => self.copy(rows, false).await,
            Write::CopyCsv => self.copy(rows, true).await,
            Write::CopyFile => {
                let path = self.files.as_ref().ok_or("no file was made")?.path(count)?;
                let file = tokio::fs::File::open(path).await?;
                let mut connection = self.pool.acquire().await?;
                let mut copy = connection.copy_in_raw(sql::WRITE_COPY_CSV).await?;
                copy.read_from(file).await?;
                copy.finish().await?;
                Ok(())
            }
            Write::Unnest(most) => {
                let mut transaction = self.pool.begin().await?;
                loop {
                    let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
                    let (mut d, mut e) = (vec![], vec![]);
                    for row in rows.by_ref().take(most) {
                        a.push(row.0);
                        b.push(row.1);
                        c.push(row.2);
                        d.push(row.3);
                        e.push(row.4);
                    }
                    if a.is_empty() {
                        break;
                    }
                    let query = sqlx::query(sql::WRITE_UNNEST).bind(a).bind(b).bind(c).bind(d);
                    query.bind(e).execute(&mut *transaction).await?;
                }
                Ok(transaction.commit().await?)
            }
            Write::Values(most) => {
                let mut transaction = self.pool.begin().await?;
                loop {
                    let batch: Vec<_> = rows.by_ref().take(most).collect();
                    if batch.is_empty() {
                        break;
                    }
                    let mut query =
                        QueryBuilder::<Postgres>::new("insert into bench_write (a, b, c, d, e) ");
                    query.push_values(batch, |mut values, (a, b, c, d, e)| {
                        values.push_bind(a).push_bind(b).push_bind(c).push_bind(d).push_bind(e);
                    });
                    query.build().execute(&mut *transaction).await?;
                }
                Ok(transaction.commit().await?)
            }
        }
    }

    async fn count(&self) -> Result<(i64, i64)> {
        Ok(sqlx::query_as(sql::WRITE_COUNT).fetch_one(&self.pool).await?)
    }
}
