//! The session of one connection: at rest, or with a request in flight that somebody must end.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as Native, Row};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use wellspring_connector::{Credentials, Error, ErrorKind, Result};

use crate::connector::MySqlConnector;
use crate::errors::{Sent, convert, lost_connection};
use crate::flight::{Event, Flight, Portion, Request, send, was_interrupted};

/// How long the goodbye, or one request to stop a statement, may take.
const MANNERS: Duration = Duration::from_secs(5);
/// How long a statement that was given up may go on before the connection is.
const PATIENCE: Duration = Duration::from_secs(10);
/// The rows and bytes handed on together, unless the caller asks for another number.
pub(crate) const PORTION: Portion = Portion { rows: 256, bytes: 256 * 1024 };

/// Where the connection is.
enum Seat {
    Home(Box<Conn>),
    InFlight(Flight),
    Gone,
}

/// A session with a server.
pub(crate) struct Session {
    seat: Seat,
    stopper: Arc<Stopper>,
    /// A transaction is open, by the server's last word.
    in_transaction: bool,
    /// A request that failed has ended one.
    undone: bool,
    file_asked_for: Arc<AtomicBool>,
    /// What is in flight was given up.
    abandoned: bool,
    /// A request to stop it, under way.
    stopping: Mutex<Option<JoinHandle<()>>>,
}

impl Session {
    /// A session of `conn`; `file_asked_for` is set when the server asked for a file and got none.
    pub(crate) fn new(conn: Conn, stopper: Stopper, file_asked_for: Arc<AtomicBool>) -> Self {
        Self {
            seat: Seat::Home(Box::new(conn)),
            stopper: Arc::new(stopper),
            in_transaction: false,
            undone: false,
            file_asked_for,
            abandoned: false,
            stopping: Mutex::new(None),
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        match &self.seat {
            Seat::Home(conn) => conn.is_disconnected(),
            Seat::InFlight(_) => false,
            Seat::Gone => true,
        }
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.seat, Seat::Home(_))
            && self.stopping.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// True once after a request that failed has ended a transaction, whoever read its answer.
    pub(crate) fn take_undone(&mut self) -> bool {
        std::mem::take(&mut self.undone)
    }

    /// The driver's connection, when nothing is in flight.
    pub(crate) fn conn(&mut self) -> Option<&mut Conn> {
        match &mut self.seat {
            Seat::Home(conn) => Some(conn),
            _ => None,
        }
    }

    /// Takes the driver's connection for good.
    pub(crate) fn into_conn(mut self) -> Option<Conn> {
        match std::mem::replace(&mut self.seat, Seat::Gone) {
            Seat::Home(conn) => Some(*conn),
            _ => None,
        }
    }

    /// Puts a request in flight.
    pub(crate) fn launch(&mut self, request: Request, portion: Portion) -> Result<()> {
        match std::mem::replace(&mut self.seat, Seat::Gone) {
            Seat::Home(conn) if !conn.is_disconnected() => {
                self.seat = Seat::InFlight(send(conn, request, portion, self.in_transaction));
                Ok(())
            }
            Seat::Home(_) | Seat::Gone => Err(lost_connection(Sent::No)),
            seat @ Seat::InFlight(_) => {
                self.seat = seat;
                Err(Error::new(ErrorKind::Usage, "another statement is still in flight"))
            }
        }
    }

    /// The next event of what is in flight; its end puts the connection back.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Landed> {
        let Seat::InFlight(flight) = &mut self.seat else {
            return Poll::Ready(Landed::Over(Err(lost_connection(Sent::Perhaps))));
        };
        match std::task::ready!(flight.poll_event(cx)) {
            Event::Done(conn, outcome) => Poll::Ready(self.land(conn, outcome)),
            event => Poll::Ready(Landed::More(event)),
        }
    }

