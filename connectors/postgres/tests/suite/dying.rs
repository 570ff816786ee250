//! Servers that die: while idle, in a statement, in a transaction, between commit and its answer.

use std::time::Duration;

use tokio::time::timeout;
use wellspring_conformance::Session;
use wellspring_connector::{ConnectorManager, ErrorKind, Retry, SessionState, TransactionOptions};
use wellspring_pool_core::Pool;
use wellspring_postgres::{Endpoint, PostgresOptions};
use wellspring_testkit::proxy::{Flow, Proxy, Way};
use wellspring_testkit::servers::Postgres;

use crate::support::{LONG, ask, connect_with, connector};

fn options(server: &Postgres) -> PostgresOptions {
    PostgresOptions::from_url(&server.url()).expect("a sound URL")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_noticed_wherever_it_dies_and_the_pool_recovers() {
    let server = Postgres::start().expect("a server of our own");
    let manager = ConnectorManager::new(connector(options(&server)));
    let pool = Pool::builder(manager).max_size(2).build().unwrap();
    let mut idle = connect_with(options(&server)).await;
    let mut running = connect_with(options(&server)).await;
    let mut open = connect_with(options(&server)).await;
    open.run("create table t (a int)", ()).await;
    open.connection.begin(TransactionOptions::new()).await.unwrap();
    open.run("insert into t values (1)", ()).await;
    drop(pool.get().await.unwrap());

    let kill = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::task::block_in_place(|| server.kill()).unwrap();
    };
    let (died, ()) = tokio::join!(running.query("select pg_sleep(600)", ()).execute(), kill);
    let died = died.unwrap_err();
    assert_eq!(died.kind(), ErrorKind::ConnectionLost, "{died:?}");
    assert_eq!(died.retry(), Retry::OutcomeUnknown);
    assert_eq!(running.connection.state(), SessionState::Closed);

    // Idle: nothing was sent, so that it may be sent again.
    while idle.connection.state() != SessionState::Closed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = idle.query("select 1", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert_eq!(error.retry(), Retry::SafeToResend);

    // In a transaction: it is undone, and may be run again as a whole.
    let error = open.query("insert into t values (2)", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert_eq!(error.retry(), Retry::Transaction, "{error:?}");

    tokio::task::block_in_place(|| server.restart()).unwrap();
    let mut lease = timeout(LONG, pool.get()).await.expect("recovers").unwrap();
    lease.ping().await.expect("a live connection");
    assert_eq!(ask::<i64>(&options(&server), "select count(*) from t").await.unwrap(), 0);
}

#[tokio::test]
async fn a_commit_that_is_not_answered_has_an_unknown_outcome() {
    let server = Postgres::start().expect("a server of our own");
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await.unwrap();
    let mut session: Session =
        connect_with(options(&server).endpoints([Endpoint::new("127.0.0.1", proxy.addr().port())]))
            .await;
    session.run("create table t (a int)", ()).await;
    for (n, way) in [Way::ToClient, Way::ToServer].into_iter().enumerate() {
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.run("insert into t values (1)", ()).await;
        // The commit, or its answer, does not arrive; then the connection is cut.
        proxy.set(way, Flow::Hold);
        let cut = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            proxy.reset();
        };
        let (committed, ()) = tokio::join!(session.connection.commit(), cut);
        let error = committed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:?}");
        assert_eq!(error.retry(), Retry::OutcomeUnknown);
        // And it is unknown indeed: one was carried out, the other not.
        proxy.set_both(Flow::Pass);
        let rows: i64 = ask(&options(&server), "select count(*) from t").await.unwrap();
        assert_eq!(rows, 1, "after round {n}");
        session = connect_with(
            options(&server).endpoints([Endpoint::new("127.0.0.1", proxy.addr().port())]),
        )
        .await;
    }
}

#[tokio::test]
async fn a_terminated_session_is_closed() {
    let mut session = crate::support::connect().await;
    let pid: i32 = session.get("select pg_backend_pid()", ()).await;
    let mut admin = crate::support::connect().await;
    assert!(admin.get::<bool>("select pg_terminate_backend(?)", (pid,)).await);
    while session.connection.state() != SessionState::Closed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = session.query("select 1", ()).execute().await.unwrap_err();
    assert_eq!(error.retry(), Retry::SafeToResend, "{error:?}");
}

#[tokio::test]
async fn a_silent_network_does_not_hold_up_a_timeout_or_the_pool() {
    let server = Postgres::start().expect("a server of our own");
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await.unwrap();
    let options = options(&server).endpoints([Endpoint::new("127.0.0.1", proxy.addr().port())]);
    let mut session = connect_with(options).await;
    proxy.set_both(Flow::Hold);
    let error = session
        .query("select 1", ())
        .timeout(Duration::from_millis(100))
        .execute()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
    assert_eq!(session.connection.state(), SessionState::Busy);
    // A reset gives up within its caller's limit; the connection is never taken for clean.
    let reset = timeout(Duration::from_millis(300), session.connection.reset(Default::default()));
    assert!(reset.await.is_err());
    assert_eq!(session.connection.state(), SessionState::Busy);
    // The network comes back.
    proxy.set_both(Flow::Pass);
    timeout(LONG, session.connection.reset(Default::default())).await.unwrap().unwrap();
    assert_eq!(session.get::<i32>("select 5", ()).await, 5);
}
