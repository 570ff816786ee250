//! Servers that die: while idle, in a statement, in a transaction, between commit and its answer.

use std::time::Duration;

use tokio::time::timeout;
use wellspring_conformance::Session;
use wellspring_connector::{ConnectorManager, ErrorKind, Retry, SessionState, TransactionOptions};
use wellspring_mysql::MySqlOptions;
use wellspring_pool_core::Pool;
use wellspring_testkit::proxy::{Flow, Proxy, Way};
use wellspring_testkit::servers::{Kind, MariaDb, MySql};

use crate::support::{LONG, ask, connect_with, connector, fresh, on_both};

enum Server {
    MySql(MySql),
    MariaDb(MariaDb),
}

impl Server {
    fn start(kind: Kind) -> Self {
        match kind {
            Kind::MariaDb => Self::MariaDb(MariaDb::start().expect("a server of our own")),
            _ => Self::MySql(MySql::start().expect("a server of our own")),
        }
    }

    fn options(&self) -> MySqlOptions {
        let url = match self {
            Self::MySql(server) => server.url(),
            Self::MariaDb(server) => server.url(),
        };
        MySqlOptions::from_url(&url).expect("a sound URL")
    }

    fn port(&self) -> u16 {
        match self {
            Self::MySql(server) => server.port(),
            Self::MariaDb(server) => server.port(),
        }
    }

    fn kill(&self) {
        match self {
            Self::MySql(server) => server.kill(),
            Self::MariaDb(server) => server.kill(),
        }
        .unwrap();
    }

    fn restart(&self) {
        match self {
            Self::MySql(server) => server.restart(),
            Self::MariaDb(server) => server.restart(),
        }
        .unwrap();
    }
}

on_both! {
    async fn a_killed_server_is_noticed_wherever_it_dies_and_the_pool_recovers(kind: Kind) {
        let server = Server::start(kind);
        let manager = ConnectorManager::new(connector(server.options()));
        let pool = Pool::builder(manager).max_size(2).build().unwrap();
        let mut running = connect_with(server.options()).await;
        let mut open = connect_with(server.options()).await;
        open.run("create table t (a int)", ()).await;
        open.connection.begin(TransactionOptions::new()).await.unwrap();
        open.run("insert into t values (1)", ()).await;
        drop(pool.get().await.unwrap());
        let kill = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            tokio::task::block_in_place(|| server.kill());
        };
        let (died, ()) = tokio::join!(running.query("select sleep(600)", ()).execute(), kill);
        let died = died.unwrap_err();
        assert_eq!(died.kind(), ErrorKind::ConnectionLost, "{died:?}");
        assert_eq!(died.retry(), Retry::OutcomeUnknown);
        assert_eq!(running.connection.state(), SessionState::Closed);
        let again = running.query("select 1", ()).execute().await.unwrap_err();
        assert_eq!(again.retry(), Retry::SafeToResend, "{again:?}");
        // In a transaction: it is undone, and may be run again as a whole.
        let error = open.query("insert into t values (2)", ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        assert_eq!(error.retry(), Retry::Transaction, "{error:?}");
        tokio::task::block_in_place(|| server.restart());
        // The driver cannot tell that an idle connection has died: it is used, lost, and replaced.
        let recovered = async {
            while pool.get().await.unwrap().ping().await.is_err() {}
        };
        timeout(LONG, recovered).await.expect("recovers");
        assert_eq!(ask::<i64>(&server.options(), "select count(*) from t").await.unwrap(), 0);
    }

    async fn a_commit_that_is_not_answered_has_an_unknown_outcome(kind: Kind) {
        let server = Server::start(kind);
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await.unwrap();
        let through = server.options().port(proxy.addr().port());
        let mut session: Session = connect_with(through.clone()).await;
        session.run("create table t (a int)", ()).await;
        for way in [Way::ToClient, Way::ToServer] {
            session.connection.begin(TransactionOptions::new()).await.unwrap();
            session.run("insert into t values (1)", ()).await;
            proxy.set(way, Flow::Hold);
            let cut = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                proxy.reset();
            };
            let (committed, ()) = tokio::join!(session.connection.commit(), cut);
            let error = committed.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:?}");
            proxy.set_both(Flow::Pass);
            // One was carried out, the other not.
            let rows: i64 = ask(&server.options(), "select count(*) from t").await.unwrap();
            assert_eq!(rows, 1);
            session = connect_with(through.clone()).await;
        }
    }

    async fn a_killed_session_is_lost(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        let id: i64 = session.get("select connection_id()", ()).await;
        let mut admin = connect_with(options).await;
        admin.run(&format!("kill {id}"), ()).await;
        let error = session.query("select 1", ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        let error = session.query("select 1", ()).execute().await.unwrap_err();
        assert_eq!(error.retry(), Retry::SafeToResend, "{error:?}");
    }
}
