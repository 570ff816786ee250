//! What the tests share.

use std::path::PathBuf;

use tempfile::TempDir;
use wellspring_connector::{
    Command, Connection, Connector, Error, ExecResult, FromValue, Result, Value,
};
use wellspring_sqlite::{Execution, SqliteConnector, SqliteOptions};

pub(crate) type Conn = Box<dyn Connection>;

pub(crate) const EXECUTIONS: [Execution; 4] =
    [Execution::Auto, Execution::Inline, Execution::Thread, Execution::Caller];

/// Counts for ever, unless stopped.
pub(crate) const ENDLESS: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

/// Counts to `n`.
pub(crate) fn counting(n: u64) -> String {
    format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {n}) \
         select count(*) from n"
    )
}

/// A directory with a database file in it.
pub(crate) struct File {
    pub(crate) dir: TempDir,
    pub(crate) path: PathBuf,
}

impl File {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("test.db");
        Self { dir, path }
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        SqliteOptions::file(&self.path)
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.dir.path().join("test.db-wal")
    }
}

pub(crate) fn connector(options: SqliteOptions) -> SqliteConnector {
    SqliteConnector::new(options).expect("valid options")
}

pub(crate) async fn memory() -> Conn {
    connector(SqliteOptions::memory()).connect().await.expect("a memory database")
}

pub(crate) async fn exec(c: &mut Conn, text: &str, values: &[Value]) -> Result<ExecResult> {
    c.execute(Command::new(text, values)).await
}

pub(crate) async fn run(c: &mut Conn, text: &str) -> ExecResult {
    exec(c, text, &[]).await.unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

pub(crate) async fn all(c: &mut Conn, text: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut rows = c.query(Command::new(text, values)).await?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().await? {
        all.push(row.to_values()?);
    }
    Ok(all)
}

pub(crate) async fn one<T: for<'r> FromValue<'r>>(c: &mut Conn, text: &str) -> Result<T> {
    let mut rows = c.query(Command::new(text, &[])).await?;
    let row = rows.next().await?.expect("one row");
    row.try_get::<T>(0)
}

/// The error, where one must come.
pub(crate) async fn fail(c: &mut Conn, text: &str) -> Error {
    match exec(c, text, &[]).await {
        Ok(done) => panic!("{text}: {done:?}"),
        Err(error) => error,
    }
}

pub(crate) fn runtime(workers: usize) -> tokio::runtime::Runtime {
    match workers {
        0 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        workers => {
            tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
        }
    }
    .expect("a runtime")
}
