//! The statements, as each database's placeholders want them.

/// A point read in PostgreSQL.
pub const POINT_PG: &str = "select id, n, name from bench_point where id = $1";
/// A point read in MariaDB and SQLite.
pub const POINT: &str = "select id, n, name from bench_point where id = ?";

/// Six columns in PostgreSQL.
pub const FETCH_PG_6: &str = "select a, b, c, d, e, f from bench_fetch where a <= $1";
/// Four columns in PostgreSQL.
pub const FETCH_PG_4: &str = "select a, b, c, d from bench_fetch where a <= $1";
/// Five columns in SQLite.
pub const FETCH_SQLITE: &str = "select a, b, c, d, e from bench_fetch where a <= ?";

/// An insert of one row in SQLite.
pub const INSERT_SQLITE: &str = "insert into bench_insert (a, b, c, d) values (?, ?, ?, ?)";
/// Makes the table of inserts empty, anywhere.
pub const EMPTY: &str = "delete from bench_insert";
/// The same where it can be had: no dead rows are left to be skipped.
pub const TRUNCATE: &str = "truncate table bench_insert";
/// How many rows there are, and the sum of their keys, cast so that PostgreSQL gives integers.
pub const COUNT: &str = "select count(*), cast(coalesce(sum(a), 0) as bigint) from bench_insert";

/// The columns of the table that everybody writes, in the order of a row.
pub const WRITE_COLUMNS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Makes that table empty, in PostgreSQL.
pub const WRITE_TRUNCATE: &str = "truncate table bench_write";
/// How many of its rows are right, and the sum of all their keys, in PostgreSQL.
pub const WRITE_COUNT: &str = "select count(*) filter (where b = 'row ' || a and c = a % 1000 \
     and d = a / 2.0 and e = to_timestamp(1577836800 + a)), \
     cast(coalesce(sum(a), 0) as bigint) from bench_write";
/// Arrays into its rows, in PostgreSQL.
pub const WRITE_UNNEST: &str = "insert into bench_write (a, b, c, d, e) select * from \
     unnest($1::bigint[], $2::text[], $3::int4[], $4::float8[], $5::timestamptz[])";
/// `COPY` of a file of CSV into it, in PostgreSQL.
pub const WRITE_COPY_CSV: &str =
    "copy bench_write (a, b, c, d, e) from stdin (format csv, header true)";

/// Reads what is to be counted up.
pub const BUMP_READ: &str = "select n from bench_point where id = ?";
/// Counts it up.
pub const BUMP_WRITE: &str = "update bench_point set n = ? where id = ?";
/// A scan.
pub const SCAN: &str = "select count(*) from bench_point where id <= ? and name like '%7%'";
