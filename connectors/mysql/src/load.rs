//! Many rows in by `LOAD DATA LOCAL INFILE`, from memory; no file is ever read.
//!
//! The server asks for a file by name and is given the rows instead. It asks only while a load of
//! ours runs: at any other time the driver has nothing to give, whatever a server asks for.

use std::future::poll_fn;
use std::io::Write as _;
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use mysql_async::Value as NativeValue;
use tokio::sync::{mpsc, oneshot};
use wellspring_connector::{
    BulkSink, BulkSource, BulkTarget, Connection, Error, ErrorKind, Result, ValueRef,
    bulk_insert_by_statements,
};
use wellspring_connector::{Command, TransactionOptions};

use crate::connection::MySqlConnection;
use crate::encode::{self, Refused};
use crate::flight::{Event, Request};
use crate::session::{Landed, PORTION};

/// How many bytes are handed over at a time.
const CHUNK: usize = 64 * 1024;

/// The errors of servers that do not take files from clients.
const REFUSED: [&str; 4] = ["1148", "3948", "3950", "4166"];

const SAVEPOINT: &str = "wellspring_load";

/// Inserts `rows`, all of them or none.
pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    let columns = ways_in(connection, into).await?;
    // The server turns duplicate keys and bad values of a load into warnings and goes on: they are
    // looked for afterwards, and then everything is undone.
    let own = !connection.session.in_transaction();
    if own {
        connection.begin(TransactionOptions::new()).await?;
        connection.undo = Some("rollback");
    } else {
        connection.simple(&format!("savepoint {SAVEPOINT}")).await?;
        connection.undo = Some("rollback to savepoint wellspring_load");
    }
    let loaded = load(connection, into, &columns, rows).await;
    // Whoever comes next undoes it, should this be dropped before its end.
    match loaded {
        Ok(Some(count)) => {
            let committed = if own { connection.commit_now().await } else { Ok(()) };
            if committed.is_ok() {
                connection.undo = None;
            }
            committed.map(|()| count)
        }
        outcome => {
            let mut undone = connection.settle().await;
            if own && undone.is_ok() {
                undone = connection.rollback().await;
            }
            match (outcome, undone) {
                // The server takes no files; not one row was asked for.
                (Ok(_), Ok(())) => bulk_insert_by_statements(connection, into, rows).await,
                (Ok(_), Err(error)) => Err(error),
                (Err(error), undone) => {
                    if let Err(failure) = undone {
                        tracing::debug!(%failure, "a load could not be undone yet");
                    }
                    Err(error)
                }
            }
        }
    }
}

/// How the values of a column get into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayIn {
    /// As they are written.
    Plain,
    /// As hex digits: bytes are not text.
    Hex,
    /// As a number: the text `1` is not the bit 1.
    Number,
}

async fn ways_in(connection: &mut MySqlConnection, into: &BulkTarget) -> Result<Vec<WayIn>> {
    let dialect = connection.dialect();
    let text = format!(
        "select {} from {} limit 0",
        into.quoted_columns(dialect),
        into.quoted_table(dialect)
    );
    let rows = connection.query(Command::new(&text, &[])).await?;
    let ways = rows
        .columns()
        .iter()
        .map(|column| match &*column.native_type {
            "bit" => WayIn::Number,
            "binary" | "varbinary" | "blob" | "geometry" | "vector" => WayIn::Hex,
            _ => WayIn::Plain,
        })
        .collect();
    // An empty result, read to its end.
    let mut rows = rows;
    while rows.next_batch().await?.is_some() {}
    Ok(ways)
}

fn statement(connection: &MySqlConnection, into: &BulkTarget, ways: &[WayIn]) -> String {
    let dialect = connection.dialect();
    let mut columns = Vec::new();
    let mut sets = Vec::new();
    for (n, (name, way)) in into.columns.iter().zip(ways).enumerate() {
        let name = dialect.quote_identifier(name);
        match way {
            WayIn::Plain => columns.push(name),
            WayIn::Hex => {
                columns.push(format!("@wellspring_{n}"));
                sets.push(format!("{name} = unhex(@wellspring_{n})"));
            }
            WayIn::Number => {
                columns.push(format!("@wellspring_{n}"));
                sets.push(format!("{name} = @wellspring_{n} + 0"));
            }
        }
    }
    let sets = if sets.is_empty() { String::new() } else { format!(" set {}", sets.join(", ")) };
    format!(
        // In hex digits, since backslashes are plain characters in some modes of the server.
        "load data local infile 'wellspring' into table {} character set utf8mb4 \
         fields terminated by x'09' escaped by x'5c' lines terminated by x'0a' ({}){sets}",
        into.quoted_table(dialect),
        columns.join(", ")
    )
}

