//! PostgreSQL through tokio-postgres alone: large fetches and inserts.

use std::pin::pin;

use bench_kit::data::{Sums, insert_row};
use bench_kit::{FetchPeer, InsertPeer, Job, Result, sql};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use tokio::sync::Mutex;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::pg_raw::connect;

/// How a fetch is made.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// As a stream of rows.
    Stream,
    /// Into a vector of rows.
    Vec,
    /// Through a portal, 10,000 rows at a time: what bounds memory on the server's side, too.
    Portal,
}

/// One connection that fetches.
pub(crate) struct Fetch {
    client: Mutex<Client>,
    how: How,
}

impl Fetch {
    pub(crate) async fn open(job: &Job, how: How) -> Result<Self> {
        Ok(Self { client: Mutex::new(connect(&job.url).await?), how })
    }
}

impl FetchPeer for Fetch {
    async fn fetch(&self, rows: u64, columns: usize) -> Result<Sums> {
        let mut client = self.client.lock().await;
        let text = if columns == 4 { sql::FETCH_PG_4 } else { sql::FETCH_PG_6 };
        let statement = client.prepare(text).await?;
        let last = i64::try_from(rows)?;
        let mut sums = Sums::default();
        match self.how {
            How::Stream => {
                let mut stream = pin!(client.query_raw(&statement, [last]).await?);
                while let Some(row) = stream.try_next().await? {
                    add(&mut sums, &row, columns)?;
                }
            }
            How::Vec => {
                for row in client.query(&statement, &[&last]).await? {
                    add(&mut sums, &row, columns)?;
                }
            }
            How::Portal => {
                let transaction = client.transaction().await?;
                let portal = transaction.bind(&statement, &[&last]).await?;
                loop {
                    let mut some = false;
                    let mut stream = pin!(transaction.query_portal_raw(&portal, 10_000).await?);
                    while let Some(row) = stream.try_next().await? {
                        some = true;
                        add(&mut sums, &row, columns)?;
                    }
                    if !some {
                        break;
                    }
                }
                transaction.commit().await?;
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut Sums, row: &Row, columns: usize) -> Result<()> {
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

/// How an insert is made.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// `COPY`, binary.
    Copy,
    /// Arrays of 10,000 values.
    Unnest,
}

/// One connection that inserts.
pub(crate) struct Insert {
    client: Mutex<Client>,
    way: Way,
}

impl Insert {
    pub(crate) async fn open(job: &Job, way: Way) -> Result<Self> {
        Ok(Self { client: Mutex::new(connect(&job.url).await?), way })
    }
}

const UNNEST_ROWS: usize = 10_000;

impl InsertPeer for Insert {
    async fn empty(&self) -> Result<()> {
        Ok(self.client.lock().await.batch_execute(sql::TRUNCATE).await?)
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let mut client = self.client.lock().await;
        let transaction = client.transaction().await?;
        let mut rows = (1..=i64::try_from(rows)?).map(insert_row);
        match self.way {
            Way::Copy => {
                let sink = transaction
                    .copy_in("copy bench_insert (a, b, c, d) from stdin (format binary)")
                    .await?;
                let types = [Type::INT8, Type::INT4, Type::TEXT, Type::FLOAT8];
                let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
                for (a, b, c, d) in rows {
                    writer.as_mut().write(&[&a, &b, &c, &d]).await?;
                }
                writer.finish().await?;
            }
            Way::Unnest => {
                let statement = transaction
                    .prepare(
                        "insert into bench_insert (a, b, c, d) select * from \
                         unnest($1::int8[], $2::int4[], $3::text[], $4::float8[])",
                    )
                    .await?;
                loop {
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
                    transaction.execute(&statement, &[&a, &b, &c, &d]).await?;
                }
            }
        }
        Ok(transaction.commit().await?)
    }

    async fn count(&self) -> Result<(i64, i64)> {
        let row = self.client.lock().await.query_one(sql::COUNT, &[]).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}
