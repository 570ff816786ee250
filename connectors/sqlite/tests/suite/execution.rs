//! Where statements run: hand-off, moves, runtimes of every kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::LocalSet;
use wellspring_connector::{Connector, SessionState, TransactionOptions};
use wellspring_sqlite::{Execution, SqliteOptions};

use crate::support::{EXECUTIONS, connector, counting, exec, one, run, runtime};

/// Counts the turns that another task of the same worker gets.
fn ticker() -> Arc<AtomicU64> {
    let ticks = Arc::new(AtomicU64::new(0));
    let counter = ticks.clone();
    tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    ticks
}

#[test]
fn a_long_statement_gives_its_worker_away() {
    runtime(1).block_on(async {
        tokio::spawn(async {
            let ticks = ticker();
            let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
            run(&mut c, "create table t (a)").await;
            // A read, a write, and a write inside a transaction that was known as short.
            let read = counting(2_000_000);
            let before = ticks.load(Ordering::Relaxed);
            assert_eq!(one::<i64>(&mut c, &read).await.unwrap(), 2_000_000);
            assert!(ticks.load(Ordering::Relaxed) > before + 3, "during a read");

            let write = format!("insert into t {}", counting(2_000_000));
            let before = ticks.load(Ordering::Relaxed);
            run(&mut c, &write).await;
            assert!(ticks.load(Ordering::Relaxed) > before + 3, "during a write");

            // Short while `n` is small.
            let text = "insert into t with recursive n(i) as (select 1 union all select i + 1 \
                        from n where i < ?1) select count(*) from n";
            for _ in 0..100 {
                exec(&mut c, text, &[3.into()]).await.unwrap();
            }
            c.begin(TransactionOptions::new()).await.unwrap();
            let before = ticks.load(Ordering::Relaxed);
            exec(&mut c, text, &[2_000_000.into()]).await.unwrap();
            assert!(ticks.load(Ordering::Relaxed) > before + 3, "during a write known as short");
            c.commit().await.unwrap();
            assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 102);
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_short_statement_that_is_long_once_begins_again_elsewhere() {
    runtime(1).block_on(async {
        tokio::spawn(async {
            let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
            let text = "with recursive n(i) as (select 1 union all select i + 1 from n where i < \
                        ?1) select i from n";
            for n in [1_i64, 1, 1, 1, 300_000, 2, 1, 500_000] {
                let rows = crate::support::all(&mut c, text, &[n.into()]).await.unwrap();
                assert_eq!(rows.len(), n as usize, "no row twice, none lost");
            }
            // Long before its first row.
            let late = "with recursive n(i) as (select 1 union all select i + 1 from n where i < \
                        ?1) select i from n where i > ?1 - 2";
            for n in [3_i64, 3, 3, 300_000, 3] {
                let rows = crate::support::all(&mut c, late, &[n.into()]).await.unwrap();
                assert_eq!(rows.len(), 2);
            }
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_local_set_on_a_multi_thread_runtime() {
    let runtime = runtime(2);
    LocalSet::new().block_on(&runtime, async {
        let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
        let local = tokio::task::spawn_local(async move {
            run(&mut c, "create table t (a)").await;
            for n in [1, 200_000, 1, 200_000] {
                assert_eq!(one::<i64>(&mut c, &counting(n)).await.unwrap(), n as i64);
                run(&mut c, &format!("insert into t {}", counting(n))).await;
            }
            assert_eq!(c.state(), SessionState::Idle);
        });
        local.await.unwrap();
    });
}

#[test]
fn a_tight_loop_lets_others_run() {
    // One worker, statements that never wait: only the coop budget makes the loop yield.
    runtime(1).block_on(async {
        tokio::spawn(async {
            let ticks = ticker();
            let options = SqliteOptions::memory().execution(Execution::Inline);
            let mut c = connector(options).connect().await.unwrap();
            let before = ticks.load(Ordering::Relaxed);
            while ticks.load(Ordering::Relaxed) < before + 3 {
                run(&mut c, "select 1").await;
            }
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_connection_moves_between_runtimes() {
    for execution in EXECUTIONS {
        let connector = connector(SqliteOptions::memory().execution(execution));
        let mut c = runtime(2).block_on(connector.connect()).unwrap();
        for workers in [0, 2, 0, 1] {
            c = runtime(workers).block_on(async move {
                tokio::spawn(async move {
                    run(&mut c, "create table if not exists t (a)").await;
                    run(&mut c, "insert into t values (1)").await;
                    c
                })
                .await
                .unwrap()
            });
        }
        let count = runtime(0).block_on(one::<i64>(&mut c, "select count(*) from t"));
        assert_eq!(count.unwrap(), 4);
    }
}

/// Without a runtime `Auto` and `Inline` do as `Caller` does; nothing panics.
#[test]
fn without_any_runtime() {
    for execution in EXECUTIONS {
        let connector = connector(SqliteOptions::memory().execution(execution));
        let poll = |future: std::pin::Pin<&mut dyn Future<Output = ()>>| {
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(future.poll(&mut cx).is_ready(), "{execution}");
        };
        poll(std::pin::pin!(async {
            let mut c = connector.connect().await.unwrap();
            run(&mut c, "create table t (a)").await;
            run(&mut c, &format!("insert into t {}", counting(100_000))).await;
            assert_eq!(one::<i64>(&mut c, "select a from t").await.unwrap(), 100_000);
            c.close().await.unwrap();
        }));
    }
}
