//! One statement on its way: what a database and a transaction have in common.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::limits::{Limits, give_up};
use crate::{
    Columns, Command, Connection, Error, ErrorKind, ExecResult, FromRow, IntoParams, Lease, Params,
    Result, Retry, Row, RowStream, Source, Sql, Statement, Value,
};

/// A statement with its parameters, not yet sent.
///
/// The text is translated and the parameters are bound when it is made; what is wrong with them is
/// reported when it is run, before a connection is taken.
///
/// ```no_run
/// # use std::time::Duration;
/// # use wellspring_connector::{Query, Result, Source};
/// # async fn report(query: Query<impl Source>, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
/// let totals: Vec<(i64, i64)> = query
///     .timeout(Duration::from_secs(5))
///     .tag("nightly report")
///     .cancel_when(stop)
///     .all()
///     .await?;
/// # Ok(()) }
/// ```
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
    limits: Limits,
    fetch_size: Option<NonZeroU32>,
    tag: Option<Box<str>>,
}

/// Borrows a connection, lets a function run the statement on it, and books how it ended.
macro_rules! run {
    ($query:ident, $function:ident) => {{
        let database = $query.database;
        let ran = async {
            let (statement, values) = $query.statement?;
            let text = tagged($query.tag.as_deref(), statement.text());
            let mut limits = $query.limits;
            let mut lease = $query.source.lease().await?;
            let command = Command::new(&text, &values).fetch_size($query.fetch_size);
            let mut started = Instant::now();
            tell(&mut lease, &statement, $query.tag.as_deref());
            let mut result = limits.bound($function(lease.connection(), command)).await;
            if was_not_sent(&result) && lease.replace().await? {
                started = Instant::now();
                tell(&mut lease, &statement, $query.tag.as_deref());
                result = limits.bound($function(lease.connection(), command)).await;
            }
            record(&mut lease, started, &result);
            result
        };
        ran.await.map_err(|error| error.or_database(database.as_ref()))
    }};
}

impl<S: Source> Query<S> {
    /// The statement `sql` with `params`, to run on a connection of `source`.
    pub fn new<'q>(source: S, sql: impl Into<Sql<'q>>, params: impl IntoParams) -> Self {
        let translator = source.translator();
        let statement = translator.bind(&sql.into(), params.into_params());
        let database = translator.database().cloned();
        let limits = Limits::new(source.statement_timeout());
        Self { source, statement, database, limits, fetch_size: None, tag: None }
    }

    /// As [`new`](Self::new), of a statement that may have turned out to be wrong: that is reported when it
    /// is run.
    pub fn of<'q>(source: S, statement: Result<(Sql<'q>, Params)>) -> Self {
        match statement {
            Ok((sql, params)) => Self::new(source, sql, params),
            Err(error) => {
                let mut query = Self::new(source, Sql::native(""), Params::none());
                query.statement = Err(error);
                query
            }
        }
    }

    /// The longest the statement may take once it has a connection, instead of the database's
    /// default; of a stream, the longest it may be waited for in all. When it is over the statement
    /// is cancelled, and the error is [`ErrorKind::StatementTimeout`]. Whether it took effect is
    /// then unknown, unless it was part of a transaction, which can be rolled back.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = Some(timeout);
        self
    }

    /// Lets the statement take as long as it likes, whatever the database's default is.
    pub fn no_timeout(mut self) -> Self {
        self.limits.timeout = None;
        self
    }

    /// Cancels the statement when `stop` is ready: the future of a cancellation token
    /// (`token.cancelled_owned()`), of a signal, of a channel. The error is
    /// [`ErrorKind::Canceled`].
    pub fn cancel_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.limits.stop = Some(Box::pin(stop));
        self
    }

    /// Names what the statement is for: a comment before its text, where those who watch the
    /// database see it. Few different ones, since each makes another text to prepare.
    ///
    /// Up to 100 characters other than control characters; `/*` and `*/` would end the comment.
    /// Anything else is [`ErrorKind::Usage`] when the statement is run.
    pub fn tag(mut self, tag: impl Into<Box<str>>) -> Self {
        let tag = tag.into();
        let plain = tag.chars().count() <= 100
            && !tag.chars().any(char::is_control)
            && !tag.contains("*/")
            && !tag.contains("/*");
        if plain {
            self.tag = Some(tag);
        } else if self.statement.is_ok() {
            self.statement = Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "{tag:?} is no tag: up to 100 characters, none of control, no `/*` or `*/`"
                ),
            ));
        }
        self
    }

    /// Asks for batches of about `rows` rows; by default the driver decides. It changes how often
    /// the program waits and how much memory a stream takes, not what it reads. Zero is the default.
    pub fn fetch_size(mut self, rows: u32) -> Self {
        self.fetch_size = NonZeroU32::new(rows);
        self
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

    /// All results of a statement that has several, such as a stored procedure: the rows of each
    /// and what it did. Output parameters come as a result of their own where the database sends
    /// them so.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn results(self) -> Result<Vec<ResultSet>> {
        run!(self, results)
    }

    /// The only row, as a `T`.
    ///
    /// # Errors
    /// [`ErrorKind::RowNotFound`] when there is none, [`ErrorKind::TooManyRows`] when there are
    /// more; else as [`all`](Self::all).
    pub async fn one<T: FromRow>(self) -> Result<T> {
        run!(self, exactly_one)
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
        let columns = Arc::new(OnceLock::new());
        let known = Arc::clone(&columns);
        let batches = async_stream::try_stream! {
            let (statement, values) = self.statement?;
            let text = tagged(self.tag.as_deref(), statement.text());
            let mut limits = self.limits;
            let mut lease = self.source.lease().await?;
            let command = Command::new(&text, &values).fetch_size(self.fetch_size);
            let started = Instant::now();
            let mut again = true;
            loop {
                let mut outcome = Ok(());
                let mut begun = false;
                tell(&mut lease, &statement, self.tag.as_deref());
                match limits.bound(lease.connection().query(command)).await {
                    Ok(mut rows) => loop {
                        if known.get().is_none() {
                            let _first = known.set(Columns::clone(rows.columns()));
                        }
                        match limits.bound(rows.next_batch()).await {
                            Ok(Some(batch)) => {
                                begun = true;
                                yield batch;
                            }
                            Ok(None) => break,
                            Err(error) => {
                                give_up(rows, &error);
                                outcome = Err(error);
                                break;
                            }
                        }
                    },
                    Err(error) => outcome = Err(error),
                }
                if again && !begun && was_not_sent(&outcome) && lease.replace().await? {
                    again = false;
                    continue;
                }
                record(&mut lease, started, &outcome);
                outcome?;
                break;
            }
        };
        RowStream::new(batches, database, columns)
    }

    /// The source, and the translated statement with its values in the order of its markers: for
    /// those who run it in another way.
    #[allow(clippy::type_complexity, reason = "a name for the pair would not say more")]
    pub fn into_parts(self) -> (S, Result<(Arc<Statement>, Vec<Value>)>) {
        (self.source, self.statement)
    }
}

