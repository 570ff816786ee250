//! Makes the tables that everybody reads.

use std::path::Path;

use bench_kit::Result;
use bench_kit::data::{POINTS, point_name};
use mysql_async::prelude::Queryable as _;

use crate::peers::{connect_mariadb, connect_postgres};

/// Rows of the fetches.
const FETCH_PG: u64 = 1_000_000;
const FETCH_SQLITE: i64 = 500_000;

/// Makes PostgreSQL's table of point reads.
pub(crate) async fn postgres_points(url: &str) -> Result<()> {
    let client = connect_postgres(url).await?;
    client
        .batch_execute(&format!(
            "drop table if exists bench_point;
             create table bench_point (id int8 primary key, n int8 not null, name text not null);
             insert into bench_point
                 select i, 0, 'name of ' || i from generate_series(1, {POINTS}) i;"
        ))
        .await?;
    Ok(client.batch_execute("vacuum analyze bench_point").await?)
}

/// Makes all of PostgreSQL's.
pub(crate) async fn postgres(url: &str) -> Result<()> {
    postgres_points(url).await?;
    let client = connect_postgres(url).await?;
    client
        .batch_execute(&format!(
            "drop table if exists bench_fetch, bench_insert, bench_write;
             create unlogged table bench_fetch (a int8 primary key, b int4 not null, c text not null,
                 d float8 not null, e timestamptz not null, f numeric(14, 2) not null);
             insert into bench_fetch
                 select i, i % 1000, 'row ' || i, i / 2.0,
                     '2020-01-01 00:00:00+00'::timestamptz + i * interval '1 second', i / 100.0
                 from generate_series(1, {FETCH_PG}) i;
             create table bench_insert (a int8 not null, b int4 not null, c text not null,
                 d float8 not null);
             create table bench_write (a bigint not null, b text not null, c int4 not null,
                 d float8 not null, e timestamptz not null);"
        ))
        .await?;
    Ok(client.batch_execute("vacuum analyze bench_fetch").await?)
}

/// Makes MariaDB's.
pub(crate) async fn mariadb(url: &str) -> Result<()> {
    let mut conn = connect_mariadb(url).await?;
    conn.query_drop("drop table if exists bench_point").await?;
    conn.query_drop(
        "create table bench_point (id bigint primary key, n bigint not null, \
         name varchar(40) not null) engine = innodb",
    )
    .await?;
    let ids: Vec<i64> = (1..=i64::try_from(POINTS)?).collect();
    for some in ids.chunks(1000) {
        let rows: Vec<String> =
            some.iter().map(|&id| format!("({id}, 0, '{}')", point_name(id))).collect();
        conn.query_drop(format!("insert into bench_point values {}", rows.join(", "))).await?;
    }
    conn.query_drop("analyze table bench_point").await?;
    Ok(conn.disconnect().await?)
}

/// Makes a SQLite file at `path`, with all tables.
pub(crate) fn sqlite(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let mut connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(
        "pragma journal_mode = wal;
         create table bench_point (id integer primary key, n integer not null, name text not null);
         create table bench_fetch (a integer primary key, b integer not null, c text not null,
             d real not null, e integer not null);
         create table bench_insert (a integer not null, b integer not null, c text not null,
             d real not null);",
    )?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("insert into bench_point values (?, 0, ?)")?;
        for id in 1..=i64::try_from(POINTS)? {
            insert.execute((id, point_name(id)))?;
        }
        let mut insert = transaction.prepare("insert into bench_fetch values (?, ?, ?, ?, ?)")?;
        for i in 1..=FETCH_SQLITE {
            insert.execute((i, i % 1000, format!("row {i}"), i as f64 / 2.0, i))?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("analyze; pragma wal_checkpoint(truncate);")?;
    // What will be copied is one file: closing removes the log.
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}
