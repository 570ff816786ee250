//! What one transaction is begun with is nothing to the next, on the same connection or another's.

use std::time::Duration;

use wellspring::{Database, Error, IsolationLevel, TransactionOptions};
use wellspring_testkit::servers::Kind;

/// What the session has now: isolation level, access, and how long it waits for locks.
async fn settings(db: &Database, kind: Kind) -> Vec<String> {
    let asked: &[&str] = match kind {
        Kind::Postgres => &[
            "select current_setting('transaction_isolation')",
            "select current_setting('transaction_read_only')",
            "select current_setting('transaction_deferrable')",
            "select current_setting('lock_timeout')",
            "select current_setting('statement_timeout')",
        ],
        Kind::MySql => &[
            "select concat(@@session.transaction_isolation, '')",
            "select concat(@@session.transaction_read_only, '')",
            "select concat(@@session.innodb_lock_wait_timeout, '')",
            "select concat(@@session.lock_wait_timeout, '')",
        ],
        _ => &[
            "select concat(@@session.tx_isolation, '')",
            "select concat(@@session.tx_read_only, '')",
            "select concat(@@session.innodb_lock_wait_timeout, '')",
            "select concat(@@session.lock_wait_timeout, '')",
        ],
    };
    let mut settings = Vec::new();
    for question in asked {
        settings.push(db.query(*question, ()).one().await.unwrap());
    }
    settings
}

/// The connections that were in use are back.
async fn quiet(db: &Database) {
    while db.status().resetting + db.status().used + db.status().closing > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn nothing_leaks(kind: Kind) {
    let fresh = crate::databases::fresh(kind).await;
    let db = fresh.builder().max_size(1).connect().await.unwrap();
    db.execute("create table t (a integer)", ()).await.unwrap();
    let before = settings(&db, kind).await;
    let mut options = TransactionOptions::new()
        .isolation(IsolationLevel::Serializable)
        .read_only()
        .lock_timeout(Duration::from_secs(7))
        .statement_timeout(Duration::from_secs(9));
    if kind == Kind::Postgres {
        options = options.deferrable();
    }
    for end in ["commit", "rollback", "drop", "cancel"] {
        let mut tx = db.begin_with(options).await.unwrap();
        let inside = match kind {
            Kind::Postgres => "select current_setting('lock_timeout')",
            _ => "select concat(@@session.innodb_lock_wait_timeout, 's')",
        };
        let limit: String = tx.query(inside, ()).one().await.unwrap();
        assert_eq!(limit, "7s");
        match end {
            "commit" => tx.commit().await.unwrap(),
            "rollback" => tx.rollback().await.unwrap(),
            "drop" => drop(tx),
            _ => {
                let endless = crate::support::endless(&db);
                let work = tx.query(endless.as_str(), ()).one::<i64>();
                assert!(tokio::time::timeout(Duration::from_millis(30), work).await.is_err());
                drop(tx);
            }
        }
        assert_eq!(settings(&db, kind).await, before, "after {end}");
        quiet(&db).await;
    }
    // Beginnings that are given up at some moment.
    for micros in (0..3_000).step_by(150) {
        let begin = db.begin_with(options);
        drop(tokio::time::timeout(Duration::from_micros(micros), begin).await);
        assert_eq!(settings(&db, kind).await, before, "after {micros} µs");
    }
    let done: Result<(), Error> = db
        .transaction(async |mut tx| tx.execute("insert into t values (1)", ()).await.map(drop))
        .await;
    done.unwrap();
    assert_eq!(db.stats().pool.counters.connected, 1, "the connection was never given up");
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_of_a_transaction_leaks() {
        nothing_leaks(Kind::Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_deferrable_transaction_reads_without_conflicts() {
        let fresh = crate::databases::fresh(Kind::Postgres).await;
        let db = fresh.connect().await;
        let options = TransactionOptions::new()
            .isolation(IsolationLevel::Serializable)
            .read_only()
            .deferrable();
        let mut tx = db.begin_with(options).await.unwrap();
        let on: String =
            tx.query("select current_setting('transaction_deferrable')", ()).one().await.unwrap();
        assert_eq!(on, "on");
        tx.commit().await.unwrap();
    }
}

mod mysql {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_of_a_transaction_leaks() {
        nothing_leaks(Kind::MySql).await;
    }
}

mod mariadb {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_of_a_transaction_leaks() {
        nothing_leaks(Kind::MariaDb).await;
    }
}
