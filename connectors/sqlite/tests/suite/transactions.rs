//! Transactions: begin, commit, rollback, savepoints, read-only, and what SQLite ends by itself.

use std::time::Duration;

use wellspring_connector::{
    Connector, ErrorKind, IsolationLevel, Retry, SavepointOp, SessionState, TransactionOptions,
};
use wellspring_sqlite::SqliteOptions;

use crate::support::{EXECUTIONS, File, connector, fail, memory, one, run, runtime};

const RW: fn() -> TransactionOptions = TransactionOptions::new;

#[test]
fn begin_commit_and_rollback() {
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                let options = SqliteOptions::memory().execution(execution);
                let mut c = connector(options).connect().await.unwrap();
                run(&mut c, "create table t (a)").await;
                c.begin(RW()).await.unwrap();
                assert_eq!(c.state(), SessionState::InTransaction);
                run(&mut c, "insert into t values (1)").await;
                c.commit().await.unwrap();
                assert_eq!(c.state(), SessionState::Idle);
                c.begin(RW()).await.unwrap();
                run(&mut c, "insert into t values (2)").await;
                c.rollback().await.unwrap();
                c.rollback().await.unwrap();
                assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 1);
            });
        }
    }
}

#[tokio::test]
async fn against_the_rules() {
    let mut c = memory().await;
    assert_eq!(c.commit().await.unwrap_err().kind(), ErrorKind::Usage);
    let savepoint = c.savepoint(SavepointOp::Create, "a").await;
    assert_eq!(savepoint.unwrap_err().kind(), ErrorKind::Usage);
    c.begin(RW()).await.unwrap();
    assert_eq!(c.begin(RW()).await.unwrap_err().kind(), ErrorKind::Usage);
    for name in ["", "1a", "a b", "a\"b", "ä"] {
        let error = c.savepoint(SavepointOp::Create, name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{name}");
    }
    assert_eq!(c.state(), SessionState::InTransaction);
}

#[tokio::test]
async fn isolation_levels() {
    let mut c = memory().await;
    for level in [
        IsolationLevel::ReadUncommitted,
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Snapshot,
    ] {
        let error = c.begin(RW().isolation(level)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{level}");
        assert_eq!(c.state(), SessionState::Idle);
    }
    c.begin(RW().isolation(IsolationLevel::Serializable)).await.unwrap();
}

#[tokio::test]
async fn savepoints_nest() {
    let mut c = memory().await;
    run(&mut c, "create table t (a)").await;
    c.begin(RW()).await.unwrap();
    run(&mut c, "insert into t values (1)").await;
    c.savepoint(SavepointOp::Create, "outer").await.unwrap();
    run(&mut c, "insert into t values (2)").await;
    c.savepoint(SavepointOp::Create, "inner_1").await.unwrap();
    run(&mut c, "insert into t values (3)").await;
    c.savepoint(SavepointOp::RollbackTo, "inner_1").await.unwrap();
    c.savepoint(SavepointOp::Release, "inner_1").await.unwrap();
    run(&mut c, "insert into t values (4)").await;
    c.savepoint(SavepointOp::Release, "outer").await.unwrap();
    assert_eq!(c.state(), SessionState::InTransaction);
    c.commit().await.unwrap();
    assert_eq!(one::<String>(&mut c, "select group_concat(a) from t").await.unwrap(), "1,2,4");
}

#[tokio::test]
async fn read_only_transactions_refuse_writes_and_leave_no_trace() {
    let file = File::new();
    for options in [SqliteOptions::memory(), file.options()] {
        let mut c = connector(options).connect().await.unwrap();
        run(&mut c, "create table t (a)").await;
        for end in ["commit", "rollback", "raw", "reset"] {
            c.begin(RW().read_only()).await.unwrap();
            assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0);
            for text in
                ["insert into t values (1)", "create table u (a)", "pragma user_version = 3"]
            {
                assert_eq!(fail(&mut c, text).await.kind(), ErrorKind::ReadOnly, "{text}");
            }
            let script = c.execute_script("select 1; delete from t").await;
            assert_eq!(script.unwrap_err().kind(), ErrorKind::ReadOnly);
            assert_eq!(c.state(), SessionState::InTransaction, "it can go on reading");
            match end {
                "commit" => c.commit().await.unwrap(),
                "rollback" => c.rollback().await.unwrap(),
                "raw" => drop(run(&mut c, "commit").await),
                _ => c.reset(wellspring_pool_core::ResetMode::Rollback).await.unwrap(),
            }
            assert_eq!(c.state(), SessionState::Idle, "{end}");
            run(&mut c, "insert into t values (1)").await;
            run(&mut c, "delete from t").await;
            c.begin(RW()).await.unwrap();
            run(&mut c, "insert into t values (1)").await;
            c.rollback().await.unwrap();
        }
    }
}

#[tokio::test]
async fn raw_transaction_statements() {
    let file = File::new();
    let connector = connector(file.options().busy_timeout(Duration::from_millis(100)));
    let mut a = connector.connect().await.unwrap();
    let mut b = connector.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    for begin in ["begin", "BEGIN IMMEDIATE", "savepoint s"] {
        run(&mut a, begin).await;
        assert_eq!(a.state(), SessionState::InTransaction);
        run(&mut a, "insert into t values (1)").await;
        let error = fail(&mut b, "insert into t values (2)").await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::LockTimeout, Some("5")));
        assert_eq!(error.retry(), Retry::Transaction);
        assert!(error.to_string().contains("of this process"), "{error}");
        run(&mut a, if begin == "savepoint s" { "release s" } else { "commit" }).await;
        assert_eq!(a.state(), SessionState::Idle);
        run(&mut b, "insert into t values (2)").await;
    }
}

