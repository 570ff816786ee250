//! Rows that arrive over time, written as they come: committed every so many, with a budget for rows that
//! the database refuses.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::pin::pin;
use std::time::Instant;

use futures_util::{Stream, StreamExt};
use wellspring_connector::{
    BulkTarget, Connection, Dialect, Error, ErrorKind, Result, SavepointOp, Source, bulk_rows,
};

use crate::atomic::Atomic;
use crate::statement::{Condition, IntoRecord, Plain, Record, Rendered, RowWriter, Table, Update};

/// How many rows are committed together, where nothing else is said.
const COMMIT_EVERY: NonZeroU64 = NonZeroU64::new(10_000).expect("it is not zero");

/// How many rows are sent together: of a change to each by itself, of statements, of bulk inserts.
const PIECE: usize = 500;
const BULK_PIECE: usize = 5_000;

/// Who wants to know how far it is.
type Progress = Box<dyn FnMut(&StreamReport) + Send>;

/// What is done with each row.
#[derive(Debug)]
enum How {
    Insert(RowWriter),
    /// An update by keys, or by the condition that comes with each row.
    Update(Vec<Cow<'static, str>>),
}

/// One row of a stream.
struct Given {
    number: u64,
    row: Record,
    condition: Option<Condition>,
}

/// The rows of a stream on their way into a table, not yet sent.
///
/// They are written in pieces as they arrive; the next ones are asked for when the last piece is written. A
/// transaction is committed every [`commit_every`](Self::commit_every) rows. Inside a transaction nothing is
/// committed: all is part of it.
///
/// A row that the database refuses, or that has other columns than the first, counts against
/// [`max_errors`](Self::max_errors): as long as that lasts, the row is left out, and why is in the report.
#[must_use = "a stream is not written until it is executed"]
pub struct StreamWrite<S, R> {
    source: S,
    table: Table,
    rows: R,
    how: How,
    commit_every: Option<Option<NonZeroU64>>,
    max_errors: u64,
    progress: Option<Progress>,
}

/// What became of the rows of a stream.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StreamReport {
    /// Rows that arrived.
    pub read: u64,
    /// Rows written and, outside of a transaction, committed.
    pub written: u64,
    /// Rows changed in the table: an update may change none, or many.
    pub affected: u64,
    /// Rows that were left out, in their order.
    pub rejected: Vec<RejectedRow>,
    /// Transactions committed.
    pub commits: u64,
}

/// A row that was left out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RejectedRow {
    /// Its number, counted from 0.
    pub row: u64,
    /// Why.
    pub error: Error,
}

/// Why a stream was not written to its end, and how far it was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamError {
    /// What ended it; of a row, with its number in [`Error::operation`].
    pub error: Error,
    /// What had been written: what is not committed is not counted.
    pub report: StreamReport,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {} rows had been written", self.error, self.report.written)
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<StreamError> for Error {
    fn from(failed: StreamError) -> Self {
        failed.error
    }
}

impl<S, R> StreamWrite<S, R> {
    fn new(source: S, table: impl Into<Table>, rows: R, how: How) -> Self {
        let table = table.into();
        Self { source, table, rows, how, commit_every: None, max_errors: 0, progress: None }
    }

    /// Inserts `rows` into `table`.
    pub fn insert(source: S, table: impl Into<Table>, rows: R) -> Self {
        Self::new(source, table, rows, How::Insert(RowWriter::insert()))
    }

    /// Inserts `rows` into `table`, or updates those of which the `keys` are there.
    pub fn upsert<K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        rows: R,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        Self::new(source, table, rows, How::Insert(RowWriter::upsert(keys)))
    }

    /// Updates the rows of `table` with the `keys` of each of `rows`.
    pub fn update<K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        rows: R,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self::new(source, table, rows, How::Update(keys))
    }

    /// After how many rows a transaction is committed, and the next begun. Default 10,000; with zero
    /// everything is one transaction. Inside a transaction, where nothing is committed, any other number
    /// is an error.
    pub fn commit_every(mut self, rows: u64) -> Self {
        self.commit_every = Some(NonZeroU64::new(rows));
        self
    }

    /// How many rows may be left out. Default 0: the first that is refused ends it.
    pub fn max_errors(mut self, rows: u64) -> Self {
        self.max_errors = rows;
        self
    }

    /// Is called after each piece that was written, of some hundreds or thousands of rows: what was read so
    /// far is in its report, and what was committed. A panic of it ends the stream as it would end any
    /// function.
    pub fn progress(mut self, progress: impl FnMut(&StreamReport) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl<S, R> fmt::Debug for StreamWrite<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWrite")
            .field("table", &self.table)
            .field("commit_every", &self.commit_every)
            .field("max_errors", &self.max_errors)
            .finish_non_exhaustive()
    }
}

