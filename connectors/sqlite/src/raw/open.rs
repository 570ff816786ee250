//! An open statement together with its connection, so that both can move between threads.

#![allow(clippy::mem_forget, reason = "inside what `self_cell!` expands to")]

use std::mem::ManuallyDrop;
use std::time::Instant;

use rusqlite::{CachedStatement, Connection};
use self_cell::self_cell;
use wellspring_connector::{Column, Columns, Error, Result, Value, ValueKind};

use crate::batch::Collecting;
use crate::bind::bind;
use crate::errors::{During, convert};

self_cell!(
    struct Pair {
        owner: Box<Connection>,
        #[not_covariant]
        dependent: Running,
    }
);

/// A statement that is reset, and goes back to its connection's cache, when dropped.
struct Running<'c>(CachedStatement<'c>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // `Rows` resets its statement when it is dropped; nothing else in rusqlite does.
        drop(self.0.raw_query());
    }
}

/// A prepared statement, possibly between two of its rows, and the connection it belongs to.
pub(crate) struct OpenStatement(Pair);

// SAFETY: `rusqlite::Connection` is `Send`, `CachedStatement` is not, for two reasons: it holds a
// `&Connection`, whose cells must not be used by two threads at once, and a raw statement, which
// belongs to that connection. Here the reference cannot be anywhere else than in the same `Pair`
// as its target: the pair owns the connection in a box, lends it only to closures (`prepare`,
// `fetch`, `columns`) and to `connection()`, whose result is tied to a borrow of the pair, and
// `Connection` is not `Sync`, so no such borrow crosses threads. Moving an `OpenStatement`
// therefore moves everything that can reach the connection at once, exactly as moving the
// connection itself does, and the box keeps the connection's address. That SQLite may be entered
// from different threads, one at a time, needs a library compiled with threads:
// `rusqlite::Connection` checks `sqlite3_threadsafe()` when it opens, and refuses otherwise.
unsafe impl Send for OpenStatement {}

/// When a fetch stops before the last row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// Checked every few rows.
    pub(crate) until: Option<Instant>,
}

impl Limit {
    fn reached(&self, collected: &Collecting) -> bool {
        collected.rows() >= self.rows
            || collected.bytes() >= self.bytes
            || (collected.rows().is_multiple_of(32)
                && self.until.is_some_and(|until| Instant::now() >= until))
    }
}

impl OpenStatement {
    /// Prepares `text`, from the cache if it is there, and binds `values`.
    pub(crate) fn prepare(
        connection: Box<Connection>,
        text: &str,
        values: &[Value],
    ) -> Result<Self, (Box<Connection>, Failure)> {
        Pair::try_new_or_recover(connection, |connection| {
            let statement = connection.prepare_cached(text).map_err(Failure::Prepare)?;
            let mut running = Running(statement);
            bind(&mut running.0, values).map_err(Failure::Bind)?;
            Ok(running)
        })
        .map(Self)
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.0.borrow_owner()
    }

    /// True when the statement cannot write.
    pub(crate) fn is_readonly(&self) -> bool {
        self.0.with_dependent(|_, running| running.0.readonly())
    }

    /// True when the statement returns rows.
    pub(crate) fn has_columns(&self) -> bool {
        self.0.with_dependent(|_, running| running.0.column_count() > 0)
    }

    /// Steps on until `limit` or the end, collecting rows; true when there may be more. After the
    /// end, or an error, the statement is reset and would begin again.
    pub(crate) fn fetch(&mut self, limit: Limit, into: &mut Collecting) -> rusqlite::Result<bool> {
        self.0.with_dependent_mut(|_, running| {
            // Dropping `Rows` would reset the statement. Kept from that, the next `raw_query`
            // steps on from the same row.
            let mut rows = ManuallyDrop::new(running.0.raw_query());
            let mut columns = None;
            while let Some(row) = rows.next()? {
                // Known only now: SQLite prepares again by itself when the schema has changed.
                let columns = *columns.get_or_insert_with(|| row.as_ref().column_count());
                into.push(row, columns)?;
                if limit.reached(into) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Steps to the end, discarding rows.
    pub(crate) fn exhaust(&mut self) -> rusqlite::Result<()> {
        self.0.with_dependent_mut(|_, running| {
            let mut rows = running.0.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        })
    }

    /// The columns of the result: `known` if they are still the same.
    pub(crate) fn columns(&self, known: Option<&Columns>) -> Columns {
        self.0.with_dependent(|_, running| {
            let statement = &running.0;
            if let Some(known) = known
                && known.len() == statement.column_count()
                && columns_of(statement).zip(known.iter()).all(|(column, known)| {
                    column.name() == &*known.name
                        && column.decl_type().unwrap_or_default() == &*known.native_type
                })
            {
                return Columns::clone(known);
            }
            columns_of(statement)
                .map(|column| {
                    let native = column.decl_type().unwrap_or_default();
                    Column::new(column.name(), ValueKind::Unknown, native)
                })
                .collect()
        })
    }

    /// Ends the statement and gives the connection back.
    pub(crate) fn close(self) -> Box<Connection> {
        self.0.into_owner()
    }
}

/// The columns of a statement: an iterator in some versions of rusqlite, a vector in others.
#[allow(clippy::useless_conversion, reason = "by the version of rusqlite")]
fn columns_of<'s>(
    statement: &'s rusqlite::Statement<'_>,
) -> impl Iterator<Item = rusqlite::Column<'s>> {
    statement.columns().into_iter()
}

/// Why a statement could not be opened.
pub(crate) enum Failure {
    Prepare(rusqlite::Error),
    Bind(Error),
}

impl Failure {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Prepare(error) => convert(error, During::Prepare),
            Self::Bind(error) => error,
        }
    }
}
