//! Many rows into a table: from CSV, from a select, from another query.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;

use futures_core::Stream;
use tokio::io::AsyncRead;
use wellspring_connector::{
    BulkTarget, Command, Connection, Dialect, Error, ErrorKind, IntoParams, Lease, Params, Query,
    Result, Row, Source, Sql, bulk_insert_on, bulk_stream,
};

use crate::csv::{CsvOptions, CsvProgress};
use crate::file;
use crate::progress::Progress;

mod blocking;
mod counted;
mod reader;
mod target;

use counted::Counted;
use reader::CsvSource;
use target::Reading;

/// A load of many rows into one table, not yet run: from `bulk_load` of a database, a transaction or a
/// connection.
///
/// It is given what to load by one of the methods that begin with `from_`, and goes the fastest way
/// the database has: `COPY` on PostgreSQL, `LOAD DATA` on MySQL and MariaDB, a prepared insert on SQLite.
/// All rows are kept or none.
///
/// From CSV, each column reads the text of its field as it reads a literal: `12.50` is a number in a
/// column of numbers, a date is a date. `true` and `false` go into numbers and bits as 1 and 0, and
/// `\x` with hex digits goes into columns of bytes as these bytes. SQLite keeps text that is no number in
/// a column of numbers, as it does everywhere, and its columns without a type keep text.
///
/// ```no_run
/// # async fn load<S: wellspring_connector::Source>(
/// #     load: wellspring_txn::BulkLoad<'_, S>,
/// # ) -> wellspring_connector::Result<()> {
/// use wellspring_txn::csv::CsvOptions;
///
/// let report = load
///     .options(CsvOptions::new().delimiter(';').null("NULL"))
///     .progress(100_000, |so_far| println!("{} rows", so_far.rows))
///     .from_file("orders.csv")
///     .run()
///     .await?;
/// println!("{} rows of {} bytes", report.rows, report.bytes);
/// # Ok(()) }
/// ```
#[must_use = "a load does nothing until it is run"]
pub struct BulkLoad<'a, S> {
    source: S,
    table: String,
    columns: Option<Vec<String>>,
    options: CsvOptions,
    every: u64,
    progress: Progress<'a, CsvProgress>,
    from: From<'a>,
}

