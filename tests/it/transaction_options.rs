//! What a transaction may be begun with, and that nothing of it is left behind; being rolled back
//! whatever happens; savepoints by name.

use std::time::{Duration, Instant};

use wellspring::{
    Database, Error, ErrorKind, IsolationLevel, TransactionMode, TransactionOptions, Tx,
};

use crate::databases::on_every_database;
use crate::support::endless;

async fn table(db: &Database) {
    db.execute("create table t (a integer primary key, b integer)", ()).await.unwrap();
    db.execute("insert into t values (1, 0)", ()).await.unwrap();
}

async fn sum(db: &Database) -> i64 {
    db.query("select b from t where a = 1", ()).one().await.unwrap()
}

async fn add(tx: &mut Tx, n: i64) -> Result<(), Error> {
    tx.execute("update t set b = b + ? where a = 1", (n,)).await.map(drop)
}

on_every_database! {
    async fn what_a_database_lacks_is_an_error_before_anything_is_sent(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let dialect = db.dialect().name;
        let options = TransactionOptions::new();
        let begun = db.begin_with(options.deferrable().read_only()).await;
        if dialect == "postgres" {
            begun.unwrap().commit().await.unwrap();
        } else {
            assert_eq!(begun.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        for mode in
            [TransactionMode::Deferred, TransactionMode::Immediate, TransactionMode::Exclusive]
        {
            let begun = db.begin_with(options.mode(mode)).await;
            if dialect == "sqlite" {
                begun.unwrap().commit().await.unwrap();
            } else {
                assert_eq!(begun.unwrap_err().kind(), ErrorKind::Unsupported, "{mode}");
            }
        }
        for options in
            [options.lock_timeout(Duration::ZERO), options.statement_timeout(Duration::ZERO)]
        {
            let error = db.begin_with(options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert_eq!(error.database(), Some("default"));
        }
        db.ping().await.unwrap();
    }

    async fn a_lenient_transaction_takes_the_level_there_is(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let options = TransactionOptions::new().isolation(IsolationLevel::Snapshot).lenient();
        let done: Result<(), Error> =
            db.transaction_with(options, async |mut tx| add(&mut tx, 1).await).await;
        done.unwrap();
        assert_eq!(sum(&db).await, 1);
    }

    async fn a_lock_that_is_not_to_be_had_in_time_is_a_lock_timeout(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        // Two connections, since one to a database in memory cannot be opened while it is written to.
        let two = (db.connection().await.unwrap(), db.connection().await.unwrap());
        drop(two);
        let mut holder = db.begin().await.unwrap();
        add(&mut holder, 1).await.unwrap();
        let options = TransactionOptions::new().lock_timeout(Duration::from_millis(80));
        let started = Instant::now();
        let refused = async {
            let mut tx = db.begin_with(options).await?;
            add(&mut tx, 1).await
        };
        let error = refused.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error}");
        let waited = started.elapsed();
        assert!(waited >= Duration::from_millis(80), "{waited:?}");
        // MySQL rounds up to a second, and counts roughly.
        assert!(waited < Duration::from_millis(3900), "{waited:?}");
        holder.commit().await.unwrap();
        // Waiting that is worth it.
        let options = TransactionOptions::new().lock_timeout(Duration::from_secs(20));
        let done: Result<(), Error> =
            db.transaction_with(options, async |mut tx| add(&mut tx, 1).await).await;
        done.unwrap();
        assert_eq!(sum(&db).await, 2);
    }

    async fn statements_of_a_transaction_have_its_timeout(fresh: Fresh) {
        let db = fresh
            .builder()
            .statement_timeout(Duration::from_secs(60))
            .max_size(1)
            .connect()
            .await
            .unwrap();
        let endless = endless(&db);
        let options = TransactionOptions::new().statement_timeout(Duration::from_millis(50));
        let mut tx = db.begin_with(options).await.unwrap();
        let error = tx.query(endless.as_str(), ()).one::<i64>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error}");
        assert!(error.message().contains("50ms"), "{error}");
        tx.rollback().await.unwrap();
        // In savepoints too.
        let error = db
            .transaction_with(options, async |mut tx| {
                tx.savepoint(async |mut inner| -> Result<(), Error> {
                    inner.query(endless.as_str(), ()).one::<i64>().await.map(drop)
                })
                .await
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error}");
    }

    async fn a_transaction_to_be_rolled_back_is_and_its_value_is_returned(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let value: i64 = db
            .transaction(async |mut tx| -> Result<i64, Error> {
                assert!(!tx.is_rollback_only());
                add(&mut tx, 1).await?;
                tx.set_rollback_only();
                tx.query("select b from t where a = 1", ()).one().await
            })
            .await
            .unwrap();
        assert_eq!((value, sum(&db).await), (1, 0));
        // From within a savepoint that is kept, and one that is not.
        for keep in [true, false] {
            db.transaction(async |mut tx| -> Result<(), Error> {
                add(&mut tx, 1).await?;
                let inner = tx
                    .savepoint(async |mut inner| -> Result<(), Error> {
                        inner.savepoint(async |mut innermost| {
                            innermost.set_rollback_only();
                            add(&mut innermost, 1).await
                        })
                        .await?;
                        assert!(inner.is_rollback_only());
                        if keep { Ok(()) } else { Err(Error::new(ErrorKind::Other, "no")) }
                    })
                    .await;
                assert_eq!(inner.is_ok(), keep);
                assert!(tx.is_rollback_only());
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(sum(&db).await, 0);
        }
        let mut tx = db.begin().await.unwrap();
        add(&mut tx, 1).await.unwrap();
        tx.set_rollback_only();
        let error = tx.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_eq!(sum(&db).await, 0);
        assert_eq!(db.stats().transactions.rollbacks, 4);
    }

    async fn savepoints_by_name_undo_what_came_after_them(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let mut tx = db.begin().await.unwrap();
        add(&mut tx, 1).await.unwrap();
        tx.create_savepoint("one").await.unwrap();
        add(&mut tx, 10).await.unwrap();
        tx.create_savepoint("two").await.unwrap();
        add(&mut tx, 100).await.unwrap();
        tx.rollback_to_savepoint("two").await.unwrap();
        add(&mut tx, 1_000).await.unwrap();
        tx.rollback_to_savepoint("two").await.unwrap();
        // Going back to an outer one forgets the inner ones.
        tx.rollback_to_savepoint("ONE").await.unwrap();
        let error = tx.rollback_to_savepoint("two").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.message().contains("set are one"), "{error}");
        tx.create_savepoint("two").await.unwrap();
        add(&mut tx, 5).await.unwrap();
        tx.release_savepoint("one").await.unwrap();
        for name in ["one", "two"] {
            let error = tx.release_savepoint(name).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
        for name in ["", "wellspring_1", "a b", "1st", "drop\"table"] {
            let error = tx.create_savepoint(name).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
        // None of these refusals spoilt it.
        tx.commit().await.unwrap();
        assert_eq!(sum(&db).await, 6);
    }

    async fn savepoints_with_closures_may_have_names(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        db.transaction(async |mut tx| -> Result<(), Error> {
            tx.create_savepoint("outer").await?;
            let undone: Result<(), Error> = tx
                .savepoint_named("scope", async |mut inner| {
                    add(&mut inner, 100).await?;
                    for taken in ["scope", "outer"] {
                        let error = inner.create_savepoint(taken).await.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
                        // What is around a closure is out of its reach.
                        let error = inner.rollback_to_savepoint(taken).await.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
                    }
                    inner.create_savepoint("within").await?;
                    inner.execute("nonsense", ()).await.map(drop)
                })
                .await;
            assert_eq!(undone.unwrap_err().kind(), ErrorKind::Syntax);
            tx.savepoint_named("scope", async |mut inner| add(&mut inner, 7).await).await?;
            add(&mut tx, 1).await
        })
        .await
        .unwrap();
        assert_eq!(sum(&db).await, 8);
    }

    async fn a_failed_statement_is_undone_by_a_savepoint_by_hand(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let mut tx = db.begin().await.unwrap();
        add(&mut tx, 1).await.unwrap();
        tx.create_savepoint("before").await.unwrap();
        tx.execute("insert into t values (1, 1)", ()).await.unwrap_err();
        tx.rollback_to_savepoint("before").await.unwrap();
        add(&mut tx, 1).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(sum(&db).await, 2);
    }
}
