//! What one borrower does to a session, and what the next one sees of it: nothing.

use std::time::Duration;

use wellspring_connector::{
    ConnectorManager, ErrorKind, IsolationLevel, SessionState, TransactionMode, TransactionOptions,
};
use wellspring_pool_core::Pool;
use wellspring_postgres::tokio_postgres::Client;

use crate::databases::server;
use crate::support::{connector, fresh};

#[tokio::test]
async fn nothing_a_borrower_leaves_behind_is_seen_by_the_next() {
    let (mut session, _, _databases) = fresh().await;
    session.run("create table t (a int)", ()).await;
    session.run("drop role if exists someone", ()).await;
    session.run("create role someone", ()).await;
    for leave in [
        "set search_path = nowhere",
        "select set_config('statement_timeout', '1ms', false)",
        "create temp table t (b text)",
        "select pg_advisory_lock(42)",
        "listen somewhere",
        "declare c cursor with hold for select 1",
        "set role someone",
        "begin",
        "prepare p as select 1",
    ] {
        session.run(leave, ()).await;
        assert_ne!(session.connection.state(), SessionState::Idle, "{leave}");
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.connection.state(), SessionState::Idle, "{leave}");
        let clean = "select current_setting('search_path') = '\"$user\", public' \
             and current_setting('statement_timeout') = '0' \
             and to_regclass('pg_temp.t') is null \
             and (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) = 0 \
             and (select count(*) from pg_listening_channels()) = 0 \
             and (select count(*) from pg_cursors where name = 'c') = 0 \
             and current_user = session_user";
        assert!(session.get::<bool>(clean, ()).await, "{leave}");
        session.run("select a from t", ()).await;
    }
    session.run("drop role someone", ()).await;
    // What ends with its transaction needs no cleaning.
    session.run("begin", ()).await;
    session.run("set local search_path = nowhere", ()).await;
    session.run("select pg_advisory_xact_lock(42)", ()).await;
    session.run("rollback", ()).await;
    assert_eq!(session.connection.state(), SessionState::Idle);
}

#[tokio::test]
async fn what_a_transaction_is_begun_with_ends_with_it() {
    let (mut session, _, _databases) = fresh().await;
    let settings = "select current_setting('lock_timeout') || ' ' || \
                    current_setting('transaction_deferrable') || ' ' || \
                    current_setting('transaction_isolation')";
    let before: String = session.get(settings, ()).await;
    let options = TransactionOptions::new()
        .isolation(IsolationLevel::Serializable)
        .read_only()
        .deferrable()
        .lock_timeout(Duration::from_micros(1_200_100));
    for commit in [true, false] {
        session.connection.begin(options).await.unwrap();
        assert_eq!(session.get::<String>(settings, ()).await, "1201ms on serializable");
        match commit {
            true => session.connection.commit().await.unwrap(),
            false => session.connection.rollback().await.unwrap(),
        }
        assert_eq!(session.connection.state(), SessionState::Idle);
        assert_eq!(session.get::<String>(settings, ()).await, before);
    }
    session.connection.begin(options.lock_timeout(Duration::MAX)).await.unwrap();
    session.connection.rollback().await.unwrap();
    for options in
        [options.mode(TransactionMode::Immediate), options.isolation(IsolationLevel::Snapshot)]
    {
        let error = session.connection.begin(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let error = session.connection.begin(options.lock_timeout(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(session.connection.state(), SessionState::Idle);
}

#[tokio::test]
async fn a_transaction_begun_natively_is_seen_and_undone() {
    let (mut session, _, _databases) = fresh().await;
    session.run("create table t (a int)", ()).await;
    for text in ["begin; insert into t values (1)", "begin; select 1 / 0"] {
        let client = session.connection.native_mut::<Client>().unwrap();
        let _perhaps = client.batch_execute(text).await;
        assert!(matches!(
            session.connection.state(),
            SessionState::InTransaction | SessionState::Failed | SessionState::Busy
        ));
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.get::<i64>("select count(*) from t", ()).await, 0);
    }
    // Prepared statements thrown away behind our back are prepared again.
    session.run("select 1 as kept", ()).await;
    let client = session.connection.native_mut::<Client>().unwrap();
    client.batch_execute("deallocate all").await.unwrap();
    session.run("select 1 as kept", ()).await;
    // A native query that was dropped half-way is stopped by the reset.
    let client = session.connection.native_mut::<Client>().unwrap();
    let limit = std::time::Duration::from_millis(20);
    let sleeping = client.batch_execute("select pg_sleep(600)");
    assert!(tokio::time::timeout(limit, sleeping).await.is_err());
    let reset = session.connection.reset(Default::default());
    tokio::time::timeout(crate::support::LONG, reset).await.expect("not held up").unwrap();
    assert_eq!(session.get::<i32>("select 2", ()).await, 2);
}

#[tokio::test]
async fn checking_a_clean_connection_out_and_in_asks_the_server_nothing() {
    let manager = ConnectorManager::new(connector(server("POSTGRES")));
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    let mut lease = pool.get().await.unwrap();
    let native = lease.native_mut::<Client>().unwrap();
    let pid: i32 = native.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    drop(lease);
    // Its reset, since native access taints.
    while pool.status().idle == 0 {
        tokio::task::yield_now().await;
    }
    let mut watcher = crate::support::connect().await;
    let changed =
        "select query_start::text || state_change::text from pg_stat_activity where pid = ?";
    let before: String = watcher.get(changed, (pid,)).await;
    for _ in 0..50 {
        drop(pool.get().await.unwrap());
    }
    assert_eq!(watcher.get::<String>(changed, (pid,)).await, before);
    assert_eq!(pool.stats().counters.resets, 1);
}
