//! Everybody who is measured, and the list of them.

use bench_kit::{Entry, fetch, insert, kill, mix, mix_blocking, point, point_blocking, scan};
use deadpool_postgres::RecyclingMethod;

mod my;
#[cfg(feature = "ours")]
mod ours;
#[cfg(any(feature = "ours-postgres", feature = "ours-mariadb"))]
mod ours_native;
#[cfg(feature = "ours-postgres")]
mod ours_write;
mod pg_bulk;
mod pg_pools;
mod pg_raw;
mod pg_write;
#[cfg(feature = "rbatis")]
mod rbatis;
#[cfg(feature = "rbatis")]
mod rbatis_write;
mod sqlite_pools;
mod sqlite_raw;

#[cfg(feature = "ours")]
use ours::Ours;
use pg_bulk::{How, Way};

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

pub(crate) use my::connect as connect_mariadb;
pub(crate) use pg_raw::connect as connect_postgres;

/// Everybody in this binary.
pub(crate) fn all() -> Vec<Entry> {
    let mut all = vec![
        entry!("pg-point", "raw-sem8", [], job => point(pg_raw::Leased::open(job).await?, job)),
        entry!("pg-point", "raw", ["1", "16"], job => point(pg_raw::PerTask::open(job), job)),
        entry!("pg-point", "pipelined8", ["16", "256"],
            job => point(pg_raw::Pipelined::open(job).await?, job)),
        entry!("pg-point", "deadpool", [],
            job => point(pg_pools::Deadpool::open(job, RecyclingMethod::Fast)?, job)),
        entry!("pg-point", "deadpool-verified", [],
            job => point(pg_pools::Deadpool::open(job, RecyclingMethod::Verified)?, job)),
        entry!("pg-point", "bb8", [], job => point(pg_pools::Bb8::open(job).await?, job)),
        entry!("pg-point", "bb8-prepared-nocheck", [],
            job => point(pg_pools::Bb8Prepared::open(job).await?, job)),
        entry!("my-point", "raw-sem8", [], job => point(my::Leased::open(job).await?, job)),
        entry!("my-point", "raw", ["1", "16"], job => point(my::PerTask::open(job), job)),
        entry!("my-point", "pool", [], job => point(my::Pool::open(job, true)?, job)),
        entry!("my-point", "pool-noreset", [], job => point(my::Pool::open(job, false)?, job)),
        entry!("pg-fetch", "raw-stream", [],
            job => fetch(pg_bulk::Fetch::open(job, How::Stream).await?, job)),
        entry!("pg-fetch", "raw-vec", [],
            job => fetch(pg_bulk::Fetch::open(job, How::Vec).await?, job)),
        entry!("pg-fetch", "raw-portal", [],
            job => fetch(pg_bulk::Fetch::open(job, How::Portal).await?, job)),
        entry!("pg-insert", "raw-copy", [],
            job => insert(pg_bulk::Insert::open(job, Way::Copy).await?, job)),
        entry!("pg-insert", "raw-unnest", [],
            job => insert(pg_bulk::Insert::open(job, Way::Unnest).await?, job)),
        entry!("pg-write", "raw-copy", [],
            job => insert(pg_write::Writer::binary(job).await?, job)),
        entry!("pg-write", "raw-copy-file", [],
            job => insert(pg_write::Writer::file(job).await?, job)),
        entry!("sqlite-read", "raw", [],
            job => point_blocking(sqlite_raw::Thread::open(job, 1)?, job)),
        entry!("sqlite-read", "raw-2-threads", ["16"],
            job => point_blocking(sqlite_raw::Thread::open(job, 2)?, job)),
        entry!("sqlite-mix", "raw", [],
            job => mix_blocking(sqlite_raw::Thread::open(job, 1)?, job)),
        entry!("sqlite-mix", "raw-2-threads", [],
            job => mix_blocking(sqlite_raw::Thread::open(job, 2)?, job)),
        entry!("sqlite-scan", "raw-blocking", [], job => scan(sqlite_pools::blocking(job)?, job)),
        entry!("sqlite-insert", "raw", [], job => insert(sqlite_raw::Whole::open(job)?, job)),
        entry!("sqlite-fetch", "raw", [], job => fetch(sqlite_raw::Whole::open(job)?, job)),
        entry!("sqlite-fetch", "batch-channel", [],
            job => fetch(sqlite_raw::Batches::open(job)?, job)),
        entry!("pg-kill", "deadpool", [],
            job => kill(pg_pools::Deadpool::open(job, RecyclingMethod::Fast)?, job)),
        entry!("pg-kill", "deadpool-verified", [],
            job => kill(pg_pools::Deadpool::open(job, RecyclingMethod::Verified)?, job)),
        entry!("pg-kill", "bb8", [], job => kill(pg_pools::Bb8::open(job).await?, job)),
        entry!("pg-kill", "bb8-prepared-nocheck", [],
            job => kill(pg_pools::Bb8Prepared::open(job).await?, job)),
    ];
    all.extend(embedded());
    #[cfg(feature = "rbatis")]
    all.extend([
        entry!("pg-point", "rbatis", [], job => point(rbatis::Rbatis::open(job).await?, job)),
        entry!("pg-kill", "rbatis", [], job => kill(rbatis::Rbatis::open(job).await?, job)),
        entry!("pg-write", "rbatis", [],
            job => insert(rbatis_write::Writer::open(job).await?, job)),
    ]);
    #[cfg(feature = "ours")]
    all.extend([
        entry!("sqlite-read", "ours", [], job => point(Ours::file(job).await?, job)),
        entry!("sqlite-mix", "ours", [], job => mix(Ours::file(job).await?, job)),
        entry!("sqlite-scan", "ours", [], job => scan(Ours::file(job).await?, job)),
        entry!("sqlite-insert", "ours", [], job => insert(Ours::file(job).await?, job)),
        entry!("sqlite-fetch", "ours", [], job => fetch(Ours::file(job).await?, job)),
    ]);
    #[cfg(feature = "ours-postgres")]
    all.extend([
        entry!("pg-point", "ours", [], job => point(Ours::server(job).await?, job)),
        entry!("pg-point", "ours-native", [],
            job => point(ours_native::Postgres::open(job)?, job)),
        entry!("pg-fetch", "ours", [], job => fetch(Ours::server(job).await?, job)),
        entry!("pg-insert", "ours", [], job => insert(Ours::server(job).await?, job)),
        entry!("pg-kill", "ours", [], job => kill(Ours::server(job).await?, job)),
    ]);
    #[cfg(feature = "ours-postgres")]
    all.extend(ours_writes());
    #[cfg(feature = "ours-mariadb")]
    all.extend([
        entry!("my-point", "ours", [], job => point(Ours::server(job).await?, job)),
        entry!("my-point", "ours-native", [],
            job => point(ours_native::MariaDb::open(job)?, job)),
    ]);
    all
}

