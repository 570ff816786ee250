//! Many rows on their way into one table: what is inserted where, and where the rows come from.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    Connection, Dialect, Error, ErrorKind, HasKind, Lease, Result, Row, SessionState, Source,
    Value, ValueRef,
};

mod multi_row;

/// The table and the columns of a bulk insert.
///
/// ```
/// use wellspring_connector::{BulkTarget, Dialect};
///
/// let target = BulkTarget::new("sales.orders", ["id", "total"]);
/// assert_eq!(target.quoted_table(&Dialect::POSTGRES), r#""sales"."orders""#);
/// assert_eq!(target.quoted_columns(&Dialect::MYSQL), "`id`, `total`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkTarget {
    /// The table's name, after those of what contains it: `["sales", "orders"]`.
    pub table: Vec<String>,
    /// The columns the rows have values for, in their order.
    pub columns: Vec<String>,
}

impl BulkTarget {
    /// `columns` of `table`, whose dots separate the schema from the name. Both are quoted, so that
    /// their case counts where the database's rules say so.
    pub fn new<C: Into<String>>(table: &str, columns: impl IntoIterator<Item = C>) -> Self {
        Self {
            table: table.split('.').map(str::to_owned).collect(),
            columns: columns.into_iter().map(Into::into).collect(),
        }
    }

    /// The table's name, quoted for `dialect`.
    pub fn quoted_table(&self, dialect: &Dialect) -> String {
        join(self.table.iter().map(|part| dialect.quote_identifier(part)), ".")
    }

    /// The names of the columns, quoted for `dialect` and separated by commas.
    pub fn quoted_columns(&self, dialect: &Dialect) -> String {
        join(self.columns.iter().map(|column| dialect.quote_identifier(column)), ", ")
    }

    /// Checks that there is a table and that there are columns.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] saying which is missing.
    pub fn check(&self) -> Result<()> {
        let missing = if self.table.iter().any(String::is_empty) || self.table.is_empty() {
            "table"
        } else if self.columns.is_empty() || self.columns.iter().any(String::is_empty) {
            "column"
        } else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::Usage,
            format!("a bulk insert into {self}: a {missing} has no name"),
        ))
    }

    /// Checks that a row of `given` values has one for each column.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] naming both numbers.
    pub fn check_width(&self, given: usize) -> Result<()> {
        if given == self.columns.len() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Parameters,
            format!("a row of {given} values for the {} columns of {self}", self.columns.len()),
        ))
    }
}

fn join(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// Inserts `rows` on a connection of `source`, by the fastest way its database has: what the methods
/// called `bulk_insert` do.
///
/// # Errors
/// Why there is no connection, what the database or the rows report. No row is kept then.
///
/// # Cancel safety
/// Dropping the future ends the insert; no row is kept, unless all had been sent.
pub async fn bulk_insert<S: Source>(
    source: S,
    into: BulkTarget,
    mut rows: impl BulkSource,
) -> Result<u64> {
    let database = source.translator().database().cloned();
    let inserted = async {
        let mut lease = source.lease().await?;
        bulk_insert_on(&mut lease, &into, &mut rows, false).await
    };
    inserted.await.map_err(|error| error.or_database(database.as_ref()))
}

/// As [`bulk_insert`], on a connection that was borrowed; of `text` as a file has it, where it is.
///
/// # Errors
/// What the database or the rows report. No row is kept then.
///
/// # Cancel safety
/// As there: a transaction that was begun for it is rolled back, whatever the lender does with open ones.
#[doc(hidden)]
pub async fn bulk_insert_on(
    lease: &mut impl Lease,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
    text: bool,
) -> Result<u64> {
    let quiet = matches!(lease.connection().state(), SessionState::Idle | SessionState::Tainted);
    let own = quiet && lease.depth().is_none();
    let mut inserting = AbandonedHalfWay { lease, own };
    let started = Instant::now();
    let connection = inserting.lease.connection();
    let inserted = match text {
        true => connection.bulk_insert_text(into, rows).await,
        false => connection.bulk_insert(into, rows).await,
    };
    inserting.own = false;
    inserting.lease.finished(started.elapsed(), inserted.as_ref().map(drop));
    inserted
}

/// A bulk insert on its way, which may have begun a transaction of its `own`.
struct AbandonedHalfWay<'l, L: Lease> {
    lease: &'l mut L,
    own: bool,
}

impl<L: Lease> Drop for AbandonedHalfWay<'_, L> {
    fn drop(&mut self) {
        if self.own {
            self.lease.abandon();
        }
    }
}

/// Inserts `rows` by statements of many rows each, in a transaction of its own where none is open:
/// what [`Connection::bulk_insert`] does by default, for connectors that have a better way and
/// cannot always go it.
///
/// # Errors
/// As there.
pub async fn bulk_insert_by_statements<C: Connection + ?Sized>(
    connection: &mut C,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    multi_row::insert(connection, into, rows).await
}