    fn land(&mut self, conn: Box<Conn>, outcome: Result<(), Native>) -> Landed {
        let broken = match &outcome {
            Err(error) => error.is_fatal() && !matches!(error, Native::Driver(d) if harmless(d)),
            Ok(()) => false,
        };
        if let Some(ok) = conn.last_ok_packet() {
            let flags = ok.status_flags();
            let before = self.in_transaction;
            self.in_transaction = flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
            self.undone |= before && !self.in_transaction && outcome.is_err();
        }
        self.seat = if broken || conn.is_disconnected() { Seat::Gone } else { Seat::Home(conn) };
        let mut outcome = outcome.map_err(|error| convert(error, Sent::Perhaps));
        if self.file_asked_for.swap(false, Ordering::AcqRel) && outcome.is_ok() {
            outcome = Err(Error::new(
                ErrorKind::Usage,
                "the server asked for a file of this machine and was given nothing; rows are loaded \
                 by `bulk_insert`",
            ));
        }
        Landed::Over(outcome)
    }

    /// Stops what is in flight; nobody waits for it any more.
    pub(crate) fn abandon(&mut self) {
        if !matches!(self.seat, Seat::InFlight(_)) || self.abandoned {
            return;
        }
        // It may be over already, or nearly.
        for _ in 0..8 {
            match self.poll_event(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Landed::Over(_)) => return,
                Poll::Ready(Landed::More(_)) => {}
                Poll::Pending => break,
            }
        }
        self.abandoned = true;
        if let Ok(runtime) = Handle::try_current() {
            let stopper = Arc::clone(&self.stopper);
            let task = runtime.spawn(async move { stopper.stop().await });
            *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }

    /// Waits until nothing is in flight, stopping what was abandoned.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`] when the connection is gone, or does not come to rest.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        if self.is_at_rest() {
            return Ok(());
        }
        // Read at once, lest the server wait for us while we wait for it.
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(20);
        let mut interrupted = false;
        loop {
            match timeout(pause, self.land_somehow()).await {
                Ok(seen) => {
                    interrupted |= seen;
                    break;
                }
                Err(_) if Instant::now() >= deadline => {
                    self.seat = Seat::Gone;
                    return Err(Error::new(
                        ErrorKind::ConnectionLost,
                        format!("a statement that was cancelled did not stop within {PATIENCE:?}"),
                    ));
                }
                Err(_) => {}
            }
            // Perhaps nobody has asked yet, or the request came before the statement.
            self.join_stopping().await;
            self.stopper.stop().await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        let asked = self.abandoned;
        self.join_stopping().await;
        self.abandoned = false;
        if asked && !interrupted && !self.is_gone() {
            // The request may have come too late: then it hits this instead of a later statement.
            self.launch(Request::Text("do 0".into()), PORTION)?;
            let absorbed = timeout(MANNERS, self.finish()).await;
            match absorbed {
                Ok(Err(error)) if self.is_gone() => return Err(error),
                // Hit, or not: it is quiet now.
                Ok(_) => {}
                Err(_) => {
                    self.seat = Seat::Gone;
                    return Err(lost_connection(Sent::Perhaps));
                }
            }
        }
        if self.is_gone() { Err(lost_connection(Sent::Perhaps)) } else { Ok(()) }
    }

    /// Waits for the request to stop what was in flight, if there is one.
    async fn join_stopping(&mut self) {
        let slot = self.stopping.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = slot {
            // It has a limit of its own; how it ended does not matter.
            let _ended = task.await;
            *slot = None;
        }
    }

    /// Waits for the end of what is in flight, whatever it brings; true when it was interrupted.
    async fn land_somehow(&mut self) -> bool {
        while matches!(self.seat, Seat::InFlight(_)) {
            if let Landed::Over(outcome) = poll_fn(|cx| self.poll_event(cx)).await {
                let native = outcome.as_ref().err().and_then(|e| e.native_ref::<Native>());
                return native.is_some_and(was_interrupted);
            }
        }
        false
    }

    /// Waits for the end of what is in flight, and counts what it did.
    pub(crate) async fn finish(&mut self) -> Result<(u64, u64)> {
        let mut done = (0, 0);
        loop {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Landed::Over(outcome) => return outcome.map(|()| done),
                Landed::More(Event::Complete(rows, id)) => {
                    done = (done.0 + rows, if id == 0 { done.1 } else { id });
                }
                Landed::More(_) => {}
            }
        }
    }

    /// Runs a request to its end and counts what it did. Dropped half-way, it is stopped.
    pub(crate) async fn run(&mut self, request: Request) -> Result<(u64, u64)> {
        self.launch(request, PORTION)?;
        let mut waiting = Waiting { session: self, over: false };
        let outcome = waiting.session.finish().await;
        waiting.over = true;
        outcome
    }

    /// The rows of a query of our own, which are few.
    pub(crate) async fn rows(&mut self, text: &str) -> Result<Vec<Row>> {
        self.launch(Request::Text(text.into()), PORTION)?;
        let mut all = Vec::new();
        loop {
            match self.event().await {
                Landed::Over(outcome) => return outcome.map(|()| all),
                Landed::More(Event::Rows(rows)) => all.extend(rows),
                Landed::More(_) => {}
            }
        }
    }

    /// The next event of a request that was launched. Dropped half-way, the request is stopped.
    pub(crate) async fn event(&mut self) -> Landed {
        let mut waiting = Waiting { session: self, over: false };
        let landed = poll_fn(|cx| waiting.session.poll_event(cx)).await;
        waiting.over = true;
        landed
    }

    /// Says goodbye.
    pub(crate) async fn close(self) -> Result<()> {
        match self.into_conn() {
            Some(conn) => match timeout(MANNERS, conn.disconnect()).await {
                Ok(outcome) => outcome.map_err(|error| convert(error, Sent::Perhaps)),
                Err(_) => Err(Error::new(
                    ErrorKind::ConnectionLost,
                    format!("the server did not take the goodbye within {MANNERS:?}"),
                )),
            },
            None => Ok(()),
        }
    }
}

