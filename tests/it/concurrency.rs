//! Many tasks on few connections: nothing is lost, and nobody sees the database as busy.

use std::time::{Duration, Instant};

use wellspring::{Database, Error};

use crate::databases::on_every_database;

/// How long the mixed loads run: 2 s, or what `WELLSPRING_SOAK_SECONDS` says.
fn duration() -> Duration {
    let seconds = std::env::var("WELLSPRING_SOAK_SECONDS").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

async fn mixed(db: Database, rows: i64, until: Instant) -> Result<(u64, u64), Error> {
    let (mut reads, mut writes) = (0, 0);
    // Where writers are not queued, what was read must be locked until it is written.
    let read = match db.dialect().name {
        "sqlite" => "select n from counters where id = ?",
        _ => "select n from counters where id = ? for update",
    };
    while Instant::now() < until {
        let id = fastrand::i64(1..=rows);
        if fastrand::u8(0..10) == 0 {
            if fastrand::bool() {
                db.execute("update counters set n = n + 1 where id = ?", (id,)).await?;
            } else {
                // Read, then write what was read: the pattern that loses updates or runs into
                // SQLITE_BUSY_SNAPSHOT where writers are not queued.
                db.transaction(async |mut tx| -> Result<(), Error> {
                    let n: i64 = tx.query(read, (id,)).one().await?;
                    tx.execute("update counters set n = ? where id = ?", (n + 1, id)).await?;
                    Ok(())
                })
                .await?;
            }
            writes += 1;
        } else {
            let _: i64 = db.query("select n from counters where id = ?", (id,)).one().await?;
            reads += 1;
        }
    }
    Ok((reads, writes))
}

on_every_database! {
    async fn sixteen_tasks_read_and_write_without_ever_seeing_busy(fresh: Fresh) {
        let db = fresh.builder().max_size(8).connect().await.unwrap();
        db.execute("create table counters (id integer primary key, n integer not null)", ())
            .await
            .unwrap();
        for id in 1..=50 {
            db.execute("insert into counters values (?, 0)", (id,)).await.unwrap();
        }
        let until = Instant::now() + duration();
        let tasks: Vec<_> =
            (0..16).map(|_| tokio::spawn(mixed(db.clone(), 50, until))).collect();
        let (mut reads, mut writes) = (0, 0);
        for task in tasks {
            // Any error at all, SQLITE_BUSY and SQLITE_LOCKED among them, fails here.
            let (r, w) = task.await.unwrap().unwrap();
            assert!(r + w > 0, "a task was starved");
            eprintln!("{r} {w}");
            reads += r;
            writes += w;
        }
        let sum: i64 = db.query("select sum(n) from counters", ()).one().await.unwrap();
        assert_eq!(u64::try_from(sum).unwrap(), writes, "updates were lost");
        assert!(reads > 100 && writes > 10, "{reads} reads and {writes} writes");
        assert_eq!(db.stats().pool.work.get(wellspring::pool::WorkKind::Query).errors, 0);
        println!("{reads} reads, {writes} writes");
    }

    async fn a_thousand_tasks_share_four_connections(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer)", ()).await.unwrap();
        let tasks: Vec<_> = (0..1_000)
            .map(|n| {
                let db = db.clone();
                tokio::spawn(async move { db.execute("insert into t values (?)", (n,)).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let count: i64 = db.query("select count(*) from t", ()).one().await.unwrap();
        assert_eq!(count, 1_000);
        assert!(db.stats().pool.counters.connected <= 4);
    }
}