/// A row as a stream of changes gives it: the changes, and which rows they are about.
pub trait StreamedRow {
    /// Both.
    ///
    /// # Errors
    /// Why it is no row.
    fn into_parts(self) -> Result<(Record, Option<Condition>)>;
}

impl<T: IntoRecord> StreamedRow for T {
    fn into_parts(self) -> Result<(Record, Option<Condition>)> {
        Ok((self.into_record()?, None))
    }
}

/// Changes with the condition that says to which rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    row: Record,
    condition: Condition,
}

impl Change {
    /// `changes` to the rows of which `condition` is true.
    ///
    /// # Errors
    /// Why `changes` are no record.
    pub fn new(changes: impl IntoRecord, condition: Condition) -> Result<Self> {
        Ok(Self { row: changes.into_record()?, condition })
    }
}

impl StreamedRow for Change {
    fn into_parts(self) -> Result<(Record, Option<Condition>)> {
        Ok((self.row, Some(self.condition)))
    }
}

impl<S, R, T> StreamWrite<S, R>
where
    S: Source,
    R: Stream<Item = Result<T>> + Send,
    T: StreamedRow,
{
    /// Writes the rows as they arrive, until there are no more.
    ///
    /// # Errors
    /// What the stream reports; one refused row more than may be left out, with its number; the
    /// database's. What was not committed is undone, and what was is in the error's report.
    ///
    /// # Cancel safety
    /// Dropping the future undoes what was not committed.
    pub async fn execute(self) -> Result<StreamReport, StreamError> {
        let database = self.source.translator().database().cloned();
        let mut report = StreamReport::default();
        match self.write(&mut report).await {
            Ok(()) => Ok(report),
            Err(error) => Err(StreamError { error: error.or_database(database.as_ref()), report }),
        }
    }

    async fn write(self, report: &mut StreamReport) -> Result<()> {
        let Self { source, table, rows, how, commit_every, max_errors, mut progress } = self;
        let dialect = source.translator().dialect();
        let mut lease = source.lease().await?;
        use wellspring_connector::Lease;
        let inside = lease.depth();
        let commit_every = match (inside, commit_every) {
            (Some(_), Some(Some(rows))) => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("inside a transaction nothing is committed, every {rows} rows or else"),
                ));
            }
            (Some(_), _) | (None, Some(None)) => None,
            (None, Some(some)) => some,
            (None, None) => Some(COMMIT_EVERY),
        };
        let savepoint = crate::tx::savepoint_name(inside.map_or(0, |depth| depth + 1) + 1);
        let mut piece = Piece { dialect, table: &table, how: &how, savepoint, columns: None };
        let most = match &how {
            How::Insert(writer) if writer.is_plain() => BULK_PIECE,
            _ => PIECE,
        };
        let mut tell = |report: &StreamReport| {
            if let Some(progress) = &mut progress {
                progress(report);
            }
        };
        let mut rows = pin!(rows);
        let mut atomic = Atomic::begin(&mut lease).await?;
        // Written, and not yet committed.
        let mut open = Written::default();
        let mut begun_at = 0;
        let mut ended = false;
        while !ended {
            let mut given = Vec::new();
            let mut failed = None;
            // What is no row ends a piece: those before it come first.
            let mut misfit = None;
            // No piece goes beyond the next commit.
            let left = commit_every.map_or(u64::MAX, |rows| begun_at + rows.get() - report.read);
            let end = report.read + left.min(most as u64);
            while report.read < end && failed.is_none() && misfit.is_none() && !ended {
                let number = report.read;
                match rows.next().await {
                    None => ended = true,
                    Some(Err(error)) => failed = Some(error),
                    Some(Ok(row)) => {
                        report.read += 1;
                        match row
                            .into_parts()
                            .and_then(|(row, condition)| piece.check(row, condition))
                        {
                            Ok((row, condition)) => given.push(Given { number, row, condition }),
                            Err(error) => misfit = Some((number, error)),
                        }
                    }
                }
            }
            if let Some(error) = failed {
                atomic.undo().await;
                return Err(error);
            }
            let start = Instant::now();
            let wrote = piece.write(atomic.connection(), &given, report, max_errors).await;
            if !given.is_empty() {
                atomic.lease().finished(start.elapsed(), wrote.as_ref().map(drop));
            }
            let wrote = wrote.and_then(|wrote| match misfit {
                Some((number, error)) => reject(report, max_errors, number, error).map(|()| wrote),
                None => Ok(wrote),
            });
            match wrote {
                Ok(wrote) => open.add(wrote),
                Err(error) => {
                    atomic.undo().await;
                    return Err(error);
                }
            }
            let full = commit_every.is_some_and(|rows| report.read - begun_at >= rows.get());
            if ended || full {
                atomic.keep().await?;
                report.written += open.rows;
                report.affected += open.affected;
                report.commits += u64::from(inside.is_none());
                open = Written::default();
                begun_at = report.read;
                tell(report);
                if ended {
                    return Ok(());
                }
                atomic = Atomic::begin(&mut lease).await?;
            } else {
                tell(report);
            }
        }
        Ok(())
    }
}

