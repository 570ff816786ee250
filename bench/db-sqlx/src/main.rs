//! The sqlx peers of bench-db: a binary of their own, as their SQLite cannot be linked beside that
//! of the others.

mod bulk;
mod point;
mod sqlite;
mod write;

use std::process::ExitCode;

use bench_kit::{Entry, fetch, insert, kill, mix, scan};
use bulk::{Any4, Fetch, Insert, Way};
use point::{AnyPoint, MyPoint, PgPoint};
use sqlite::{Bulk, Sqlite};
use write::{MOST_VALUES, Write, Writer};

/// `entry!(group, peer, [cells], job => measurement)`.
macro_rules! entry {
    ($group:literal, $peer:literal, [$($cell:literal),*], $job:ident => $run:expr) => {
        Entry {
            group: $group,
            peer: $peer,
            cells: &[$($cell),*],
            run: |$job| Box::pin(async move { $run.await }),
        }
    };
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    bench_kit::cli::main(&all(), args)
}

/// Everybody in this binary. `notest`: without the check before each use that is the default.
fn all() -> Vec<Entry> {
    use bench_kit::point;
    vec![
        entry!("pg-point", "sqlx", [], job => point(PgPoint::open(job, true).await?, job)),
        entry!("pg-point", "sqlx-notest", [], job => point(PgPoint::open(job, false).await?, job)),
        entry!("pg-point", "sqlx-any", [], job => point(AnyPoint::open(job, true).await?, job)),
        entry!("pg-point", "sqlx-any-notest", [],
            job => point(AnyPoint::open(job, false).await?, job)),
        entry!("pg-kill", "sqlx", [], job => kill(PgPoint::open(job, true).await?, job)),
        entry!("pg-kill", "sqlx-notest", [], job => kill(PgPoint::open(job, false).await?, job)),
        entry!("pg-kill", "sqlx-any", [], job => kill(AnyPoint::open(job, true).await?, job)),
        entry!("my-point", "sqlx", [], job => point(MyPoint::open(job, true).await?, job)),
        entry!("my-point", "sqlx-notest", [], job => point(MyPoint::open(job, false).await?, job)),
        entry!("pg-fetch", "sqlx-stream", [], job => fetch(Fetch::open(job, false).await?, job)),
        entry!("pg-fetch", "sqlx-all", [], job => fetch(Fetch::open(job, true).await?, job)),
        entry!("pg-fetch", "sqlx-any-stream", ["4col"], job => fetch(Any4::open(job).await?, job)),
        entry!("pg-insert", "sqlx-copy-text", [],
            job => insert(Insert::open(job, Way::CopyText).await?, job)),
        entry!("pg-insert", "sqlx-unnest", [],
            job => insert(Insert::open(job, Way::Unnest).await?, job)),
        entry!("pg-insert", "sqlx-values", [],
            job => insert(Insert::open(job, Way::Values).await?, job)),
        entry!("pg-write", "sqlx-unnest", [],
            job => insert(Writer::open(job, Write::Unnest(10_000)).await?, job)),
        entry!("pg-write", "sqlx-unnest-whole", [],
            job => insert(Writer::open(job, Write::Unnest(usize::MAX)).await?, job)),
        entry!("pg-write", "sqlx-values", [],
            job => insert(Writer::open(job, Write::Values(MOST_VALUES)).await?, job)),
        entry!("pg-write", "sqlx-values-1000", [],
            job => insert(Writer::open(job, Write::Values(1_000)).await?, job)),
        entry!("pg-write", "sqlx-copy-text", [],
            job => insert(Writer::open(job, Write::CopyText).await?, job)),
        entry!("pg-write", "sqlx-copy-csv", [],
            job => insert(Writer::open(job, Write::CopyCsv).await?, job)),
        entry!("pg-write", "sqlx-copy-file", [],
            job => insert(Writer::open(job, Write::CopyFile).await?, job)),
        entry!("sqlite-read", "sqlx", [], job => point(Sqlite::open(job, true).await?, job)),
        entry!("sqlite-read", "sqlx-notest", [], job => point(Sqlite::open(job, false).await?, job)),
        entry!("sqlite-mix", "sqlx", [], job => mix(Sqlite::open(job, true).await?, job)),
        entry!("sqlite-mix", "sqlx-notest", [], job => mix(Sqlite::open(job, false).await?, job)),
        entry!("sqlite-scan", "sqlx", [], job => scan(Sqlite::open(job, true).await?, job)),
        entry!("sqlite-insert", "sqlx-values", [], job => insert(Bulk::open(job, false).await?, job)),
        entry!("sqlite-fetch", "sqlx-stream", [], job => fetch(Bulk::open(job, false).await?, job)),
        entry!("sqlite-fetch", "sqlx-all", [], job => fetch(Bulk::open(job, true).await?, job)),
    ]
}
