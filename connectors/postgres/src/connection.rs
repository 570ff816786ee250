//! The portable connection: statements, transactions, and what a session looks like to a pool.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};
use wellspring_connector::{
    BulkSource, BulkTarget, Command, Connection, Dialect, Error, ErrorKind, ExecResult,
    IsolationLevel, ResetMode, Result, Retry, Rows, SavepointOp, SessionState, TransactionOptions,
    Value, bulk_insert_by_statements, split_script,
};

use crate::connector::DIALECT;
use crate::cursor::PostgresCursor;
use crate::encode::{Param, declared};
use crate::errors::{Sent, convert, is_misfit, is_stale_plan, lost_connection, may_be_old_types};
use crate::options::{Pooler, PostgresOptions};
use crate::session::Session;
use crate::statements::{Prepared, Shape, Statements};
use crate::watch::Block;
use crate::words::Class;

/// Brings back what a session had when it was connected to, but for its prepared statements.
pub(crate) const CLEAN_UP: &str = "close all; set session authorization default; reset all; \
                                   unlisten *; select pg_advisory_unlock_all(); discard temp; \
                                   discard sequences";

/// The isolation levels it has.
const LEVELS: &[IsolationLevel] = &[
    IsolationLevel::ReadUncommitted,
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

/// The most milliseconds a limit can have: 24 days.
const LONGEST_LIMIT: u128 = i32::MAX as u128;

/// One connection to a PostgreSQL database.
///
/// # Cancellation
/// A statement whose future or rows are dropped is cancelled at the server at once, from another
/// connection. The next call, or the reset by a pool, waits until that has taken effect and the
/// session is quiet, so that no later statement is hit by it.
///
/// # Reset
/// [`reset`](Connection::reset) settles what is in flight and ends the transaction. Where the session
/// may have been changed (by [`native`](Connection::native), `set`, temporary objects, advisory
/// locks, `listen` and others told by their words) it takes one more round trip to bring back every
/// setting, drop temporary objects, release locks and close cursors. Prepared statements stay. A
/// function that changes settings without its caller's text showing it is not noticed.
pub struct PostgresConnection {
    session: Session,
    options: Arc<PostgresOptions>,
    statements: Statements,
    /// The session may differ from what it was when connected to.
    tainted: bool,
    /// A `begin` was sent whose answer nobody heard.
    unheard_begin: bool,
}

impl PostgresConnection {
    pub(crate) fn new(session: Session, options: Arc<PostgresOptions>) -> Self {
        let threshold = options.prepares().then_some(options.prepare_threshold);
        let statements = Statements::new(options.statement_cache, threshold);
        Self { session, options, statements, tainted: false, unheard_begin: false }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// How many statements are prepared on this connection now.
    pub fn prepared_statements(&self) -> usize {
        self.statements.prepared()
    }

    /// Brings the session to rest, whatever a dropped future left behind.
    async fn settle(&mut self) -> Result<()> {
        if self.session.client.is_closed() {
            return Err(self.in_transaction(lost_connection(Sent::No)));
        }
        self.session.settle().await?;
        if self.unheard_begin {
            Box::pin(self.undo_begin()).await?;
        }
        Ok(())
    }

    async fn undo_begin(&mut self) -> Result<()> {
        if self.session.watched.block() != Block::None {
            self.simple("rollback").await?;
        }
        self.unheard_begin = false;
        Ok(())
    }

    /// Runs statements of our own.
    async fn simple(&mut self, text: &str) -> Result<()> {
        let flight = self.session.in_flight();
        let answer = self.session.client.batch_execute(text).await;
        flight.over();
        match answer {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(error, Sent::Perhaps).await),
        }
    }

    /// The portable error, once the answer it came in has ended.
    pub(crate) async fn failed(&self, error: tokio_postgres::Error, sent: Sent) -> Error {
        Box::pin(self.session.answer_ended()).await;
        self.in_transaction(convert(error, sent))
    }

    /// A connection lost inside a transaction has undone it: the whole may be run again.
    pub(crate) fn in_transaction(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::ConnectionLost && self.session.watched.block() != Block::None
        {
            return error.with_retry(Retry::Transaction);
        }
        error
    }

    /// Readies a statement: what it is, and its prepared form if it is to have one.
    async fn ready(&mut self, text: &str) -> Result<Ready> {
        let look = self.statements.look(text);
        let ready = |prepared, fresh| Ready {
            prepared,
            fresh,
            counts: look.counts,
            taints: look.class == Class::Taints,
        };
        match look.class {
            Class::Clean | Class::Taints => {}
            Class::Copy => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    "a copy through the connection: `bulk_insert` copies rows in, and the native \
                     client's `copy_in` and `copy_out` anything else",
                ));
            }
        }
        if look.prepared.is_some() || !look.due {
            let fresh = look.prepared.is_none();
            return Ok(ready(look.prepared, fresh));
        }
        let prepared = Box::pin(self.prepare(text)).await?;
        Ok(ready(Some(prepared), true))
    }

    async fn prepare(&mut self, text: &str) -> Result<Arc<Prepared>> {
        let flight = self.session.in_flight();
        let statement = self.session.client.prepare(text).await;
        flight.over();
        let statement = match statement {
            Ok(statement) => statement,
            Err(error) => return Err(self.failed(error, Sent::Perhaps).await),
        };
        let shape = Shape::of(statement.columns());
        let prepared = Arc::new(Prepared { statement, shape });
        self.statements.keep(text, Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Whether a statement that failed is to be run once more, because what was prepared no longer
    /// fits the tables. Nothing of it was carried out, and no transaction was spoilt by the failure.
    async fn was_outdated(
        &mut self,
        text: &str,
        error: &tokio_postgres::Error,
        ready: &Ready,
        block: Block,
    ) -> bool {
        let Some(old) = &ready.prepared else { return false };
        if is_stale_plan(error) {
            self.session.answer_ended().await;
            self.statements.forget(text);
            return block == Block::None;
        }
        // Its parameters may have the types that columns had when it was prepared. If they have not
        // changed, the failure stands.
        let refused_here = is_misfit(error);
        let suspect = refused_here || (block == Block::None && may_be_old_types(error));
        if ready.fresh || !suspect {
            return false;
        }
        self.session.answer_ended().await;
        self.statements.forget(text);
        match self.ready(text).await {
            Ok(Ready { prepared: Some(new), .. }) => {
                new.statement.params() != old.statement.params()
            }
            _ => false,
        }
    }

    /// A statement that was refused for its text has not run, and left nothing behind.
    fn unless_run(&mut self, error: &Error, tainted: bool) {
        if error.sqlstate().is_some_and(|code| code.starts_with("42")) {
            self.tainted = tainted;
        }
    }

    async fn require_transaction(&mut self) -> Result<()> {
        self.settle().await?;
        match self.session.watched.block() {
            Block::Open => Ok(()),
            Block::Failed => Err(aborted()),
            Block::None => Err(Error::new(ErrorKind::Usage, "no transaction is open")),
        }
    }
}

/// A statement that can run.
struct Ready {
    /// Its prepared form, if it has one.
    prepared: Option<Arc<Prepared>>,
    /// It was prepared just now, or is not prepared.
    fresh: bool,
    /// The number of rows the server tells is one of changed rows.
    counts: bool,
    /// It may leave something behind in the session.
    taints: bool,
}

/// The values with the types they are declared as, for a statement that is not prepared.
fn typed<'v>(params: &'v [Param<'v>]) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (param as &(dyn ToSql + Sync), declared(param.0))).collect()
}

fn params(values: &[Value]) -> Vec<Param<'_>> {
    values.iter().map(Param).collect()
}

