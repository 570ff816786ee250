//! The end of a database: everybody learns it at once, and the report names who still holds on.

use std::time::Duration;

use wellspring::ErrorKind;

use crate::databases::on_every_database;

on_every_database! {
    async fn use_after_close_fails_at_once(fresh: Fresh) {
        let db = fresh.connect().await;
        let report = db.close().await;
        assert!(report.complete, "{report:?}");
        assert!(db.is_closed());
        let closed = [
            db.execute("select 1", ()).await.unwrap_err(),
            db.query("select 1", ()).one::<i64>().await.unwrap_err(),
            db.query("select 1", ()).stream().next().await.unwrap_err(),
            db.begin().await.unwrap_err(),
            db.connection().await.unwrap_err(),
            db.open_connection().await.unwrap_err(),
            db.ping().await.unwrap_err(),
            db.transaction(async |_tx| Ok::<(), wellspring::Error>(())).await.unwrap_err(),
        ];
        for error in closed {
            assert_eq!(error.kind(), ErrorKind::PoolClosed);
            assert!(error.to_string().contains("pool closed"), "{error}");
        }
        assert!(db.close().await.complete, "closing twice is fine");
    }

    async fn waiters_learn_it_too(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let held = db.connection().await.unwrap();
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.ping().await })
            })
            .collect();
        while db.status().waiting < 10 {
            tokio::task::yield_now().await;
        }
        let closing = tokio::spawn({
            let db = db.clone();
            async move { db.close().await }
        });
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap_err().kind(), ErrorKind::PoolClosed);
        }
        drop(held);
        assert!(closing.await.unwrap().complete);
    }

    async fn the_report_names_who_still_holds_a_connection(fresh: Fresh) {
        let db = fresh.connect().await;
        let held = db.connection().await.unwrap();
        let line = line!() - 1;
        let report = db.close_timeout(Duration::from_millis(50)).await;
        assert!(!report.complete);
        assert_eq!(report.holders.len(), 1);
        assert_eq!(report.holders[0].location.line(), line);
        assert!(report.holders[0].location.file().ends_with("closing.rs"));
        drop(held);
        assert!(db.close().await.complete);
    }

    async fn whoever_holds_a_connection_is_named_by_the_users_code(fresh: Fresh) {
        let db = fresh.connect().await;
        let holder = || {
            let holders = db.pool().holders();
            assert_eq!(holders.len(), 1);
            assert!(holders[0].location.file().ends_with("closing.rs"));
            holders[0].location.line()
        };
        let tx = db.begin().await.unwrap();
        assert_eq!(holder(), line!() - 1);
        drop(tx);
        while db.status().used + db.status().resetting > 0 {
            tokio::task::yield_now().await;
        }
        let mut stream = db.query("select 1 union all select 2", ()).stream();
        let line = line!() - 1;
        stream.next().await.unwrap();
        assert_eq!(holder(), line);
        drop(stream);
        let asked = db.transaction(async |_tx| Ok::<_, wellspring::Error>(holder()));
        let line = line!() - 1;
        assert_eq!(asked.await.unwrap(), line);
    }

    async fn what_was_committed_is_there_after_reopening(fresh: Fresh) {
        if fresh.url.contains("memory") {
            return; // a memory database ends with its connector, as it should
        }
        let db = fresh.connect().await;
        db.execute("create table t (a integer)", ()).await.unwrap();
        db.execute("insert into t values (42)", ()).await.unwrap();
        let _open = db.begin().await.unwrap();
        let abandoned = db.abort();
        assert!(!abandoned.complete);
        drop(_open);
        assert!(db.close().await.complete);
        let again = fresh.connect().await;
        let answer: i64 = again.query("select a from t", ()).one().await.unwrap();
        assert_eq!(answer, 42);
    }
}
