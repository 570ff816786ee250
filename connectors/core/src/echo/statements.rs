//! Logging statements: a connection around a connection, so that everything that is sent passes here,
//! and nothing is spent where nothing is logged.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tracing::Level;
use wellspring_pool_core::ResetMode;

use super::{Echo, STATEMENT, at_level, excerpt};
use crate::limits::given_up_for;
use crate::{
    BulkSource, BulkTarget, Columns, Command, Connection, Connector, CredentialProvider, Cursor,
    Dialect, Error, ErrorKind, ExecResult, Result, RowBatch, Rows, SavepointOp, SessionState,
    TransactionOptions,
};

/// A connector whose connections log each statement when it has ended, under the target
/// `wellspring::statement`.
///
/// The builder of `wellspring::Database` puts it around its connector when `echo` is on; here it is for
/// those who bring their own pool. What is logged:
///
/// | field | |
/// | --- | --- |
/// | `database` | the name given to [`new`](Self::new) |
/// | `sql` | the text, up to 2,000 characters: as it was written where the [`Translator`](crate::Translator) [keeps sources](crate::Translator::with_sources), else as the driver gets it |
/// | `took` | from the first call to the last row, with the time the caller took for the rows |
/// | `outcome` | `ok`, `failed`, or `dropped`: its future, or its rows, were dropped before the end |
/// | `rows` | those affected or returned, where known |
/// | `error_kind`, `sqlstate`, `code` | of an error; of what was dropped the kind, where it is known: `statement_timeout`, `canceled`, `decode`, `too_many_rows` |
///
/// What has no text of its own is named: `begin`, `commit`, `rollback`, `savepoint a`, `release savepoint a`,
/// `rollback to savepoint a`, `bulk insert into t (a, b)`, `reset`. Connecting and pings are not logged, nor
/// what is done through a driver's own connection.
///
/// Values of parameters are never logged, nor are the messages of errors, in which databases repeat values.
/// What a text says literally is logged with it.
///
/// ```
/// use std::sync::Arc;
/// use wellspring_connector::{Connector, ConnectorManager, Echo, EchoConnector};
/// use wellspring_pool_core::Pool;
///
/// # fn open(connector: Arc<dyn Connector>) -> Result<(), Box<dyn std::error::Error>> {
/// let logged = EchoConnector::new(connector, "orders", Echo::Debug);
/// let pool: Pool<ConnectorManager> = Pool::builder(ConnectorManager::new(logged)).build()?;
/// # let _ = pool; Ok(()) }
/// ```
pub struct EchoConnector {
    inner: Arc<dyn Connector>,
    log: Log,
}

/// Where statements are logged.
#[derive(Debug, Clone)]
struct Log {
    database: Arc<str>,
    level: Level,
}

impl EchoConnector {
    /// `connector`, with its statements logged as those of `database`. [`Echo::Off`] gives back `connector`
    /// itself.
    #[allow(clippy::new_ret_no_self, reason = "without logging there is nothing of it")]
    pub fn new(
        connector: Arc<dyn Connector>,
        database: impl Into<Arc<str>>,
        echo: Echo,
    ) -> Arc<dyn Connector> {
        match echo.level() {
            Some(level) => {
                Arc::new(Self { inner: connector, log: Log { database: database.into(), level } })
            }
            None => connector,
        }
    }
}

#[async_trait]
impl Connector for EchoConnector {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn target(&self) -> String {
        self.inner.target()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let inner = self.inner.connect().await?;
        Ok(Box::new(EchoConnection { inner, log: self.log.clone(), announced: None }))
    }

    fn with_credentials(
        &self,
        provider: Arc<dyn CredentialProvider>,
    ) -> Result<Arc<dyn Connector>> {
        let inner = self.inner.with_credentials(provider)?;
        Ok(Arc::new(Self { inner, log: self.log.clone() }))
    }
}

impl fmt::Debug for EchoConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A connection that logs what passes.
struct EchoConnection {
    inner: Box<dyn Connection>,
    log: Log,
    /// The next command's text as it was written, if it is to be logged.
    announced: Option<Arc<str>>,
}