/// What begins a transaction. Its limits are local to it.
fn begin_text(options: TransactionOptions) -> Result<String> {
    let why = "whose repeatable read is a snapshot";
    let mut text = String::from("begin");
    if let Some(level) = options.level_of(&DIALECT, LEVELS, why)? {
        text.push_str(&format!(" isolation level {level}"));
    }
    if options.read_only {
        text.push_str(" read only");
    }
    if options.deferrable {
        text.push_str(" deferrable");
    }
    if let Some(limit) = options.lock_timeout {
        // In whole milliseconds; zero would be no limit.
        let millis = limit.as_nanos().div_ceil(1_000_000).clamp(1, LONGEST_LIMIT);
        text.push_str(&format!("; set local lock_timeout = {millis}"));
    }
    Ok(text)
}

fn aborted() -> Error {
    Error::new(
        ErrorKind::TransactionAborted,
        "an earlier error aborted the transaction; it can only be rolled back",
    )
}

#[async_trait]
impl Connection for PostgresConnection {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn state(&mut self) -> SessionState {
        if self.session.client.is_closed() {
            return SessionState::Closed;
        }
        if self.unheard_begin || !self.session.is_at_rest() {
            return SessionState::Busy;
        }
        match self.session.watched.block() {
            Block::Open => SessionState::InTransaction,
            Block::Failed => SessionState::Failed,
            Block::None if self.tainted => SessionState::Tainted,
            Block::None => SessionState::Idle,
        }
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        self.settle().await?;
        let mut again = true;
        loop {
            let ready = self.ready(command.text).await?;
            let tainted = self.tainted;
            self.tainted |= ready.taints;
            let block = self.session.watched.block();
            let client = &self.session.client;
            let flight = self.session.in_flight();
            let answer = match &ready.prepared {
                Some(prepared) => {
                    client.execute_raw(&prepared.statement, command.values.iter().map(Param)).await
                }
                None => client.execute_typed(command.text, &typed(&params(command.values))).await,
            };
            flight.over();
            match answer {
                Ok(rows) => return Ok(ExecResult::new(if ready.counts { rows } else { 0 })),
                Err(error) => {
                    if again
                        && Box::pin(self.was_outdated(command.text, &error, &ready, block)).await
                    {
                        again = false;
                        continue;
                    }
                    let error = self.failed(error, Sent::Perhaps).await;
                    self.unless_run(&error, tainted);
                    return Err(error);
                }
            }
        }
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        self.settle().await?;
        let mut again = true;
        loop {
            let ready = self.ready(command.text).await?;
            let tainted = self.tainted;
            self.tainted |= ready.taints;
            let block = self.session.watched.block();
            let client = &self.session.client;
            let flight = self.session.in_flight();
            let answer = match &ready.prepared {
                Some(prepared) => {
                    client.query_raw(&prepared.statement, command.values.iter().map(Param)).await
                }
                None => {
                    let params = params(command.values);
                    client.query_typed_raw(command.text, typed(&params)).await
                }
            };
            flight.over();
            match answer {
                Ok(stream) => {
                    let shape = match &ready.prepared {
                        Some(prepared) => prepared.shape.clone(),
                        None => Shape::of(&[]),
                    };
                    let mut cursor =
                        PostgresCursor::new(self, stream, shape, command.fetch_size, ready.counts);
                    if ready.prepared.is_none() {
                        Box::pin(cursor.learn()).await?;
                    }
                    return Ok(Rows::new(Box::new(cursor)));
                }
                Err(error) => {
                    if again
                        && Box::pin(self.was_outdated(command.text, &error, &ready, block)).await
                    {
                        again = false;
                        continue;
                    }
                    let error = self.failed(error, Sent::Perhaps).await;
                    self.unless_run(&error, tainted);
                    return Err(error);
                }
            }
        }
    }

    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        self.settle().await?;
        let mut results = Vec::new();
        // One by one: sent together they would be one transaction.
        for statement in split_script(&DIALECT, script) {
            results.push(self.execute_text(statement).await?);
        }
        Ok(results)
    }

    async fn execute_text(&mut self, text: &str) -> Result<ExecResult> {
        self.settle().await?;
        let look = self.statements.look(text);
        match look.class {
            Class::Clean => {}
            Class::Taints => self.tainted = true,
            Class::Copy => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    "a script cannot copy data through the connection",
                ));
            }
        }
        let flight = self.session.in_flight();
        let answer = async {
            let mut rows = 0;
            let messages = self.session.client.simple_query_raw(text).await?;
            let mut messages = std::pin::pin!(messages);
            while let Some(message) =
                std::future::poll_fn(|cx| futures_core::Stream::poll_next(messages.as_mut(), cx))
                    .await
            {
                if let SimpleQueryMessage::CommandComplete(count) = message? {
                    rows = count;
                }
            }
            Ok(rows)
        };
        let answer = answer.await;
        flight.over();
        match answer {
            Ok(rows) => Ok(ExecResult::new(if look.counts { rows } else { 0 })),
            Err(error) => Err(self.failed(error, Sent::Perhaps).await),
        }
    }

    async fn bulk_insert(&mut self, into: &BulkTarget, rows: &mut dyn BulkSource) -> Result<u64> {
        into.check()?;
        self.settle().await?;
        if self.options.pooler == Pooler::Transaction {
            // A copy is prepared by name.
            return bulk_insert_by_statements(self, into, rows).await;
        }
        let outcome = crate::copy::copy_in(&self.session, into, rows).await;
        outcome.map_err(|error| self.in_transaction(error))
    }

    async fn bulk_insert_text(
        &mut self,
        into: &BulkTarget,
        rows: &mut dyn BulkSource,
    ) -> Result<u64> {
        into.check()?;
        self.settle().await?;
        if self.options.pooler == Pooler::Transaction {
            return bulk_insert_by_statements(self, into, rows).await;
        }
        let outcome = crate::copy_text::copy_in(&self.session, into, rows).await;
        outcome.map_err(|error| self.in_transaction(error))
    }

    async fn begin(&mut self, options: TransactionOptions) -> Result<()> {
        options.check()?;
        options.refuse_mode(&DIALECT)?;
        let text = begin_text(options)?;
        self.settle().await?;
        match self.session.watched.block() {
            Block::None => {}
            Block::Open => {
                return Err(Error::new(ErrorKind::Usage, "a transaction is already open"));
            }
            Block::Failed => return Err(aborted()),
        }
        self.unheard_begin = true;
        let begun = self.simple(&text).await;
        if begun.is_err() && self.session.watched.block() != Block::None {
            // It was begun, and then a limit was refused.
            Box::pin(self.undo_begin()).await?;
        }
        self.unheard_begin = false;
        begun
    }

    async fn commit(&mut self) -> Result<()> {
        self.settle().await?;
        match self.session.watched.block() {
            Block::Open => {}
            Block::None => return Err(Error::new(ErrorKind::Usage, "no transaction is open")),
            Block::Failed => {
                // The server would answer with a rollback, without an error.
                self.simple("rollback").await?;
                return Err(aborted());
            }
        }
        match self.simple("commit").await {
            Err(error) if error.kind() == ErrorKind::ConnectionLost => Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "the connection was lost while the transaction was committed",
            )
            .with_source(error)),
            committed => committed,
        }
    }

    async fn rollback(&mut self) -> Result<()> {
        self.settle().await?;
        if self.session.watched.block() == Block::None {
            return Ok(());
        }
        self.simple("rollback").await
    }

    async fn savepoint(&mut self, op: SavepointOp, name: &str) -> Result<()> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if name.is_empty() || !plain || name.as_bytes()[0].is_ascii_digit() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "{name:?} is no name for a savepoint: letters, digits and `_`, not beginning \
                     with a digit"
                ),
            ));
        }
        let verb = match op {
            SavepointOp::Create => "savepoint",
            SavepointOp::Release => "release savepoint",
            SavepointOp::RollbackTo => "rollback to savepoint",
        };
        if op == SavepointOp::RollbackTo {
            // What it is there for: a failed transaction goes on from a savepoint.
            self.settle().await?;
            if self.session.watched.block() == Block::None {
                return Err(Error::new(ErrorKind::Usage, "no transaction is open"));
            }
        } else {
            self.require_transaction().await?;
        }
        self.simple(&format!("{verb} \"{name}\"")).await
    }

    async fn ping(&mut self) -> Result<()> {
        self.settle().await?;
        self.simple("").await
    }

    async fn reset(&mut self, mode: ResetMode) -> Result<()> {
        self.settle().await?;
        match (self.session.watched.block(), mode) {
            (Block::None, _) => {}
            (_, ResetMode::None) => return Ok(()),
            (Block::Open, ResetMode::Commit) => self.commit().await?,
            _ => self.simple("rollback").await?,
        }
        if self.tainted {
            self.simple(CLEAN_UP).await?;
            self.tainted = false;
        }
        Ok(())
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        if self.session.client.is_closed() {
            return Err(lost_connection(Sent::No));
        }
        if self.unheard_begin || !self.session.is_at_rest() {
            return Err(Error::new(
                ErrorKind::Usage,
                "a cancelled statement has not stopped yet; reset the connection first",
            ));
        }
        self.tainted = true;
        let client: &mut Client = &mut self.session.client;
        Ok(client)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let Self { session, statements, .. } = *self;
        // Each would be closed by a message of its own.
        drop(statements);
        session.close().await
    }
}

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnection")
            .field("session", &self.session)
            .field("prepared", &self.statements.prepared())
            .field("tainted", &self.tainted)
            .finish_non_exhaustive()
    }
}
