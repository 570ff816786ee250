//! Cancelled statements stop, and nothing else does.

use std::time::Duration;

use tokio::time::timeout;
use wellspring_connector::{Command, Connector, ErrorKind, SessionState, TransactionOptions};
use wellspring_pool_core::ResetMode;
use wellspring_sqlite::{Execution, SqliteOptions};

use crate::support::{ENDLESS, EXECUTIONS, File, connector, counting, exec, one, run, runtime};

const SOON: Duration = Duration::from_millis(40);

/// Where an endless statement can be cancelled: on every runtime, unless it must run where it is
/// called.
const CANCELLABLE: [(usize, Execution); 4] =
    [(0, Execution::Auto), (0, Execution::Thread), (2, Execution::Auto), (2, Execution::Thread)];

#[test]
fn an_endless_statement_is_stopped() {
    for (workers, execution) in CANCELLABLE {
        runtime(workers).block_on(async {
            let connector = connector(SqliteOptions::memory().execution(execution));
            let mut c = connector.connect().await.unwrap();
            run(&mut c, "create table t (a)").await;
            let insert = format!("insert into t {ENDLESS}");
            for text in [ENDLESS, &insert] {
                // The second time the executor knows it.
                for _ in 0..2 {
                    let stopped = timeout(SOON, exec(&mut c, text, &[])).await;
                    assert!(stopped.is_err(), "{execution}: {text}");
                    assert_eq!(one::<i64>(&mut c, "select 7").await.unwrap(), 7);
                    let stopped = timeout(SOON, c.query(Command::new(text, &[]))).await.map(drop);
                    assert!(stopped.is_err(), "{execution}: {text}");
                    c.reset(ResetMode::Rollback).await.unwrap();
                    assert_eq!(c.state(), SessionState::Idle);
                }
            }
            let script = format!("insert into t values (1); {ENDLESS}; insert into t values (2)");
            assert!(timeout(SOON, c.execute_script(&script)).await.is_err());
            assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 1);
        });
    }
}

#[test]
fn a_stream_that_stalls_is_stopped() {
    for (workers, execution) in CANCELLABLE {
        runtime(workers).block_on(async {
            let mut c =
                connector(SqliteOptions::memory().execution(execution)).connect().await.unwrap();
            // 2,000 rows at once, then never another.
            let text = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                        select i from n where i <= 2000";
            let mut rows = c.query(Command::new(text, &[])).await.unwrap();
            let mut count = 0;
            while let Ok(row) = timeout(Duration::from_millis(100), rows.next()).await {
                row.unwrap().expect("the stream never ends");
                count += 1;
            }
            assert!(count <= 2000);
            drop(rows);
            c.reset(ResetMode::Rollback).await.unwrap();
            assert_eq!(one::<i64>(&mut c, "select 7").await.unwrap(), 7);
        });
    }
}

/// Whatever runs where it is called runs to its end, and the connection is sound after it.
#[test]
fn what_cannot_be_cancelled_ends() {
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                let mut c = connector(SqliteOptions::memory().execution(execution))
                    .connect()
                    .await
                    .unwrap();
                let text = counting(300_000);
                let _ = timeout(Duration::from_millis(5), exec(&mut c, &text, &[])).await;
                assert_eq!(one::<i64>(&mut c, &text).await.unwrap(), 300_000);
                assert_eq!(c.state(), SessionState::Idle);
            });
        }
    }
}

#[test]
fn a_cancel_hits_nobody_else() {
    runtime(2).block_on(async {
        let file = File::new();
        let connector = connector(file.options());
        let mut a = connector.connect().await.unwrap();
        let mut b = connector.connect().await.unwrap();
        run(&mut a, "create table t (a)").await;
        let other = tokio::spawn(async move {
            for _ in 0..40 {
                assert_eq!(one::<i64>(&mut b, &counting(20_000)).await.unwrap(), 20_000);
            }
        });
        for i in 0..20 {
            assert!(timeout(Duration::from_millis(5), exec(&mut a, ENDLESS, &[])).await.is_err());
            // The very next statements of the same connection, long and short.
            assert_eq!(one::<i64>(&mut a, &counting(5_000 + i)).await.unwrap(), 5_000 + i as i64);
            run(&mut a, "insert into t values (1)").await;
        }
        other.await.unwrap();
        assert_eq!(one::<i64>(&mut a, "select count(*) from t").await.unwrap(), 20);
    });
}

#[test]
fn a_cancelled_write_fails_its_transaction() {
    for (workers, execution) in CANCELLABLE {
        runtime(workers).block_on(async {
            let mut c =
                connector(SqliteOptions::memory().execution(execution)).connect().await.unwrap();
            run(&mut c, "create table t (a)").await;
            c.begin(TransactionOptions::new()).await.unwrap();
            run(&mut c, "insert into t values (1)").await;
            let insert = format!("insert into t {ENDLESS}");
            assert!(timeout(SOON, exec(&mut c, &insert, &[])).await.is_err());
            // Either the statement never began, or it took the transaction with it.
            let error = exec(&mut c, "insert into t values (2)", &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TransactionAborted);
            assert_eq!(c.state(), SessionState::Failed);
            c.rollback().await.unwrap();
            assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0);
        });
    }
}

#[test]
fn a_cancelled_wait_gives_up_its_place() {
    for workers in [0, 2] {
        runtime(workers).block_on(async {
            let connector = connector(SqliteOptions::memory());
            let mut a = connector.connect().await.unwrap();
            let mut b = connector.connect().await.unwrap();
            run(&mut a, "create table t (a)").await;
            a.begin(TransactionOptions::new()).await.unwrap();
            for _ in 0..3 {
                let waited = timeout(SOON, exec(&mut b, "insert into t values (1)", &[])).await;
                assert!(waited.is_err(), "{workers}: {waited:?}");
                assert!(timeout(SOON, b.begin(TransactionOptions::new())).await.is_err());
                assert_eq!(b.state(), SessionState::Idle);
            }
            a.commit().await.unwrap();
            a.begin(TransactionOptions::new()).await.unwrap();
            a.commit().await.unwrap();
            run(&mut b, "insert into t values (1)").await;
        });
    }
}

#[test]
fn a_connection_dropped_while_busy_lets_go_of_everything() {
    runtime(2).block_on(async {
        let file = File::new();
        let options = file.options().execution(Execution::Thread);
        let connector = connector(options);
        let mut a = connector.connect().await.unwrap();
        let mut b = connector.connect().await.unwrap();
        run(&mut a, "create table t (a)").await;
        a.begin(TransactionOptions::new()).await.unwrap();
        run(&mut a, "insert into t values (1)").await;
        assert!(timeout(SOON, exec(&mut a, ENDLESS, &[])).await.is_err());
        assert!(a.native().is_err() || a.state() != SessionState::Busy);
        drop(a);
        // Waits at the gate until the interrupted thread has dropped the session.
        run(&mut b, "insert into t values (2)").await;
        assert_eq!(one::<i64>(&mut b, "select sum(a) from t").await.unwrap(), 2);
    });
}
