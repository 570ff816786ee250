//! A session: one SQLite connection with what must be known about it, and the turns its
//! statements take. Everything here is synchronous and runs on whichever thread holds the session.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};
use wellspring_connector::{Columns, Error, ErrorKind, ExecResult, Result, Value};

use crate::batch::{Collecting, SqliteBatch};
use crate::errors::{During, convert, is_busy};
use crate::execute::Place;
use crate::execute::average::{Averages, hash};
use crate::execute::handoff::Watched;
use crate::gate::{Pass, Share, Shared};
use crate::lease::Lease;
use crate::options::{OpenMode, SqliteOptions};
use crate::raw::open::{Failure, Limit, OpenStatement};
use crate::raw::wal_hook;
use crate::words;

mod refusals;
mod script;

use refusals::canceled;
pub(crate) use refusals::{aborted, gate_closed, read_only, still_busy};

/// What all connections of one connector share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) options: SqliteOptions,
    pub(crate) averages: Averages,
}

/// The way to a session that is on another thread.
pub(crate) struct Control {
    cancelled: AtomicBool,
    interrupt: InterruptHandle,
}

impl Control {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self { cancelled: AtomicBool::new(false), interrupt: connection.get_interrupt_handle() }
    }

    /// Stops what runs now, and what has yet to begin until [`clear`](Self::clear).
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        // SQLite forgets an interrupt that comes before its statement; the flag does not.
        self.interrupt.interrupt();
    }

    pub(crate) fn clear(&self) {
        self.cancelled.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A connection at rest.
pub(crate) struct Session {
    // Dropped in this order: the connection first, then its place at the gate.
    pub(crate) connection: Box<Connection>,
    pub(crate) state: Box<State>,
}

/// What is known about a session.
pub(crate) struct State {
    pub(crate) common: Arc<Common>,
    pub(crate) control: Arc<Control>,
    /// The place at the gate, for as long as a statement, cursor or transaction needs it.
    pass: Option<Pass>,
    shared: Arc<Shared>,
    /// Readers need a place at the gate too.
    readers_pass: bool,
    /// Quick reads share a lock.
    leases: bool,
    /// A transaction was begun and neither committed nor rolled back. When SQLite says that none
    /// is open all the same, it has rolled it back itself.
    in_transaction: bool,
    /// The open transaction was begun as read-only.
    pub(crate) read_only: bool,
    /// How long the open transaction, or the one being begun, waits for others.
    pub(crate) lock_timeout: Option<Duration>,
    /// The transaction is being begun; if nobody hears of it, it is undone.
    pub(crate) unheard_begin: bool,
    /// Settings may have changed.
    pub(crate) tainted: bool,
    /// Columns by the hash of the statement's text, compared before use.
    columns: HashMap<u64, Columns>,
}

/// What to do with a statement's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Collect them.
    Rows,
    /// Discard them and tell what changed.
    Effects,
}

/// What a statement did.
#[derive(Debug)]
pub(crate) enum Done {
    Effects(ExecResult),
    Script(Vec<ExecResult>),
    Rows(SqliteBatch),
}

/// How far a statement got in one turn.
pub(crate) enum Turn {
    /// To its end.
    Over(Session, Result<Done>),
    /// To a full batch, and not to the end.
    More(Open, SqliteBatch),
    /// Not past the gate, before it was prepared.
    Queue(Session, Share),
    /// Not past the gate.
    Wait(Open, Share),
    /// It should go on, or begin again, on a blocking thread.
    Hop(Open),
    /// Another process is in the way. Nothing happened.
    Busy(Session, rusqlite::Error),
}

/// A session with an open statement.
pub(crate) struct Open {
    statement: OpenStatement,
    state: Box<State>,
    hash: u64,
    want: Want,
    readonly: bool,
    /// Rows have been handed out: it cannot begin again.
    delivered: bool,
}

/// Rows of a batch made on a worker, and on a blocking thread, where a hop must be paid for.
const WORKER: (usize, usize) = (256, 64 * 1024);
const THREAD: (usize, usize) = (1024, 256 * 1024);

