//! Work of several statements, dropped at any poll: all of it is there or nothing is, and nothing is
//! locked, as another connection sees it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use wellspring::prelude::*;
use wellspring::{BulkTarget, Insert, Operation, Result, bulk_stream};
use wellspring_testkit::polls::poll_then_drop;

use crate::databases::on_every_database;
use crate::support::faulty;

const ROWS: i64 = 12;

type Work<'d> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'd>>;

/// The same work, as often as it is wanted.
type Again<'d> = Box<dyn Fn() -> Work<'d> + 'd>;

fn rows() -> Vec<Record> {
    (1..=ROWS)
        .map(|id| Record::new().set("id", id).set_expr("n", Expr::value(id).plus(1)))
        .collect()
}

/// What writes the rows, or changes them, as a whole or not at all.
fn works(db: &Database) -> Vec<(&'static str, Again<'_>)> {
    vec![
        (
            "insert_many",
            Box::new(|| {
                Box::pin(async { db.insert_many("half", rows()).execute().await.map(drop) })
            }),
        ),
        (
            "bulk insert",
            Box::new(|| {
                let plain = (1..=ROWS).map(|id| params! { id: id, n: id + 1 });
                Box::pin(async {
                    db.insert_many("half", plain.collect::<Vec<_>>()).execute().await.map(drop)
                })
            }),
        ),
        (
            "upsert_many",
            Box::new(|| {
                Box::pin(async { db.upsert_many("half", rows(), ["id"]).execute().await.map(drop) })
            }),
        ),
        (
            "batch",
            Box::new(|| {
                let batch: Vec<Operation> =
                    rows().into_iter().map(|row| Insert::new((), "half", row).into()).collect();
                Box::pin(async { db.batch(batch).execute().await.map(drop) })
            }),
        ),
        (
            "stream",
            Box::new(|| {
                let rows = stream::iter(rows().into_iter().map(Ok));
                Box::pin(async {
                    let write = db.stream_insert("half", rows).commit_every(0);
                    write.execute().await.map(drop).map_err(Error::from)
                })
            }),
        ),
        (
            "connection",
            Box::new(|| {
                Box::pin(async {
                    let mut connection = db.connection().await?;
                    connection.insert_many("half", rows()).execute().await.map(drop)
                })
            }),
        ),
        (
            "script",
            Box::new(move || {
                let inserts: String = (1..=ROWS)
                    .map(|id| format!("insert into half values ({id}, {id}); "))
                    .collect();
                Box::pin(async move { db.script(inserts).run().await.map(drop) })
            }),
        ),
        (
            "load",
            Box::new(move || {
                let lines: String = (1..=ROWS).map(|id| format!("{id},{id}\n")).collect();
                Box::pin(async move {
                    let csv = format!("id,n\n{lines}");
                    db.bulk_load("half").from_reader(csv.as_bytes()).run().await.map(drop)
                })
            }),
        ),
        (
            "session",
            Box::new(move || {
                Box::pin(async {
                    db.session(async |mut session| -> Result<()> {
                        for row in rows() {
                            session.insert("half", row).execute().await?;
                        }
                        Ok(())
                    })
                    .await
                })
            }),
        ),
        (
            "operations",
            Box::new(move || {
                let insert = |row: Record| {
                    async move |mut tx: Tx| tx.insert("half", row).execute().await.map(drop)
                };
                Box::pin(async move {
                    let group = db.operations("inserts");
                    group.in_transaction(rows().into_iter().map(insert)).await.map(drop)
                })
            }),
        ),
        (
            "transaction",
            Box::new(|| {
                Box::pin(async {
                    db.transaction(async |mut tx| -> Result<()> {
                        for row in rows() {
                            tx.insert("half", row).execute().await?;
                        }
                        Ok(())
                    })
                    .await
                })
            }),
        ),
    ]
}

/// Numbers of polls: of a server's answers there are thousands.
fn growing() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |polls| Some(polls + 1 + polls / 8)).take(130)
}

async fn seen(other: &Database) -> i64 {
    other.query("select count(*) from half", ()).one().await.unwrap()
}