impl EchoConnection {
    /// The connection, and the log of a statement that begins, if anybody wants it.
    fn begins(
        &mut self,
        text: impl FnOnce() -> Arc<str>,
    ) -> (&mut dyn Connection, Option<Running<'_>>) {
        let announced = self.announced.take();
        let running =
            self.log.is_wanted().then(|| Running::new(&self.log, announced.unwrap_or_else(text)));
        (&mut *self.inner, running)
    }
}

#[async_trait]
impl Connection for EchoConnection {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn state(&mut self) -> SessionState {
        self.inner.state()
    }

    fn announce(&mut self, source: &Arc<str>, tag: Option<&str>) {
        self.announced = self.log.is_wanted().then(|| match tag {
            None => Arc::clone(source),
            Some(tag) => format!("/* {tag} */ {source}").into(),
        });
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        let (inner, running) = self.begins(|| excerpt(command.text));
        logged(running, inner.execute(command), affected).await
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        let (inner, running) = self.begins(|| excerpt(command.text));
        let rows = inner.query(command);
        match running {
            None => rows.await,
            Some(mut running) => match rows.await {
                Ok(rows) => {
                    running.rows = Some(0);
                    Ok(rows.through(|cursor| Box::new(EchoCursor { cursor, running })))
                }
                Err(error) => {
                    running.failed(&error);
                    Err(error)
                }
            },
        }
    }

    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        let (inner, running) = self.begins(|| excerpt(script));
        let all = |done: &Vec<ExecResult>| Some(done.iter().map(|one| one.rows_affected).sum());
        logged(running, inner.execute_script(script), all).await
    }

    async fn execute_text(&mut self, text: &str) -> Result<ExecResult> {
        let (inner, running) = self.begins(|| excerpt(text));
        logged(running, inner.execute_text(text), affected).await
    }

    async fn bulk_insert(&mut self, into: &BulkTarget, rows: &mut dyn BulkSource) -> Result<u64> {
        let (inner, running) = self.begins(|| bulk(into));
        logged(running, inner.bulk_insert(into, rows), |rows| Some(*rows)).await
    }

    async fn bulk_insert_text(
        &mut self,
        into: &BulkTarget,
        rows: &mut dyn BulkSource,
    ) -> Result<u64> {
        let (inner, running) = self.begins(|| bulk(into));
        logged(running, inner.bulk_insert_text(into, rows), |rows| Some(*rows)).await
    }

    async fn begin(&mut self, options: TransactionOptions) -> Result<()> {
        let (inner, running) = self.begins(|| begin(&options));
        logged(running, inner.begin(options), nothing).await
    }

    async fn commit(&mut self) -> Result<()> {
        let (inner, running) = self.begins(|| "commit".into());
        logged(running, inner.commit(), nothing).await
    }

    async fn rollback(&mut self) -> Result<()> {
        let (inner, running) = self.begins(|| "rollback".into());
        logged(running, inner.rollback(), nothing).await
    }

    async fn savepoint(&mut self, op: SavepointOp, name: &str) -> Result<()> {
        let (inner, running) = self.begins(|| {
            excerpt(&match op {
                SavepointOp::Create => format!("savepoint {name}"),
                SavepointOp::Release => format!("release savepoint {name}"),
                SavepointOp::RollbackTo => format!("rollback to savepoint {name}"),
            })
        });
        logged(running, inner.savepoint(op, name), nothing).await
    }

    async fn ping(&mut self) -> Result<()> {
        self.inner.ping().await
    }

    async fn reset(&mut self, mode: ResetMode) -> Result<()> {
        let open = matches!(
            self.inner.state(),
            SessionState::InTransaction | SessionState::Failed | SessionState::Busy
        );
        let (inner, running) = self.begins(|| {
            let text = match mode {
                ResetMode::Rollback if open => "reset, rollback",
                ResetMode::Commit if open => "reset, commit",
                _ => "reset",
            };
            text.into()
        });
        logged(running, inner.reset(mode), nothing).await
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        self.inner.native()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.inner.close().await
    }
}