/// A worker stops collecting rows after this.
const WORKER_TIME: Duration = Duration::from_micros(100);

impl Session {
    pub(crate) fn new(
        connection: Box<Connection>,
        common: Arc<Common>,
        shared: Arc<Shared>,
        control: Arc<Control>,
        readers_pass: bool,
    ) -> Self {
        // Closed last, its connection would write the log back.
        let writable = common.options.mode != OpenMode::ReadOnly;
        let leases = common.options.read_lease && writable && !readers_pass;
        let state = Box::new(State {
            common,
            control,
            pass: None,
            shared,
            readers_pass,
            leases,
            in_transaction: false,
            read_only: false,
            lock_timeout: None,
            unheard_begin: false,
            tainted: false,
            columns: HashMap::new(),
        });
        Self { connection, state }
    }

    /// True when a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// True when SQLite has rolled the transaction back and nobody has acknowledged it yet.
    pub(crate) fn is_aborted(&self) -> bool {
        self.state.is_aborted(&self.connection)
    }

    /// Acknowledges that no transaction is open.
    pub(crate) fn acknowledge(&mut self) {
        self.state.in_transaction = false;
        self.state.lock_timeout = None;
        self.rest();
    }

    /// Leaves the gate when no transaction needs it.
    pub(crate) fn rest(&mut self) {
        if self.state.pass.is_some() && self.connection.is_autocommit() {
            self.state.pass = None;
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.state.shared
    }

    /// Begins `text`, the statement with this `hash`.
    pub(crate) fn start(
        mut self,
        text: &str,
        values: &[Value],
        hash: u64,
        want: Want,
        place: Place,
    ) -> Turn {
        if let Err(error) = self.check(text) {
            return Turn::Over(self, Err(error));
        }
        if self.is_aborted() {
            if !words::is_rollback(text) {
                return Turn::Over(self, Err(aborted()));
            }
            self.acknowledge();
            let done = match want {
                Want::Effects => Done::Effects(ExecResult::default()),
                Want::Rows => Done::Rows(Collecting::default().finish(Columns::default())),
            };
            return Turn::Over(self, Ok(done));
        }
        // Where readers pass the gate too, preparing is reading: without a lock SQLite would
        // prepare for the schema it remembers, and not find a table that is there.
        if self.state.readers_pass {
            let reads = self.in_transaction() || words::reads(text);
            let guess = if reads { Share::Read } else { Share::Write };
            match self.state.admit(guess, &self.connection) {
                Ok(None) => {}
                Ok(Some(share)) => return Turn::Queue(self, share),
                Err(error) => return Turn::Over(self, Err(error)),
            }
        }
        self.state.tainted |= words::taints(text);
        let Self { connection, state } = self;
        match OpenStatement::prepare(connection, text, values) {
            Ok(statement) => {
                let readonly = statement.is_readonly();
                let open = Open { statement, state, hash, want, readonly, delivered: false };
                if place == (Place::Watched { known: false }) && !readonly {
                    // It could not begin again elsewhere.
                    return Turn::Hop(open);
                }
                open.resume(text, place)
            }
            Err((connection, failure)) => {
                let session = Self { connection, state };
                match failure {
                    // Preparing reads the schema.
                    Failure::Prepare(error) if is_busy(&error) => Turn::Busy(session, error),
                    failure => session.over(Err(failure.into_error())),
                }
            }
        }
    }

    fn check(&self, text: &str) -> Result<()> {
        if self.state.control.is_cancelled() {
            return Err(canceled());
        }
        if let Some(at) = text.bytes().position(|byte| byte == 0) {
            return Err(Error::new(
                ErrorKind::Syntax,
                format!("the statement has a NUL byte at offset {at}"),
            ));
        }
        if words::is_empty(text) {
            return Err(Error::new(ErrorKind::Syntax, "the statement is empty"));
        }
        Ok(())
    }

    /// The end of a statement.
    fn over(mut self, result: Result<Done>) -> Turn {
        self.state.note(&self.connection, result.is_ok());
        self.rest();
        Turn::Over(self, result)
    }

    /// The part of the gate a script needs and does not have.
    pub(crate) fn script_needs(&mut self) -> Result<Option<Share>> {
        if self.state.read_only {
            return Ok(None);
        }
        self.state.admit(Share::Write, &self.connection)
    }

    /// The part of the gate that restoring the settings needs and does not have.
    pub(crate) fn restore_needs(&mut self) -> Result<Option<Share>> {
        let share = if self.state.readers_pass { Share::Read } else { Share::Nothing };
        self.state.admit(share, &self.connection)
    }

    pub(crate) fn give(&mut self, pass: Pass) {
        self.state.pass = Some(pass);
    }

    /// Rolls back without further ado.
    pub(crate) fn rollback_now(&mut self) -> Result<()> {
        if self.in_transaction() {
            self.connection
                .execute_batch("rollback")
                .map_err(|error| convert(error, During::Run))?;
        }
        self.acknowledge();
        Ok(())
    }
}

impl State {
    /// True when SQLite has rolled the transaction back and nobody has acknowledged it yet.
    fn is_aborted(&self, connection: &Connection) -> bool {
        self.in_transaction && connection.is_autocommit()
    }