/// Wellspring's ways to write many rows.
#[cfg(feature = "ours-postgres")]
fn ours_writes() -> Vec<Entry> {
    use ours_write::{Way, Writer};
    vec![
        entry!("pg-write", "ours-insert-many", [],
            job => insert(Writer::open(job, Way::InsertMany).await?, job)),
        entry!("pg-write", "ours-stream-insert", [],
            job => insert(Writer::open(job, Way::StreamInsert).await?, job)),
        entry!("pg-write", "ours-bulk-insert", [],
            job => insert(Writer::open(job, Way::BulkInsert).await?, job)),
        entry!("pg-write", "ours-load-rows", [],
            job => insert(Writer::open(job, Way::LoadRows).await?, job)),
        entry!("pg-write", "ours-load-file", [],
            job => insert(Writer::open(job, Way::LoadFile).await?, job)),
    ]
}

/// The pools of SQLite, each in every group.
fn embedded() -> Vec<Entry> {
    macro_rules! everywhere {
        ($peer:literal, $job:ident => $open:expr) => {
            [
                entry!("sqlite-read", $peer, [], $job => point($open, $job)),
                entry!("sqlite-mix", $peer, [], $job => mix($open, $job)),
                entry!("sqlite-scan", $peer, [], $job => scan($open, $job)),
                entry!("sqlite-insert", $peer, [], $job => insert($open, $job)),
                entry!("sqlite-fetch", $peer, [], $job => fetch($open, $job)),
            ]
        };
    }
    let mut all = Vec::new();
    all.extend(everywhere!("tokio-rusqlite", job => sqlite_pools::tokio_rusqlite(job).await?));
    all.extend(everywhere!("deadpool", job => sqlite_pools::deadpool(job)?));
    all.extend(everywhere!("r2d2", job => sqlite_pools::r2d2(job, true)?));
    all.extend(everywhere!("r2d2-nocheck", job => sqlite_pools::r2d2(job, false)?));
    all
}
