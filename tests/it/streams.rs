//! Rows that arrive over time, and operations side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use wellspring::prelude::*;
use wellspring::{Change, DatabaseConnection, Result};

use crate::databases::on_every_database;
use crate::support::{Fresh, faulty};

async fn numbers(fresh: &Fresh) -> Database {
    let db = fresh.connect().await;
    db.execute(
        "create table numbers (n integer not null primary key, word varchar(20), sign integer not null)",
        (),
    )
    .await
    .unwrap();
    db
}

async fn count(db: &Database) -> i64 {
    db.query("select count(*) from numbers", ()).one().await.unwrap()
}

fn row(n: i64) -> Result<Record> {
    Ok(Record::new().set("n", n).set("word", format!("w{n}")).set("sign", 1))
}

on_every_database! {
    async fn rows_are_inserted_as_they_arrive(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let commits = Arc::new(AtomicU64::new(0));
        let seen = commits.clone();
        let report = db
            .stream_insert("numbers", stream::iter((0..2_500).map(row)))
            .commit_every(1_000)
            .progress(move |report| seen.store(report.written, Ordering::SeqCst))
            .execute()
            .await
            .unwrap();
        assert_eq!((report.read, report.written, report.commits), (2_500, 2_500, 3));
        assert!(report.rejected.is_empty());
        assert_eq!(commits.load(Ordering::SeqCst), 2_500);
        assert_eq!(count(&db).await, 2_500);
        let none = db.stream_insert("numbers", stream::empty::<Result<Record>>()).execute().await.unwrap();
        assert_eq!((none.read, none.written), (0, 0));
    }

    async fn refused_rows_are_left_out_as_long_as_the_budget_lasts(fresh: Fresh) {
        let db = numbers(&fresh).await;
        db.insert_many("numbers", [row(7), row(1_500)]).execute().await.unwrap();
        let rows = || (0..2_000).map(|n| match n {
            600 => Ok(Record::new().set("n", n).set("word", "null").set("sign", None::<i64>)),
            700 => Ok(Record::new().set("n", n).set("sign", 1)),
            _ => row(n),
        });
        let report = db
            .stream_insert("numbers", stream::iter(rows()))
            .commit_every(900)
            .max_errors(4)
            .execute()
            .await
            .unwrap();
        let rejected: Vec<(u64, ErrorKind)> =
            report.rejected.iter().map(|rejected| (rejected.row, rejected.error.kind())).collect();
        assert_eq!(rejected, [
            (7, ErrorKind::UniqueViolation), (600, ErrorKind::NotNullViolation),
            (700, ErrorKind::Parameters), (1_500, ErrorKind::UniqueViolation),
        ]);
        assert_eq!((report.read, report.written), (2_000, 1_996));
        assert_eq!(count(&db).await, 1_998);

        // One error too many: what was committed stays, what was not is gone.
        db.delete("numbers").all_rows().execute().await.unwrap();
        db.insert_many("numbers", [row(7), row(1_500)]).execute().await.unwrap();
        let failed = db
            .stream_insert("numbers", stream::iter(rows()))
            .commit_every(900)
            .max_errors(3)
            .execute()
            .await
            .unwrap_err();
        assert_eq!(failed.error.operation(), Some(1_500), "{failed}");
        assert_eq!(failed.error.kind(), ErrorKind::UniqueViolation);
        assert_eq!(count(&db).await, 2 + failed.report.written as i64);
        assert!((800..1_000).contains(&failed.report.written), "{failed}");
        db.delete("numbers").filter(col("n").ne(7)).execute().await.unwrap();
        let all_or_nothing = db.stream_insert("numbers", stream::iter(rows())).commit_every(0);
        let failed = all_or_nothing.execute().await.unwrap_err();
        assert_eq!((failed.error.operation(), failed.report.written), (Some(7), 0));
        assert!(Error::from(failed).message().contains("row 7"));
    }

    async fn a_row_that_costs_the_transaction_ends_the_stream_whatever_the_budget(fresh: Fresh) {
        let db = fresh.connect().await;
        if db.dialect().name != "sqlite" {
            return;
        }
        db.execute("create table numbers (n integer unique on conflict rollback)", ()).await.unwrap();
        let rows = [1, 2, 2, 3].map(|n| Ok(Record::new().set("n", n)));
        let write = db.stream_insert("numbers", stream::iter(rows)).max_errors(100);
        let failed = write.execute().await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::UniqueViolation, "{failed}");
        assert_eq!((failed.report.rejected.len(), count(&db).await), (0, 0));
    }

    async fn a_stream_that_fails_undoes_what_is_open(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let broken = (0..100).map(row).chain([Err(Error::new(ErrorKind::Other, "the source broke"))]);
        let failed = db
            .stream_insert("numbers", stream::iter(broken))
            .commit_every(40)
            .execute()
            .await
            .unwrap_err();
        assert_eq!(failed.error.message(), "the source broke");
        assert_eq!((failed.report.read, failed.report.written), (100, 80));
        assert_eq!(count(&db).await, 80);
    }

    async fn a_stream_that_is_dropped_leaves_nothing_open(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let stuck = stream::iter((0..50).map(row)).chain(stream::pending());
        let write = db.stream_insert("numbers", stuck).commit_every(20).execute();
        assert!(tokio::time::timeout(Duration::from_millis(300), write).await.is_err());
        // Twice twenty were committed.
        assert_eq!(count(&db).await, 40);
        db.update("numbers", params! { sign: 2 }).all_rows().execute().await.unwrap();
    }

    async fn what_a_closed_connection_took_with_it_is_not_called_written(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        db.execute("create table numbers (n integer not null primary key)", ()).await.unwrap();
        // As a server does to a transaction that waits too long for the next row.
        let server = Arc::clone(&faults);
        let closes = stream::poll_fn(move |_| {
            server.closed.store(true, Ordering::SeqCst);
            Poll::Ready(None)
        });
        let rows = stream::iter([1, 2].map(|n| Ok(Record::new().set("n", n)))).chain(closes);
        let failed = db.stream_insert("numbers", rows).execute().await.unwrap_err();
        faults.closed.store(false, Ordering::SeqCst);
        assert!(failed.error.is_connection_lost(), "{failed}");
        assert_eq!((failed.report.written, failed.report.commits), (0, 0));
        assert_eq!(count(&db).await, 0);
    }

    async fn updates_and_upserts_stream_too(fresh: Fresh) {
        let db = numbers(&fresh).await;
        db.insert_many("numbers", (0..10).map(row)).execute().await.unwrap();
        let rows = (5..15).map(|n| Ok(params! { n: n, word: "up", sign: 3 }));
        let report = db.stream_upsert("numbers", stream::iter(rows), ["n"]).execute().await.unwrap();
        assert_eq!(report.written, 10);
        assert_eq!(count(&db).await, 15);
        let rows = (0..20).map(|n| Ok(params! { n: n, sign: -n }));
        let report = db.stream_update("numbers", stream::iter(rows), ["n"]).execute().await.unwrap();
        // The first was changed to what is as good as zero, and five are not there.
        assert_eq!((report.written, report.affected), (20, 15));
        let changes = [
            Change::new(params! { word: "low" }, col("n").lt(5)),
            Change::new(params! { word: "high" }, col("n").ge(12).and(col("word").eq("up"))),
        ];
        let none = [""; 0];
        let report = db.stream_update("numbers", stream::iter(changes), none).execute().await.unwrap();
        assert_eq!((report.written, report.affected), (2, 8));
        let words: Vec<String> = db.select("numbers").columns(["word"]).filter(col("n").is_in([0, 13])).order_by("n").all().await.unwrap();
        assert_eq!(words, ["low", "high"]);
        // A change without a condition is refused, not done to all.
        let all = [Change::new(params! { word: "all" }, Condition::all([]))];
        let failed = db.stream_update("numbers", stream::iter(all), none).execute().await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::Usage, "{failed}");
    }

    async fn progress_is_told_between_commits_too(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tells = Arc::clone(&told);
        let write = db
            .stream_upsert("numbers", stream::iter((0..1_200).map(row)), ["n"])
            .commit_every(0)
            .progress(move |report| tells.lock().unwrap().push((report.read, report.written)));
        write.execute().await.unwrap();
        assert_eq!(*told.lock().unwrap(), [(500, 0), (1_000, 0), (1_200, 1_200)]);
    }

    async fn inside_a_transaction_nothing_is_committed(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let left: Result<()> = db.transaction_once(async |mut tx| {
            let every = tx.stream_insert("numbers", stream::iter((0..10).map(row))).commit_every(5);
            assert_eq!(every.execute().await.unwrap_err().error.kind(), ErrorKind::Usage);
            let rows = (0..30).map(|n| row(n % 29));
            let report = tx.stream_insert("numbers", stream::iter(rows)).max_errors(1).execute().await?;
            assert_eq!((report.written, report.commits), (29, 0));
            let failing = tx.stream_insert("numbers", stream::iter((100..110).chain([1]).map(row)));
            failing.execute().await.unwrap_err();
            let here: i64 = tx.query("select count(*) from numbers", ()).one().await?;
            assert_eq!(here, 29);
            Err(Error::new(ErrorKind::Other, "no"))
        }).await;
        left.unwrap_err();
        assert_eq!(count(&db).await, 0);
    }

    async fn operations_side_by_side_answer_in_order(fresh: Fresh) {
        let db = numbers(&fresh).await;
        db.insert_many("numbers", (0..20).map(row)).execute().await.unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let operation = |n: i64| {
            let (now, most) = (now.clone(), most.clone());
            move |mut connection: DatabaseConnection| async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20 - n as u64)).await;
                let word: String =
                    connection.query("select word from numbers where n = ?", (n,)).one().await?;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(word)
            }
        };
        let group = db.operations("words");
        let words = group.parallel((0..20).map(operation), 3).await.unwrap();
        assert!(words.iter().enumerate().all(|(n, word)| *word == format!("w{n}")), "{words:?}");
        assert_eq!(most.load(Ordering::SeqCst), 3);
        let none: Vec<String> = group.parallel((0..0).map(operation), 0).await.unwrap();
        assert!(none.is_empty());
    }

    async fn the_first_error_ends_the_others(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let operation = |n: i64| {
            let (begun, ended) = (begun.clone(), ended.clone());
            move |mut connection: DatabaseConnection| async move {
                struct Counts(Arc<AtomicUsize>);
                impl Drop for Counts {
                    fn drop(&mut self) {
                        self.0.fetch_add(1, Ordering::SeqCst);
                    }
                }
                begun.fetch_add(1, Ordering::SeqCst);
                let _counts = Counts(ended);
                match n {
                    1 => { connection.query("select word from nowhere", ()).one::<i64>().await }
                    2 => panic!("as it is to be"),
                    _ => std::future::pending().await,
                }
            }
        };
        let group = db.operations("doomed");
        let error = group.parallel([0, 1, 3, 4, 5].map(operation), 3).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UndefinedObject, Some(1)), "{error}");
        assert!(error.message().contains("doomed: operation 1"), "{error}");
        // One that had no connection by then was not begun.
        let (begun, ended) = (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert!(begun == ended && begun <= 3, "{begun} were begun, {ended} have ended");
        let error = group.parallel([0, 2].map(operation), 2).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Usage, Some(1)));
        assert_eq!(count(&db).await, 0);
        assert_eq!(db.status().used, 0, "{:?}", db.status());
    }

    async fn operations_in_a_transaction_are_one(fresh: Fresh) {
        let db = numbers(&fresh).await;
        let insert = |n: i64| async move |mut tx: Tx| -> Result<i64> {
            tx.insert("numbers", row(n)).execute().await?;
            Ok(n)
        };
        let group = db.operations("inserts");
        assert_eq!(group.in_transaction([1, 2, 3].map(insert)).await.unwrap(), [1, 2, 3]);
        let error = group.in_transaction([4, 5, 1, 6].map(insert)).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(2)), "{error}");
        assert_eq!(count(&db).await, 3);
    }
}