impl fmt::Debug for EchoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Does `work` and logs how it ended; when it is dropped half-way, dropping `running` does.
async fn logged<T>(
    running: Option<Running<'_>>,
    work: impl Future<Output = Result<T>>,
    rows: impl FnOnce(&T) -> Option<u64>,
) -> Result<T> {
    let result = work.await;
    if let Some(mut running) = running {
        match &result {
            Ok(done) => {
                running.rows = rows(done);
                running.done();
            }
            Err(error) => running.failed(error),
        }
    }
    result
}

fn affected(done: &ExecResult) -> Option<u64> {
    Some(done.rows_affected)
}

fn nothing((): &()) -> Option<u64> {
    None
}

fn bulk(into: &BulkTarget) -> Arc<str> {
    excerpt(&format!("bulk insert into {into}"))
}

/// How a transaction is begun, in words.
fn begin(options: &TransactionOptions) -> Arc<str> {
    let mut text = String::from("begin");
    if let Some(mode) = options.mode {
        text.push_str(&format!(" {mode}"));
    }
    if let Some(level) = options.isolation {
        text.push_str(&format!(" isolation level {level}"));
    }
    if options.read_only {
        text.push_str(" read only");
    }
    if options.deferrable {
        text.push_str(" deferrable");
    }
    text.into()
}

impl Log {
    /// True when somebody wants it.
    fn is_wanted(&self) -> bool {
        at_level!(self.level, event_enabled, STATEMENT)
    }
}

/// A statement under way. Dropping it logs that it was given up, unless its end was logged.
struct Running<'c> {
    log: &'c Log,
    sql: Arc<str>,
    started: Instant,
    /// How many rows so far.
    rows: Option<u64>,
    /// How long it took, once its rows were read to the end. There may be another result.
    ended: Option<Duration>,
    logged: bool,
}

impl<'c> Running<'c> {
    fn new(log: &'c Log, sql: Arc<str>) -> Self {
        Self { log, sql, started: Instant::now(), rows: None, ended: None, logged: false }
    }

    fn done(&mut self) {
        self.write("ok", None, None);
    }

    fn failed(&mut self, error: &Error) {
        self.write("failed", Some(error.kind()), Some(error));
    }

    fn write(&mut self, outcome: &str, kind: Option<ErrorKind>, error: Option<&Error>) {
        if std::mem::replace(&mut self.logged, true) {
            return;
        }
        let took = self.ended.unwrap_or_else(|| self.started.elapsed());
        at_level!(
            self.log.level,
            event,
            STATEMENT,
            database = &*self.log.database,
            sql = &*self.sql,
            ?took,
            outcome,
            rows = self.rows,
            error_kind = kind.map(ErrorKind::label),
            sqlstate = error.and_then(Error::sqlstate),
            code = error.and_then(Error::code),
            "statement"
        );
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        match self.ended {
            Some(_) => self.done(),
            None => self.write("dropped", given_up_for(), None),
        }
    }
}

/// Rows that are counted, and logged when they are dropped: after the last one the statement has ended,
/// unless another result is asked for.
struct EchoCursor<'c> {
    cursor: Box<dyn Cursor + 'c>,
    running: Running<'c>,
}

impl Cursor for EchoCursor<'_> {
    fn columns(&self) -> &Columns {
        self.cursor.columns()
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        let polled = self.cursor.poll_batch(cx);
        let running = &mut self.running;
        let mut count = |rows: u64| running.rows = Some(running.rows.unwrap_or(0) + rows);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(batch))) => count(batch.len() as u64),
            Poll::Ready(Some(Err(error))) => running.failed(error),
            Poll::Ready(None) => {
                // What returns no rows may have affected some.
                if self.cursor.columns().is_empty() {
                    count(self.cursor.summary().rows_affected);
                }
                running.ended = Some(running.started.elapsed());
            }
        }
        polled
    }

    fn summary(&self) -> ExecResult {
        self.cursor.summary()
    }

    fn poll_next_set(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let polled = self.cursor.poll_next_set(cx);
        let running = &mut self.running;
        match &polled {
            // What was the end may be none.
            Poll::Pending | Poll::Ready(Ok(true)) => running.ended = None,
            Poll::Ready(Ok(false)) => {
                running.ended.get_or_insert_with(|| running.started.elapsed());
            }
            Poll::Ready(Err(error)) => running.failed(error),
        }
        polled
    }
}
