//! Many rows in by `COPY … FROM STDIN` in its binary format.

use std::future::poll_fn;
use std::pin::pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::types::Type;
use wellspring_connector::{BulkSink, BulkSource, BulkTarget, Error, ErrorKind, Result, ValueRef};

use crate::connector::DIALECT;
use crate::encode::{EncodeError, framed};
use crate::errors::{Sent, convert};
use crate::session::Session;

/// How many bytes are sent at a time.
const CHUNK: usize = 64 * 1024;

/// What a binary copy begins with: its signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Copies `rows` in. All of them or none: it is one statement.
pub(crate) async fn copy_in(
    session: &Session,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    let (table, columns) = (into.quoted_table(&DIALECT), into.quoted_columns(&DIALECT));
    let flight = session.in_flight();
    let copied = async {
        let shape = session
            .client
            .prepare(&format!("select {columns} from {table}"))
            .await
            .map_err(native)?;
        let types: Vec<Type> =
            shape.columns().iter().map(|column| column.type_().clone()).collect();
        let text = format!("copy {table} ({columns}) from stdin (format binary)");
        let sink = session.client.copy_in::<_, Bytes>(&text).await.map_err(native)?;
        let mut sink = pin!(sink);
        let mut rows_out = Encoder { into, types: &types, buf: BytesMut::new(), at: 0 };
        rows_out.buf.put_slice(HEADER);
        loop {
            rows_out.begin();
            let start = rows_out.buf.len() - 2;
            if !poll_fn(|cx| rows.poll_row(cx, &mut rows_out)).await? {
                rows_out.buf.truncate(start);
                break;
            }
            rows_out.end()?;
            if rows_out.buf.len() >= CHUNK {
                let chunk = rows_out.buf.split().freeze();
                // The next chunk is written while this one is sent.
                sink.feed(chunk).await.map_err(native)?;
                rows_out.buf.reserve(CHUNK + CHUNK / 4);
            }
        }
        rows_out.buf.put_i16(-1);
        sink.feed(rows_out.buf.split().freeze()).await.map_err(native)?;
        sink.as_mut().finish().await.map_err(native)
    }
    .await;
    flight.over();
    // The number of rows, and any error, come before the end of the answer.
    session.answer_ended().await;
    copied
}

fn native(error: tokio_postgres::Error) -> Error {
    convert(error, Sent::Perhaps)
}

/// Writes rows as the copy wants them.
struct Encoder<'a> {
    into: &'a BulkTarget,
    types: &'a [Type],
    buf: BytesMut,
    /// The column of the next value.
    at: usize,
}

impl Encoder<'_> {
    fn begin(&mut self) {
        self.at = 0;
        let columns = i16::try_from(self.types.len()).expect("a table has at most 1600 columns");
        self.buf.put_i16(columns);
    }

    fn end(&self) -> Result<()> {
        self.into.check_width(self.at)
    }
}

impl BulkSink for Encoder<'_> {
    fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        let Some(ty) = self.types.get(self.at) else {
            return self.into.check_width(self.at + 1);
        };
        framed(&value, ty, &mut self.buf).map_err(|why: EncodeError| {
            let column = &self.into.columns[self.at];
            Error::new(ErrorKind::Encode, format!("column `{column}`: {why}"))
                .with_column(column.as_str())
        })?;
        self.at += 1;
        Ok(())
    }
}
