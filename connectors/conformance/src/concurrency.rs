//! Several connections at once, alone and in a pool.

use wellspring_connector::{ConnectorManager, SessionState, TransactionOptions};
use wellspring_pool_core::Pool;

use crate::{Session, Target};

/// Eight connections, mixed reads, writes and transactions: every change is there in the end.
pub async fn many_connections_work_side_by_side(target: &impl Target) {
    const ROUNDS: i64 = 60;
    let connector = target.fresh().await;
    let mut first = Session::on(connector.connect().await.expect("connects"));
    first.table(target).await;
    first.run("insert into t values (0, 0)", ()).await;
    let mut tasks = Vec::new();
    for task in 1..=8_i64 {
        let connector = connector.clone();
        tasks.push(tokio::spawn(async move {
            let mut session = Session::on(connector.connect().await.expect("connects"));
            for round in 0..ROUNDS {
                match round % 3 {
                    0 => {
                        session.run("update t set b = b + 1 where a = 0", ()).await;
                    }
                    1 => {
                        session.connection.begin(TransactionOptions::new()).await.expect("begins");
                        let key = task * 1_000 + round;
                        session.run("insert into t values (?, 0)", (key,)).await;
                        session.run("update t set b = b + 1 where a = 0", ()).await;
                        session.connection.commit().await.expect("commits");
                    }
                    _ => {
                        let own: i64 = session
                            .get(
                                "select count(*) from t where a > ? and a < ?",
                                (task * 1_000, task * 1_000 + 1_000),
                            )
                            .await;
                        assert_eq!(own, (round + 1) / 3, "its own rows");
                    }
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("does not panic");
    }
    let sum: i64 = first.get("select b from t where a = 0", ()).await;
    assert_eq!(sum, 8 * ROUNDS * 2 / 3, "updates were lost");
    assert_eq!(first.count().await, 1 + 8 * ROUNDS / 3);
}

/// Under a pool, whatever a borrower leaves behind, the next finds a clean session.
pub async fn a_pool_hands_on_clean_sessions(target: &impl Target) {
    let connector = target.fresh().await;
    let mut first = Session::on(connector.connect().await.expect("connects"));
    first.table(target).await;
    let pool = Pool::builder(ConnectorManager::new(connector)).max_size(4).build().expect("sound");
    let endless = target.facts().endless;
    let mut tasks = Vec::new();
    for task in 0..16_i64 {
        let (pool, endless) = (pool.clone(), endless.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..6 {
                let mut lease = pool.get().await.expect("a connection");
                assert_eq!(lease.state(), SessionState::Idle, "a session was handed on unclean");
                let command = wellspring_connector::Command::new;
                match (task + round) % 3 {
                    0 => {
                        lease.begin(TransactionOptions::new()).await.expect("begins");
                        let insert = format!("insert into t values ({}, 1)", task * 100 + round);
                        lease.execute(command(&insert, &[])).await.expect("inserts");
                        // Left open.
                    }
                    1 => {
                        let long = async {
                            let mut rows = lease.query(command(&endless, &[])).await?;
                            rows.next().await
                        };
                        let limit = std::time::Duration::from_millis(5);
                        let _given_up = tokio::time::timeout(limit, long).await;
                    }
                    _ => lease.ping().await.expect("answers"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("does not panic");
    }
    assert_eq!(first.count().await, 0, "a transaction left open was kept");
    let report = pool.drain(std::time::Duration::from_secs(10)).await;
    assert!(report.complete, "{report:?}");
    assert_eq!(pool.stats().counters.closed.reset_failed, 0, "resets failed");
}
