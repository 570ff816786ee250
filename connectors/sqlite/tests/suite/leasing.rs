//! The read lease: held while reads come quickly, in nobody's way otherwise.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wellspring_connector::Connector;
use wellspring_sqlite::{OpenMode, SqliteConnector, rusqlite};

use crate::support::{Conn, File, connector, exec, one, run};

/// Names the file when this program is to be the other process.
const OTHER: &str = "WELLSPRING_TEST_SQLITE_OTHER_PROCESS";

/// Two tasks that read as quickly as they can, until dropped.
struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Readers {
    fn of(connector: &SqliteConnector) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..2)
            .map(|_| {
                let (connector, stop) = (connector.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut c = connector.connect().await.unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        one::<i64>(&mut c, "select a from t where a = 0").await.unwrap();
                    }
                    c.close().await.unwrap();
                })
            })
            .collect();
        Self { stop, tasks }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < limit, "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn fresh(file: &File) -> (SqliteConnector, Conn) {
    let connector = connector(file.options());
    let mut c = connector.connect().await.unwrap();
    run(&mut c, "create table t (a integer primary key)").await;
    run(&mut c, "insert into t values (0)").await;
    (connector, c)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_reads_share_a_lock_until_they_stop() {
    let file = File::new();
    let (connector, c) = fresh(&file).await;
    assert!(!connector.holds_read_lease().unwrap());
    let readers = Readers::of(&connector);
    until("it is taken", || connector.holds_read_lease().unwrap()).await;
    readers.stop.store(true, Ordering::Relaxed);
    until("it ends", || !connector.holds_read_lease().unwrap()).await;
    readers.end().await;
    c.close().await.unwrap();
    assert!(!file.wal().exists(), "whoever closes last takes the log along");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ends_it_and_is_seen_at_once() {
    let file = File::new();
    let (connector, mut c) = fresh(&file).await;
    let readers = Readers::of(&connector);
    let mut reader = connector.connect().await.unwrap();
    for n in 1..=20 {
        until("it is taken", || connector.holds_read_lease().unwrap()).await;
        exec(&mut c, "insert into t values (?1)", &[n.into()]).await.unwrap();
        assert_eq!(one::<i64>(&mut reader, "select max(a) from t").await.unwrap(), n);
    }
    readers.end().await;
}

/// While writes come one after the other it is not taken up, whatever way they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn it_is_not_taken_up_among_writes() {
    let file = File::new();
    let (connector, mut c) = fresh(&file).await;
    let readers = Readers::of(&connector);
    for script in [false, true] {
        until("it is taken", || connector.holds_read_lease().unwrap()).await;
        let (end, mut held, mut writes) = (Instant::now() + Duration::from_millis(300), 0, 0);
        while Instant::now() < end {
            if script {
                c.execute_script("update t set a = 0 where a = 0").await.unwrap();
            } else {
                run(&mut c, "update t set a = 0 where a = 0").await;
            }
            writes += 1;
            held += u32::from(connector.holds_read_lease().unwrap());
        }
        assert!(held * 2 < writes, "script {script}: held after {held} of {writes} writes");
    }
    readers.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_under_it_leaves_nothing_behind() {
    let file = File::new();
    let (connector, c) = fresh(&file).await;
    let readers = Readers::of(&connector);
    until("it is taken", || connector.holds_read_lease().unwrap()).await;
    readers.end().await;
    c.close().await.unwrap();
    assert!(!connector.holds_read_lease().unwrap());
    assert!(!file.wal().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_can_be_refused_and_is_not_for_files_opened_read_only() {
    let file = File::new();
    drop(fresh(&file).await);
    for options in [file.options().read_lease(false), file.options().mode(OpenMode::ReadOnly)] {
        let connector = connector(options);
        let readers = Readers::of(&connector);
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            assert!(!connector.holds_read_lease().unwrap());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        readers.end().await;
    }
}

/// The other process of the next test; alone it does nothing.
#[test]
fn another_process() {
    let Ok(path) = std::env::var(OTHER) else { return };
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    let blob = vec![7_u8; 100_000];
    connection.execute_batch("create table b (v)").unwrap();
    for n in 1..=300 {
        connection.execute("insert into b values (?1)", [&blob]).unwrap();
        connection.execute("insert into t values (?1)", [n]).unwrap();
        // Committed: whoever reads this line must see it.
        println!("\ncommitted {n}");
    }
    for mode in ["passive", "restart", "truncate"] {
        let pragma = format!("pragma wal_checkpoint({mode})");
        let busy: i64 = connection.query_row(&pragma, [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "{mode}");
    }
    println!("\ndone");
}

/// Kills the other process should the test end before it.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            let _status = self.0.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn another_process_is_seen_at_once_and_can_keep_the_log_short() {
    let file = File::new();
    let (connector, _c) = fresh(&file).await;
    let readers = Readers::of(&connector);
    until("it is taken", || connector.holds_read_lease().unwrap()).await;
    let mut other = Other(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leasing::another_process", "--nocapture"])
            .env(OTHER, &file.path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(other.0.stdout.take().unwrap()).lines();
    let mut reader = connector.connect().await.unwrap();
    let (mut committed, mut held, mut longest, mut done) = (0, 0, 0, false);
    for line in lines {
        let line = line.unwrap();
        done |= line == "done";
        let Some(n) = line.strip_prefix("committed ") else { continue };
        committed = n.parse::<i64>().unwrap();
        let seen = one::<i64>(&mut reader, "select max(a) from t").await.unwrap();
        assert!(seen >= committed, "{committed} was committed, {seen} is seen");
        held += u32::from(connector.holds_read_lease().unwrap());
        longest = longest.max(std::fs::metadata(file.wal()).unwrap().len());
    }
    assert!(other.0.wait().unwrap().success());
    assert!(done && committed == 300);
    // It gives way to a process that writes: that one's checkpoints find no old snapshot.
    assert!(held < 100, "it was held at {held} of 300 commits");
    // What was written is 30 MB; if checkpoints met the lease, the log would be about as long. Without
    // any lease it is 4 MB.
    assert!(longest < 20 << 20, "{longest} bytes of log");
    until("it is taken again", || connector.holds_read_lease().unwrap()).await;
    readers.end().await;
}
