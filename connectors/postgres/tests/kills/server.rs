//! The server: killed with all its processes, started again, and asked from outside of the pools.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use wellspring_pool_core::Manager;
use wellspring_postgres::{NativeClient, PostgresManager};
use wellspring_testkit::servers::Postgres;

use crate::ledger::Kept;

/// Whom the pools connect as; it needs no password.
const USER: &str = "pooled";
/// How long sessions may take to end.
const GOODBYE: Duration = Duration::from_secs(10);

/// A PostgreSQL of the test's own.
pub(crate) struct Server(Postgres);

impl Server {
    /// Starts it, with the user of the pools and the ledger.
    pub(crate) async fn start() -> Self {
        let server =
            Self(tokio::task::block_in_place(Postgres::start).expect("a server of our own"));
        let prepare = format!(
            "create role {USER} login; \
             create table ledger (task bigint not null, n bigint not null); \
             grant all on ledger to {USER}"
        );
        server.outside().await.batch_execute(&prepare).await.expect("a ledger");
        server
    }

    /// The URL for the pools.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.0.port())
    }

    /// Kills all its processes at one moment, or the first alone, which the others follow. Nothing
    /// of it is left then.
    pub(crate) fn kill(&self, all: bool) {
        tokio::task::block_in_place(|| {
            let first = self.0.pid().expect("it runs");
            if all {
                let mut pids = children(first);
                pids.push(first);
                let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                // One that has ended in between is no failure.
                let kill = format!("kill -KILL {} 2>&- || :", pids.join(" "));
                let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
                assert!(status.success(), "{status}");
            }
            self.0.kill().expect("nothing is left of it");
        });
    }

    /// Starts it again on its data and port.
    pub(crate) fn restart(&self) {
        tokio::task::block_in_place(|| self.0.restart()).expect("it starts again");
    }

    /// Stops it in good order, so that no memory that it shares stays behind.
    pub(crate) fn stop(&self) {
        tokio::task::block_in_place(|| self.0.stop()).expect("it stops");
    }

    /// A connection that is not of a pool.
    async fn outside(&self) -> NativeClient {
        let manager = PostgresManager::from_url(&self.0.url()).expect("a sound URL");
        manager.connect().await.expect("a running server")
    }

    /// Waits until no session of the pools is left.
    ///
    /// # Panics
    /// When some are, after a while.
    pub(crate) async fn is_left_by_all(&self) {
        let outside = self.outside().await;
        let count = "select count(*) from pg_stat_activity where usename = $1";
        let mut left = i64::MAX;
        let none = async {
            while left > 0 {
                left = outside.query_one(count, &[&USER]).await.expect("an answer").get(0);
                sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = timeout(GOODBYE, none).await;
        assert!(ended.is_ok(), "{left} sessions of drained pools are left");
    }

    /// What the table has.
    pub(crate) async fn ledger(&self) -> Kept {
        let outside = self.outside().await;
        let lines = "select task, array_agg(n) from ledger group by task";
        let rows = outside.query(lines, &[]).await.expect("the ledger");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

/// The children of a process; none where processes cannot be looked at.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