#[tokio::test]
async fn a_transaction_that_sqlite_rolled_back_is_failed_until_acknowledged() {
    for way in ["rollback", "commit", "raw", "reset"] {
        let mut c = memory().await;
        run(&mut c, "create table t (a unique on conflict rollback)").await;
        c.begin(RW()).await.unwrap();
        run(&mut c, "insert into t values (1)").await;
        let error = fail(&mut c, "insert into t values (1)").await;
        assert_eq!(error.kind(), ErrorKind::UniqueViolation);
        assert_eq!(c.state(), SessionState::Failed);
        let error = fail(&mut c, "insert into t values (2)").await;
        assert_eq!(error.kind(), ErrorKind::TransactionAborted, "it would commit by itself");
        let script = c.execute_script("insert into t values (2)").await;
        assert_eq!(script.unwrap_err().kind(), ErrorKind::TransactionAborted);
        assert_eq!(c.begin(RW()).await.unwrap_err().kind(), ErrorKind::TransactionAborted);
        match way {
            "rollback" => c.rollback().await.unwrap(),
            "commit" => {
                assert_eq!(c.commit().await.unwrap_err().kind(), ErrorKind::TransactionAborted);
            }
            "raw" => drop(run(&mut c, "rollback").await),
            _ => c.reset(wellspring_pool_core::ResetMode::Commit).await.unwrap(),
        }
        assert_eq!(c.state(), SessionState::Idle, "{way}");
        assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_transaction_open() {
    let mut c = memory().await;
    run(&mut c, "create table p (id integer primary key)").await;
    run(&mut c, "create table t (p references p deferrable initially deferred)").await;
    c.begin(RW()).await.unwrap();
    run(&mut c, "insert into t values (1)").await;
    assert_eq!(c.commit().await.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
    assert_eq!(c.state(), SessionState::InTransaction);
    run(&mut c, "insert into p values (1)").await;
    c.commit().await.unwrap();
    assert_eq!(c.state(), SessionState::Idle);
}

#[tokio::test]
async fn a_stale_snapshot_is_a_serialization_failure() {
    let file = File::new();
    let connector = connector(file.options());
    let mut a = connector.connect().await.unwrap();
    let mut b = connector.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    run(&mut a, "begin").await;
    assert_eq!(one::<i64>(&mut a, "select count(*) from t").await.unwrap(), 0);
    run(&mut b, "insert into t values (1)").await;
    let error = fail(&mut a, "insert into t values (2)").await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::SerializationFailure, Some("517")));
    assert_eq!(error.retry(), Retry::Transaction);
    a.rollback().await.unwrap();
    run(&mut a, "insert into t values (2)").await;
}

#[tokio::test]
async fn readers_who_want_to_write_do_not_wait_for_each_other() {
    let connector = connector(SqliteOptions::memory());
    let mut a = connector.connect().await.unwrap();
    let mut b = connector.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    run(&mut a, "begin").await;
    run(&mut b, "begin").await;
    assert_eq!(one::<i64>(&mut a, "select count(*) from t").await.unwrap(), 0);
    assert_eq!(one::<i64>(&mut b, "select count(*) from t").await.unwrap(), 0);
    let error = fail(&mut a, "insert into t values (1)").await;
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::SerializationFailure, Retry::Transaction)
    );
    a.rollback().await.unwrap();
    run(&mut b, "insert into t values (2)").await;
    run(&mut b, "commit").await;
    run(&mut a, "insert into t values (3)").await;
}
