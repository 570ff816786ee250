//! The portable connection: whose turn it is, where, and what becomes of dropped futures.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::{JoinHandle, spawn_blocking};
use wellspring_connector::{
    BulkSource, BulkTarget, Command, Connection, Dialect, Error, ErrorKind, ExecResult, Result,
    Rows, SavepointOp, SessionState, TransactionOptions, Value,
};
use wellspring_pool_core::ResetMode;

use crate::bulk;
use crate::cursor::SqliteCursor;
use crate::execute::average::Known;
use crate::execute::breath;
use crate::execute::wait::{Patience, Waiting};
use crate::execute::{Place, Plan, plan};
use crate::gate::Share;
use crate::profile;
use crate::session::{
    Common, Control, Done, Open, Session, Turn, Want, aborted, gate_closed, hash_of, still_busy,
};

mod begin;

/// SQLite, as the portable layer describes it.
pub(crate) static DIALECT: Dialect = Dialect::SQLITE;

/// How long closing waits for a running checkpoint, so that the log is gone afterwards.
const CHECKPOINT_GRACE: Duration = Duration::from_secs(5);

/// Where the session is.
pub(crate) enum Seat {
    /// At rest.
    Home(Session),
    /// With an open statement.
    Open(Open),
    /// On a blocking thread. The handle stays here when the future that waits for it is dropped.
    Away(JoinHandle<Turn>),
    /// Lost or closed.
    Gone,
}

impl Seat {
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Gone)
    }
}

/// One connection to a SQLite database.
///
/// # Cancellation
/// A statement that runs on a blocking thread is interrupted when its future is dropped; the
/// connection is [`SessionState::Busy`] until the next call has waited for it to stop. A
/// statement that runs where it is called cannot be dropped half-way. When the statement was a
/// write inside a transaction, SQLite rolls the whole transaction back; the state is then
/// [`SessionState::Failed`] until it is rolled back here too.
///
/// # Reset
/// [`reset`](Connection::reset) ends the transaction, and when the session is tainted (by
/// [`native`](Connection::native), a pragma with a value, `attach`, a temporary object) sets every
/// option again, detaches other databases and drops temporary objects. Functions, collations and
/// hooks that were registered natively stay.
pub struct SqliteConnection {
    pub(crate) seat: Seat,
    common: Arc<Common>,
    pub(crate) control: Arc<Control>,
    /// What a bulk insert that nobody waited for has left to undo: its own transaction, or what it did
    /// in somebody's.
    pub(crate) undo: Option<Undo>,
    /// Statements since somebody looked at the state, as a pool does at both ends of a loan.
    unlooked: u32,
}

#[derive(Clone, Copy)]
pub(crate) enum Undo {
    Transaction,
    Savepoint,
}