/// Where the rows come from.
enum From<'a> {
    Nowhere,
    File(PathBuf),
    Reader(Pin<Box<dyn AsyncRead + Send + 'a>>),
    Select(Sql<'a>, Params),
    Rows(Pin<Box<dyn Stream<Item = Result<Row>> + Send + 'a>>),
}

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The rows inserted.
    pub rows: u64,
    /// The bytes of CSV read; 0 where it was none.
    pub bytes: u64,
}

impl<'a, S: Source> BulkLoad<'a, S> {
    /// A load into `table` on a connection of `source`: `"t"`, `"schema.t"`, `"t(a, b)"`. Names are
    /// quoted, so that their case counts where the database's rules say so.
    pub fn new(source: S, table: &str) -> Self {
        Self {
            source,
            table: table.to_owned(),
            columns: None,
            options: CsvOptions::new(),
            every: crate::csv::EVERY,
            progress: Progress::nobody(),
            from: From::Nowhere,
        }
    }

    /// The columns the values go into, in the order of the values. A header is skipped then.
    ///
    /// Without them, a header names the columns; where there is none, they are all columns of the
    /// table, in its order.
    pub fn columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// How the CSV is written.
    pub fn options(mut self, options: CsvOptions) -> Self {
        self.options = options;
        self
    }

    /// Calls `listener` after each `rows` rows and at the end, but not from a select, which the database
    /// does alone. It should be quick: the load waits for it. If it panics it is not called again, and
    /// the load goes on.
    pub fn progress(mut self, rows: u64, listener: impl FnMut(&CsvProgress) + Send + 'a) -> Self {
        self.every = rows.max(1);
        self.progress = Progress::new(listener);
        self
    }

    /// The rows of a file of CSV, here and not on the server.
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.from = From::File(path.into());
        self
    }

    /// The rows of CSV that is read from `reader`, as fast as they are written.
    pub fn from_reader(mut self, reader: impl AsyncRead + Send + 'a) -> Self {
        self.from = From::Reader(Box::pin(reader));
        self
    }

    /// As [`from_reader`](Self::from_reader), from one that blocks: it is read on a thread for such
    /// work, which ends with the load, or after the `read` it is in.
    pub fn from_blocking_reader(self, reader: impl Read + Send + 'static) -> Self {
        self.from_reader(blocking::Blocking::new(reader))
    }

    /// The rows of a select on the same database, which does all of the work. The columns of the table are
    /// those given, or all.
    pub fn from_select(mut self, sql: impl Into<Sql<'a>>, params: impl IntoParams) -> Self {
        self.from = From::Select(sql.into(), params.into_params());
        self
    }

    /// The rows of a stream, such as that of a query on another database: they are read as fast as they
    /// are written. The columns are those given, or all of the table.
    pub fn from_rows(mut self, rows: impl Stream<Item = Result<Row>> + Send + 'a) -> Self {
        self.from = From::Rows(Box::pin(rows));
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// Before a connection is taken: [`ErrorKind::Usage`] for options that do not go together, for a
    /// name that is none, and when nothing was said to be loaded; that of opening the file, with its
    /// path. Then why there is no connection; [`ErrorKind::Decode`] for CSV that is wrong, and
    /// [`ErrorKind::Parameters`] for a record of another width, both with the line; the database's,
    /// with the line where it says which row it was. No row is kept then.
    ///
    /// # Cancel safety
    /// Dropping the future ends the load; no row is kept, unless all had been sent.
    pub async fn run(self) -> Result<LoadReport> {
        let database = self.source.translator().database().cloned();
        self.run_unnamed().await.map_err(|error| error.or_database(database.as_ref()))
    }

    async fn run_unnamed(self) -> Result<LoadReport> {
        let Self { source, table, columns, options, every, progress, from } = self;
        let dialect = source.translator().dialect();
        let into = target::parse(dialect, &table, columns)?;
        match from {
            From::Nowhere => Err(Error::new(
                ErrorKind::Usage,
                format!("nothing was said to be loaded into {table}: `from_file` says a file"),
            )),
            From::File(path) => {
                options.check()?;
                let opened = tokio::fs::File::open(&path).await;
                let file = opened.map_err(|error| file::failed("read", &path, error))?;
                let csv = CsvSource::new(Box::pin(file), options, every, progress);
                let loaded = load_csv(source, into, csv).await;
                loaded.map_err(|error| error.context(path.display()))
            }
            From::Reader(reader) => {
                options.check()?;
                load_csv(source, into, CsvSource::new(reader, options, every, progress)).await
            }
            From::Select(sql, params) => select(source, dialect, &into, &sql, params).await,
            From::Rows(rows) => {
                let mut rows = Counted::new(bulk_stream(rows), every, progress);
                let mut lease = source.lease().await?;
                let into = whole(lease.connection(), into).await?;
                let loaded = bulk_insert_on(&mut lease, &into, &mut rows, false).await;
                loaded.map(|loaded| LoadReport { rows: rows.over(loaded), bytes: 0 })
            }
        }
    }
}

/// Has the database insert what it selects.
async fn select<S: Source>(
    source: S,
    dialect: &Dialect,
    into: &BulkTarget,
    sql: &Sql<'_>,
    params: Params,
) -> Result<LoadReport> {
    let columns = match into.columns.is_empty() {
        true => String::new(),
        false => format!(" ({})", into.quoted_columns(dialect)),
    };
    let text = format!("insert into {}{columns} {}", into.quoted_table(dialect), sql.text());
    let sql = Sql::new(text).style(sql.placeholders());
    let done = Query::new(source, sql, params).execute().await?;
    Ok(LoadReport { rows: done.rows_affected, bytes: 0 })
}

async fn load_csv<S: Source>(
    source: S,
    mut into: BulkTarget,
    mut csv: CsvSource<'_>,
) -> Result<LoadReport> {
    let dialect = source.translator().dialect();
    // What is wrong with the beginning is told before a connection is taken.
    if let Some(names) = csv.open().await?
        && into.columns.is_empty()
    {
        for name in &names {
            dialect.check_name(name).map_err(|error| error.context("the header"))?;
        }
        into.columns = names;
    }
    let mut lease = source.lease().await?;
    let readings = readings(lease.connection(), &mut into).await?;
    csv.begin(&into, readings);
    match bulk_insert_on(&mut lease, &into, &mut csv, true).await {
        Ok(rows) => {
            csv.over();
            Ok(LoadReport { rows, bytes: csv.bytes() })
        }
        Err(error) => Err(csv.placed(error)),
    }
}

/// All columns of the table, where none were named.
async fn whole(connection: &mut dyn Connection, mut into: BulkTarget) -> Result<BulkTarget> {
    if into.columns.is_empty() {
        readings(connection, &mut into).await?;
    }
    Ok(into)
}

/// How each column reads text. Without names, the columns become all of the table.
async fn readings(connection: &mut dyn Connection, into: &mut BulkTarget) -> Result<Vec<Reading>> {
    let dialect = connection.dialect();
    let text = target::describe(dialect, into);
    let mut rows = connection.query(Command::new(&text, &[])).await?;
    let readings = rows.columns().iter().map(|column| Reading::of(dialect, column)).collect();
    if into.columns.is_empty() {
        into.columns = rows.columns().iter().map(|column| column.name.to_string()).collect();
    }
    // To its end, so that the connection is at rest.
    while rows.next_batch().await?.is_some() {}
    Ok(readings)
}

impl<S> fmt::Debug for BulkLoad<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("BulkLoad");
        out.field("table", &self.table).field("columns", &self.columns);
        match &self.from {
            From::Nowhere => out.field("from", &"nowhere"),
            From::File(path) => out.field("from", path),
            From::Reader(_) => out.field("from", &"reader"),
            From::Select(..) => out.field("from", &"select"),
            From::Rows(_) => out.field("from", &"rows"),
        };
        out.finish_non_exhaustive()
    }
}
