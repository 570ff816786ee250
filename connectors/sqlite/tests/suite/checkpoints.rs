//! Checkpoints: the log stays short, and is gone when all is closed.

use std::time::Duration;

use wellspring_connector::{Command, Connector, Value};
use wellspring_sqlite::Execution;

use crate::support::{File, connector, exec, one, run};

const PAGE: u64 = 4096;

/// Commits `commits` times some twenty pages.
async fn write(c: &mut crate::support::Conn, commits: usize) {
    let blob = [Value::Bytes(vec![7; 80_000].into())];
    for _ in 0..commits {
        exec(c, "insert into t values (?1)", &blob).await.unwrap();
        exec(c, "delete from t", &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_short_and_is_gone_when_all_is_closed() {
    let file = File::new();
    let connector = connector(file.options());
    let mut c = connector.connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    write(&mut c, 1500).await;
    let length = std::fs::metadata(file.wal()).unwrap().len();
    assert!(length > 0);
    // Unchecked it would have 30,000 pages.
    assert!(length < 20_000 * PAGE, "{} pages", length / PAGE);
    let idle = connector.connect().await.unwrap();
    c.close().await.unwrap();
    idle.close().await.unwrap();
    assert!(!file.wal().exists(), "the last connection takes the log along");
    let mut again = connector.connect().await.unwrap();
    assert_eq!(one::<i64>(&mut again, "select count(*) from t").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constant_readers_do_not_let_the_log_grow_for_ever() {
    let file = File::new();
    let connector = connector(file.options());
    let mut c = connector.connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    run(&mut c, "create table u (a)").await;
    // Two readers take turns, so that at any time one holds a snapshot.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (connector, stop) = (connector.clone(), stop.clone());
            tokio::spawn(async move {
                let mut c = connector.connect().await.unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    run(&mut c, "begin").await;
                    run(&mut c, "select count(*) from u").await;
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    run(&mut c, "commit").await;
                }
            })
        })
        .collect();
    write(&mut c, 3000).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    // Unchecked it would have 60,000 pages.
    let length = std::fs::metadata(file.wal()).unwrap().len();
    assert!(length < 40_000 * PAGE, "{} pages", length / PAGE);
}

#[test]
fn without_a_runtime() {
    let file = File::new();
    let connector = connector(file.options().execution(Execution::Caller));
    let runtime = crate::support::runtime(0);
    // Only to poll: nothing of it is used.
    let mut c = runtime.block_on(connector.connect()).unwrap();
    runtime.block_on(async {
        run(&mut c, "create table t (a)").await;
        write(&mut c, 200).await;
        c.execute(Command::new("select 1", &[])).await.unwrap();
        c.close().await.unwrap();
    });
    assert!(!file.wal().exists());
}
