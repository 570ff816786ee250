//! 100,000 rows into PostgreSQL through rbatis, by its `insert_batch`.

use ::rbatis::RBatis;
use ::rbatis::rbdc::DateTime;
use bench_kit::data::write_row;
use bench_kit::{InsertPeer, Job, POOL, Result, sql};
use rbdc_pg::driver::PgDriver;

/// As many rows as a statement of PostgreSQL can have values for.
const BATCH: u64 = 13_107;

/// Writes.
pub(crate) struct Writer(RBatis);

/// A row, as rbatis wants it.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BenchWrite {
    a: i64,
    b: String,
    c: i32,
    d: f64,
    e: DateTime,
}

::rbatis::crud!(BenchWrite {}, "bench_write");

#[derive(serde::Deserialize)]
struct Counted {
    count: i64,
    #[serde(alias = "int8")]
    coalesce: i64,
}

impl Writer {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let rbatis = RBatis::new();
        rbatis.init(PgDriver {}, &job.url)?;
        rbatis.get_pool()?.set_max_open_conns(POOL as u64).await;
        Ok(Self(rbatis))
    }
}

impl InsertPeer for Writer {
    async fn empty(&self) -> Result<()> {
        self.0.exec(sql::WRITE_TRUNCATE, vec![]).await?;
        Ok(())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let rows: Vec<BenchWrite> = (1..=i64::try_from(rows)?)
            .map(|i| {
                let (a, b, c, d, e) = write_row(i);
                BenchWrite { a, b, c, d, e: DateTime::from_timestamp(e) }
            })
            .collect();
        let transaction = self.0.acquire_begin().await?;
        BenchWrite::insert_batch(&transaction, &rows, BATCH).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn count(&self) -> Result<(i64, i64)> {
        let rows: Vec<Counted> = self.0.exec_decode(sql::WRITE_COUNT, vec![]).await?;
        let Counted { count, coalesce } = rows.into_iter().next().ok_or("no row")?;
        Ok((count, coalesce))
    }
}
