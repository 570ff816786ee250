//! Streams: bounded memory, early drops, all executors.

use wellspring_connector::{Command, Connector, SessionState};
use wellspring_sqlite::{Execution, SqliteOptions};

use crate::support::{EXECUTIONS, File, connector, one, run, runtime};

fn rows_up_to(n: u64) -> String {
    format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {n}) \
         select i, 'row ' || i from n"
    )
}

#[test]
fn a_million_rows_in_small_batches() {
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                let options = SqliteOptions::memory().execution(execution);
                let mut c = connector(options).connect().await.unwrap();
                // A million once, where batches go back and forth between threads.
                let million = (workers, execution) == (2, Execution::Auto);
                let n: u64 = if million { 1_000_000 } else { 50_000 };
                let text = rows_up_to(n);
                let mut rows = c.query(Command::new(&text, &[])).await.unwrap();
                let (mut count, mut sum, mut largest) = (0_u64, 0_i64, 0);
                while let Some(batch) = rows.next_batch().await.unwrap() {
                    largest = largest.max(batch.len());
                    for row in batch {
                        count += 1;
                        sum += row.try_get::<i64>(0).unwrap();
                    }
                }
                assert_eq!((count, sum as u64), (n, n * (n + 1) / 2));
                assert!(largest <= 1024, "{execution}: a batch of {largest} rows");
                assert!(rows.next().await.unwrap().is_none());
                drop(rows);
                assert_eq!(c.state(), SessionState::Idle);
            });
        }
    }
}

#[test]
fn batches_of_large_rows_are_bounded_in_bytes() {
    runtime(2).block_on(async {
        let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
        let text = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) \
                    select zeroblob(20000) from n";
        let mut rows = c.query(Command::new(text, &[])).await.unwrap();
        let mut count = 0;
        while let Some(batch) = rows.next_batch().await.unwrap() {
            assert!(batch.len() <= 14, "{} rows of 20 kB", batch.len());
            count += batch.len();
        }
        assert_eq!(count, 300);
    });
}

#[test]
fn dropped_early_the_connection_goes_on() {
    let file = File::new();
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                let mut c = connector(file.options().execution(execution)).connect().await.unwrap();
                for rows_read in [0, 1, 255, 256, 257, 3000] {
                    let text = rows_up_to(1_000_000);
                    let mut rows = c.query(Command::new(&text, &[])).await.unwrap();
                    for i in 0..rows_read {
                        let row = rows.next().await.unwrap().unwrap();
                        assert_eq!(row.try_get::<i64>(0).unwrap(), i + 1);
                    }
                    drop(rows);
                    assert_eq!(c.state(), SessionState::Idle, "{execution} after {rows_read}");
                    run(&mut c, "create table if not exists t (a)").await;
                    run(&mut c, "drop table t").await;
                }
            });
        }
    }
}

#[test]
fn an_error_in_the_middle_ends_the_stream() {
    runtime(2).block_on(async {
        let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
        let text = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) \
                    select case when i < 3000 then i else abs(-9223372036854775807 - 1) end from n";
        let mut rows = c.query(Command::new(text, &[])).await.unwrap();
        let mut count = 0;
        let error = loop {
            match rows.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("the stream ended after {count} rows"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), wellspring_connector::ErrorKind::DataOutOfRange);
        assert!(count < 3000);
        assert!(rows.next().await.unwrap().is_none());
        drop(rows);
        assert_eq!(c.state(), SessionState::Idle);
        assert_eq!(one::<i64>(&mut c, "select 1").await.unwrap(), 1);
    });
}

#[test]
fn rows_outlive_their_cursor() {
    runtime(0).block_on(async {
        let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
        let row = {
            let mut rows = c.query(Command::new("select 'kept' as a", &[])).await.unwrap();
            rows.next().await.unwrap().unwrap()
        };
        c.close().await.unwrap();
        assert_eq!(row.try_get::<&str>("a").unwrap(), "kept");
    });
}
