//! The portable connection: statements, transactions, and what a session looks like to a pool.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use mysql_async::Conn;
use wellspring_connector::{
    BulkSource, BulkTarget, Command, Connection, Dialect, Error, ErrorKind, ExecResult,
    IsolationLevel, ResetMode, Result, Retry, Rows, SavepointOp, SessionState, TransactionOptions,
    split_script,
};

use crate::connector::{MARIADB, MYSQL};
use crate::cursor::MySqlCursor;
use crate::encode;
use crate::errors::{Sent, lost_connection};
use crate::flight::{Event, Portion, Request};
use crate::load;
use crate::lock_waits::LockWaits;
use crate::session::{Landed, PORTION, Session, Stopper};
use crate::statements::Statements;

/// One connection to a MySQL or MariaDB database.
///
/// # Cancellation
/// A statement whose future or rows are dropped is stopped at the server at once, by `kill query` on
/// another connection. The next call, or the reset by a pool, waits until that has taken effect and
/// the session is quiet, so that no later statement is hit by it.
///
/// # Transactions
/// The server commits an open transaction before `create table` and its like; what follows is then
/// outside of it, and [`commit`](Connection::commit) says so. A deadlock rolls the whole transaction
/// back; statements are then refused until it is rolled back here too.
///
/// # Reset
/// [`reset`](Connection::reset) settles what is in flight and rolls back. Where the session may have
/// been changed (by [`native`](Connection::native), `set`, `use`, variables, temporary tables, locks
/// and others told by their words) `COM_RESET_CONNECTION` brings everything back, prepared
/// statements are gone, and the session is readied again. A procedure that changes settings is
/// taken for one that does whenever it is called.
pub struct MySqlConnection {
    pub(crate) session: Session,
    dialect: &'static Dialect,
    statements: Statements,
    /// The session may differ from what it was when connected to.
    tainted: bool,
    /// A transaction was begun here and has not been ended here.
    begun: bool,
    /// The server ended it by itself, because of an error.
    aborted: bool,
    /// What must be done before anything else, because nobody heard whether it is needed.
    pub(crate) undo: Option<&'static str>,
    /// How long the session waited for locks before the transaction that changed it.
    former_waits: Option<LockWaits>,
}

