//! Running statements on a lent connection, and pooling connections of a connector.

use std::any::Any;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use wellspring_connector::{
    Column, Command, Connection, Connector, ConnectorManager, Dialect, Error, ErrorKind,
    ExecResult, Lease, Query, ResetMode, Result, Row, Rows, SavepointOp, SessionState, Source,
    TransactionOptions, Translator, Value, ValueBatch, ValueKind, WorkKind, params,
};
use wellspring_pool_core::{FailureClass, Hygiene, Manager};

static POSTGRES: Dialect = Dialect::POSTGRES;

/// A connection whose every query returns the numbers from 1 to `rows`, or fails.
#[derive(Debug)]
struct Fake {
    rows: i64,
    state: SessionState,
    sent: Vec<(String, usize)>,
}

impl Fake {
    fn note(&mut self, command: Command<'_>) -> Result<()> {
        self.sent.push((command.text.to_owned(), command.values.len()));
        if command.text.contains("fail") {
            return Err(Error::new(ErrorKind::Syntax, "failed"));
        }
        Ok(())
    }
}

#[async_trait]
impl Connection for Fake {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn state(&mut self) -> SessionState {
        self.state
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        self.note(command)?;
        Ok(ExecResult::new(3))
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        self.note(command)?;
        let columns = vec![Column::new("n", ValueKind::I64, "int8")];
        let rows = (1..=self.rows).map(|n| vec![n.into()]).collect();
        Ok(ValueBatch::new(columns, rows)?.into_rows())
    }

    async fn execute_script(&mut self, _script: &str) -> Result<Vec<ExecResult>> {
        Err(Error::unsupported("a script"))
    }

    async fn begin(&mut self, _options: TransactionOptions) -> Result<()> {
        Err(Error::unsupported("a transaction"))
    }

    async fn commit(&mut self) -> Result<()> {
        Err(Error::unsupported("a transaction"))
    }

    async fn rollback(&mut self) -> Result<()> {
        Ok(())
    }

    async fn savepoint(&mut self, _op: SavepointOp, _name: &str) -> Result<()> {
        Err(Error::unsupported("a savepoint"))
    }

    async fn ping(&mut self) -> Result<()> {
        Ok(())
    }

    async fn reset(&mut self, _mode: ResetMode) -> Result<()> {
        self.state = SessionState::Idle;
        Ok(())
    }

    fn native(&mut self) -> Result<&mut dyn Any> {
        Ok(self)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Err(Error::new(ErrorKind::ConnectionLost, "gone before the goodbye"))
    }
}

/// A database of one connection, with a book of what was recorded.
struct Database {
    translator: Translator,
    connection: Mutex<Option<Fake>>,
    book: Mutex<Vec<(WorkKind, bool)>>,
}

impl Database {
    fn new(rows: i64) -> Self {
        let fake = Fake { rows, state: SessionState::Idle, sent: Vec::new() };
        Self {
            translator: Translator::new(&POSTGRES, 10),
            connection: Mutex::new(Some(fake)),
            book: Mutex::default(),
        }
    }

    fn query(&self, sql: &str, params: impl wellspring_connector::IntoParams) -> Query<&Self> {
        Query::new(self, sql, params)
    }

    fn sent(&self) -> Vec<(String, usize)> {
        self.connection.lock().unwrap().as_ref().expect("it was given back").sent.clone()
    }
}

struct Lent<'d> {
    database: &'d Database,
    connection: Option<Fake>,
}

impl Lease for Lent<'_> {
    fn connection(&mut self) -> &mut dyn Connection {
        self.connection.as_mut().expect("lent until dropped")
    }

    fn record(&mut self, kind: WorkKind, _took: Duration, ok: bool) {
        self.database.book.lock().unwrap().push((kind, ok));
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.database.connection.lock().unwrap() = self.connection.take();
    }
}

impl<'d> Source for &'d Database {
    type Lease = Lent<'d>;

    async fn lease(self) -> Result<Lent<'d>> {
        let connection = self.connection.lock().unwrap().take();
        let exhausted = || Error::new(ErrorKind::PoolExhausted, "lent already");
        let connection = Some(connection.ok_or_else(exhausted)?);
        Ok(Lent { database: self, connection })
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}

#[tokio::test(flavor = "current_thread")]
async fn rows_come_as_what_is_asked_for() {
    let database = Database::new(3);
    let all = database.query("select n from t where a = ?", (1,)).all::<i64>().await.unwrap();
    assert_eq!(all, [1, 2, 3]);
    let rows = database.query("select", ()).all::<Row>().await.unwrap();
    assert_eq!(rows[2].try_get::<i64>("n").unwrap(), 3);
    assert_eq!(database.query("insert", ()).execute().await.unwrap().rows_affected, 3);
    let sent = database.sent();
    assert_eq!(sent[0], ("select n from t where a = $1".to_owned(), 1));
    assert_eq!(sent.len(), 3);
    assert_eq!(*database.book.lock().unwrap(), [(WorkKind::Query, true); 3]);
}

