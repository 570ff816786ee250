//! Many tasks share a small pool: loads a CSV of names and numbers into a database, then moves
//! amounts between the rows from 64 tasks at a time, some of them failing half-way on purpose, and
//! checks that not one unit was lost or made.
//!
//! ```text
//! cargo run --release --example quickstart --features sqlite,postgres [-- FILE.csv]
//! ```
//!
//! The database is the file `quickstart.db`, or what `DATABASE_URL` says. The CSV has a header, a
//! name in its first column and a whole number in one of the others.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use wellspring::prelude::*;

const TASKS: u64 = 64;
const ROUNDS: u64 = 200;
const STATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/us_states_2016.csv");

static STOP: AtomicBool = AtomicBool::new(false);
static DONE: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3]; // transfers, undone, reads

type Any = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Any> {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://quickstart.db".into());
    let file = std::env::args().nth(1).unwrap_or_else(|| STATES.into());
    let db = Database::builder(url)
        .max_size(8)
        .acquire_timeout(Duration::from_secs(10))
        .connect()
        .await?;
    let rows = load(&db, &file).await?;
    let before: i64 = db.query("select sum(balance) from accounts", ()).one().await?;
    println!("loaded {rows} rows from {file}, {before} in all");

    tokio::spawn(async {
        // Ctrl-C ends the run early: every task finishes the transfer it is in.
        if tokio::signal::ctrl_c().await.is_ok() {
            STOP.store(true, Relaxed);
        }
    });
    let start = Instant::now();
    let bar = ProgressBar::new(TASKS * ROUNDS).with_message("transfers and reads");
    let tasks: Vec<_> =
        (0..TASKS).map(|_| tokio::spawn(work(db.clone(), rows, bar.clone()))).collect();
    for task in tasks {
        task.await??;
    }
    bar.finish_and_clear();
    let took = start.elapsed().as_secs_f64();

    let after: i64 = db.query("select sum(balance) from accounts", ()).one().await?;
    println!("{:<22} {:>8} {:>12}", "", "count", "per second");
    for (name, done) in ["transfers", "undone on purpose", "reads"].iter().zip(&DONE) {
        let done = done.load(Relaxed);
        println!("{name:<22} {done:>8} {:>12.0}", done as f64 / took);
    }
    println!("{}", db.stats());
    db.close().await;
    if before != after {
        eprintln!("total NOT conserved: {before} before, {after} after");
        return Ok(ExitCode::FAILURE);
    }
    println!("total conserved: {before} before and after");
    Ok(ExitCode::SUCCESS)
}

/// Makes the table anew, and fills it in one transaction.
async fn load(db: &Database, file: &str) -> Result<i64, Any> {
    let mut csv = csv::Reader::from_path(file).map_err(|error| format!("{file}: {error}"))?;
    let records = csv.records().collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Err(format!("{file}: no rows").into());
    }
    let bar = ProgressBar::new(records.len() as u64).with_message("loading");
    // Not part of the transaction: MySQL would end it.
    db.execute("drop table if exists accounts", ()).await?;
    db.execute("create table accounts (id integer primary key, name text, balance bigint)", ())
        .await?;
    let mut tx = db.begin().await?;
    for (id, record) in (1_i64..).zip(bar.wrap_iter(records.iter())) {
        let number = record.iter().skip(1).find_map(|field| field.parse::<i64>().ok());
        let balance = number.ok_or_else(|| format!("{file}: no whole number in row {id}"))?;
        tx.execute("insert into accounts values (?, ?, ?)", (id, &record[0], balance)).await?;
    }
    tx.commit().await?;
    Ok(records.len() as i64)
}

/// One task: mostly reads, and every fourth time a transfer.
async fn work(db: Database, rows: i64, bar: ProgressBar) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        if STOP.load(Relaxed) {
            break;
        }
        let (from, to) = (fastrand::i64(1..=rows), fastrand::i64(1..=rows));
        if fastrand::u8(0..4) == 0 {
            match transfer(&db, from, to, fastrand::i64(1..1_000)).await {
                Ok(()) => DONE[0].fetch_add(1, Relaxed),
                Err(Undone::OnPurpose) => DONE[1].fetch_add(1, Relaxed),
                Err(Undone::Database(error)) => return Err(error),
            };
        } else {
            let params = params! { id: from };
            let _: (String, i64) =
                db.query("select name, balance from accounts where id = :id", params).one().await?;
            DONE[2].fetch_add(1, Relaxed);
        }
        bar.inc(1);
    }
    Ok(())
}

/// Moves an amount between two rows: both sides or neither.
async fn transfer(db: &Database, from: i64, to: i64, amount: i64) -> Result<(), Undone> {
    db.transaction(async |mut tx| {
        tx.execute("update accounts set balance = balance - ? where id = ?", (amount, from))
            .await?;
        if amount % 10 == 0 {
            return Err(Undone::OnPurpose); // half done: the transaction undoes it
        }
        tx.execute("update accounts set balance = balance + ? where id = ?", (amount, to)).await?;
        Ok(())
    })
    .await
}

enum Undone {
    OnPurpose,
    Database(Error),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}