/// Loads the rows; `None` when the server takes none this way.
async fn load(
    connection: &mut MySqlConnection,
    into: &BulkTarget,
    ways: &[WayIn],
    rows: &mut dyn BulkSource,
) -> Result<Option<u64>> {
    let text = statement(connection, into, ways);
    let (give, take) = mpsc::channel::<Bytes>(2);
    let (ask, asked) = oneshot::channel::<()>();
    let conn = connection
        .session
        .conn()
        .ok_or_else(|| Error::new(ErrorKind::ConnectionLost, "the connection is closed"))?;
    conn.set_infile_handler(async move {
        // Whoever writes the rows begins when they are asked for.
        let _nobody_writes = ask.send(());
        // They end when the writer is gone. When that is too early, what was loaded is undone; an
        // error here would cost the connection.
        let rows = stream::unfold(take, |mut take| async move {
            take.recv().await.map(|chunk| (Ok(chunk), take))
        });
        Ok(rows.boxed())
    });
    let statement = Request::Text(text.into_boxed_str());
    connection.session.launch(statement, PORTION)?;

    let mut writer = Writer { into, ways, buf: BytesMut::new(), at: 0, rows: 0 };
    let written = {
        let mut writing = pin!(
            async {
                if asked.await.is_err() {
                    return Ok(false);
                }
                writer.write_all(rows, &give).await?;
                // The end of the rows.
                drop(give);
                Ok::<bool, Error>(true)
            }
            .fuse()
        );
        let mut written = None;
        let mut loaded = (0, 0);
        let landed = loop {
            let event = {
                let mut event = pin!(connection.session.event());
                poll_fn(|cx| {
                    if written.is_none()
                        && let Poll::Ready(result) = writing.as_mut().poll(cx)
                    {
                        written = Some(result);
                    }
                    if let Some(Err(_)) = &written {
                        return Poll::Ready(None);
                    }
                    event.as_mut().poll(cx).map(Some)
                })
                .await
            };
            match event {
                Some(Landed::More(Event::Complete(rows, _))) => loaded.0 += rows,
                Some(Landed::More(_)) => {}
                Some(Landed::Over(outcome)) => break Some(outcome),
                // Writing failed: the load is stopped, as its event's waiting was dropped.
                None => break None,
            }
        };
        (written, landed, loaded.0)
    };
    let (written, landed, loaded) = written;
    match (written, landed) {
        (Some(Err(error)), _) => {
            connection.settle_load().await?;
            Err(error)
        }
        (_, Some(Err(error))) if error.code().is_some_and(|code| REFUSED.contains(&code)) => {
            Ok(None)
        }
        (_, Some(Err(error))) => Err(connection.in_transaction(error)),
        (_, None) => Err(Error::new(ErrorKind::Other, "a load ended before its rows")),
        (_, Some(Ok(()))) => {
            let sent = writer.rows;
            check(connection, sent, loaded).await?;
            Ok(Some(sent))
        }
    }
}

/// Looks for what the server only warned of.
async fn check(connection: &mut MySqlConnection, sent: u64, loaded: u64) -> Result<()> {
    let warnings = connection.session.conn().map_or(0, |conn| conn.get_warnings());
    if warnings == 0 && loaded == sent {
        return Ok(());
    }
    // Level, number, words.
    let warnings = connection.session.rows("show warnings limit 1").await?;
    let number = warnings.first().and_then(|warning| warning.get::<u16, _>(1));
    let words = warnings.first().and_then(|warning| warning.get::<String, _>(2));
    Err(match (number, words) {
        (Some(number), Some(words)) => {
            let row = row_of(&words);
            let error = crate::errors::of_warning(number, words);
            match row {
                Some(row) => error.at_operation("row", row),
                None => error,
            }
        }
        _ => Error::new(
            ErrorKind::Other,
            format!("{loaded} of {sent} rows were loaded, and the server does not say why"),
        ),
    })
}

/// The row a warning is about, from 0: `… at row 3`.
fn row_of(words: &str) -> Option<usize> {
    words.rsplit_once(" at row ")?.1.parse::<usize>().ok()?.checked_sub(1)
}