/// The isolation levels it has.
const LEVELS: &[IsolationLevel] = &[
    IsolationLevel::ReadUncommitted,
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

/// What a statement did; `id` is 0 where no key was generated.
pub(crate) fn summary(rows: u64, id: u64) -> ExecResult {
    let done = ExecResult::new(rows);
    match i64::try_from(id) {
        Ok(0) => done,
        Ok(id) => done.with_last_insert_id(id),
        Err(_) => done.with_last_insert_id(id),
    }
}

impl MySqlConnection {
    pub(crate) fn new(
        conn: Conn,
        mariadb: bool,
        stopper: Stopper,
        file_asked_for: Arc<AtomicBool>,
    ) -> Self {
        let dialect = if mariadb { &MARIADB } else { &MYSQL };
        Self {
            session: Session::new(conn, stopper, file_asked_for),
            dialect,
            statements: Statements::default(),
            tainted: false,
            begun: false,
            aborted: false,
            undo: None,
            former_waits: None,
        }
    }

    /// Brings the session to rest, whatever a dropped future left behind.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        if self.session.is_gone() {
            return Err(self.in_transaction(lost_connection(Sent::No)));
        }
        if !self.session.is_at_rest() {
            self.session.settle().await?;
            self.note_end(true);
        }
        self.note_undone();
        if let Some(undo) = self.undo {
            // Nothing is open where it came too early, and then nothing is wrong.
            if self.session.in_transaction() {
                self.session.run(Request::Text(undo.into())).await?;
            }
            self.undo = None;
            self.begun &= self.session.in_transaction();
        }
        if self.former_waits.is_some() && !self.begun {
            self.restore_waits().await?;
        }
        Ok(())
    }

    /// Waits for locks as before the transaction. Done again by whoever comes next, if it is dropped
    /// half-way.
    async fn restore_waits(&mut self) -> Result<()> {
        if let Some(former) = &self.former_waits {
            let setting = former.setting();
            self.session.run(Request::Text(setting.into())).await?;
            self.former_waits = None;
        }
        Ok(())
    }

    /// As [`restore_waits`](Self::restore_waits), where what came before it has succeeded and counts: a
    /// session that could not be restored is reset before it is lent again.
    async fn try_restore_waits(&mut self) {
        if let Err(error) = self.restore_waits().await {
            tracing::debug!(%error, "the limit on lock waits could not be restored yet");
        }
    }

    /// Waits for the end of a load that was stopped.
    pub(crate) async fn settle_load(&mut self) -> Result<()> {
        self.session.settle().await
    }

    /// A connection lost inside a transaction has undone it: the whole may be run again.
    pub(crate) fn in_transaction(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::ConnectionLost && self.begun {
            return error.with_retry(Retry::Transaction);
        }
        error
    }

    /// Sees what became of the transaction when a statement has ended.
    fn note_end(&mut self, failed: bool) {
        if self.begun && !self.session.in_transaction() {
            self.aborted |= failed;
        }
    }

    /// Sees whether what failed has ended the transaction, where its end was not seen: in the midst of
    /// rows, or of a load.
    fn note_undone(&mut self) {
        self.aborted |= self.session.take_undone() && self.begun;
    }

    /// Runs a statement of our own.
    pub(crate) async fn simple(&mut self, text: &str) -> Result<(u64, u64)> {
        let done = self.session.run(Request::Text(text.into())).await;
        self.note_end(done.is_err());
        done.map_err(|error| self.in_transaction(error))
    }

    /// Commits, on a session at rest.
    pub(crate) async fn commit_now(&mut self) -> Result<()> {
        if self.aborted {
            self.forget_transaction();
            return Err(aborted());
        }
        if !self.session.in_transaction() {
            let begun = std::mem::take(&mut self.begun);
            return Err(Error::new(
                ErrorKind::Usage,
                if begun {
                    "a statement of the transaction has committed it, as definitions of tables do"
                } else {
                    "no transaction is open"
                },
            ));
        }
        let committed = self.session.run(Request::Text("commit".into())).await;
        match committed {
            Ok(_) => {
                self.forget_transaction();
                self.try_restore_waits().await;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionLost => Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "the connection was lost while the transaction was committed",
            )
            .with_source(error)),
            Err(error) => {
                if !self.session.in_transaction() {
                    self.forget_transaction();
                }
                Err(error)
            }
        }
    }

    /// Readies the session for a statement of the caller.
    async fn ready(&mut self, text: &str) -> Result<bool> {
        self.settle().await?;
        if self.aborted {
            return Err(aborted());
        }
        let before = self.tainted;
        self.tainted |= self.statements.taints(self.dialect, text);
        Ok(before)
    }

    /// A statement that was refused for its text has not run, and left nothing behind.
    fn unless_run(&mut self, error: &Error, tainted: bool) {
        if matches!(error.kind(), ErrorKind::Syntax | ErrorKind::UndefinedObject) {
            self.tainted = tainted;
        }
    }

    fn require_transaction(&self) -> Result<()> {
        if self.aborted {
            return Err(aborted());
        }
        if !self.session.in_transaction() {
            return Err(Error::new(ErrorKind::Usage, "no transaction is open"));
        }
        Ok(())
    }

    /// The transaction is over, here too.
    fn forget_transaction(&mut self) {
        self.begun = false;
        self.aborted = false;
        self.session.take_undone();
    }
}

fn aborted() -> Error {
    Error::new(
        ErrorKind::TransactionAborted,
        "the server has rolled the transaction back; it can only be rolled back here too",
    )
}

