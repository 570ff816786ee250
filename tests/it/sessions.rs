//! Units of work on connections that are set up for them and torn down after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wellspring::{Database, DatabaseBuilder, Error, ErrorKind, Params, params};

use crate::databases::on_every_database;

async fn table(db: &Database) {
    db.execute("create table t (who varchar(20))", ()).await.unwrap();
}

async fn rows(db: &Database) -> i64 {
    db.query("select count(*) from t", ()).one().await.unwrap()
}

/// The connections that were in use are back.
async fn quiet(db: &Database) {
    while db.status().resetting + db.status().used + db.status().closing > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Writes the context's `user` into the table, inside the transaction.
fn signs_in(builder: DatabaseBuilder) -> DatabaseBuilder {
    builder.session_setup(|session| {
        Box::pin(async move {
            let user = session.value("user")?;
            assert_eq!(session.context().len(), 1);
            session.execute("insert into t values (?)", (user,)).await.map(drop)
        })
    })
}

on_every_database! {
    async fn a_session_commits_on_ok_and_rolls_back_on_err(fresh: Fresh) {
        let db = fresh.connect().await;
        table(&db).await;
        let kept: Result<i64, Error> = db
            .session(async |mut s| {
                s.execute("insert into t values ('a')", ()).await?;
                s.query("select count(*) from t", ()).one().await
            })
            .await;
        assert_eq!(kept.unwrap(), 1);
        let undone: Result<(), Box<dyn std::error::Error>> = db
            .session(async |mut s| {
                s.execute("insert into t values ('b')", ()).await?;
                Err("no".into())
            })
            .await;
        assert_eq!(undone.unwrap_err().to_string(), "no");
        assert_eq!(rows(&db).await, 1);
        // A closure that can be called only once, in a task of its own.
        let moved = String::from("c");
        let task = tokio::spawn({
            let db = db.clone();
            async move {
                db.session_with(params! { a: 1 }, async move |mut s| {
                    s.execute("insert into t values (?)", (moved.as_str(),)).await?;
                    Ok::<_, Error>(moved)
                })
                .await
            }
        });
        assert_eq!(task.await.unwrap().unwrap(), "c");
        assert_eq!(rows(&db).await, 2);
    }

    async fn setup_is_part_of_the_transaction_and_has_the_context(fresh: Fresh) {
        let db = signs_in(fresh.builder()).connect().await.unwrap();
        table(&db).await;
        let user: Result<String, Error> = db
            .session_with(params! { user: "Ada" }, async |mut s| {
                s.query("select who from t", ()).one().await
            })
            .await;
        assert_eq!(user.unwrap(), "Ada");
        let failed: Result<(), Error> = db
            .session_with(params! { user: "Bob" }, async |mut s| {
                s.execute("nonsense", ()).await.map(drop)
            })
            .await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Syntax);
        assert_eq!(rows(&db).await, 1);
        // Setup that fails fails the session: its closure is not called.
        let called = AtomicUsize::new(0);
        for context in [params! { name: "x" }, Params::none()] {
            let failed: Result<(), Error> = db
                .session_with(context, async |_s| {
                    called.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
                .await;
            let error = failed.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.message().contains("no value \"user\""), "{error}");
        }
        // A context of values without names, or with two of one name, is none.
        for context in [params![1], Params::named([("user", 1), ("user", 2)])] {
            let failed: Result<(), Error> = db.session_with(context, async |_s| Ok(())).await;
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Usage);
        }
        assert_eq!(called.into_inner(), 0);
        assert_eq!(rows(&db).await, 1);
    }

    async fn teardown_runs_after_the_transaction_however_it_ended(fresh: Fresh) {
        let db = fresh
            .builder()
            .max_size(1)
            .session_setup(|session| {
                Box::pin(async move {
                    let fail: bool = session.value("fail")? == true.into();
                    session.execute("insert into t values ('setup')", ()).await?;
                    if fail { Err(Error::new(ErrorKind::Other, "on purpose")) } else { Ok(()) }
                })
            })
            .session_teardown(|session| {
                Box::pin(async move {
                    let who = session.value("who")?;
                    session.execute("insert into t values (?)", (who,)).await.map(drop)
                })
            })
            .session_teardown(|session| {
                Box::pin(async move {
                    // Given last, it runs first.
                    let who = session.value("who")?;
                    let before: i64 = session
                        .query("select count(*) from t where who = ?", (who,))
                        .one()
                        .await?;
                    assert_eq!(before, 0);
                    Ok(())
                })
            })
            .connect()
            .await
            .unwrap();
        table(&db).await;
        let connected = db.stats().pool.counters.connected;
        let ok = db.session_with(params! { who: "a", fail: false }, async |_s| Ok::<_, Error>(())).await;
        ok.unwrap();
        assert_eq!(rows(&db).await, 2);
        let undone = db
            .session_with(params! { who: "b", fail: false }, async |_s| {
                Err::<(), Error>(Error::new(ErrorKind::Other, "no"))
            })
            .await;
        undone.unwrap_err();
        assert_eq!(rows(&db).await, 3);
        let unset = db.session_with(params! { who: "c", fail: true }, async |_s| Ok::<_, Error>(())).await;
        assert_eq!(unset.unwrap_err().message(), "session setup: on purpose");
        assert_eq!(rows(&db).await, 4);
        assert_eq!(db.stats().pool.counters.connected, connected, "the connection was kept");
    }

    async fn a_connection_that_was_not_torn_down_is_not_lent_again(fresh: Fresh) {
        let calls = Arc::new(AtomicUsize::new(0));
        let db = fresh
            .builder()
            .max_size(1)
            .pool_with(|pool| pool.reset_timeout = Duration::from_millis(300))
            .session_teardown({
                let calls = Arc::clone(&calls);
                move |session| {
                    calls.fetch_add(1, Ordering::SeqCst);
                    let how = session.value("how");
                    Box::pin(async move {
                        let how = how?;
                        if how == "fail".into() {
                            session.execute("nonsense", ()).await?;
                        } else if how == "panic".into() {
                            tokio::task::yield_now().await;
                            panic!("on purpose");
                        } else if how == "hang".into() {
                            std::future::pending::<()>().await;
                        }
                        Ok(())
                    })
                }
            })
            .connect()
            .await
            .unwrap();
        table(&db).await;
        let mut expected = db.stats().pool.counters.connected;
        let mut inserted = 0;
        for how in ["well", "fail", "panic", "hang"] {
            let done: Result<(), Error> = db
                .session_with(params! { how: how }, async |mut s| {
                    s.execute("insert into t values (?)", (how,)).await.map(drop)
                })
                .await;
            done.expect("what was committed is not undone by a teardown");
            inserted += 1;
            assert_eq!(rows(&db).await, inserted, "{how}");
            expected += u64::from(how != "well");
            assert_eq!(db.stats().pool.counters.connected, expected, "{how}");
        }
        assert_eq!(calls.swap(0, Ordering::SeqCst), 4);

        // Sessions that are dropped: in their work, and in their teardown.
        let hanging = db.session_with(params! { how: "well" }, async |mut s| -> Result<(), Error> {
            s.execute("insert into t values ('never')", ()).await?;
            std::future::pending().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(100), hanging).await.is_err());
        quiet(&db).await;
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert_eq!(rows(&db).await, inserted);
        assert_eq!(db.stats().pool.counters.connected, expected + 1);
        let hanging = db.session_with(params! { how: "hang" }, async |_s| Ok::<_, Error>(()));
        assert!(tokio::time::timeout(Duration::from_millis(100), hanging).await.is_err());
        assert_eq!(rows(&db).await, inserted);
        assert_eq!(db.stats().pool.counters.connected, expected + 2);
    }
}
