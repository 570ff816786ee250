//! A request on its way: it owns the connection, and is never dropped half-way.
//!
//! The driver's futures must not be dropped before they are done: what they had read or written is
//! lost with them. So each request is a future of its own that holds the driver's connection and
//! lives in ours. A caller only polls it; when the caller goes, it stays, and whoever comes next
//! brings it to its end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Column, Conn, Error as Native, QueryResult, Row, Value as NativeValue};

use crate::errors::INTERRUPTED;

/// What is asked of the server.
pub(crate) enum Request {
    /// A prepared statement.
    Prepared(Box<str>, Vec<NativeValue>),
    /// One or several statements as text.
    Text(Box<str>),
    /// A sign of life.
    Ping,
    /// Everything in the session as it was at its beginning.
    Reset,
}

/// What comes of it.
pub(crate) enum Event {
    /// A result with columns begins.
    Columns(Arc<[Column]>),
    /// Some of its rows.
    Rows(Vec<Row>),
    /// A result is complete: rows affected, generated key (0 for none).
    Complete(u64, u64),
    /// The connection is free again.
    Done(Box<Conn>, Result<(), Native>),
}

/// The connection, free again, and how the request ended.
type Landing = (Box<Conn>, Result<(), Native>);

/// A request, and what was got of it and not yet taken.
pub(crate) struct Flight {
    request: Pin<Box<dyn Future<Output = Landing> + Send>>,
    slot: Arc<Slot>,
}

impl Flight {
    /// The next event. Not to be called after [`Event::Done`].
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match self.request.as_mut().poll(cx) {
            Poll::Ready((conn, outcome)) => Poll::Ready(Event::Done(conn, outcome)),
            Poll::Pending => match self.slot.take() {
                Some(event) => Poll::Ready(event),
                None => Poll::Pending,
            },
        }
    }
}

/// Where the request leaves an event for whoever polls it.
#[derive(Default)]
struct Slot(Mutex<Option<Event>>);

impl Slot {
    fn take(&self) -> Option<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Hands `event` over. The request goes on when it is polled for the next one.
    async fn give(&self, event: Event) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
        let mut handed_over = false;
        poll_fn(|_| {
            // Nobody need be woken: the event is taken in the poll that this ends.
            if std::mem::replace(&mut handed_over, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// How many rows are handed on together, and how many bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// Passes the events of a result on.
async fn results<P: Protocol>(
    mut result: QueryResult<'_, 'static, P>,
    portion: Portion,
    out: &Slot,
) -> Result<(), Native> {
    let mut first = true;
    loop {
        let columns = result.columns().filter(|columns| !columns.is_empty());
        if let Some(columns) = columns {
            out.give(Event::Columns(columns)).await;
            rows(&mut result, portion, out).await?;
            out.give(Event::Complete(0, 0)).await;
        } else if first || !result.is_empty() {
            out.give(complete(&result)).await;
            if !result.is_empty() {
                result.next().await?;
            }
        }
        first = false;
        if result.is_empty() {
            // What follows the rows of a procedure is its own summary, or the error it ended with,
            // which the driver keeps until it is asked.
            return result.next().await.map(drop);
        }
    }
}

/// Passes the rows of one result on.
async fn rows<P: Protocol>(
    result: &mut QueryResult<'_, 'static, P>,
    portion: Portion,
    out: &Slot,
) -> Result<(), Native> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    let ended = loop {
        match result.next().await {
            Ok(Some(row)) => {
                bytes += size_of_row(&row);
                rows.push(row);
                if rows.len() >= portion.rows || bytes >= portion.bytes {
                    bytes = 0;
                    out.give(Event::Rows(std::mem::take(&mut rows))).await;
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if !rows.is_empty() {
        out.give(Event::Rows(rows)).await;
    }
    ended
}

fn complete<P: Protocol>(result: &QueryResult<'_, '_, P>) -> Event {
    Event::Complete(result.affected_rows(), result.last_insert_id().unwrap_or(0))
}

fn size_of_row(row: &Row) -> usize {
    (0..row.len())
        .map(|i| match row.as_ref(i) {
            Some(NativeValue::Bytes(bytes)) => bytes.len() + 32,
            _ => 32,
        })
        .sum()
}

/// Sends `request` on `conn`. In a transaction, what became of it is asked after an error.
pub(crate) fn send(
    conn: Box<Conn>,
    request: Request,
    portion: Portion,
    in_transaction: bool,
) -> Flight {
    let slot = Arc::new(Slot::default());
    let out = Arc::clone(&slot);
    let request = Box::pin(async move {
        let mut conn = conn;
        let mut outcome = carry_out(&mut conn, request, portion, &out).await;
        // An error says nothing of the transaction; the answer to a sign of life does.
        if in_transaction
            && matches!(outcome, Err(Native::Server(_)))
            && let Err(error) = conn.ping().await
        {
            outcome = Err(error);
        }
        (conn, outcome)
    });
    Flight { request, slot }
}

async fn carry_out(
    conn: &mut Conn,
    request: Request,
    portion: Portion,
    out: &Slot,
) -> Result<(), Native> {
    match request {
        Request::Ping => conn.ping().await,
        Request::Reset => match conn.reset().await? {
            true => Ok(()),
            false => Err(Native::Other("the server is too old to reset a session".into())),
        },
        Request::Text(text) => results(conn.query_iter(&*text).await?, portion, out).await,
        Request::Prepared(text, values) => {
            let plain = values.is_empty();
            match conn.exec_iter(&*text, values).await {
                Ok(result) => results(result, portion, out).await,
                // Not every statement can be prepared.
                Err(Native::Server(error)) if error.code == 1295 && plain => {
                    results(conn.query_iter(&*text).await?, portion, out).await
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// True when a statement ended because it was stopped.
pub(crate) fn was_interrupted(error: &Native) -> bool {
    matches!(error, Native::Server(server) if INTERRUPTED.contains(&server.code))
}
