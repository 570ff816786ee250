//! Transactions: all or nothing, whatever ends them; savepoints; running again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wellspring::{
    Database, Error, ErrorKind, IsolationLevel, ResetMode, RetryPolicy, TransactionOptions,
};

use crate::databases::on_every_database;
use crate::support::{conflict, faulty};

async fn accounts(db: &Database) {
    db.execute("create table accounts (id integer primary key, balance integer)", ())
        .await
        .unwrap();
    db.execute("insert into accounts values (1, 100), (2, 100)", ()).await.unwrap();
}

async fn balance(db: &Database, id: i64) -> i64 {
    db.query("select balance from accounts where id = ?", (id,)).one().await.unwrap()
}

async fn withdraw(tx: &mut wellspring::Tx, amount: i64) -> Result<(), Error> {
    tx.execute("update accounts set balance = balance - ? where id = 1", (amount,)).await.map(drop)
}

/// The connection that was in the transaction is back, clean, before the assertions look.
async fn quiet(db: &Database) {
    while db.status().resetting + db.status().used + db.status().closing > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

on_every_database! {
    async fn commits_on_ok_and_rolls_back_on_err(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        let value: Result<i64, Error> = db
            .transaction(async |mut tx| {
                withdraw(&mut tx, 30).await?;
                tx.query("select balance from accounts where id = 1", ()).one().await
            })
            .await;
        assert_eq!(value.unwrap(), 70);
        assert_eq!(balance(&db, 1).await, 70);
        let failed: Result<(), Box<dyn std::error::Error>> = db
            .transaction(async |mut tx| {
                withdraw(&mut tx, 30).await?;
                Err("changed my mind".into())
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "changed my mind");
        assert_eq!(balance(&db, 1).await, 70);
    }

    async fn a_transaction_by_hand_rolls_back_unless_committed(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        let mut tx = db.begin().await.unwrap();
        withdraw(&mut tx, 10).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        withdraw(&mut tx, 10).await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        withdraw(&mut tx, 10).await.unwrap();
        drop(tx);
        assert_eq!(balance(&db, 1).await, 90);
    }

    async fn a_dropped_future_rolls_back(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        let hanging = db.transaction(async |mut tx| -> Result<(), Error> {
            withdraw(&mut tx, 10).await?;
            std::future::pending().await
        });
        let limit = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(limit, hanging).await.is_err());
        quiet(&db).await;
        assert_eq!(balance(&db, 1).await, 100);
    }

    async fn a_panic_rolls_back(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        let task = tokio::spawn({
            let db = db.clone();
            async move {
                db.transaction(async |mut tx| -> Result<(), Error> {
                    withdraw(&mut tx, 10).await?;
                    panic!("on purpose")
                })
                .await
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        quiet(&db).await;
        assert_eq!(balance(&db, 1).await, 100);
    }

    async fn a_dropped_transaction_is_rolled_back_even_where_resets_commit(fresh: Fresh) {
        for mode in [ResetMode::Commit, ResetMode::None] {
            let db = fresh.builder().pool_with(|p| p.reset_mode = mode).connect().await.unwrap();
            db.execute("drop table if exists accounts", ()).await.unwrap();
            accounts(&db).await;
            let mut tx = db.begin().await.unwrap();
            withdraw(&mut tx, 10).await.unwrap();
            drop(tx);
            quiet(&db).await;
            assert_eq!(balance(&db, 1).await, 100, "{mode:?}");
        }
    }

    async fn reset_commit_keeps_what_a_bare_connection_left_open(fresh: Fresh) {
        for (mode, left) in [(ResetMode::Commit, 90), (ResetMode::Rollback, 100)] {
            let db = fresh.builder().pool_with(|p| p.reset_mode = mode).connect().await.unwrap();
            db.execute("drop table if exists accounts", ()).await.unwrap();
            accounts(&db).await;
            let mut connection = db.connection().await.unwrap();
            connection.execute("begin", ()).await.unwrap();
            connection
                .execute("update accounts set balance = 90 where id = 1", ())
                .await
                .unwrap();
            drop(connection);
            quiet(&db).await;
            assert_eq!(balance(&db, 1).await, left, "{mode:?}");
        }
    }

    async fn savepoints_undo_only_their_own(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        db.transaction(async |mut tx| -> Result<(), Error> {
            withdraw(&mut tx, 1).await?;
            let undone = tx
                .savepoint(async |mut sp| -> Result<(), Error> {
                    withdraw(&mut sp, 10).await?;
                    sp.savepoint(async |mut inner| withdraw(&mut inner, 100).await).await?;
                    Err(conflict().with_retry(wellspring::Retry::Never))
                })
                .await;
            assert!(undone.is_err());
            tx.savepoint(async |mut sp| {
                withdraw(&mut sp, 2).await?;
                let inner: Result<(), Error> = sp
                    .savepoint(async |mut inner| {
                        withdraw(&mut inner, 1_000).await?;
                        inner.execute("nonsense", ()).await.map(drop)
                    })
                    .await;
                assert_eq!(inner.unwrap_err().kind(), ErrorKind::Syntax);
                withdraw(&mut sp, 3).await
            })
            .await
        })
        .await
        .unwrap();
        assert_eq!(balance(&db, 1).await, 94);
    }

    async fn a_dropped_savepoint_is_undone_and_the_transaction_goes_on(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        db.transaction(async |mut tx| -> Result<(), Error> {
            withdraw(&mut tx, 1).await?;
            let hanging = tx.savepoint(async |mut sp| -> Result<(), Error> {
                withdraw(&mut sp, 50).await?;
                std::future::pending().await
            });
            let limit = std::time::Duration::from_millis(50);
            assert!(tokio::time::timeout(limit, hanging).await.is_err());
            withdraw(&mut tx, 2).await
        })
        .await
        .unwrap();
        assert_eq!(balance(&db, 1).await, 97);
        // Also when the commit follows at once.
        let mut tx = db.begin().await.unwrap();
        let hanging = tx.savepoint(async |mut sp| -> Result<(), Error> {
            withdraw(&mut sp, 50).await?;
            std::future::pending().await
        });
        let limit = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(limit, hanging).await.is_err());
        tx.commit().await.unwrap();
        assert_eq!(balance(&db, 1).await, 97);
    }

    async fn a_dropped_savepoint_is_undone_though_the_one_around_it_is_kept(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        db.transaction(async |mut tx| -> Result<(), Error> {
            tx.savepoint(async |mut outer| -> Result<(), Error> {
                withdraw(&mut outer, 1).await?;
                let hanging = outer.savepoint(async |mut inner| -> Result<(), Error> {
                    withdraw(&mut inner, 50).await?;
                    std::future::pending().await
                });
                let limit = std::time::Duration::from_millis(50);
                assert!(tokio::time::timeout(limit, hanging).await.is_err());
                // No statement comes after it.
                Ok(())
            })
            .await
        })
        .await
        .unwrap();
        assert_eq!(balance(&db, 1).await, 99);
    }

    async fn what_a_savepoint_failed_for_is_told_though_it_cannot_be_undone(fresh: Fresh) {
        let db = fresh.connect().await;
        if db.dialect().name != "sqlite" {
            return;
        }
        db.execute("create table t (a integer unique on conflict rollback)", ()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let failed = tx.savepoint(async |mut sp| -> Result<(), Error> {
            sp.execute("insert into t values (1)", ()).await?;
            sp.execute("insert into t values (1)", ()).await.map(drop)
        });
        assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::UniqueViolation);
        // Nothing else is done or kept.
        let error = tx.execute("insert into t values (2)", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionAborted);
        tx.commit().await.unwrap_err();
        let rows: i64 = db.query("select count(*) from t", ()).one().await.unwrap();
        assert_eq!(rows, 0);
    }

    async fn a_savepoint_that_fails_for_others_sake_runs_the_transaction_again(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        let calls = AtomicUsize::new(0);
        let done: Result<usize, Error> = db
            .transaction(async |mut tx| {
                let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
                if call == 1 {
                    faults.savepoints.store(1, Ordering::SeqCst);
                }
                tx.savepoint(async |_| Ok(call)).await
            })
            .await;
        assert_eq!(done.unwrap(), 2);
        // Also where it is that of a batch.
        let calls = AtomicUsize::new(0);
        let done: Result<usize, Error> = db
            .transaction(async |mut tx| {
                let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
                if call == 1 {
                    faults.savepoints.store(1, Ordering::SeqCst);
                }
                tx.batch([wellspring::Operation::query("select 1", ())]).execute().await?;
                Ok(call)
            })
            .await;
        assert_eq!(done.unwrap(), 2);
        // It says of which database it is.
        faults.savepoints.store(1, Ordering::SeqCst);
        let mut tx = db.begin().await.unwrap();
        let error = tx.create_savepoint("a").await.unwrap_err();
        assert_eq!(error.database(), Some("default"));
    }

    async fn an_escaped_tx_commits_nothing(fresh: Fresh) {
        let db = fresh.connect().await;
        accounts(&db).await;
        let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
        let result: Result<(), Error> = db
            .transaction(async |mut tx| {
                withdraw(&mut tx, 10).await?;
                give.send(tx).expect("the receiver is there");
                Ok(())
            })
            .await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        let mut stray = take.recv().await.unwrap();
        let late = withdraw(&mut stray, 10).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Usage, "{late}");
        drop(stray);
        quiet(&db).await;
        assert_eq!(balance(&db, 1).await, 100);

        // The same from inside a savepoint.
        let result: Result<(), Error> = db
            .transaction(async |mut tx| {
                withdraw(&mut tx, 10).await?;
                let inner: Result<(), Error> = tx
                    .savepoint(async |sp| {
                        give.send(sp).expect("the receiver is there");
                        Ok(())
                    })
                    .await;
                assert_eq!(inner.unwrap_err().kind(), ErrorKind::Usage);
                withdraw(&mut tx, 1).await
            })
            .await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Usage);
        drop(take);
        quiet(&db).await;
        assert_eq!(balance(&db, 1).await, 100);
    }

    async fn a_transaction_the_database_undid_is_run_again(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        accounts(&db).await;
        faults.statements.store(1, Ordering::SeqCst);
        faults.commits.store(2, Ordering::SeqCst);
        let calls = AtomicUsize::new(0);
        let left: Result<i64, Error> = db
            .transaction(async |mut tx| {
                calls.fetch_add(1, Ordering::SeqCst);
                withdraw(&mut tx, 10).await?;
                tx.query("select balance from accounts where id = 1", ()).one().await
            })
            .await;
        assert_eq!(left.unwrap(), 90, "each run starts from what was committed");
        assert_eq!(calls.load(Ordering::SeqCst), 4);
        assert_eq!(balance(&db, 1).await, 90);
    }

    async fn running_again_is_bounded_and_only_for_the_databases_sake(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let policy = RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() };
        let db = Database::with_connector(Arc::clone(&connector)).retry(policy).connect().await.unwrap();
        accounts(&db).await;
        let calls = AtomicUsize::new(0);
        faults.commits.store(100, Ordering::SeqCst);
        let result: Result<(), Error> = db
            .transaction(async |mut tx| {
                calls.fetch_add(1, Ordering::SeqCst);
                withdraw(&mut tx, 10).await
            })
            .await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::SerializationFailure);
        assert_eq!(calls.swap(0, Ordering::SeqCst), 3);
        faults.commits.store(0, Ordering::SeqCst);

        // The closure's own error says nothing about the database.
        let result: Result<(), Error> = db
            .transaction(async |mut tx| {
                calls.fetch_add(1, Ordering::SeqCst);
                withdraw(&mut tx, 10).await?;
                Err(Error::new(ErrorKind::Other, "mine"))
            })
            .await;
        assert_eq!(result.unwrap_err().message(), "mine");
        assert_eq!(calls.swap(0, Ordering::SeqCst), 1);

        faults.commits.store(1, Ordering::SeqCst);
        let moved = String::from("moved into the closure");
        let result: Result<String, Error> = db
            .transaction_once(async move |mut tx| {
                withdraw(&mut tx, 10).await?;
                Ok(moved)
            })
            .await;
        assert!(result.is_err(), "called only once");
        assert_eq!(balance(&db, 1).await, 100);
    }

    async fn read_only_transactions_do_not_write(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        accounts(&db).await;
        let options = TransactionOptions::new().read_only();
        let result: Result<(), Error> =
            db.transaction_with(options, async |mut tx| withdraw(&mut tx, 10).await).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly);
        let mut tx = db.begin_with(options).await.unwrap();
        let seen: i64 =
            tx.query("select balance from accounts where id = 1", ()).one().await.unwrap();
        assert_eq!(seen, 100);
        tx.commit().await.unwrap();
        // The next borrower of the same connection may write.
        db.execute("update accounts set balance = 1 where id = 1", ()).await.unwrap();
        assert_eq!(balance(&db, 1).await, 1);
    }

    async fn an_isolation_level_the_database_lacks_is_an_error(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let options = TransactionOptions::new().isolation(IsolationLevel::Snapshot);
        let error = db.begin_with(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let options = TransactionOptions::new().isolation(IsolationLevel::Serializable);
        db.begin_with(options).await.unwrap().commit().await.unwrap();
    }
}