/// One of several results of a statement.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResultSet {
    /// Its columns; none when it has no rows to give.
    pub columns: Columns,
    /// Its rows.
    pub rows: Vec<Row>,
    /// What it did.
    pub done: ExecResult,
}

/// `text` after a comment that says `tag`.
fn tagged<'t>(tag: Option<&str>, text: &'t str) -> Cow<'t, str> {
    match tag {
        None => Cow::Borrowed(text),
        Some(tag) => Cow::Owned(format!("/* {tag} */ {text}")),
    }
}

/// Tells the connection how the statement was written, where that is to be logged.
fn tell(lease: &mut impl Lease, statement: &Statement, tag: Option<&str>) {
    if let Some(source) = statement.source() {
        lease.connection().announce(source, tag);
    }
}

/// True when the connection turned out to be gone before it was used: another one may be tried.
fn was_not_sent<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if error.retry() == Retry::SafeToResend)
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
            match T::from_row(&row) {
                Ok(row) => all.push(row),
                Err(error) => {
                    give_up(rows, &error);
                    return Err(error);
                }
            }
        }
    }
    Ok(all)
}

async fn results(connection: &mut dyn Connection, command: Command<'_>) -> Result<Vec<ResultSet>> {
    let mut rows = connection.query(command).await?;
    let mut sets = Vec::new();
    loop {
        let columns = Columns::clone(rows.columns());
        let mut set = Vec::new();
        while let Some(batch) = rows.next_batch().await? {
            set.extend(batch);
        }
        sets.push(ResultSet { columns, rows: set, done: rows.summary() });
        if !rows.next_set().await? {
            return Ok(sets);
        }
    }
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
        let error = Error::new(ErrorKind::TooManyRows, "one row was asked for and there are more");
        give_up(rows, &error);
        return Err(error);
    }
    T::from_row(&row).map(Some)
}

async fn exactly_one<T: FromRow>(
    connection: &mut dyn Connection,
    command: Command<'_>,
) -> Result<T> {
    at_most_one(connection, command).await?.ok_or_else(|| {
        Error::new(ErrorKind::RowNotFound, "one row was asked for and there is none")
    })
}

/// Reports how it ended. That the rows were not what the caller asked for is not the database's
/// failure.
fn record<T>(lease: &mut impl Lease, started: Instant, result: &Result<T>) {
    let outcome = match result {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::Decode
                    | ErrorKind::ColumnNotFound
                    | ErrorKind::RowNotFound
                    | ErrorKind::TooManyRows
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
