//! Logging around a connection: everything is passed on, several results are one statement, a connection
//! taken in another's place is told, too.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use wellspring_connector::{
    BulkSource, BulkTarget, Column, Columns, Command, Connection, Connector, Cursor, Dialect, Echo,
    EchoConnector, EchoListener, Error, ErrorKind, ExecResult, Lease, Query, ResetMode, Result,
    Retry, RowBatch, Rows, SavepointOp, SessionState, Source, TransactionOptions, Translator,
    Value, ValueKind, bulk_rows,
};
use wellspring_pool_core::{CloseReason, ConnectError, Event, Listener};
use wellspring_testkit::logs::{self, Line};

static POSTGRES: Dialect = Dialect::POSTGRES;

/// What a connection was asked, by the names of the methods.
type Asked = Arc<Mutex<Vec<&'static str>>>;

/// A connector to connections that note what they are asked. The first `stale` of them have died.
#[derive(Debug, Default)]
struct Fake {
    asked: Asked,
    stale: Mutex<usize>,
}

#[async_trait]
impl Connector for Fake {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn target(&self) -> String {
        "fake".to_owned()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let mut left = self.stale.lock().unwrap();
        let stale = *left > 0;
        *left = left.saturating_sub(1);
        Ok(Box::new(FakeConnection { asked: Arc::clone(&self.asked), stale }))
    }
}

#[derive(Debug)]
struct FakeConnection {
    asked: Asked,
    stale: bool,
}

impl FakeConnection {
    fn note(&self, name: &'static str) {
        self.asked.lock().unwrap().push(name);
    }
}

#[async_trait]
impl Connection for FakeConnection {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn state(&mut self) -> SessionState {
        self.note("state");
        SessionState::Tainted
    }

    async fn execute(&mut self, _: Command<'_>) -> Result<ExecResult> {
        self.note("execute");
        if self.stale {
            let error = Error::new(ErrorKind::ConnectionLost, "gone");
            return Err(error.with_retry(Retry::SafeToResend));
        }
        Ok(ExecResult::new(3))
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        self.note("query");
        let sets = if command.text.contains("two") { 2 } else { 1 };
        Ok(Rows::new(Box::new(Sets::new(sets))))
    }

    async fn execute_script(&mut self, _: &str) -> Result<Vec<ExecResult>> {
        self.note("execute_script");
        Ok(vec![ExecResult::new(1), ExecResult::new(2)])
    }

    async fn execute_text(&mut self, _: &str) -> Result<ExecResult> {
        self.note("execute_text");
        Ok(ExecResult::new(1))
    }

    async fn bulk_insert(&mut self, _: &BulkTarget, _: &mut dyn BulkSource) -> Result<u64> {
        self.note("bulk_insert");
        Ok(4)
    }

    async fn bulk_insert_text(&mut self, _: &BulkTarget, _: &mut dyn BulkSource) -> Result<u64> {
        self.note("bulk_insert_text");
        Ok(5)
    }

    async fn begin(&mut self, _: TransactionOptions) -> Result<()> {
        self.note("begin");
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.note("commit");
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        self.note("rollback");
        Ok(())
    }

    async fn savepoint(&mut self, _: SavepointOp, _: &str) -> Result<()> {
        self.note("savepoint");
        Ok(())
    }

    async fn ping(&mut self) -> Result<()> {
        self.note("ping");
        Ok(())
    }

    async fn reset(&mut self, _: ResetMode) -> Result<()> {
        self.note("reset");
        Ok(())
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        self.note("native");
        Ok(self)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.note("close");
        Ok(())
    }
}

/// Results of two rows each, the second in a batch of its own, and after them one without columns that
/// affected five.
struct Sets {
    columns: Columns,
    none: Columns,
    left: usize,
    batches: VecDeque<i64>,
    at_last: bool,
}

impl Sets {
    fn new(sets: usize) -> Self {
        let columns = [Column::new("n", ValueKind::I64, "int8")].into();
        Self { columns, none: [].into(), left: sets - 1, batches: [1, 2].into(), at_last: false }
    }
}

#[derive(Debug)]
struct One(Columns, Value);

impl RowBatch for One {
    fn columns(&self) -> &Columns {
        &self.0
    }

    fn len(&self) -> usize {
        1
    }

    fn value(&self, _: usize, _: usize) -> Result<wellspring_connector::ValueRef<'_>> {
        Ok(self.1.as_ref())
    }
}

impl Cursor for Sets {
    fn columns(&self) -> &Columns {
        if self.at_last { &self.none } else { &self.columns }
    }

    fn poll_batch(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        let columns = Arc::clone(&self.columns);
        Poll::Ready(self.batches.pop_front().map(|n| {
            let batch: Arc<dyn RowBatch> = Arc::new(One(columns, n.into()));
            Ok(batch)
        }))
    }

