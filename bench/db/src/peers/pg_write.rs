//! 100,000 rows into PostgreSQL through tokio-postgres alone: the floor.

use std::pin::pin;

use bench_kit::csv::Files;
use bench_kit::data::write_row;
use bench_kit::{InsertPeer, Job, Result, sql};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::SinkExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use super::pg_raw::connect;

/// How many bytes of a file are sent at a time.
const CHUNK: usize = 64 * 1024;

/// A row as an application has it.
pub(super) type Row = (i64, String, i32, f64, DateTime<Utc>);

/// Row `i`.
pub(super) fn row(i: i64) -> Row {
    let (a, b, c, d, e) = write_row(i);
    (a, b, c, d, instant(e))
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time of this century")
}

/// One connection that copies: values in the binary format, or a file of CSV.
pub(crate) struct Writer {
    client: Mutex<Client>,
    files: Option<Files>,
}

impl Writer {
    /// Of values.
    pub(crate) async fn binary(job: &Job) -> Result<Self> {
        Ok(Self { client: Mutex::new(connect(&job.url).await?), files: None })
    }

    /// Of files.
    pub(crate) async fn file(job: &Job) -> Result<Self> {
        Ok(Self { files: Some(Files::of(job)?), ..Self::binary(job).await? })
    }
}

impl InsertPeer for Writer {
    async fn empty(&self) -> Result<()> {
        Ok(self.client.lock().await.batch_execute(sql::WRITE_TRUNCATE).await?)
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let client = self.client.lock().await;
        if let Some(files) = &self.files {
            let mut file = tokio::fs::File::open(files.path(rows)?).await?;
            let mut sink = pin!(client.copy_in::<_, Bytes>(sql::WRITE_COPY_CSV).await?);
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while file.read_buf(&mut chunk).await? > 0 {
                sink.send(chunk.split().freeze()).await?;
                chunk.reserve(CHUNK);
            }
            sink.finish().await?;
            return Ok(());
        }
        let sink =
            client.copy_in("copy bench_write (a, b, c, d, e) from stdin (format binary)").await?;
        let types = [Type::INT8, Type::TEXT, Type::INT4, Type::FLOAT8, Type::TIMESTAMPTZ];
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for (a, b, c, d, e) in (1..=i64::try_from(rows)?).map(row) {
            writer.as_mut().write(&[&a, &b, &c, &d, &e]).await?;
        }
        writer.finish().await?;
        Ok(())
    }

    async fn count(&self) -> Result<(i64, i64)> {
        let row = self.client.lock().await.query_one(sql::WRITE_COUNT, &[]).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}
