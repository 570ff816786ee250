//! What the load does to a connection, native or portable.

use std::error::Error as StdError;
use std::future::Future;

use wellspring_connector::{
    Command, Connection, ConnectorManager, Error, TransactionOptions, Value,
};
use wellspring_pool_core::Manager;
use wellspring_postgres::{NativeClient, PostgresManager};

/// Why something failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection is gone, as it may be where servers are killed.
    Lost,
    /// Anything else, which may not be.
    Other(String),
}

/// Makes connections that can do what the load needs.
pub(crate) trait Client: Manager<Error = Error> {
    /// A trivial query.
    fn ask(connection: &mut Self::Connection) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// A query that takes a little while.
    fn doze(connection: &mut Self::Connection) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Begins a transaction.
    fn begin(connection: &mut Self::Connection)
    -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Writes line `n` of `task` to the ledger.
    fn insert(
        connection: &mut Self::Connection,
        task: i64,
        n: i64,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Commits the transaction.
    fn commit(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;
}

const ASK: &str = "select 1";
const DOZE: &str = "select pg_sleep(0.003)";
const INSERT: &str = "insert into ledger values ($1, $2)";

impl Client for PostgresManager {
    async fn ask(client: &mut NativeClient) -> Result<(), Trouble> {
        let row = client.query_one(ASK, &[]).await.map_err(native)?;
        is_one(row.get::<_, i32>(0).into())
    }

    async fn doze(client: &mut NativeClient) -> Result<(), Trouble> {
        client.batch_execute(DOZE).await.map_err(native)
    }

    async fn begin(client: &mut NativeClient) -> Result<(), Trouble> {
        client.batch_execute("begin").await.map_err(native)
    }

    async fn insert(client: &mut NativeClient, task: i64, n: i64) -> Result<(), Trouble> {
        let insert = client.prepare_cached(INSERT).await.map_err(native)?;
        client.execute(&insert, &[&task, &n]).await.map(drop).map_err(native)
    }

    async fn commit(client: &mut NativeClient) -> Result<(), Trouble> {
        client.batch_execute("commit").await.map_err(native)
    }
}

impl Client for ConnectorManager {
    async fn ask(connection: &mut Box<dyn Connection>) -> Result<(), Trouble> {
        let mut rows = connection.query(Command::new(ASK, &[])).await.map_err(portable)?;
        let mut first = None;
        while let Some(row) = rows.next().await.map_err(portable)? {
            first = Some(row.try_get::<i64>(0).map_err(portable)?);
        }
        is_one(first.unwrap_or_default())
    }

    async fn doze(connection: &mut Box<dyn Connection>) -> Result<(), Trouble> {
        connection.execute(Command::new(DOZE, &[])).await.map(drop).map_err(portable)
    }

    async fn begin(connection: &mut Box<dyn Connection>) -> Result<(), Trouble> {
        connection.begin(TransactionOptions::new()).await.map_err(portable)
    }

    async fn insert(
        connection: &mut Box<dyn Connection>,
        task: i64,
        n: i64,
    ) -> Result<(), Trouble> {
        let values = [Value::from(task), Value::from(n)];
        connection.execute(Command::new(INSERT, &values)).await.map(drop).map_err(portable)
    }

    async fn commit(connection: &mut Box<dyn Connection>) -> Result<(), Trouble> {
        connection.commit().await.map_err(portable)
    }
}

fn native(error: tokio_postgres::Error) -> Trouble {
    // By the server's goodbye, by the driver, or by the socket.
    let told = error.code().is_some_and(|code| code.code().starts_with("57P0"));
    let is_io = error.source().is_some_and(|source| source.is::<std::io::Error>());
    if told || is_io || error.is_closed() { Trouble::Lost } else { Trouble::Other(text(&error)) }
}

fn portable(error: Error) -> Trouble {
    if error.is_connection_lost() { Trouble::Lost } else { Trouble::Other(text(&error)) }
}

/// With everything below it.
fn text(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An answer that belongs to another question would be another number.
fn is_one(answer: i64) -> Result<(), Trouble> {
    assert_eq!(answer, 1, "the answer to `{ASK}`");
    Ok(())
}