    fn summary(&self) -> ExecResult {
        ExecResult::new(if self.at_last { 5 } else { 0 })
    }

    fn poll_next_set(&mut self, _: &mut Context<'_>) -> Poll<Result<bool>> {
        if self.left > 0 {
            self.left -= 1;
            self.batches = [1, 2].into();
        } else if std::mem::replace(&mut self.at_last, true) {
            return Poll::Ready(Ok(false));
        }
        Poll::Ready(Ok(true))
    }
}

/// Lends connections of a connector, and another where one has died.
struct Database {
    connector: Arc<dyn Connector>,
    translator: Translator,
}

impl Database {
    /// With a fake of which `stale` connections have died.
    async fn new(name: &str, stale: usize) -> Self {
        logs::keep("wellspring::");
        let fake = Fake { stale: Mutex::new(stale), ..Fake::default() };
        Self {
            connector: EchoConnector::new(Arc::new(fake), name, Echo::Info),
            translator: Translator::new(&POSTGRES, 8).with_sources(true),
        }
    }
}

struct Lent {
    connector: Arc<dyn Connector>,
    connection: Box<dyn Connection>,
}

impl Lease for Lent {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.connection
    }

    fn replace(&mut self) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        Box::pin(async {
            self.connection = self.connector.connect().await?;
            Ok(true)
        })
    }
}

impl Source for &Database {
    type Lease = Lent;

    async fn lease(self) -> Result<Lent> {
        let connector = Arc::clone(&self.connector);
        Ok(Lent { connection: connector.connect().await?, connector })
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}

fn of_database(name: &str) -> Vec<Line> {
    logs::kept("database", name)
}

/// How the only statement ended, and with how many rows.
fn ended(name: &str) -> (String, String, String) {
    let lines = of_database(name);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let field = |field: &str| line.get(field).to_owned();
    (field("outcome"), field("error_kind"), field("rows"))
}

fn three(outcome: &str, kind: &str, rows: &str) -> (String, String, String) {
    (outcome.to_owned(), kind.to_owned(), rows.to_owned())
}

#[tokio::test]
async fn everything_is_passed_on() {
    for echo in [Echo::Off, Echo::Error] {
        let fake = Fake::default();
        let asked = Arc::clone(&fake.asked);
        let connector = EchoConnector::new(Arc::new(fake), "passed_on", echo);
        assert_eq!((connector.dialect().name, connector.target()), ("postgres", "fake".to_owned()));
        assert!(format!("{connector:?}").starts_with("Fake"), "{connector:?}");
        let mut one = connector.connect().await.unwrap();
        assert_eq!(one.dialect().name, "postgres");
        assert_eq!(one.state(), SessionState::Tainted);
        let command = Command::new("", &[]);
        one.execute(command).await.unwrap();
        one.query(command).await.unwrap();
        one.execute_script("").await.unwrap();
        one.execute_text("").await.unwrap();
        let into = BulkTarget::new("t", ["a"]);
        let rows = || bulk_rows([(1,)]);
        assert_eq!(one.bulk_insert(&into, &mut rows()).await.unwrap(), 4);
        assert_eq!(one.bulk_insert_text(&into, &mut rows()).await.unwrap(), 5);
        one.begin(TransactionOptions::new()).await.unwrap();
        one.savepoint(SavepointOp::Create, "a").await.unwrap();
        one.commit().await.unwrap();
        one.rollback().await.unwrap();
        one.ping().await.unwrap();
        assert!(one.native_mut::<FakeConnection>().is_ok());
        asked.lock().unwrap().retain(|name| *name != "state");
        one.reset(ResetMode::Rollback).await.unwrap();
        asked.lock().unwrap().retain(|name| *name != "state");
        one.close().await.unwrap();
        assert_eq!(
            *asked.lock().unwrap(),
            [
                "execute",
                "query",
                "execute_script",
                "execute_text",
                "bulk_insert",
                "bulk_insert_text",
                "begin",
                "savepoint",
                "commit",
                "rollback",
                "ping",
                "native",
                "reset",
                "close",
            ]
        );
    }
}

#[tokio::test]
async fn several_results_are_one_statement() {
    let database = Database::new("several", 0).await;
    let sets = Query::new(&database, "call two(?)", (1,)).results().await.unwrap();
    assert_eq!(sets.len(), 3);
    assert_eq!(ended("several"), three("ok", "", "9"));
    assert_eq!(of_database("several")[0].get("sql"), "call two(?)");
}

#[tokio::test]
async fn who_reads_one_of_several_results_is_done_with_it() {
    let database = Database::new("first", 0).await;
    let rows: Vec<i64> = Query::new(&database, "call two(?)", (1,)).all().await.unwrap();
    assert_eq!(rows, [1, 2]);
    assert_eq!(ended("first"), three("ok", "", "2"));
}

#[tokio::test]
async fn rows_that_nobody_reads_to_the_end_say_why() {
    let database = Database::new("too_many", 0).await;
    Query::new(&database, "select", ()).one::<i64>().await.unwrap_err();
    assert_eq!(ended("too_many"), three("dropped", "too_many_rows", "2"));
    let database = Database::new("no_text", 0).await;
    Query::new(&database, "select", ()).all::<String>().await.unwrap_err();
    assert_eq!(ended("no_text"), three("dropped", "decode", "1"));
    let database = Database::new("stream", 0).await;
    let mut rows = Query::new(&database, "select", ()).stream();
    rows.next().await.unwrap();
    drop(rows);
    assert_eq!(ended("stream"), three("dropped", "", "1"));
}

#[tokio::test]
async fn a_statement_sent_again_is_logged_as_it_was_written_both_times() {
    let database = Database::new("again", 1).await;
    Query::new(&database, "delete from t where a = ?", (1,)).tag("x").execute().await.unwrap();
    let lines = of_database("again");
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.get("sql"), line.get("outcome"), line.get("error_kind")))
        .collect();
    let text = "/* x */ delete from t where a = ?";
    assert_eq!(told, [(text, "failed", "connection_lost"), (text, "ok", "")]);
}

