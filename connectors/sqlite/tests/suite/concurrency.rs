//! Many tasks, one database: nobody hears of a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wellspring_connector::{Connector, ErrorKind, Retry, TransactionOptions, Value};
use wellspring_sqlite::{Execution, JournalMode, SqliteOptions};

use crate::support::{File, connector, exec, fail, one, run};

/// 16 tasks, nine reads to one write, on a connection each.
async fn mix(options: SqliteOptions, time: Duration, transactions: bool) {
    let connector = connector(options);
    let mut setup = connector.connect().await.unwrap();
    run(&mut setup, "create table t (id integer primary key, n integer not null)").await;
    run(
        &mut setup,
        "insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < \
         100) select i, 0 from n",
    )
    .await;
    let written = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..16_i64)
        .map(|task| {
            let (connector, written) = (connector.clone(), written.clone());
            tokio::spawn(async move {
                let mut c = connector.connect().await?;
                for i in task.. {
                    if Instant::now() > end {
                        break;
                    }
                    let id = [Value::I64(i * 7 % 100 + 1)];
                    if i % 10 != 0 {
                        exec(&mut c, "select n from t where id = ?1", &id).await?;
                        continue;
                    }
                    if transactions {
                        c.begin(TransactionOptions::new()).await?;
                        exec(&mut c, "select n from t where id = ?1", &id).await?;
                    }
                    exec(&mut c, "update t set n = n + 1 where id = ?1", &id).await?;
                    if transactions {
                        c.commit().await?;
                    }
                    written.fetch_add(1, Ordering::Relaxed);
                }
                c.close().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().expect("no lock reaches the caller");
    }
    let sum = one::<i64>(&mut setup, "select sum(n) from t").await.unwrap();
    assert_eq!(sum as u64, written.load(Ordering::Relaxed), "every increment is there");
    assert!(sum > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file() {
    let file = File::new();
    mix(file.options(), Duration::from_millis(700), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_transactions() {
    let file = File::new();
    mix(file.options(), Duration::from_millis(700), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_on_threads() {
    let file = File::new();
    let options = file.options().execution(Execution::Thread);
    mix(options, Duration::from_millis(500), true).await;
}

#[tokio::test]
async fn a_file_on_a_current_thread_runtime() {
    let file = File::new();
    mix(file.options(), Duration::from_millis(500), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_rollback_journal() {
    let file = File::new();
    let options = file.options().journal_mode(JournalMode::Truncate);
    mix(options, Duration::from_millis(500), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    mix(SqliteOptions::memory(), Duration::from_millis(500), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_with_transactions() {
    mix(SqliteOptions::memory(), Duration::from_millis(500), true).await;
}

#[test]
fn threads_without_a_runtime() {
    let file = File::new();
    let connector = connector(file.options().execution(Execution::Caller));
    let connect = || wait(connector.connect()).unwrap();
    wait(async { run(&mut connect(), "create table t (a)").await });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut c = connect();
                for _ in 0..50 {
                    wait(async {
                        c.begin(TransactionOptions::new()).await.unwrap();
                        run(&mut c, "insert into t values (1)").await;
                        c.commit().await.unwrap();
                    });
                }
            });
        }
    });
    let count = wait(async { one::<i64>(&mut connect(), "select count(*) from t").await });
    assert_eq!(count.unwrap(), 200);
}

/// Polls once: with `Execution::Caller` every future is ready at once.
fn wait<F: Future>(future: F) -> F::Output {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a future of `Execution::Caller` was not ready"),
    }
}

/// Transactions that read, then write, deferred: whoever fails may try the whole again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deferred_read_then_write() {
    let file = File::new();
    for options in [file.options(), SqliteOptions::memory()] {
        let connector = connector(options);
        let mut setup = connector.connect().await.unwrap();
        run(&mut setup, "create table t (n)").await;
        run(&mut setup, "insert into t values (0)").await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let connector = connector.clone();
                tokio::spawn(async move {
                    let mut c = connector.connect().await.unwrap();
                    let mut done = 0;
                    while done < 25 {
                        run(&mut c, "begin").await;
                        let n = one::<i64>(&mut c, "select n from t").await.unwrap();
                        let written =
                            exec(&mut c, "update t set n = ?1", &[Value::I64(n + 1)]).await;
                        match written {
                            Ok(_) => {
                                run(&mut c, "commit").await;
                                done += 1;
                            }
                            Err(error) => {
                                assert_eq!(error.retry(), Retry::Transaction, "{error:?}");
                                c.rollback().await.unwrap();
                                tokio::task::yield_now().await;
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(one::<i64>(&mut setup, "select n from t").await.unwrap(), 200);
    }
}

/// A connection that knows nothing of the gate stands for another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_waited_for() {
    for execution in crate::support::EXECUTIONS {
        let file = File::new();
        let options = file.options().execution(execution).busy_timeout(Duration::from_millis(150));
        let mut c = connector(options.clone()).connect().await.unwrap();
        run(&mut c, "create table t (a)").await;
        let mut patient =
            connector(options.busy_timeout(Duration::from_secs(60))).connect().await.unwrap();

        let foreign = rusqlite::Connection::open(&file.path).unwrap();
        foreign.execute_batch("begin immediate; insert into t values (1)").unwrap();
        let start = Instant::now();
        for attempt in 0..3 {
            let error = match attempt {
                0 => fail(&mut c, "insert into t values (2)").await,
                1 => c.begin(TransactionOptions::new()).await.unwrap_err(),
                _ => c.execute_script("insert into t values (2)").await.unwrap_err(),
            };
            assert_eq!((error.kind(), error.code()), (ErrorKind::LockTimeout, Some("5")));
            assert_eq!(error.retry(), Retry::Transaction);
        }
        assert!(start.elapsed() >= Duration::from_millis(450), "it did wait");
        assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0, "readers go on");

        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            foreign.execute_batch("commit").unwrap();
        });
        run(&mut patient, "insert into t values (3)").await;
        assert_eq!(one::<i64>(&mut patient, "select count(*) from t").await.unwrap(), 2);
        thread.join().unwrap();
    }
}

/// Writers pass in the order they came, also those of another connector.
#[tokio::test]
async fn writers_pass_in_the_order_they_came() {
    let file = File::new();
    let mut first = connector(file.options()).connect().await.unwrap();
    run(&mut first, "create table t (id integer primary key, who)").await;
    first.begin(TransactionOptions::new()).await.unwrap();
    let mut tasks = Vec::new();
    for who in 0..6_i64 {
        let mut c = connector(file.options()).connect().await.unwrap();
        let mut task = Box::pin(async move {
            exec(&mut c, "insert into t (who) values (?1)", &[Value::I64(who)]).await.unwrap();
        });
        // Until it waits at the gate: on a thread it does not, but it does after it.
        let queued = tokio::time::timeout(Duration::from_millis(50), &mut task).await;
        assert!(queued.is_err(), "{who} passed");
        tasks.push(tokio::spawn(task));
    }
    first.commit().await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    let order = one::<String>(&mut first, "select group_concat(who, ' ' order by id) from t").await;
    assert_eq!(order.unwrap(), "0 1 2 3 4 5");
}