on_every_database! {
    async fn all_or_nothing_at_every_poll(fresh: Fresh) {
        // A memory database belongs to its pool.
        if fresh.url.contains("memory") {
            return;
        }
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        let other = fresh.builder().max_size(1).connect().await.unwrap();
        db.execute("create table half (id integer not null primary key, n bigint)", ()).await.unwrap();
        for (name, work) in works(&db) {
            let mut ended = false;
            let mut polls = 0;
            while !ended {
                if let Some(result) = poll_then_drop(work(), polls).await {
                    result.unwrap();
                    ended = true;
                }
                // A dropped commit may come to its end, and takes its time.
                let mut there = seen(&other).await;
                for _ in 0..100 {
                    if there == 0 || there == ROWS {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    there = seen(&other).await;
                }
                assert!(there == 0 || there == ROWS, "{name} after {polls} polls: {there} rows");
                assert!(!ended || there == ROWS, "{name}: {there} rows at its end");
                // Nothing is locked: every row, and the table, can be written by somebody else.
                let free = async {
                    other.upsert("half", params! { id: 1, n: 0 }, ["id"]).execute().await?;
                    other.delete("half").all_rows().execute().await
                };
                let free = tokio::time::timeout(Duration::from_secs(10), free).await;
                free.unwrap_or_else(|_| panic!("{name} after {polls} polls: locked")).unwrap();
                polls += 1 + polls / 8;
                assert!(polls < 10_000_000, "{name} does not end");
            }
            let held = [db.connection().await.unwrap(), db.connection().await.unwrap()];
            drop(held);
        }
    }

    async fn what_is_dropped_within_a_transaction_is_undone_in_it(fresh: Fresh) {
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        db.execute("create table half (id integer not null primary key, n bigint)", ()).await.unwrap();
        for polls in growing() {
            let left: Result<i64> = db.transaction_once(async |mut tx| {
                tx.insert("half", params! { id: 100 }).execute().await?;
                let batch = rows().into_iter().map(|row| Insert::new((), "half", row));
                let ended = poll_then_drop(tx.batch(batch).execute(), polls).await.is_some();
                let count: i64 = tx.query("select count(*) from half", ()).one().await?;
                // The end of the savepoint may have been under way.
                assert!(count == ROWS + 1 || (!ended && count == 1), "after {polls} polls: {count}");
                tx.delete("half").all_rows().execute().await?;
                Ok(i64::from(ended))
            }).await;
            match left {
                Ok(0) => {}
                Ok(_) => break,
                // PostgreSQL: it was stopped while it set the savepoint, to which there is no way back.
                Err(error) => assert_eq!(error.kind(), ErrorKind::TransactionAborted, "{error}"),
            }
            let kept: i64 = db.query("select count(*) from half", ()).one().await.unwrap();
            assert_eq!(kept, 0, "after {polls} polls");
        }
        let mut connection = db.connection().await.unwrap();
        for polls in growing() {
            let ended = poll_then_drop(connection.insert_many("half", rows()).execute(), polls).await.is_some();
            let count: i64 = connection.query("select count(*) from half", ()).one().await.unwrap();
            // A commit that was under way may have come to its end.
            assert!(count == 0 || count == ROWS, "after {polls} polls: {count}");
            connection.delete("half").all_rows().execute().await.unwrap();
            if ended {
                break;
            }
        }
    }

    /// As where the database, or what stands before it, has no better way.
    async fn a_bulk_insert_by_statements_is_whole_too(fresh: Fresh) {
        let (connector, _) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        db.execute("create table half (id integer not null primary key, n bigint)", ()).await.unwrap();
        // More than one statement, the last of which fails: the transaction goes on without any of it.
        let kept: Result<()> = db.transaction_once(async |mut tx| {
            tx.insert("half", params! { id: 5_000 }).execute().await?;
            let twice = (0..1_200).chain([7]).map(|id| [id]);
            let error = tx.bulk_insert("half", ["id"], twice).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UniqueViolation);
            tx.insert("half", params! { id: 5_001 }).execute().await.map(drop)
        }).await;
        kept.unwrap();
        assert_eq!(seen(&db).await, 2);
        // One that is dropped on a held connection leaves no transaction to the statements after it.
        let mut connection = db.connection().await.unwrap();
        let never = stream::iter((0..1_200).map(|id| Ok([id]))).chain(stream::pending());
        let into = BulkTarget::new("half", ["id"]);
        let inserting = connection.bulk_insert_from(into, bulk_stream(never));
        assert!(tokio::time::timeout(Duration::from_millis(300), inserting).await.is_err());
        connection.insert("half", params! { id: 5_002 }).execute().await.unwrap();
        drop(connection);
        assert_eq!(seen(&db).await, 3);
    }
}