#[async_trait]
impl Connection for MySqlConnection {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn state(&mut self) -> SessionState {
        if self.session.is_gone() {
            return SessionState::Closed;
        }
        if self.undo.is_some() || !self.session.is_at_rest() {
            return SessionState::Busy;
        }
        self.note_undone();
        if self.aborted {
            SessionState::Failed
        } else if self.session.in_transaction() {
            SessionState::InTransaction
        } else if self.tainted || self.former_waits.is_some() {
            SessionState::Tainted
        } else {
            SessionState::Idle
        }
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        let values = encode::all(command.values)?;
        let tainted = self.ready(command.text).await?;
        let ran = self.session.run(Request::Prepared(command.text.into(), values)).await;
        self.note_end(ran.is_err());
        match ran {
            Ok((rows, id)) => Ok(summary(rows, id)),
            Err(error) => {
                self.unless_run(&error, tainted);
                Err(self.in_transaction(error))
            }
        }
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        let values = encode::all(command.values)?;
        let tainted = self.ready(command.text).await?;
        let portion = match command.fetch_size {
            None => PORTION,
            Some(rows) => Portion { rows: rows.get() as usize, ..PORTION },
        };
        self.session.launch(Request::Prepared(command.text.into(), values), portion)?;
        loop {
            match self.session.event().await {
                Landed::More(Event::Columns(columns)) => {
                    let shape = self.statements.shape(command.text, columns);
                    return Ok(Rows::new(Box::new(MySqlCursor::new(self, shape))));
                }
                Landed::More(Event::Complete(rows, id)) => {
                    let done = summary(rows, id);
                    return Ok(Rows::new(Box::new(MySqlCursor::complete(self, done, false))));
                }
                Landed::More(_) => {}
                Landed::Over(Ok(())) => {
                    self.note_end(false);
                    let done = ExecResult::default();
                    return Ok(Rows::new(Box::new(MySqlCursor::complete(self, done, true))));
                }
                Landed::Over(Err(error)) => {
                    self.note_end(true);
                    self.unless_run(&error, tainted);
                    return Err(self.in_transaction(error));
                }
            }
        }
    }

    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        self.settle().await?;
        let mut results = Vec::new();
        for statement in split_script(self.dialect, script) {
            results.push(self.execute_text(statement).await?);
        }
        Ok(results)
    }

    async fn execute_text(&mut self, text: &str) -> Result<ExecResult> {
        self.ready(text).await?;
        let (rows, id) = self.simple(text).await?;
        Ok(summary(rows, id))
    }

    async fn bulk_insert(&mut self, into: &BulkTarget, rows: &mut dyn BulkSource) -> Result<u64> {
        into.check()?;
        self.settle().await?;
        if self.aborted {
            return Err(aborted());
        }
        load::insert(self, into, rows).await
    }

    async fn begin(&mut self, options: TransactionOptions) -> Result<()> {
        options.check()?;
        options.refuse_deferrable(self.dialect)?;
        options.refuse_mode(self.dialect)?;
        let why = "whose repeatable read is a snapshot";
        let level = options.level_of(self.dialect, LEVELS, why)?;
        self.settle().await?;
        if self.aborted {
            return Err(aborted());
        }
        if self.session.in_transaction() {
            return Err(Error::new(ErrorKind::Usage, "a transaction is already open"));
        }
        let mut text = String::new();
        if let Some(limit) = options.lock_timeout {
            let former = LockWaits::of(&mut self.session).await?;
            text = format!("{}; ", LockWaits::limited(limit).setting());
            self.former_waits = Some(former);
        }
        if let Some(level) = level {
            // For the next transaction only, which is begun in the same breath.
            text.push_str(&format!("set transaction isolation level {level}; "));
        }
        text.push_str(if options.read_only {
            "start transaction read only"
        } else {
            "start transaction"
        });
        self.undo = Some("rollback");
        // Stopped half-way, the level would be that of the next transaction, whosever that is.
        let tainted = self.tainted;
        self.tainted |= level.is_some();
        let begun = self.simple(&text).await;
        self.undo = None;
        if begun.is_err() {
            self.try_restore_waits().await;
        }
        begun?;
        self.tainted = tainted;
        self.begun = true;
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.settle().await?;
        self.commit_now().await
    }

    async fn rollback(&mut self) -> Result<()> {
        self.settle().await?;
        if self.session.in_transaction() {
            self.session.run(Request::Text("rollback".into())).await?;
        }
        self.forget_transaction();
        self.try_restore_waits().await;
        Ok(())
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
        self.settle().await?;
        self.require_transaction()?;
        let verb = match op {
            SavepointOp::Create => "savepoint",
            SavepointOp::Release => "release savepoint",
            SavepointOp::RollbackTo => "rollback to savepoint",
        };
        self.simple(&format!("{verb} `{name}`")).await.map(drop)
    }

    async fn ping(&mut self) -> Result<()> {
        self.settle().await?;
        self.session.run(Request::Ping).await.map(drop)
    }

    async fn reset(&mut self, mode: ResetMode) -> Result<()> {
        self.settle().await?;
        if self.tainted {
            // Native access may have begun a transaction that was not seen.
            self.session.run(Request::Ping).await?;
        }
        if self.session.in_transaction() {
            match mode {
                ResetMode::None => return Ok(()),
                ResetMode::Rollback => self.rollback().await?,
                ResetMode::Commit => {
                    if let Err(error) = self.commit().await {
                        self.rollback().await?;
                        return Err(error);
                    }
                }
            }
        }
        self.forget_transaction();
        if self.tainted || self.former_waits.is_some() {
            self.session.run(Request::Reset).await?;
            self.tainted = false;
            self.former_waits = None;
        }
        Ok(())
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        if self.session.is_gone() {
            return Err(lost_connection(Sent::No));
        }
        let at_rest = self.session.is_at_rest() && self.undo.is_none();
        match self.session.conn() {
            Some(conn) if at_rest => {
                self.tainted = true;
                Ok(conn)
            }
            _ => Err(Error::new(
                ErrorKind::Usage,
                "a cancelled statement has not stopped yet; reset the connection first",
            )),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        self.settle().await?;
        self.session.close().await
    }
}

impl fmt::Debug for MySqlConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlConnection")
            .field("dialect", &self.dialect.name)
            .field("session", &self.session)
            .field("tainted", &self.tainted)
            .finish_non_exhaustive()
    }
}