    /// The database has a write-ahead log.
    pub(crate) fn has_log(&self) -> bool {
        !self.readers_pass
    }

    /// Takes note of what a statement did to the transaction and the log.
    pub(crate) fn note(&mut self, connection: &Connection, succeeded: bool) {
        let autocommit = connection.is_autocommit();
        if succeeded {
            self.in_transaction = !autocommit;
        } else {
            // A transaction that ended in an error is only ended by acknowledging it.
            self.in_transaction |= !autocommit;
        }
        if autocommit {
            self.read_only = false;
            self.lock_timeout = None;
        }
        if let Some(pages) = wal_hook::committed()
            && let Some(checkpointer) = &self.shared.checkpointer
        {
            checkpointer.note(pages);
        }
    }

    fn lease(&self) -> Option<&Lease> {
        self.shared.lease.as_ref().filter(|_| self.leases)
    }

    /// Passes the gate for `share`, or says that it must be waited for.
    fn admit(&mut self, share: Share, connection: &Connection) -> Result<Option<Share>> {
        if share == Share::Nothing {
            return Ok(None);
        }
        if share == Share::Write
            && let Some(lease) = self.lease()
        {
            lease.note_write();
        }
        let gate = &self.shared.gate;
        match &mut self.pass {
            Some(pass) if pass.share() >= share => Ok(None),
            Some(pass) => {
                if gate.try_upgrade(pass) {
                    return Ok(None);
                }
                if connection.is_autocommit() {
                    // Nothing has been read yet: it can go back and queue as a writer.
                    self.pass = None;
                    return Ok(Some(share));
                }
                Err(Error::new(
                    ErrorKind::SerializationFailure,
                    "the transaction has read and now wants to write, while others read or wait to \
                     write; begin it as a read-write transaction",
                ))
            }
            None => match gate.try_pass(share) {
                Some(pass) => {
                    self.pass = Some(pass);
                    Ok(None)
                }
                None => Ok(Some(share)),
            },
        }
    }
}

impl Open {
    pub(crate) fn gate(&self) -> crate::gate::Gate {
        self.state.shared.gate.clone()
    }

    pub(crate) fn give(&mut self, pass: Pass) {
        self.state.pass = Some(pass);
    }

    /// Ends the statement before its end.
    pub(crate) fn close(self) -> Session {
        let mut session = Session { connection: self.statement.close(), state: self.state };
        session.state.note(&session.connection, true);
        session.rest();
        session
    }

    /// Goes on with a statement that has delivered nothing yet. `text` is its text.
    pub(crate) fn resume(mut self, text: &str, place: Place) -> Turn {
        if self.state.control.is_cancelled() {
            return self.fail(canceled());
        }
        if self.state.read_only && !self.readonly {
            return self.fail(read_only());
        }
        let share = match (self.readonly, self.state.readers_pass) {
            (false, _) => Share::Write,
            (true, true) => Share::Read,
            (true, false) => Share::Nothing,
        };
        match self.state.admit(share, self.statement.connection()) {
            Ok(None) => {
                // Inside a transaction the lock is held already.
                if share == Share::Nothing
                    && self.statement.connection().is_autocommit()
                    && let Some(lease) = self.state.lease()
                {
                    lease.note_read();
                }
                self.run(text, place)
            }
            Ok(Some(share)) => Turn::Wait(self, share),
            Err(error) => self.fail(error),
        }
    }