/// A row is left out, if that may be.
fn reject(report: &mut StreamReport, max_errors: u64, row: u64, error: Error) -> Result<()> {
    if report.rejected.len() as u64 >= max_errors {
        return Err(error.at_operation("row", usize::try_from(row).unwrap_or(usize::MAX)));
    }
    report.rejected.push(RejectedRow { row, error });
    Ok(())
}

#[derive(Debug, Default)]
struct Written {
    rows: u64,
    affected: u64,
}

impl Written {
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.affected += more.affected;
    }
}

/// How pieces are written.
struct Piece<'w> {
    dialect: &'static Dialect,
    table: &'w Table,
    how: &'w How,
    savepoint: String,
    /// Those of the first row.
    columns: Option<Vec<Cow<'static, str>>>,
}

/// Why something was not written.
enum Refused {
    /// For what it is. It was undone, and others may be written.
    Row(Error),
    /// Nothing more can be written.
    All(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::All(error)
    }
}

/// An error that says something about a row, and not about the connection or the moment.
fn is_of_a_row(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UniqueViolation
            | ErrorKind::ForeignKeyViolation
            | ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
            | ErrorKind::ExclusionViolation
            | ErrorKind::DataOutOfRange
            | ErrorKind::Encode
            | ErrorKind::Parameters
            | ErrorKind::Usage
    )
}