#[tokio::test]
async fn a_listener_tells_no_text_that_may_hold_values() {
    logs::keep("wellspring::");
    let listener = EchoListener::new(Echo::Debug);
    assert!(listener.logs() && !EchoListener::new(Echo::Off).logs());
    let duplicate = Error::new(ErrorKind::UniqueViolation, "key (name)=(canary) exists");
    let from_hook = ConnectError::Failed(duplicate.with_sqlstate("23505"));
    let refused = ConnectError::Failed(Error::new(ErrorKind::ConnectRefused, "nobody listens"));
    let too_long: ConnectError<Error> =
        ConnectError::TimedOut { limit: std::time::Duration::from_secs(1) };
    let panicked: ConnectError<Error> = ConnectError::Panicked { message: "canary".to_owned() };
    let foreign = std::io::Error::other("canary");
    let errors: [&(dyn std::error::Error + 'static); 5] =
        [&from_hook, &refused, &too_long, &panicked, &foreign];
    for error in errors {
        let event = Event::ConnectFailed { error, failures: 1, retry_in: None };
        listener.on_event("texts", &event);
        EchoListener::new(Echo::Off).on_event("texts", &event);
    }
    let told = logs::kept("pool", "texts");
    let told: Vec<_> = told
        .iter()
        .map(|line| (line.get("error_kind"), line.get("sqlstate"), line.get("error")))
        .collect();
    assert_eq!(
        told,
        [
            ("unique_violation", "23505", ""),
            ("connect_refused", "", "nobody listens"),
            ("connect_timeout", "", "connecting took longer than 1s"),
            ("", "", ""),
            ("", "", ""),
        ]
    );
    assert!(!logs::all().iter().any(|line| line.to_string().contains("canary")));
}

#[tokio::test]
async fn events_have_their_names_and_are_as_severe_as_they_must_be() {
    logs::keep("wellspring::");
    let second = std::time::Duration::from_secs(1);
    let listener = EchoListener::new(Echo::Trace);
    for event in [
        Event::BreakerOpened { failures: 5, open_for: second },
        Event::BreakerClosed,
        Event::Resized { max_size: 3, min_idle: 1 },
        Event::Invalidated,
        Event::Paused,
        Event::Resumed,
        Event::PoolClosed,
    ] {
        listener.on_event("named", &event);
        EchoListener::new(Echo::Error).on_event("as_errors", &event);
        assert_eq!((event.connection(), event.reason()), (None, None::<CloseReason>));
    }
    let lines = logs::kept("pool", "named");
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.level.to_string(), line.get("event"), line.get("message")))
        .collect();
    let told: Vec<_> =
        told.iter().map(|(level, event, message)| (&**level, *event, *message)).collect();
    assert_eq!(
        told,
        [
            ("WARN", "breaker_opened", "breaker opened"),
            ("INFO", "breaker_closed", "breaker closed"),
            ("INFO", "resized", "pool resized"),
            ("INFO", "invalidated", "all connections invalidated"),
            ("INFO", "paused", "pool paused"),
            ("INFO", "resumed", "pool resumed"),
            ("TRACE", "pool_closed", "pool closed"),
        ]
    );
    assert_eq!((lines[0].get("failures"), lines[0].get("open_for")), ("5", "1s"));
    let errors = logs::kept("pool", "as_errors");
    assert!(errors.iter().all(|line| line.level.as_str() == "ERROR"), "{errors:?}");
}