impl SqliteConnection {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            common: Arc::clone(&session.state.common),
            control: Arc::clone(&session.state.control),
            seat: Seat::Home(session),
            undo: None,
            unlooked: 0,
        }
    }

    /// Runs one statement up to its end or its first full batch.
    async fn drive(&mut self, text: &str, values: &[Value], want: Want) -> Result<Progress> {
        self.settle().await?;
        self.drive_settled(text, values, want).await
    }

    /// As [`drive`](Self::drive), from a session at rest.
    async fn drive_settled(
        &mut self,
        text: &str,
        values: &[Value],
        want: Want,
    ) -> Result<Progress> {
        let hash = hash_of(text);
        let mut plan = plan(self.common.options.execution, || self.common.averages.look(hash));
        self.breathe(plan).await;
        let mut patience = self.patience(plan);
        let mut turn = self.begin_turn(text, values, hash, want, plan.place).await?;
        loop {
            match turn {
                Turn::Over(session, result) => {
                    self.seat = Seat::Home(session);
                    return result.map(|done| Progress { done, open: false, plan });
                }
                Turn::More(open, batch) => {
                    self.seat = Seat::Open(open);
                    return Ok(Progress { done: Done::Rows(batch), open: true, plan });
                }
                Turn::Queue(session, share) => {
                    self.seat = Seat::Home(session);
                    self.pass(Some(share), &mut patience).await?;
                    turn = self.begin_turn(text, values, hash, want, plan.place).await?;
                }
                Turn::Wait(open, share) => {
                    let gate = open.gate();
                    self.seat = Seat::Open(open);
                    let pass = patience.wait(gate.pass(share)).await;
                    let Seat::Open(mut open) = self.seat.take() else { return Err(gone()) };
                    let Some(pass) = pass else {
                        self.seat = Seat::Home(open.close());
                        return Err(gate_closed(share, patience.limit()));
                    };
                    open.give(pass);
                    turn = self.resume_turn(open, text, plan.place).await?;
                }
                Turn::Hop(open) => {
                    plan.place = Place::Thread;
                    turn = self.resume_turn(open, text, Place::Thread).await?;
                }
                Turn::Busy(session, error) => {
                    self.seat = Seat::Home(session);
                    if !patience.pause().await {
                        self.leave();
                        return Err(still_busy(error, patience.limit()));
                    }
                    turn = self.begin_turn(text, values, hash, want, plan.place).await?;
                }
            }
        }
    }

    async fn begin_turn(
        &mut self,
        text: &str,
        values: &[Value],
        hash: u64,
        want: Want,
        place: Place,
    ) -> Result<Turn> {
        let Seat::Home(session) = self.seat.take() else { return Err(gone()) };
        if place != Place::Thread {
            return Ok(session.start(text, values, hash, want, place));
        }
        let (text, values) = (text.to_owned(), values.to_vec());
        self.away(move || session.start(&text, &values, hash, want, place)).await
    }

    async fn resume_turn(&mut self, open: Open, text: &str, place: Place) -> Result<Turn> {
        if place != Place::Thread {
            return Ok(open.resume(text, place));
        }
        let text = text.to_owned();
        self.away(move || open.resume(&text, place)).await
    }

    /// Runs `job`, which holds the session, on a blocking thread. If the future is dropped the
    /// job is cancelled, and its handle stays in the seat.
    async fn away(&mut self, job: impl FnOnce() -> Turn + Send + 'static) -> Result<Turn> {
        struct CancelOnDrop<'a>(Option<&'a Control>);
        impl Drop for CancelOnDrop<'_> {
            fn drop(&mut self) {
                if let Some(control) = self.0 {
                    control.cancel();
                }
            }
        }

        self.send_away(job);
        let control = Arc::clone(&self.control);
        let mut guard = CancelOnDrop(Some(&control));
        let turn = poll_fn(|cx| self.poll_back(cx)).await;
        guard.0 = None;
        turn
    }

    pub(crate) fn send_away(&mut self, job: impl FnOnce() -> Turn + Send + 'static) {
        self.seat = Seat::Away(spawn_blocking(job));
    }

    /// Waits for what was sent away. Leaves the seat empty for whoever takes the turn.
    pub(crate) fn poll_back(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn>> {
        let Seat::Away(handle) = &mut self.seat else { return Poll::Ready(Err(gone())) };
        let joined = std::task::ready!(Pin::new(handle).poll(cx));
        self.seat = Seat::Gone;
        Poll::Ready(joined.map_err(|error| {
            let what = if error.is_panic() {
                "SQLite's thread panicked; the connection is closed"
            } else {
                "the runtime is shutting down; the connection is closed"
            };
            Error::new(ErrorKind::ConnectionLost, what).with_source(error)
        }))
    }

    /// Brings the session to rest, whatever a dropped future or cursor left behind.
    pub(crate) async fn settle(&mut self) -> Result<&mut Session> {
        if matches!(self.seat, Seat::Away(_)) {
            self.control.cancel();
            let turn = poll_fn(|cx| self.poll_back(cx)).await?;
            self.settled(turn);
        }
        self.leave();
        match &mut self.seat {
            Seat::Home(session) => Ok(session),
            _ => Err(gone()),
        }
    }

    /// Takes back a session nobody waited for.
    pub(crate) fn settled(&mut self, turn: Turn) {
        let session = match turn {
            Turn::Over(session, _) | Turn::Queue(session, _) | Turn::Busy(session, _) => session,
            Turn::More(open, _) | Turn::Wait(open, _) | Turn::Hop(open) => open.close(),
        };
        self.control.clear();
        self.seat = Seat::Home(session);
    }

    /// Ends an open statement, leaves the gate if nothing needs it, and undoes a transaction
    /// whose beginning nobody heard of. What is away is only told to stop.
    pub(crate) fn leave(&mut self) {
        self.seat = match self.seat.take() {
            Seat::Open(open) => Seat::Home(open.close()),
            Seat::Away(handle) => {
                self.control.cancel();
                Seat::Away(handle)
            }
            seat => seat,
        };
        if let Seat::Home(session) = &mut self.seat {
            let undone = match self.undo.take() {
                Some(Undo::Transaction) => session.rollback_now(),
                Some(Undo::Savepoint) => session.undo_bulk_now(),
                None => Ok(()),
            };
            if let Err(error) = undone {
                tracing::debug!(%error, "an abandoned bulk insert could not be undone");
                self.seat = Seat::Gone;
                return;
            }
            session.rest();
            if session.state.unheard_begin {
                session.state.unheard_begin = false;
                if let Err(error) = session.rollback_now() {
                    tracing::debug!(%error, "an abandoned `begin` could not be undone");
                    self.seat = Seat::Gone;
                }
            }
        }
    }

    /// As [`settle`](Self::settle), if that needs no waiting.
    fn settle_now(&mut self) {
        if matches!(self.seat, Seat::Away(_))
            && let Poll::Ready(Ok(turn)) = self.poll_back(&mut Context::from_waker(Waker::noop()))
        {
            self.settled(turn);
        }
        self.leave();
    }

    /// Runs a statement of our own that returns nothing.
    async fn command(&mut self, text: &str) -> Result<()> {
        self.drive(text, &[], Want::Effects).await.map(drop)
    }

    /// Waits for the part of the gate the session `needs`.
    async fn pass(&mut self, needs: Option<Share>, patience: &mut Patience) -> Result<()> {
        let Seat::Home(session) = &mut self.seat else { return Err(gone()) };
        let Some(share) = needs else { return Ok(()) };
        let gate = session.shared().gate.clone();
        let Some(pass) = patience.wait(gate.pass(share)).await else {
            return Err(gate_closed(share, patience.limit()));
        };
        let Seat::Home(session) = &mut self.seat else { return Err(gone()) };
        session.give(pass);
        Ok(())
    }

    /// Lets other tasks run now and then, since statements that run here never wait.
    async fn breathe(&mut self, plan: Plan) {
        self.unlooked += 1;
        if plan.place == Place::Thread || plan.waiting == Waiting::Thread {
            return;
        }
        if self.unlooked <= breath::LOAN {
            breath::spend();
        } else {
            poll_fn(breath::poll).await;
        }
    }

    async fn require_transaction(&mut self) -> Result<&mut Session> {
        let session = self.settle().await?;
        if session.is_aborted() {
            return Err(aborted());
        }
        if !session.in_transaction() {
            return Err(Error::new(ErrorKind::Usage, "no transaction is open"));
        }
        Ok(session)
    }
}