impl Piece<'_> {
    /// The row in the order of the first one's columns.
    fn check(
        &mut self,
        row: Record,
        condition: Option<Condition>,
    ) -> Result<(Record, Option<Condition>)> {
        let row = match (&self.columns, self.how) {
            // Changes may be of any columns.
            (_, How::Update(_)) => row,
            (None, How::Insert(writer)) => {
                row.check()?;
                writer.check(&row.names())?;
                self.columns = Some(row.names());
                row
            }
            (Some(columns), How::Insert(_)) => match row.in_order_of(columns)? {
                Cow::Owned(ordered) => ordered,
                Cow::Borrowed(_) => row,
            },
        };
        if let How::Insert(writer) = self.how {
            writer.check_keys(&row)?;
        }
        Ok((row, condition))
    }

    /// Writes a piece; rows that are refused are left out, as far as that may be.
    async fn write(
        &self,
        connection: &mut dyn Connection,
        given: &[Given],
        report: &mut StreamReport,
        max_errors: u64,
    ) -> Result<Written> {
        if given.is_empty() {
            return Ok(Written::default());
        }
        if let How::Insert(writer) = self.how {
            match self.insert_together(connection, writer, given).await {
                Err(Refused::Row(_)) => {}
                Err(Refused::All(error)) => return Err(error),
                Ok(written) => return Ok(written),
            }
        }
        // Which one it was is found out one by one.
        let mut written = Written::default();
        for row in given {
            let statement = match self.statement(row) {
                Ok(statement) => statement,
                Err(error) => {
                    reject(report, max_errors, row.number, error)?;
                    continue;
                }
            };
            match self.alone(connection, &statement).await {
                Ok(affected) => written.add(Written { rows: 1, affected }),
                Err(Refused::Row(error)) => reject(report, max_errors, row.number, error)?,
                Err(Refused::All(error)) => return Err(error),
            }
        }
        Ok(written)
    }

    async fn insert_together(
        &self,
        connection: &mut dyn Connection,
        writer: &RowWriter,
        given: &[Given],
    ) -> Result<Written, Refused> {
        self.mark(connection, SavepointOp::Create).await?;
        let rows = given.len() as u64;
        match self.insert(connection, writer, given).await {
            Ok(affected) => {
                self.mark(connection, SavepointOp::Release).await?;
                Ok(Written { rows, affected })
            }
            Err(error) => Err(self.refused(connection, error).await),
        }
    }

    async fn insert(
        &self,
        connection: &mut dyn Connection,
        writer: &RowWriter,
        given: &[Given],
    ) -> Result<u64> {
        if writer.is_plain()
            && given.iter().all(|given| given.row.is_plain())
            && let Some(columns) = &self.columns
        {
            let mut target = BulkTarget::new("", columns.iter().map(|name| &**name));
            target.table = self.table.parts().map(str::to_owned).collect();
            let mut rows = bulk_rows(given.iter().map(|given| Plain(&given.row)));
            return connection.bulk_insert(&target, &mut rows).await;
        }
        let rows: Vec<Record> = given.iter().map(|given| given.row.clone()).collect();
        let mut affected = 0;
        for statement in writer.render(self.dialect, self.table, rows)? {
            affected += execute(connection, &statement).await?;
        }
        Ok(affected)
    }

    /// The statement of one row.
    fn statement(&self, given: &Given) -> Result<Rendered> {
        let row = &given.row;
        match (self.how, &given.condition) {
            (How::Insert(writer), _) => {
                let rendered = writer.render(self.dialect, self.table, vec![row.clone()])?;
                let only = rendered.into_iter().next();
                only.ok_or_else(|| Error::new(ErrorKind::Parameters, "the row has no columns"))
            }
            (How::Update(_), Some(condition)) => Update::new((), self.table.clone(), row)
                .filter(condition.clone())
                .render_for(self.dialect),
            (How::Update(keys), None) => {
                crate::statement::update_by_keys(self.dialect, self.table, row, keys)
            }
        }
    }

    /// One statement in a savepoint of its own.
    async fn alone(
        &self,
        connection: &mut dyn Connection,
        statement: &Rendered,
    ) -> Result<u64, Refused> {
        self.mark(connection, SavepointOp::Create).await?;
        match execute(connection, statement).await {
            Ok(affected) => {
                self.mark(connection, SavepointOp::Release).await?;
                Ok(affected)
            }
            Err(error) => Err(self.refused(connection, error).await),
        }
    }

    /// Undoes what a row was refused for, so that the others may follow. Anything else ends all of it, and
    /// so does a row that took the transaction with it.
    async fn refused(&self, connection: &mut dyn Connection, error: Error) -> Refused {
        if !is_of_a_row(&error) {
            return Refused::All(error);
        }
        let undone = match self.mark(connection, SavepointOp::RollbackTo).await {
            Ok(()) => self.mark(connection, SavepointOp::Release).await,
            failed => failed,
        };
        match undone {
            Ok(()) => Refused::Row(error),
            Err(failure) => {
                tracing::debug!(%failure, "what a refused row did could not be undone");
                Refused::All(error)
            }
        }
    }

    async fn mark(&self, connection: &mut dyn Connection, op: SavepointOp) -> Result<()> {
        connection.savepoint(op, &self.savepoint).await
    }
}

async fn execute(connection: &mut dyn Connection, statement: &Rendered) -> Result<u64> {
    use wellspring_connector::Command;
    let command = Command::new(statement.text(), statement.values());
    Ok(connection.execute(command).await?.rows_affected)
}
