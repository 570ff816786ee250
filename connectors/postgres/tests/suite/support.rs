//! Connections with portable placeholders, and what is asked of servers.

use std::sync::Arc;
use std::time::Duration;

use wellspring_conformance::Session;
use wellspring_connector::{Connector, FromRow, Result};
use wellspring_postgres::{PostgresConnector, PostgresOptions};

use crate::databases::{Databases, server};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn connector(options: PostgresOptions) -> Arc<dyn Connector> {
    Arc::new(PostgresConnector::new(options).expect("sound options"))
}

/// A connection to the shared server.
pub(crate) async fn connect() -> Session {
    connect_with(server("POSTGRES")).await
}

pub(crate) async fn connect_with(options: PostgresOptions) -> Session {
    Session::on(connector(options).connect().await.expect("connects"))
}

/// A connection to a database of its own.
pub(crate) async fn fresh() -> (Session, PostgresOptions, Databases) {
    let databases = Databases::default();
    let options = databases.fresh("POSTGRES").await;
    (connect_with(options.clone()).await, options, databases)
}

/// The only value of a query, asked on a connection of its own.
pub(crate) async fn ask<T: FromRow>(options: &PostgresOptions, sql: &str) -> Result<T> {
    let mut session = Session::on(connector(options.clone()).connect().await?);
    session.query(sql, ()).one().await
}

/// Waits until `sql` says true, on a connection of its own.
pub(crate) async fn until(options: &PostgresOptions, sql: &str) {
    let mut session = connect_with(options.clone()).await;
    let waiting = async {
        while !session.get::<bool>(sql, ()).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap_or_else(|_| panic!("never: {sql}"));
}