/// How far a statement got.
struct Progress {
    done: Done,
    open: bool,
    plan: Plan,
}

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection is closed")
}

#[async_trait]
impl Connection for SqliteConnection {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn state(&mut self) -> SessionState {
        self.unlooked = 0;
        self.settle_now();
        match &self.seat {
            Seat::Gone => SessionState::Closed,
            Seat::Open(_) | Seat::Away(_) => SessionState::Busy,
            Seat::Home(session) if session.in_transaction() => SessionState::InTransaction,
            Seat::Home(session) if session.is_aborted() => SessionState::Failed,
            Seat::Home(session) if session.state.tainted => SessionState::Tainted,
            Seat::Home(_) => SessionState::Idle,
        }
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        match self.drive(command.text, command.values, Want::Effects).await?.done {
            Done::Effects(result) => Ok(result),
            Done::Rows(_) | Done::Script(_) => {
                Err(Error::new(ErrorKind::Other, "rows came where none were asked"))
            }
        }
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        let Progress { done, open, plan } =
            self.drive(command.text, command.values, Want::Rows).await?;
        match done {
            Done::Rows(first) => {
                Ok(Rows::new(Box::new(SqliteCursor::new(self, first, open, plan))))
            }
            Done::Effects(_) | Done::Script(_) => {
                Err(Error::new(ErrorKind::Other, "no rows came where some should"))
            }
        }
    }

    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        self.settle().await?;
        let plan = plan(self.common.options.execution, || Known::Long);
        self.breathe(plan).await;
        let mut patience = self.patience(plan);
        let needs = self.settle().await?.script_needs()?;
        self.pass(needs, &mut patience).await?;
        let Seat::Home(session) = self.seat.take() else { return Err(gone()) };
        let turn = if plan.place == Place::Thread {
            let script = script.to_owned();
            self.away(move || session.script(&script, patience, Place::Thread)).await?
        } else {
            session.script(script, patience, plan.place)
        };
        match turn {
            Turn::Over(session, result) => {
                self.seat = Seat::Home(session);
                match result? {
                    Done::Script(results) => Ok(results),
                    Done::Effects(_) | Done::Rows(_) => {
                        Err(Error::new(ErrorKind::Other, "a script ended as something else"))
                    }
                }
            }
            turn => {
                self.settled(turn);
                Err(Error::new(ErrorKind::Other, "a script ended before its end"))
            }
        }
    }

    async fn bulk_insert(&mut self, into: &BulkTarget, rows: &mut dyn BulkSource) -> Result<u64> {
        bulk::insert(self, into, rows).await
    }

    async fn begin(&mut self, options: TransactionOptions) -> Result<()> {
        self.begin_as(options).await
    }

    async fn commit(&mut self) -> Result<()> {
        let session = self.settle().await?;
        if session.is_aborted() {
            session.acknowledge();
            return Err(aborted());
        }
        self.require_transaction().await?;
        self.command("commit").await
    }

    async fn rollback(&mut self) -> Result<()> {
        let session = self.settle().await?;
        if !session.in_transaction() {
            session.acknowledge();
            return Ok(());
        }
        self.command("rollback").await
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
        self.require_transaction().await?;
        let verb = match op {
            SavepointOp::Create => "savepoint",
            SavepointOp::Release => "release",
            SavepointOp::RollbackTo => "rollback to",
        };
        self.command(&format!("{verb} \"{name}\"")).await
    }

    async fn ping(&mut self) -> Result<()> {
        let session = self.settle().await?;
        // Touches no file and takes a microsecond: never worth a hop.
        let answer = session
            .connection
            .prepare_cached("select 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
        answer.map(drop).map_err(|error| crate::errors::convert(error, crate::errors::During::Run))
    }

    async fn reset(&mut self, mode: ResetMode) -> Result<()> {
        let session = self.settle().await?;
        if session.in_transaction() {
            match mode {
                ResetMode::None => return Ok(()),
                ResetMode::Rollback => self.command("rollback").await?,
                ResetMode::Commit => {
                    if let Err(error) = self.command("commit").await {
                        self.rollback().await?;
                        return Err(error);
                    }
                }
            }
        }
        let session = self.settle().await?;
        session.acknowledge();
        if !session.state.tainted {
            return Ok(());
        }
        let needs = session.restore_needs()?;
        let plan = plan(self.common.options.execution, || Known::Long);
        let mut patience = self.patience(plan);
        self.pass(needs, &mut patience).await?;
        let Seat::Home(session) = self.seat.take() else { return Err(gone()) };
        let restore = |mut session: Session| {
            let restored = profile::restore(&mut session);
            session.rest();
            Turn::Over(session, restored.map(|()| Done::Effects(ExecResult::default())))
        };
        let turn = match plan.place {
            Place::Thread => self.away(move || restore(session)).await?,
            _ => restore(session),
        };
        match turn {
            Turn::Over(session, restored) => {
                self.seat = Seat::Home(session);
                restored.map(drop)
            }
            turn => {
                self.settled(turn);
                Err(Error::new(ErrorKind::Other, "a reset ended before its end"))
            }
        }
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        self.settle_now();
        match &mut self.seat {
            Seat::Home(session) => {
                session.state.tainted = true;
                Ok(&mut *session.connection)
            }
            Seat::Gone => Err(gone()),
            Seat::Open(_) | Seat::Away(_) => Err(Error::new(
                ErrorKind::Usage,
                "a cancelled statement has not stopped yet; reset the connection first",
            )),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        self.settle().await?;
        let Seat::Home(session) = self.seat.take() else { return Err(gone()) };
        let close = move || {
            let shared = Arc::clone(session.shared());
            drop(session);
            if let Some(lease) = &shared.lease {
                lease.end(CHECKPOINT_GRACE);
            }
            if let Some(checkpointer) = &shared.checkpointer {
                checkpointer.wait_idle(CHECKPOINT_GRACE);
            }
        };
        match plan(self.common.options.execution, || Known::Long).place {
            Place::Thread => spawn_blocking(close).await.map_err(|error| {
                Error::new(ErrorKind::ConnectionLost, "closing was interrupted").with_source(error)
            }),
            _ => {
                close();
                Ok(())
            }
        }
    }
}

impl Drop for SqliteConnection {
    fn drop(&mut self) {
        if matches!(self.seat, Seat::Away(_)) {
            // The thread drops the session when it is done with it.
            self.control.cancel();
        }
    }
}

impl fmt::Debug for SqliteConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seat = match &self.seat {
            Seat::Home(_) => "home",
            Seat::Open(_) => "in a statement",
            Seat::Away(_) => "on a thread",
            Seat::Gone => "gone",
        };
        f.debug_struct("SqliteConnection").field("seat", &seat).finish_non_exhaustive()
    }
}