/// Somebody who waits for what is in flight.
struct Waiting<'s> {
    session: &'s mut Session,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.session.abandon();
        }
    }
}

/// An event, or the end.
pub(crate) enum Landed {
    More(Event),
    Over(Result<()>),
}

/// Errors of the driver that it makes before it sends anything.
fn harmless(error: &mysql_async::DriverError) -> bool {
    use mysql_async::DriverError as D;
    matches!(
        error,
        D::StmtParamsMismatch { .. }
            | D::StmtParamsNumberExceedsLimit { .. }
            | D::MixedParams
            | D::Params(_)
    )
}

/// Stops what a connection is doing, from another one.
pub(crate) struct Stopper {
    connector: MySqlConnector,
    /// Who opened the connection.
    login: Credentials,
    id: u32,
}

impl Stopper {
    /// For the connection `id`, opened by `login`.
    pub(crate) fn new(connector: MySqlConnector, login: Credentials, id: u32) -> Self {
        Self { connector, login, id }
    }

    /// Asks the server to stop what the connection is doing, and waits until it has.
    async fn stop(&self) {
        let request = async {
            let mut conn = self.connector.open_beside(&self.login).await?;
            let killed = conn.query_drop(format!("kill query {}", self.id)).await;
            let _gone = conn.disconnect().await;
            killed.map_err(|error| convert(error, Sent::Perhaps))
        };
        match timeout(MANNERS, request).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a statement could not be cancelled"),
            Err(_) => tracing::debug!("a statement could not be cancelled within {MANNERS:?}"),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seat = match &self.seat {
            Seat::Home(_) => "home",
            Seat::InFlight(_) => "in flight",
            Seat::Gone => "gone",
        };
        f.debug_struct("Session")
            .field("id", &self.stopper.id)
            .field("seat", &seat)
            .field("in_transaction", &self.in_transaction)
            .finish_non_exhaustive()
    }
}
