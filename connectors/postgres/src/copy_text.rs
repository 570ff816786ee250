//! Many rows of text in by `COPY … FROM STDIN` in its text format: the server reads each value as a
//! literal of its column's type.

use std::future::poll_fn;
use std::pin::pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::error::DbError;
use wellspring_connector::{BulkSink, BulkSource, BulkTarget, Error, ErrorKind, Result, ValueRef};

use crate::connector::DIALECT;
use crate::errors::{Sent, convert};
use crate::session::Session;

/// How many bytes are sent at a time.
const CHUNK: usize = 64 * 1024;

/// Copies `rows` in. All of them or none: it is one statement.
pub(crate) async fn copy_in(
    session: &Session,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    let (table, columns) = (into.quoted_table(&DIALECT), into.quoted_columns(&DIALECT));
    let flight = session.in_flight();
    let copied = async {
        let text = format!("copy {table} ({columns}) from stdin (encoding 'UTF8')");
        let sink = session.client.copy_in::<_, Bytes>(&text).await.map_err(native)?;
        let mut sink = pin!(sink);
        let mut lines = Lines { into, buf: BytesMut::new(), at: 0 };
        loop {
            lines.at = 0;
            if !poll_fn(|cx| rows.poll_row(cx, &mut lines)).await? {
                break;
            }
            into.check_width(lines.at)?;
            lines.buf.put_u8(b'\n');
            if lines.buf.len() >= CHUNK {
                // The next chunk is written while this one is sent.
                sink.feed(lines.buf.split().freeze()).await.map_err(native)?;
                lines.buf.reserve(CHUNK + CHUNK / 4);
            }
        }
        sink.feed(lines.buf.split().freeze()).await.map_err(native)?;
        sink.as_mut().finish().await.map_err(native)
    }
    .await;
    flight.over();
    // The number of rows, and any error, come before the end of the answer.
    session.answer_ended().await;
    copied
}

fn native(error: tokio_postgres::Error) -> Error {
    let row = error.as_db_error().and_then(row_of);
    let error = convert(error, Sent::Perhaps);
    match row {
        Some(row) => error.at_operation("row", row),
        None => error,
    }
}

/// The row an error is about, from 0: `COPY t, line 3, column a: "x"`. A line holds one row.
fn row_of(error: &DbError) -> Option<usize> {
    let place = error.where_()?;
    let digits = place.strip_prefix("COPY ")?.split(", line ").nth(1)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse::<usize>().ok()?.checked_sub(1)
}

/// Writes rows as the copy wants them: tabs between values, a line for each row.
struct Lines<'a> {
    into: &'a BulkTarget,
    buf: BytesMut,
    /// The column of the next value.
    at: usize,
}

impl Lines<'_> {
    fn text(&mut self, text: &str) -> Result<(), &'static str> {
        let mut rest = text.as_bytes();
        while let Some(at) =
            rest.iter().position(|b| matches!(b, b'\t' | b'\n' | b'\r' | b'\\' | 0))
        {
            self.buf.put_slice(&rest[..at]);
            self.buf.put_slice(match rest[at] {
                b'\t' => b"\\t",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\\' => b"\\\\",
                _ => return Err("text with a NUL character, which PostgreSQL cannot keep"),
            });
            rest = &rest[at + 1..];
        }
        self.buf.put_slice(rest);
        Ok(())
    }

    fn put(&mut self, value: &ValueRef<'_>) -> Result<(), &'static str> {
        match value {
            ValueRef::Null(_) => self.buf.put_slice(b"\\N"),
            ValueRef::Text(text) | ValueRef::Json(text) => self.text(text)?,
            ValueRef::Bool(v) => self.buf.put_u8(if *v { b't' } else { b'f' }),
            ValueRef::Bytes(bytes) => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                self.buf.put_slice(b"\\\\x");
                for byte in *bytes {
                    self.buf.put_u8(DIGITS[usize::from(byte >> 4)]);
                    self.buf.put_u8(DIGITS[usize::from(byte & 15)]);
                }
            }
            _ => return Err("a value that is neither text nor bytes"),
        }
        Ok(())
    }
}

impl BulkSink for Lines<'_> {
    fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        if self.at >= self.into.columns.len() {
            return self.into.check_width(self.at + 1);
        }
        if self.at > 0 {
            self.buf.put_u8(b'\t');
        }
        self.put(&value).map_err(|why| {
            let column = &self.into.columns[self.at];
            Error::new(ErrorKind::Encode, format!("column `{column}`: {why}"))
                .with_column(column.as_str())
        })?;
        self.at += 1;
        Ok(())
    }
}
