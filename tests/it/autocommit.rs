//! Connections whose statements do not commit by themselves.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use wellspring::{Database, DatabaseConnection, ErrorKind, ResetMode};

use crate::databases::on_every_database;
use crate::support::endless;

async fn table(db: &Database) {
    db.execute("create table t (a integer)", ()).await.unwrap();
}

async fn rows(db: &Database) -> i64 {
    db.query("select count(*) from t", ()).one().await.unwrap()
}

async fn off(db: &Database) -> DatabaseConnection {
    let mut connection = db.connection().await.unwrap();
    assert!(connection.autocommit());
    connection.set_autocommit(false).unwrap();
    assert!(!connection.autocommit());
    connection
}

/// The connections that were in use are back.
async fn quiet(db: &Database) {
    while db.status().resetting + db.status().used + db.status().closing > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

on_every_database! {
    async fn statements_wait_for_commit_or_rollback(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let mut connection = off(&db).await;
        // Nothing is open, so there is nothing to end.
        connection.commit().await.unwrap();
        connection.rollback().await.unwrap();
        connection.execute("insert into t values (1)", ()).await.unwrap();
        let seen: i64 = connection.query("select count(*) from t", ()).one().await.unwrap();
        assert_eq!(seen, 1);
        let error = connection.set_autocommit(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        connection.rollback().await.unwrap();
        assert_eq!(rows(&db).await, 0);
        connection.execute("insert into t values (1)", ()).await.unwrap();
        connection.commit().await.unwrap();
        assert_eq!(rows(&db).await, 1);
        connection.set_autocommit(true).unwrap();
        connection.execute("insert into t values (2)", ()).await.unwrap();
        assert_eq!(rows(&db).await, 2);
        // What a borrower did is booked when the connection comes back.
        drop(connection);
        quiet(&db).await;
        let transactions = db.stats().transactions;
        assert_eq!((transactions.commits, transactions.rollbacks), (1, 1));
    }

    async fn every_kind_of_statement_begins_a_transaction(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let mut connection = off(&db).await;
        connection
            .execute_script("insert into t values (1); insert into t values (2)")
            .await
            .unwrap();
        connection.rollback().await.unwrap();
        connection.bulk_insert("t", ["a"], (0..50).map(|n| (n,))).await.unwrap();
        connection.rollback().await.unwrap();
        connection.insert("t", [("a", 1)]).execute().await.unwrap();
        connection.rollback().await.unwrap();
        let many = (0..20).map(|n| [("a", n)]);
        connection.insert_many("t", many).execute().await.unwrap();
        connection.rollback().await.unwrap();
        let mut stream = connection.query("select a from t", ()).stream();
        assert!(stream.next().await.unwrap().is_none());
        drop(stream);
        assert_eq!(connection.set_autocommit(true).unwrap_err().kind(), ErrorKind::Usage);
        connection.rollback().await.unwrap();
        connection.set_autocommit(true).unwrap();
        assert_eq!(rows(&db).await, 0);
    }

    async fn dropping_the_connection_rolls_back_and_the_next_borrower_commits_by_itself(fresh: Fresh) {
        for mode in [ResetMode::Rollback, ResetMode::Commit, ResetMode::None] {
            let change = |pool: &mut wellspring::PoolOptions| pool.reset_mode = mode;
            let db = fresh.builder().max_size(1).pool_with(change).connect().await.unwrap();
            db.execute("drop table if exists t", ()).await.unwrap();
            table(&db).await;
            let mut connection = off(&db).await;
            connection.execute("insert into t values (1)", ()).await.unwrap();
            drop(connection);
            quiet(&db).await;
            assert_eq!(rows(&db).await, 0, "{mode:?}");
            // One left with autocommit off, and nothing open.
            drop(off(&db).await);
            let mut next = db.connection().await.unwrap();
            assert!(next.autocommit());
            next.execute("insert into t values (2)", ()).await.unwrap();
            drop(next);
            quiet(&db).await;
            assert_eq!(rows(&db).await, 1, "{mode:?}");
            db.close().await;
        }
    }

    async fn a_statement_that_is_given_up_leaves_the_transaction_to_be_ended(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let endless = endless(&db);
        let mut connection = off(&db).await;
        connection.execute("insert into t values (1)", ()).await.unwrap();
        let error = connection
            .query(endless.as_str(), ())
            .timeout(Duration::from_millis(50))
            .one::<i64>()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error}");
        // It is not known yet whether it has stopped.
        connection.set_autocommit(true).unwrap_err();
        connection.rollback().await.unwrap();
        connection.set_autocommit(true).unwrap();
        assert_eq!(rows(&db).await, 0);
    }

    async fn a_statement_dropped_at_any_moment_leaves_nothing_behind(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        table(&db).await;
        for polls in 0..12 {
            let mut connection = off(&db).await;
            {
                let mut work = pin!(connection.execute("insert into t values (1)", ()));
                let mut left = polls;
                poll_fn(|cx| {
                    if left == 0 || work.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    left -= 1;
                    Poll::Pending
                })
                .await;
            }
            if polls % 2 == 1 {
                drop(connection);
                connection = off(&db).await;
            }
            connection.rollback().await.unwrap();
            let seen: i64 = connection.query("select count(*) from t", ()).one().await.unwrap();
            assert_eq!(seen, 0, "after {polls} polls");
            connection.rollback().await.unwrap();
            drop(connection);
            quiet(&db).await;
            assert_eq!(rows(&db).await, 0, "after {polls} polls");
        }
    }
}
