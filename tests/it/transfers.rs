//! Transfers between many accounts by many tasks: each is done once or reported, and no money is made or
//! lost.

use std::time::Duration;

use wellspring::prelude::*;
use wellspring::{Result, RetryPolicy};

use crate::databases::on_every_database;

const ACCOUNTS: i64 = 1_000;
const TASKS: i64 = 64;

/// So few of them are in most transfers that these meet.
const HOT: i64 = 6;

async fn transfer(db: &Database, id: i64, from: i64, to: i64, amount: i64) -> Result<()> {
    let patient = RetryPolicy {
        max_attempts: Some(60),
        base_pause: Duration::from_millis(2),
        max_pause: Duration::from_millis(200),
        max_elapsed: Some(Duration::from_secs(60)),
    };
    db.transaction_builder()
        .isolation(IsolationLevel::Serializable)
        .retry(patient)
        .run(async |mut tx| -> Result<()> {
            let balance: i64 =
                tx.select("accounts").columns(["balance"]).filter(col("id").eq(from)).one().await?;
            tokio::task::yield_now().await;
            tx.update("accounts", params! { balance: balance - amount })
                .filter(col("id").eq(from))
                .execute()
                .await?;
            let more = Record::new().set_expr("balance", Expr::column("balance").plus(amount));
            tx.update("accounts", more).filter(col("id").eq(to)).execute().await?;
            tx.insert("ledger", params! { id: id }).execute().await.map(drop)
        })
        .await
}

on_every_database! {
    async fn every_transfer_is_done_once_or_reported(fresh: Fresh) {
        let db = fresh.builder().max_size(12).connect().await.unwrap();
        db.execute("create table accounts (id integer not null primary key, balance bigint)", ()).await.unwrap();
        db.execute("create table ledger (id bigint not null primary key)", ()).await.unwrap();
        let rows = (0..ACCOUNTS).map(|id| params! { id: id, balance: 1_000 });
        db.insert_many("accounts", rows).execute().await.unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut random = fastrand::Rng::with_seed(task as u64);
                    let mut done = Vec::new();
                    for turn in 0..6 {
                        let id = task * 100 + turn;
                        let account = |random: &mut fastrand::Rng| match random.u8(..4) {
                            0 => random.i64(HOT..ACCOUNTS),
                            _ => random.i64(0..HOT),
                        };
                        let from = account(&mut random);
                        let to = (from + 1 + account(&mut random)) % ACCOUNTS;
                        if from == to {
                            continue;
                        }
                        match transfer(&db, id, from, to, random.i64(1..50)).await {
                            Ok(()) => done.push(id),
                            // Reported, and not done.
                            Err(error) => assert_eq!(error.retry(), wellspring::Retry::Transaction, "{error:?}"),
                        }
                    }
                    done
                })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            done.extend(task.await.unwrap());
        }
        done.sort_unstable();
        let ledger: Vec<i64> = db.select("ledger").order_by("id").all().await.unwrap();
        assert_eq!(ledger, done);
        assert!(done.len() > 300, "{} were done", done.len());
        let balances: Vec<i64> = db.select("accounts").columns(["balance"]).all().await.unwrap();
        assert_eq!(balances.iter().sum::<i64>(), ACCOUNTS * 1_000);
        let stats = db.stats();
        println!("{}: {:?}", db.dialect().name, stats.transactions);
        if db.dialect().name != "sqlite" {
            assert!(stats.transactions.retries > 0, "nobody met: {:?}", stats.transactions);
        }
    }

    /// What writes many rows says, too, that its transaction was undone for the sake of another.
    async fn work_of_many_rows_is_run_again_as_any(fresh: Fresh) {
        // One writer at a time, who waits before he begins.
        if fresh.url.starts_with("sqlite") {
            return;
        }
        let db = fresh.builder().max_size(4).connect().await.unwrap();
        db.execute("create table met (id integer not null primary key, n bigint)", ()).await.unwrap();
        db.insert_many("met", [1, 2].map(|id| params! { id: id, n: 0 })).execute().await.unwrap();
        let ways = if db.dialect().name == "postgres" { 4 } else { 3 };
        for way in 0..ways {
            let retries = db.stats().transactions.retries;
            let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
            let tasks = [(1, 2), (2, 1)].map(|(first, second)| {
                let (db, barrier) = (db.clone(), barrier.clone());
                tokio::spawn(async move {
                    let attempts = std::sync::atomic::AtomicUsize::new(0);
                    db.transaction(async |mut tx| -> Result<()> {
                        let more = || Record::new().set_expr("n", Expr::column("n").plus(1));
                        tx.update("met", more()).filter(col("id").eq(first)).execute().await?;
                        if attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                            barrier.wait().await;
                        }
                        let changes = params! { id: second, n: 7 };
                        match way {
                            0 => {
                                let rows = futures_util::stream::iter([Ok(changes)]);
                                tx.stream_update("met", rows, ["id"]).execute().await?;
                            }
                            1 => {
                                tx.bulk_update("met", [changes], ["id"]).execute().await?;
                            }
                            3 => {
                                let upsert = tx.upsert_many("met", [changes], ["id"]);
                                upsert.returning(["id"]).all::<i64>().await?;
                            }
                            _ => {
                                let update = wellspring::Update::new((), "met", more());
                                tx.batch([update.filter(col("id").eq(second))]).execute().await?;
                            }
                        }
                        Ok(())
                    })
                    .await
                })
            });
            for task in tasks {
                task.await.unwrap().unwrap_or_else(|error| panic!("way {way}: {error:?}"));
            }
            assert!(db.stats().transactions.retries > retries, "way {way}: they did not meet");
        }
    }
}
