//! One statement on its way: what a database and a transaction have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::{
    Command, Connection, Error, ErrorKind, ExecResult, FromRow, IntoParams, Lease, Result,
    RowStream, Source, Sql, Statement, Value,
};

/// A statement with its parameters, not yet sent.
///
/// The text is translated and the parameters are bound when it is made; what is wrong with them is
/// reported when it is run, before a connection is taken.
///
/// # Cancel safety
/// Dropping any of the futures gives the connection back, marked as busy where the statement may
/// still run; the pool settles or closes it before it serves again. Whether the statement took
/// effect is then unknown.
#[must_use = "a query does nothing until it is executed or its rows are asked for"]
pub struct Query<S> {
    source: S,
    statement: Result<(Arc<Statement>, Vec<Value>)>,
    /// Which database errors come from.
    database: Option<Arc<str>>,
}

/// Borrows a connection, lets a function run the statement on it, and books how it ended.
macro_rules! run {
    ($query:ident, $function:ident) => {{
        let database = $query.database;
        let ran = async {
            let (statement, values) = $query.statement?;
            let mut lease = $query.source.lease().await?;
            let started = Instant::now();
            let command = Command::new(statement.text(), &values);
            let result = $function(lease.connection(), command).await;
            record(&mut lease, started, &result);
            result
        };
        ran.await.map_err(|error| error.or_database(database.as_ref()))
    }};
}

impl<S: Source> Query<S> {
    /// The statement `sql` with `params`, to run on a connection of `source`.
    pub fn new<'q>(source: S, sql: impl Into<Sql<'q>>, params: impl IntoParams) -> Self {
        let statement = source.translator().translate(&sql.into()).and_then(|statement| {
            let values = statement.bind(params.into_params())?;
            Ok((statement, values))
        });
        let database = source.translator().database().cloned();
        Self { source, statement, database }
    }

    /// Runs it and reports what it did; rows it returns are discarded.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`], why there is no connection, or what the database reports.
    pub async fn execute(self) -> Result<ExecResult> {
        run!(self, execute)
    }

    /// All rows, each as a `T`. They are all in memory at once: stream a result without a bound.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`ErrorKind::Decode`] when a row is not a `T`.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>> {
        run!(self, collect)
    }

    /// The only row, as a `T`.
    ///
    /// # Errors
    /// [`ErrorKind::RowNotFound`] when there is none, [`ErrorKind::TooManyRows`] when there are
    /// more; else as [`all`](Self::all).
    pub async fn one<T: FromRow>(self) -> Result<T> {
        let database = self.database.clone();
        self.optional().await?.ok_or_else(|| {
            Error::new(ErrorKind::RowNotFound, "one row was asked for and there is none")
                .or_database(database.as_ref())
        })
    }

    /// The only row, as a `T`, or `None` when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::TooManyRows`] when there are more; else as [`all`](Self::all).
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>> {
        run!(self, at_most_one)
    }

    /// The rows as they arrive, in bounded memory. See [`RowStream`].
    ///
    /// Errors come through the stream: what [`all`](Self::all) would report.
    pub fn stream<'s>(self) -> RowStream<'s>
    where
        S: 's,
        S::Lease: 's,
    {
        let database = self.database;
        let batches = async_stream::try_stream! {
            let (statement, values) = self.statement?;
            let mut lease = self.source.lease().await?;
            let started = Instant::now();
            let mut outcome = Ok(());
            {
                let command = Command::new(statement.text(), &values);
                let mut rows = lease.connection().query(command).await?;
                loop {
                    match rows.next_batch().await {
                        Ok(Some(batch)) => yield batch,
                        Ok(None) => break,
                        Err(error) => {
                            outcome = Err(error);
                            break;
                        }
                    }
                }
            }
            record(&mut lease, started, &outcome);
            outcome?;
        };
        RowStream::new(batches, database)
    }

    /// The source, and the translated statement with its values in the order of its markers: for
    /// those who run it in another way, such as a stream.
    #[allow(clippy::type_complexity, reason = "a name for the pair would not say more")]
    pub fn into_parts(self) -> (S, Result<(Arc<Statement>, Vec<Value>)>) {
        (self.source, self.statement)
    }
}

async fn execute(connection: &mut dyn Connection, command: Command<'_>) -> Result<ExecResult> {
    connection.execute(command).await
}

async fn collect<T: FromRow>(
    connection: &mut dyn Connection,
    command: Command<'_>,
) -> Result<Vec<T>> {
    let mut rows = connection.query(command).await?;
    let mut all = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        all.reserve(batch.len());
        for row in batch {
            all.push(T::from_row(&row)?);
        }
    }
    Ok(all)
}

async fn at_most_one<T: FromRow>(
    connection: &mut dyn Connection,
    command: Command<'_>,
) -> Result<Option<T>> {
    let mut rows = connection.query(command).await?;
    let Some(row) = rows.next().await? else {
        return Ok(None);
    };
    if rows.next().await?.is_some() {
        return Err(Error::new(ErrorKind::TooManyRows, "one row was asked for and there are more"));
    }
    T::from_row(&row).map(Some)
}

/// Reports how it ended. That the rows were not what the caller asked for is not the database's
/// failure.
fn record<T>(lease: &mut impl Lease, started: Instant, result: &Result<T>) {
    let outcome = match result {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::Decode | ErrorKind::ColumnNotFound | ErrorKind::TooManyRows
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    };
    lease.finished(started.elapsed(), outcome);
}

impl<S> fmt::Debug for Query<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Query");
        match &self.statement {
            // The values may be secrets.
            Ok((statement, values)) => {
                out.field("text", &statement.text()).field("values", &values.len())
            }
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}
