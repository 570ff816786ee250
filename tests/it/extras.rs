//! What a statement can be told beside its text and values, and many rows at once.

use std::time::Duration;

use futures_util::StreamExt;
use wellspring::{BulkTarget, Error, ErrorKind, Row, bulk_stream, params};

use crate::databases::on_every_database;
use crate::support::{endless, numbers};

on_every_database! {
    async fn a_list_in_in_becomes_as_many_parameters(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer, b text)", ()).await.unwrap();
        for n in 1..=20 {
            db.execute("insert into t values (?, ?)", (n, format!("n{n}"))).await.unwrap();
        }
        for length in [0_i64, 1, 2, 3, 5, 8, 13] {
            let ids: Vec<i64> = (1..=length).collect();
            let found: i64 = db
                .query("select count(*) from t where a in (:ids) and a > :least", params! {
                    ids: ids.clone(), least: 0
                })
                .one()
                .await
                .unwrap();
            assert_eq!(found, length);
            let rest: i64 =
                db.query("select count(*) from t where a not in (?)", (ids,)).one().await.unwrap();
            assert_eq!(rest, 20 - length, "not in a list of {length}");
        }
        let names = vec!["n3".to_owned(), "n7".to_owned(), "x".to_owned()];
        let found: Vec<i64> =
            db.query("select a from t where b in (?) order by a", (names,)).all().await.unwrap();
        assert_eq!(found, [3, 7]);
        let done = db.execute("delete from t where a in (?)", (vec![1, 2, 3],)).await.unwrap();
        assert_eq!(done.rows_affected, 3);
    }

    async fn a_statement_past_its_timeout_is_stopped(fresh: Fresh) {
        let limit = Duration::from_millis(50);
        let db = fresh.builder().max_size(1).statement_timeout(limit).connect().await.unwrap();
        let endless = endless(&db);
        for _ in 0..3 {
            let error = db.query(&endless, ()).one::<i64>().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
            assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
            let mut stream = db.query(&endless, ()).stream();
            let error = stream.next().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
            drop(stream);
            // A call's own word counts.
            let next = db.query("select 42", ()).timeout(Duration::from_secs(60)).one::<i64>();
            assert_eq!(next.await.unwrap(), 42);
        }
        let error = db.query(&endless, ()).timeout(Duration::from_millis(70)).one::<i64>().await;
        assert!(error.unwrap_err().to_string().contains("70ms"));
        let zero = fresh.builder().statement_timeout(Duration::ZERO).build().unwrap_err();
        assert_eq!(zero.kind(), ErrorKind::Config);
    }

    async fn a_statement_is_cancelled_when_its_caller_says_so(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let statement = db
            .query(endless(&db), ())
            .cancel_when(async move { stopped.await.unwrap_or(()) })
            .one::<i64>();
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            stop.send(()).expect("somebody listens");
        };
        let (ended, ()) = tokio::join!(statement, stopping);
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Canceled);
        assert_eq!(db.query("select 1", ()).one::<i64>().await.unwrap(), 1);
    }

    async fn tags_and_fetch_sizes_change_no_answer(fresh: Fresh) {
        let db = fresh.connect().await;
        let numbers = numbers(1_000);
        let all: Vec<i64> =
            db.query(&numbers, ()).tag("a report").fetch_size(7).all().await.unwrap();
        assert_eq!(all.len(), 1_000);
        let error = db.query("select 1", ()).tag("*/ drop").one::<i64>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let sets = db.query("select 1 as one", ()).results().await.unwrap();
        assert_eq!(sets[0].rows.len(), 1);
        assert_eq!(&*sets[0].columns[0].name, "one");
    }

    async fn many_rows_go_in_all_or_none(fresh: Fresh) {
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        db.execute("create table b (id integer primary key, name text, v double precision)", ())
            .await
            .unwrap();
        let columns = ["id", "name", "v"];
        let rows = (0..5_000_i64).map(|id| (id, (id % 7 != 0).then_some("é\t\n"), id as f64 / 2.0));
        assert_eq!(db.bulk_insert("b", columns, rows).await.unwrap(), 5_000);
        let kept: (i64, i64) = db.query("select count(*), count(name) from b", ()).one().await.unwrap();
        assert_eq!(kept, (5_000, 4_285));
        // A key that is there already, at the end.
        let rows = (6_000..7_000_i64).chain([1]).map(|id| (id, "x", 0.5));
        let error = db.bulk_insert("b", columns, rows).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        let error = db.bulk_insert("b", columns, [(8_000_i64, "x")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameters, "{error:?}");
        let none = db.bulk_insert("b", columns, Vec::<(i64, String, f64)>::new()).await.unwrap();
        assert_eq!(none, 0);
        // From a stream: rows of one query into another table.
        db.execute("create table c (id integer, name text, v double precision)", ()).await.unwrap();
        let rows = db.query("select id, name, v from b", ());
        let copied = if fresh.url.contains("memory") {
            // SQLite's memory databases have one lock: nobody reads while somebody writes.
            let rows: Vec<Row> = rows.all().await.unwrap();
            db.bulk_insert("c", columns, rows).await
        } else {
            let rows = bulk_stream(rows.stream());
            db.bulk_insert_from(BulkTarget::new("c", columns), rows).await
        };
        assert_eq!(copied.unwrap(), 5_000);
        // Inside a transaction it is part of it.
        let undone: Result<(), Error> = db
            .transaction(async |mut tx| {
                tx.bulk_insert("c", ["id"], (0..10).map(|id| (id,))).await?;
                Err(Error::new(ErrorKind::Other, "no"))
            })
            .await;
        undone.unwrap_err();
        let failing = futures_util::stream::iter(0..10)
            .map(|n| if n < 9 { Ok((n,)) } else { Err(Error::new(ErrorKind::Other, "dry")) });
        let into = BulkTarget::new("c", ["id"]);
        let error = db.bulk_insert_from(into, bulk_stream(failing)).await.unwrap_err();
        assert_eq!(error.message(), "dry");
        let left: Row = db.query("select count(*) as n from c", ()).one().await.unwrap();
        assert_eq!(left.try_get::<i64>("n").unwrap(), 5_000);
        assert_eq!(db.status().used, 0);
    }
}
