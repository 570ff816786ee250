//! Connections with portable placeholders, and tests that run on both servers.

use std::sync::Arc;
use std::time::Duration;

use wellspring_conformance::Session;
use wellspring_connector::{Connector, FromRow, Result};
use wellspring_mysql::{MySqlConnector, MySqlOptions};
use wellspring_testkit::servers::Kind;

use crate::databases::Databases;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn connector(options: MySqlOptions) -> Arc<dyn Connector> {
    Arc::new(MySqlConnector::new(options).expect("sound options"))
}

pub(crate) async fn connect_with(options: MySqlOptions) -> Session {
    Session::on(connector(options).connect().await.expect("connects"))
}

/// A connection to a database of its own.
pub(crate) async fn fresh(kind: Kind) -> (Session, MySqlOptions, Databases) {
    let databases = Databases::on(kind);
    let options = databases.fresh().await;
    (connect_with(options.clone()).await, options, databases)
}

/// The only value of a query, asked on a connection of its own.
pub(crate) async fn ask<T: FromRow>(options: &MySqlOptions, sql: &str) -> Result<T> {
    let mut session = Session::on(connector(options.clone()).connect().await?);
    session.query(sql, ()).one().await
}

/// A query that computes for longer than anybody would wait, and fills no disk meanwhile.
pub(crate) fn endless() -> String {
    "select count(*) from (select 1) x where benchmark(1000000000000, sha2('x', 256)) = 1"
        .to_owned()
}

/// A query for a million rows.
pub(crate) fn a_million() -> String {
    let rows: Vec<String> = (1..10).map(|d| format!(" union all select {d}")).collect();
    let tables: Vec<String> =
        (0..6).map(|n| format!("(select 0 as d{}) t{n}", rows.concat())).collect();
    format!("select t0.d from {}", tables.join(", "))
}

/// Defines a test that runs on both servers.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($kind:ident: Kind) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs every name")]
            use super::*;

            async fn body($kind: Kind) $body

            mod mysql {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn runs() {
                    super::body(wellspring_testkit::servers::Kind::MySql).await;
                }
            }

            mod mariadb {
                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn runs() {
                    super::body(wellspring_testkit::servers::Kind::MariaDb).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both;
