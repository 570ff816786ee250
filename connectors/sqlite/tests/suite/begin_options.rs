//! What a transaction may be begun with: modes, limits, levels; and that it ends with it.

use std::time::{Duration, Instant};

use wellspring_connector::{
    Connector, Error, ErrorKind, IsolationLevel, ResetMode, SessionState, TransactionMode,
    TransactionOptions,
};
use wellspring_sqlite::{JournalMode, SqliteOptions};

use crate::support::{Conn, EXECUTIONS, File, connector, fail, memory, one, run, runtime};

const RW: fn() -> TransactionOptions = TransactionOptions::new;

/// How long the failed wait says that it was.
fn waited(error: &Error) -> &str {
    assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error}");
    error.message().split_whitespace().nth(1).expect("waited 5s for …")
}

#[tokio::test]
async fn what_sqlite_lacks_is_refused_unless_lenient() {
    let mut c = memory().await;
    assert_eq!(c.begin(RW().deferrable()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    for mode in [TransactionMode::Immediate, TransactionMode::Exclusive] {
        let error = c.begin(RW().read_only().mode(mode)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.message().contains(&mode.to_string()), "{error}");
    }
    assert_eq!(
        c.begin(RW().lock_timeout(Duration::ZERO)).await.unwrap_err().kind(),
        ErrorKind::Usage
    );
    assert_eq!(c.state(), SessionState::Idle);
    c.begin(RW().isolation(IsolationLevel::ReadCommitted).lenient()).await.unwrap();
    c.rollback().await.unwrap();
    c.begin(RW().read_only().mode(TransactionMode::Deferred)).await.unwrap();
}

#[tokio::test]
async fn deferred_takes_the_lock_with_its_first_write() {
    let file = File::new();
    let connector = connector(file.options());
    let mut a = connector.connect().await.unwrap();
    let mut b = connector.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    a.begin(RW().mode(TransactionMode::Deferred)).await.unwrap();
    b.begin(RW().mode(TransactionMode::Deferred)).await.unwrap();
    assert_eq!(one::<i64>(&mut a, "select count(*) from t").await.unwrap(), 0);
    run(&mut b, "insert into t values (1)").await;
    b.commit().await.unwrap();
    let error = fail(&mut a, "insert into t values (2)").await;
    assert_eq!(error.kind(), ErrorKind::SerializationFailure, "{error}");
    a.rollback().await.unwrap();
    a.begin(RW().mode(TransactionMode::Deferred)).await.unwrap();
    run(&mut a, "insert into t values (2)").await;
    a.commit().await.unwrap();
}

#[tokio::test]
async fn exclusive_keeps_readers_out_where_there_is_no_log() {
    let file = File::new();
    let options = file.options().journal_mode(JournalMode::Delete);
    let connector = connector(options.busy_timeout(Duration::from_millis(30)));
    let mut a = connector.connect().await.unwrap();
    let mut b = connector.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    a.begin(RW().mode(TransactionMode::Exclusive)).await.unwrap();
    let error = fail(&mut b, "select * from t").await;
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    a.commit().await.unwrap();
    run(&mut b, "select * from t").await;
}

#[test]
fn a_lock_timeout_bounds_the_beginning_and_every_statement_and_ends_with_the_transaction() {
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                let file = File::new();
                let options = file.options().execution(execution);
                let connector = connector(options.busy_timeout(Duration::from_millis(60)));
                let mut holder = connector.connect().await.unwrap();
                let mut c = connector.connect().await.unwrap();
                run(&mut holder, "create table t (a)").await;
                let brief = RW().lock_timeout(Duration::from_millis(15));
                holder.begin(RW()).await.unwrap();
                assert_eq!(waited(&c.begin(brief).await.unwrap_err()), "15ms");
                assert_eq!(c.state(), SessionState::Idle);
                assert_eq!(waited(&c.begin(RW()).await.unwrap_err()), "60ms");
                for end in ["commit", "rollback", "raw", "reset"] {
                    c.begin(brief.mode(TransactionMode::Deferred)).await.unwrap();
                    assert_eq!(waited(&fail(&mut c, "insert into t values (1)").await), "15ms");
                    let script = c.execute_script("insert into t values (1)").await;
                    assert_eq!(waited(&script.unwrap_err()), "15ms");
                    ended(&mut c, end).await;
                    let error = fail(&mut c, "insert into t values (1)").await;
                    assert_eq!(waited(&error), "60ms", "after {end}");
                }
                // A longer one is longer.
                let started = Instant::now();
                let long = RW().lock_timeout(Duration::from_millis(120));
                assert_eq!(waited(&c.begin(long).await.unwrap_err()), "120ms");
                assert!(started.elapsed() >= Duration::from_millis(120));
                holder.commit().await.unwrap();
                c.begin(brief).await.unwrap();
                run(&mut c, "insert into t values (1)").await;
                c.commit().await.unwrap();
            });
        }
    }
}

async fn ended(c: &mut Conn, end: &str) {
    match end {
        "commit" => c.commit().await.unwrap(),
        "rollback" => c.rollback().await.unwrap(),
        "raw" => drop(run(c, "commit").await),
        _ => c.reset(ResetMode::Rollback).await.unwrap(),
    }
}

#[tokio::test]
async fn a_beginning_given_up_leaves_no_limit_behind() {
    let file = File::new();
    let options: SqliteOptions = file.options().busy_timeout(Duration::from_millis(80));
    let connector = connector(options);
    let mut holder = connector.connect().await.unwrap();
    let mut c = connector.connect().await.unwrap();
    run(&mut holder, "create table t (a)").await;
    holder.begin(RW()).await.unwrap();
    let begin = c.begin(RW().lock_timeout(Duration::from_secs(60)));
    assert!(tokio::time::timeout(Duration::from_millis(20), begin).await.is_err());
    assert_eq!(waited(&fail(&mut c, "insert into t values (1)").await), "80ms");
    holder.commit().await.unwrap();
    run(&mut c, "insert into t values (1)").await;
    assert_eq!(c.state(), SessionState::Idle);
}