/// Where a bulk insert takes its values: implemented by connectors.
pub trait BulkSink {
    /// Takes the next value of the current row.
    ///
    /// # Errors
    /// When the database cannot hold it; the whole insert ends then.
    fn value(&mut self, value: ValueRef<'_>) -> Result<()>;
}

/// Where the rows of a bulk insert come from. Made by [`bulk_rows`] and [`bulk_stream`].
pub trait BulkSource: Send {
    /// Gives the next row's values to `sink`; false when there are no more rows.
    fn poll_row(&mut self, cx: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>>;
}

/// One row of a bulk insert: a tuple, an array or slice of values, or a row read elsewhere.
pub trait BulkRow {
    /// Gives the values, in order.
    ///
    /// # Errors
    /// What `sink` reports.
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()>;
}

/// One value of a row of a bulk insert. Everything that can be a parameter, mostly without a copy.
pub trait BulkValue {
    /// Gives the value.
    ///
    /// # Errors
    /// What `sink` reports.
    fn give(&self, sink: &mut dyn BulkSink) -> Result<()>;
}

/// The rows of an iterator as the source of a bulk insert.
pub fn bulk_rows<I>(rows: I) -> impl BulkSource
where
    I: IntoIterator<Item: BulkRow>,
    I::IntoIter: Send,
{
    FromIterator(rows.into_iter())
}

/// The rows of a stream as the source of a bulk insert: they are read as fast as they are written.
pub fn bulk_stream<S, R>(rows: S) -> impl BulkSource
where
    S: Stream<Item = Result<R>> + Send,
    R: BulkRow,
{
    FromStream(Box::pin(rows))
}

struct FromIterator<I>(I);

impl<I: Iterator<Item: BulkRow> + Send> BulkSource for FromIterator<I> {
    fn poll_row(&mut self, _: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>> {
        Poll::Ready(match self.0.next() {
            Some(row) => row.write(sink).map(|()| true),
            None => Ok(false),
        })
    }
}

struct FromStream<S>(Pin<Box<S>>);

impl<S: Stream<Item = Result<R>> + Send, R: BulkRow> BulkSource for FromStream<S> {
    fn poll_row(&mut self, cx: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>> {
        Poll::Ready(match ready!(self.0.as_mut().poll_next(cx)) {
            Some(row) => row.and_then(|row| row.write(sink)).map(|()| true),
            None => Ok(false),
        })
    }
}

impl<R: BulkRow + ?Sized> BulkRow for &R {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        (**self).write(sink)
    }
}

impl<V: BulkValue> BulkRow for Vec<V> {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        self.as_slice().write(sink)
    }
}

impl<V: BulkValue> BulkRow for [V] {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        self.iter().try_for_each(|value| value.give(sink))
    }
}

impl<V: BulkValue, const N: usize> BulkRow for [V; N] {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        self.as_slice().write(sink)
    }
}

impl BulkRow for Row {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        (0..self.len()).try_for_each(|column| sink.value(self.value(column)?))
    }
}

/// Implements [`BulkRow`] for the tuple of all names, then for the tuple without the first.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: BulkValue, $($rest: BulkValue),*> BulkRow for ($first, $($rest,)*) {
            #[allow(non_snake_case, reason = "the type parameters name the elements")]
            fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
                let ($first, $($rest,)*) = self;
                $first.give(sink)?;
                $($rest.give(sink)?;)*
                Ok(())
            }
        }
        tuples!($($rest)*);
    };
}

tuples!(A B C D E F G H I J K L M N O P);

impl<V: BulkValue + ?Sized> BulkValue for &V {
    fn give(&self, sink: &mut dyn BulkSink) -> Result<()> {
        (**self).give(sink)
    }
}

impl<V: BulkValue + HasKind> BulkValue for Option<V> {
    fn give(&self, sink: &mut dyn BulkSink) -> Result<()> {
        match self {
            Some(value) => value.give(sink),
            None => sink.value(ValueRef::Null(V::KIND)),
        }
    }
}

impl BulkValue for Value {
    fn give(&self, sink: &mut dyn BulkSink) -> Result<()> {
        sink.value(self.as_ref())
    }
}

/// Values that are borrowed, where making a [`Value`] would copy them.
macro_rules! borrowed {
    ($($type:ty => $kind:ident;)*) => {$(
        impl BulkValue for $type {
            fn give(&self, sink: &mut dyn BulkSink) -> Result<()> {
                sink.value(ValueRef::$kind(self))
            }
        }
    )*};
}

borrowed! {
    str => Text;
    String => Text;
    Box<str> => Text;
    Arc<str> => Text;
    Cow<'_, str> => Text;
    [u8] => Bytes;
    Vec<u8> => Bytes;
    Bytes => Bytes;
}

impl fmt::Display for BulkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.table.join("."), self.columns.join(", "))
    }
}
