//! The databases the promises are tested on, and a connector with scripted faults.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wellspring::connector::{Command, Connection, Connector, Rows, SavepointOp, SessionState};
use wellspring::{
    Database, DatabaseBuilder, Dialect, Error, ErrorKind, ExecResult, ResetMode, Result, Retry,
    TransactionOptions,
};

/// A database of one kind, empty, with what it needs to exist.
pub(crate) struct Fresh {
    pub(crate) url: String,
    /// Removes the database when it is dropped.
    #[allow(dead_code, reason = "it is there to be dropped")]
    pub(crate) keeper: Option<Box<dyn Any + Send + Sync>>,
}

impl Fresh {
    pub(crate) fn builder(&self) -> DatabaseBuilder {
        Database::builder(self.url.clone()).max_size(4)
    }

    pub(crate) async fn connect(&self) -> Database {
        self.builder().connect().await.expect("a fresh database opens")
    }
}

/// A name that no other database of the process has, for a test that looks at what is logged under it.
pub(crate) fn named_for_logs() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    wellspring_testkit::logs::keep("wellspring");
    format!("logged_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A table of the ten digits, in the words of every database.
fn digits() -> String {
    let rows: Vec<String> = (1..10).map(|d| format!(" union all select {d}")).collect();
    format!("(select 0 as d{})", rows.concat())
}

/// A query for the numbers 1 to `n`, which is at most 100,000, in order.
pub(crate) fn numbers(n: u32) -> String {
    let digits = digits();
    format!(
        "select i from (select a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 1 as i \
         from {digits} a, {digits} b, {digits} c, {digits} e, {digits} f) x where i <= {n} order by i"
    )
}

/// A query that counts for longer than anybody would wait.
pub(crate) fn endless(db: &Database) -> String {
    match db.dialect().name {
        // A product of tables would fill the disk.
        "mysql" | "mariadb" => {
            "select count(*) from (select 1) x where benchmark(1000000000000, sha2('x', 256)) = 1"
                .into()
        }
        _ => product("count(*)", 14),
    }
}

/// A query for a million rows, in no order.
pub(crate) fn a_million() -> String {
    product("t0.d", 6)
}

fn product(what: &str, tables: u32) -> String {
    let digits = digits();
    let tables: Vec<String> = (0..tables).map(|n| format!("{digits} t{n}")).collect();
    format!("select {what} from {}", tables.join(", "))
}

/// How many statements or commits are yet to fail as a serialisation failure would.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) commits: AtomicUsize,
    /// Commits that are carried out, and nobody hears of it.
    pub(crate) unknown: AtomicUsize,
    pub(crate) statements: AtomicUsize,
    pub(crate) rollbacks: AtomicUsize,
    pub(crate) savepoints: AtomicUsize,
    pub(crate) resets: Mutex<Vec<ResetMode>>,
    /// The server has closed the connections while nothing was under way.
    pub(crate) closed: AtomicBool,
    pub(crate) begun: AtomicUsize,
}

fn fails(left: &AtomicUsize) -> Result<()> {
    let step = |n: usize| n.checked_sub(1);
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step) {
        Ok(_) => Err(Error::new(ErrorKind::SerializationFailure, "scripted conflict")),
        Err(_) => Ok(()),
    }
}

/// The connector of `fresh`, with faults that a real server would not give on demand.
pub(crate) async fn faulty(fresh: &Fresh) -> (Arc<dyn Connector>, Arc<Faults>) {
    let inner = Arc::clone(fresh.connect().await.pool().manager().connector());
    let faults = Arc::new(Faults::default());
    (Arc::new(Faulty { inner, faults: Arc::clone(&faults) }), faults)
}

#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn Connector>,
    faults: Arc<Faults>,
}

#[async_trait]
impl Connector for Faulty {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn target(&self) -> String {
        self.inner.target()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let inner = self.inner.connect().await?;
        Ok(Box::new(FaultyConnection { inner, faults: Arc::clone(&self.faults) }))
    }
}

#[derive(Debug)]
struct FaultyConnection {
    inner: Box<dyn Connection>,
    faults: Arc<Faults>,
}

#[async_trait]
impl Connection for FaultyConnection {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn state(&mut self) -> SessionState {
        if self.faults.closed.load(Ordering::SeqCst) {
            return SessionState::Closed;
        }
        self.inner.state()
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult> {
        fails(&self.faults.statements)?;
        self.inner.execute(command).await
    }

    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>> {
        self.inner.query(command).await
    }

    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        self.inner.execute_script(script).await
    }

    async fn begin(&mut self, options: TransactionOptions) -> Result<()> {
        self.faults.begun.fetch_add(1, Ordering::SeqCst);
        self.inner.begin(options).await
    }

    async fn commit(&mut self) -> Result<()> {
        if self.faults.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::ConnectionLost, "scripted end"));
        }
        if let Err(error) = fails(&self.faults.commits) {
            self.inner.rollback().await?;
            return Err(error);
        }
        self.inner.commit().await?;
        fails(&self.faults.unknown)
            .map_err(|_| Error::new(ErrorKind::OutcomeUnknown, "scripted silence"))
    }

    async fn rollback(&mut self) -> Result<()> {
        fails(&self.faults.rollbacks)?;
        self.inner.rollback().await
    }

    async fn savepoint(&mut self, op: SavepointOp, name: &str) -> Result<()> {
        fails(&self.faults.savepoints)?;
        self.inner.savepoint(op, name).await
    }

    async fn ping(&mut self) -> Result<()> {
        self.inner.ping().await
    }

    async fn reset(&mut self, mode: ResetMode) -> Result<()> {
        self.faults.resets.lock().unwrap().push(mode);
        self.inner.reset(mode).await
    }

    fn native(&mut self) -> Result<&mut dyn std::any::Any> {
        self.inner.native()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.inner.close().await
    }
}

/// An error after which a transaction may be run again.
pub(crate) fn conflict() -> Error {
    Error::new(ErrorKind::SerializationFailure, "made up by the test")
        .with_retry(Retry::Transaction)
}