    /// Fetches the next batch.
    pub(crate) fn fetch_more(self, place: Place) -> Turn {
        if self.state.control.is_cancelled() {
            return self.fail(canceled());
        }
        self.run("", place)
    }

    fn fail(self, error: Error) -> Turn {
        self.end().over(Err(error))
    }

    fn end(self) -> Session {
        Session { connection: self.statement.close(), state: self.state }
    }

    fn run(mut self, text: &str, place: Place) -> Turn {
        let since = Instant::now();
        let first = !self.delivered;
        let watched = matches!(place, Place::Watched { .. }).then(|| {
            // Only what reads and returns rows can begin again: not `commit`, which also counts
            // as reading.
            let can_restart = first && self.readonly && self.statement.has_columns();
            Watched::begin(since, can_restart)
        });
        let before = (self.want == Want::Effects && !self.readonly)
            .then(|| Before::of(self.statement.connection()));
        let mut collected = Collecting::default();
        let fetched = match self.want {
            Want::Effects => self.statement.exhaust().map(|()| false),
            Want::Rows => {
                let (rows, bytes) = if place == Place::Thread { THREAD } else { WORKER };
                let until = watched.is_some().then(|| since + WORKER_TIME);
                self.statement.fetch(Limit { rows, bytes, until }, &mut collected)
            }
        };
        if first {
            self.state.common.averages.record(self.hash, since.elapsed());
        }
        match fetched {
            Ok(more) => {
                let done = match self.want {
                    Want::Effects => {
                        let connection = self.statement.connection();
                        Done::Effects(before.map_or_else(ExecResult::default, |before| {
                            before.effects(connection, text)
                        }))
                    }
                    Want::Rows => Done::Rows(collected.finish(self.columns())),
                };
                match done {
                    Done::Rows(batch) if more => {
                        self.delivered = true;
                        Turn::More(self, batch)
                    }
                    done => self.end().over(Ok(done)),
                }
            }
            Err(_) if watched.as_ref().is_some_and(Watched::stopped) => Turn::Hop(self),
            Err(error) if first && is_busy(&error) => {
                let mut session = self.end();
                session.state.note(&session.connection, false);
                if session.is_aborted() {
                    return session.over(Err(convert(error, During::Run)));
                }
                Turn::Busy(session, error)
            }
            Err(error) => self.fail(convert(error, During::Run)),
        }
    }

    fn columns(&mut self) -> Columns {
        let known = self.state.columns.get(&self.hash);
        let columns = self.statement.columns(known);
        if known.is_none_or(|known| !Arc::ptr_eq(known, &columns)) {
            let room = self.state.common.options.statement_cache;
            if self.state.columns.len() >= room {
                self.state.columns.clear();
            }
            if room > 0 {
                self.state.columns.insert(self.hash, Columns::clone(&columns));
            }
        }
        columns
    }
}

/// What the connection counted before a statement.
struct Before {
    changes: u64,
    rowid: i64,
}

impl Before {
    fn of(connection: &Connection) -> Self {
        Self { changes: connection.total_changes(), rowid: connection.last_insert_rowid() }
    }

    fn effects(&self, connection: &Connection, text: &str) -> ExecResult {
        // Statements that are not DML leave the count of changes as it was.
        if connection.total_changes() == self.changes {
            return ExecResult::default();
        }
        let rows = connection.changes();
        let id = connection.last_insert_rowid();
        let inserted = rows > 0
            && words::inserts(text)
            // An upsert that only updated leaves the last key as it was.
            && !(id == self.rowid && words::upserts(text));
        let result = ExecResult::new(rows);
        if inserted { result.with_last_insert_id(id) } else { result }
    }
}

/// The hash of a statement's text, for [`Session::start`].
pub(crate) fn hash_of(text: &str) -> u64 {
    hash(text)
}
