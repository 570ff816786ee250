//! Statements that are given up: they stop at the server, and harm no later one.

use std::time::Duration;

use tokio::time::timeout;
use wellspring_connector::{Command, ErrorKind, Row, SessionState, TransactionOptions};

use crate::databases::server;
use crate::support::{LONG, connect, fresh, until};

#[tokio::test]
async fn a_dropped_statement_stops_at_the_server_at_once() {
    let mut session = connect().await;
    let pid: i32 = session.get("select pg_backend_pid()", ()).await;
    let sleeping = session.query("select pg_sleep(600)", ()).execute();
    assert!(timeout(Duration::from_millis(50), sleeping).await.is_err());
    assert_eq!(session.connection.state(), SessionState::Busy);
    // Nobody has touched the connection since.
    let idle =
        format!("select count(*) = 0 from pg_stat_activity where pid = {pid} and state = 'active'");
    until(&server("POSTGRES"), &idle).await;
    assert_eq!(session.get::<i32>("select 7", ()).await, 7);
    assert_eq!(session.connection.state(), SessionState::Idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_later_statement_is_cancelled_in_place_of_another() {
    let mut session = connect().await;
    for round in 0..300 {
        let dropped = session.query("select count(*) from generate_series(1, 3000)", ()).execute();
        let _perhaps = timeout(Duration::from_micros(round * 7 % 2_000), dropped).await;
        for n in 0..3 {
            let got: i32 = session.get("select ?::int", (n,)).await;
            assert_eq!(got, n, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_million_rows_dropped_after_the_first_are_not_read() {
    let mut session = connect().await;
    for _ in 0..5 {
        let text = "select i, repeat('x', 100) from generate_series(1, 1000000) i";
        let mut rows = session.connection.query(Command::new(text, &[])).await.unwrap();
        rows.next().await.unwrap().expect("a first row");
        drop(rows);
        let next: i32 = timeout(LONG, session.get("select 3", ())).await.expect("not held up");
        assert_eq!(next, 3);
    }
}

#[tokio::test]
async fn a_statement_past_its_timeout_is_told_apart_from_a_cancelled_one() {
    let mut session = connect().await;
    let limit = Duration::from_millis(50);
    let error =
        session.query("select pg_sleep(600)", ()).timeout(limit).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
    assert!(error.to_string().contains("50ms"), "{error}");
    // The server's own limit.
    session.run("set statement_timeout = 50", ()).await;
    let error = session.query("select pg_sleep(600)", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
    assert_eq!(error.sqlstate(), Some("57014"));
    session.run("set statement_timeout = 0", ()).await;
    // The caller's wish, and an administrator's.
    let stop = tokio::time::sleep(limit);
    let error =
        session.query("select pg_sleep(600)", ()).cancel_when(stop).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled, "{error:?}");
    let pid: i32 = session.get("select pg_backend_pid()", ()).await;
    let administrator = tokio::spawn(async move {
        let sleeping = format!(
            "select pg_cancel_backend({pid}) from pg_stat_activity \
             where pid = {pid} and query like '%pg_sleep(601)%' and state = 'active'"
        );
        let mut admin = connect().await;
        while admin.query(&sleeping, ()).all::<bool>().await.unwrap().is_empty() {}
    });
    let error = session.query("select pg_sleep(601)", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled, "{error:?}");
    administrator.await.unwrap();
    assert_eq!(session.get::<i32>("select 1", ()).await, 1);
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_transaction_and_a_cancelled_commit_all_or_nothing() {
    let (mut session, options, _databases) = fresh().await;
    session.run("create table t (a int)", ()).await;
    for micros in (0..1_500).step_by(37) {
        let limit = Duration::from_micros(micros);
        let begun = timeout(limit, session.connection.begin(TransactionOptions::new())).await;
        if begun.is_err() {
            session.run("select 1", ()).await;
            assert_eq!(session.connection.state(), SessionState::Idle, "{micros}");
        } else {
            session.run("insert into t values (?), (?)", (1, 2)).await;
            let _perhaps = timeout(limit, session.connection.commit()).await;
            session.connection.reset(Default::default()).await.unwrap();
        }
        let rows: i64 = crate::support::ask(&options, "select count(*) from t").await.unwrap();
        assert!(rows % 2 == 0, "half a transaction was kept");
    }
}

#[tokio::test]
async fn a_timeout_inside_a_transaction_leaves_it_to_be_rolled_back() {
    let (mut session, _, _databases) = fresh().await;
    session.run("create table t (a int)", ()).await;
    session.connection.begin(TransactionOptions::new()).await.unwrap();
    session.run("insert into t values (1)", ()).await;
    let error = session
        .query("select pg_sleep(600)", ())
        .timeout(Duration::from_millis(30))
        .execute()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout);
    // The server has aborted the transaction with the statement.
    let error = session.query("select 1", ()).all::<Row>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionAborted, "{error:?}");
    let error = session.connection.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionAborted, "{error:?}");
    assert_eq!(session.get::<i64>("select count(*) from t", ()).await, 0);
}