fn bytes_elsewhere() -> Refused {
    Refused::Cannot("bytes for a column of text or numbers".to_owned())
}

/// Writes rows as a load wants them: tabs between values, a line for each row.
struct Writer<'a> {
    into: &'a BulkTarget,
    ways: &'a [WayIn],
    buf: BytesMut,
    /// The column of the next value.
    at: usize,
    rows: u64,
}

impl Writer<'_> {
    async fn write_all(
        &mut self,
        rows: &mut dyn BulkSource,
        give: &mpsc::Sender<Bytes>,
    ) -> Result<()> {
        loop {
            self.at = 0;
            let more = poll_fn(|cx| rows.poll_row(cx, self)).await?;
            if more {
                self.into.check_width(self.at)?;
                self.rows += 1;
                self.buf.extend_from_slice(b"\n");
            }
            if !more || self.buf.len() >= CHUNK {
                let chunk = self.buf.split().freeze();
                // Nobody takes it when the load has failed, which is told elsewhere.
                if !chunk.is_empty() && give.send(chunk).await.is_err() {
                    return Ok(());
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Writes text with what separates values, lines and escapes escaped.
    fn text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|b| matches!(b, b'\t' | b'\n' | b'\\' | 0)) {
            self.buf.extend_from_slice(&rest[..at]);
            self.buf.extend_from_slice(match rest[at] {
                b'\t' => b"\\t",
                b'\n' => b"\\n",
                0 => b"\\0",
                _ => b"\\\\",
            });
            rest = &rest[at + 1..];
        }
        self.buf.extend_from_slice(rest);
    }

    fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.buf.reserve(bytes.len() * 2);
        for byte in bytes {
            let pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            self.buf.extend_from_slice(&pair);
        }
    }

    fn put(&mut self, value: &ValueRef<'_>, way: WayIn) -> Result<(), Refused> {
        match value {
            ValueRef::Null(_) => self.buf.extend_from_slice(b"\\N"),
            ValueRef::Bool(v) => self.buf.extend_from_slice(if *v { b"1" } else { b"0" }),
            ValueRef::I16(v) => self.number(v),
            ValueRef::I32(v) => self.number(v),
            ValueRef::I64(v) => self.number(v),
            ValueRef::U64(v) => self.number(v),
            ValueRef::F32(v) if v.is_finite() => self.number(v),
            ValueRef::F64(v) if v.is_finite() => self.number(v),
            ValueRef::Text(v) | ValueRef::Json(v) if way == WayIn::Hex => self.hex(v.as_bytes()),
            ValueRef::Text(v) | ValueRef::Json(v) => self.text(v),
            ValueRef::Bytes(v) if way == WayIn::Hex => self.hex(v),
            ValueRef::Uuid(v) if way == WayIn::Hex => self.hex(v.as_bytes()),
            ValueRef::Uuid(v) => self.number(v),
            ValueRef::Bytes(_) => return Err(bytes_elsewhere()),
            // The rest has the same limits as a parameter, and the same notation.
            other => {
                let owned = other.clone().to_owned();
                match encode::encode(&owned)? {
                    NativeValue::Bytes(bytes) if way == WayIn::Hex => self.hex(&bytes),
                    NativeValue::Bytes(bytes) => match std::str::from_utf8(&bytes) {
                        Ok(text) => self.text(text),
                        Err(_) => return Err(bytes_elsewhere()),
                    },
                    // Dates and times: digits in quotes.
                    native => {
                        let text = native.as_sql(true);
                        let text = text.trim_matches('\'');
                        if way == WayIn::Hex {
                            self.hex(text.as_bytes());
                        } else {
                            self.text(text);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, value: impl std::fmt::Display) {
        let mut scratch = [0_u8; 64];
        let mut rest = &mut scratch[..];
        if write!(rest, "{value}").is_ok() {
            let left = rest.len();
            self.buf.extend_from_slice(&scratch[..64 - left]);
        } else {
            // A float with hundreds of digits.
            self.buf.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

impl BulkSink for Writer<'_> {
    fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        let Some(&way) = self.ways.get(self.at) else {
            return self.into.check_width(self.at + 1);
        };
        if self.at > 0 {
            self.buf.extend_from_slice(b"\t");
        }
        self.put(&value, way).map_err(|why| {
            let column = &self.into.columns[self.at];
            why.at(format_args!("column `{column}`")).with_column(column.as_str())
        })?;
        self.at += 1;
        Ok(())
    }
}