#[tokio::test(flavor = "current_thread")]
async fn one_means_one() {
    for (rows, one, optional) in [
        (0, Err(ErrorKind::RowNotFound), Ok(None)),
        (1, Ok(1), Ok(Some(1))),
        (2, Err(ErrorKind::TooManyRows), Err(ErrorKind::TooManyRows)),
    ] {
        let database = Database::new(rows);
        let found = database.query("select", ()).one::<i64>().await;
        assert_eq!(found.map_err(|e| e.kind()), one);
        let found = database.query("select", ()).optional::<i64>().await;
        assert_eq!(found.map_err(|e| e.kind()), optional);
        // That the caller wanted another number of rows is nobody's failure.
        assert_eq!(*database.book.lock().unwrap(), [(WorkKind::Query, true); 2]);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_connection_comes_back_after_errors() {
    let database = Database::new(1);
    let error = database.query("fail", ()).all::<i64>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    let error = database.query("select", ()).all::<String>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(database.sent().len(), 2);
    let book = [(WorkKind::Query, false), (WorkKind::Query, true)];
    assert_eq!(*database.book.lock().unwrap(), book);
}

#[tokio::test(flavor = "current_thread")]
async fn wrong_parameters_take_no_connection() {
    let database = Database::new(1);
    // Nothing could be lent: an attempt would be another error.
    let taken = database.connection.lock().unwrap().take();
    let wrong = database.query("select :a", params! { b: 1 }).all::<i64>().await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Parameters);
    let wrong = database.query("select ?, :a", ()).execute().await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Parameters);
    let none = database.query("select :a", params! { a: 1 }).one::<i64>().await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::PoolExhausted);
    drop(taken);
}

#[test]
fn futures_can_be_spawned_and_debug_keeps_secrets() {
    fn spawnable<T: Send>(_: &T) {}
    let database = Database::new(1);
    spawnable(&database.query("select", ()).execute());
    spawnable(&database.query("select", ()).all::<Row>());
    spawnable(&database.query("select", ()).one::<(i64, String)>());
    spawnable(&database.query("select", ()).optional::<Value>());
    let shown = format!("{:?}", database.query("select ?", ("hunter2",)));
    assert!(shown.contains("select $1") && !shown.contains("hunter2"), "{shown}");
}

#[derive(Debug)]
struct FakeConnector;

#[async_trait]
impl Connector for FakeConnector {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn target(&self) -> String {
        "fake".to_owned()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Fake { rows: 1, state: SessionState::Idle, sent: Vec::new() }))
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_manager_reads_the_session_state() {
    let manager = ConnectorManager::new(std::sync::Arc::new(FakeConnector));
    let mut connection = manager.connect().await.unwrap();
    for (state, hygiene) in [
        (SessionState::Idle, Hygiene::Clean),
        (SessionState::InTransaction, Hygiene::NeedsReset),
        (SessionState::Failed, Hygiene::NeedsReset),
        (SessionState::Busy, Hygiene::NeedsReset),
        (SessionState::Tainted, Hygiene::NeedsReset),
        (SessionState::Closed, Hygiene::Broken),
    ] {
        connection.native_mut::<Fake>().unwrap().state = state;
        assert_eq!(manager.hygiene(&mut connection), hygiene, "{state:?}");
    }
    manager.validate(&mut connection).await.unwrap();
    manager.reset(&mut connection, ResetMode::Rollback).await.unwrap();
    assert_eq!(manager.hygiene(&mut connection), Hygiene::Clean);
    manager.close(connection).await; // Its error is only logged.
}

#[test]
fn the_manager_tells_lasting_failures() {
    let manager = ConnectorManager::new(std::sync::Arc::new(FakeConnector));
    for (kind, class) in [
        (ErrorKind::ConnectAuth, FailureClass::Permanent),
        (ErrorKind::ConnectUnknownDatabase, FailureClass::Permanent),
        (ErrorKind::ConnectTls, FailureClass::Permanent),
        (ErrorKind::Config, FailureClass::Permanent),
        (ErrorKind::ConnectTooMany, FailureClass::Overload),
        (ErrorKind::ConnectRefused, FailureClass::Transient),
        (ErrorKind::ConnectDns, FailureClass::Transient),
        (ErrorKind::Other, FailureClass::Transient),
    ] {
        assert_eq!(manager.classify(&Error::new(kind, "x")), class, "{kind}");
    }
}
