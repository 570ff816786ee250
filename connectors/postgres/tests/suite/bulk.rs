//! Many rows in and out.

use std::time::Duration;

use futures_util::StreamExt;
use wellspring_connector::{
    BulkTarget, Error, ErrorKind, Row, SessionState, TransactionOptions, bulk_rows, bulk_stream,
};
use wellspring_postgres::tokio_postgres::Client;

use crate::databases::Databases;
use crate::support::{connect_with, fresh};

fn target() -> BulkTarget {
    BulkTarget::new("public.b", ["id", "name", "value", "at"])
}

const TABLE: &str =
    "create table b (id bigint primary key, name text, value float8, at timestamptz)";

#[tokio::test]
async fn rows_go_in_by_copy_all_or_none() {
    let (mut session, _, _databases) = fresh().await;
    session.run(TABLE, ()).await;
    let at: wellspring_connector::TimestampTz = "2026-11-21T07:00:00Z".parse().unwrap();
    let rows = (0..100_000_i64).map(|id| (id, format!("row {id}"), id as f64 / 4.0, at));
    let inserted = session.connection.bulk_insert(&target(), &mut bulk_rows(rows)).await.unwrap();
    assert_eq!(inserted, 100_000);
    assert_eq!(session.connection.state(), SessionState::Idle);
    let sum: i64 = session.get("select sum(id)::bigint from b where name = 'row ' || id", ()).await;
    assert_eq!(sum, (0..100_000).sum::<i64>());

    // A value that does not fit, a row of another width, a duplicate key, a source that fails.
    let bad: [(ErrorKind, Vec<(i64, Option<&str>)>); 1] =
        [(ErrorKind::UniqueViolation, vec![(200_000, None), (5, None)])];
    for (kind, rows) in bad {
        let into = BulkTarget::new("b", ["id", "name"]);
        let error = session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    let into = BulkTarget::new("b", ["id"]);
    let error = session
        .connection
        .bulk_insert(&into, &mut bulk_rows([(300_000_i64, 1), (300_001, 2)]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameters, "{error:?}");
    let error =
        session.connection.bulk_insert(&into, &mut bulk_rows([("text",)])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error:?}");
    assert!(error.to_string().contains("`id`"), "{error}");
    let failing = futures_util::stream::iter(0..1_000_i64).map(|n| {
        if n < 999 { Ok((400_000 + n,)) } else { Err(Error::new(ErrorKind::Other, "dried up")) }
    });
    let error = session.connection.bulk_insert(&into, &mut bulk_stream(failing)).await.unwrap_err();
    assert_eq!(error.message(), "dried up");
    let missing = BulkTarget::new("nowhere", ["id"]);
    let error =
        session.connection.bulk_insert(&missing, &mut bulk_rows([(1_i64,)])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedObject, "{error:?}");
    assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 100_000);
    assert_eq!(session.connection.state(), SessionState::Idle);
}

#[tokio::test]
async fn a_bulk_insert_is_part_of_an_open_transaction_and_can_be_dropped() {
    let (mut session, _, _databases) = fresh().await;
    session.run(TABLE, ()).await;
    let into = BulkTarget::new("b", ["id"]);
    session.connection.begin(TransactionOptions::new()).await.unwrap();
    let rows = (0..10_i64).map(|id| (id,));
    session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
    assert_eq!(session.connection.state(), SessionState::InTransaction);
    session.connection.rollback().await.unwrap();
    assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 0);

    for rows in [0, 1, 50_000_i64] {
        let never = futures_util::stream::iter((0..rows).map(|id| Ok((id,))))
            .chain(futures_util::stream::pending());
        let mut never = bulk_stream(never);
        let inserting = session.connection.bulk_insert(&into, &mut never);
        assert!(tokio::time::timeout(Duration::from_millis(100), inserting).await.is_err());
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 0, "{rows}");
        assert_eq!(session.connection.state(), SessionState::Idle);
    }
}

#[tokio::test]
async fn through_a_pooler_rows_go_in_by_statements() {
    let databases = Databases::default();
    let options =
        databases.fresh("PGBOUNCER").await.pooler(wellspring_postgres::Pooler::Transaction);
    let mut session = connect_with(options).await;
    session.run("create table b (id bigint primary key, name text)", ()).await;
    let into = BulkTarget::new("b", ["id", "name"]);
    let rows = (0..2_345_i64).map(|id| (id, "x"));
    let inserted = session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
    assert_eq!(inserted, 2_345);
    let rows = [(9_999_i64, "x"), (1, "x")];
    let error = session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
    assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 2_345);
}

/// The native client copies out in the binary format, and in as it likes.
#[tokio::test]
async fn the_native_client_copies_both_ways() {
    use wellspring_postgres::tokio_postgres::binary_copy::BinaryCopyOutStream;
    use wellspring_postgres::tokio_postgres::types::Type;

    let (mut session, _, _databases) = fresh().await;
    session.run("create table b (id bigint, name text)", ()).await;
    session.run("insert into b select i, 'n' || i from generate_series(1, 1000) i", ()).await;
    let client = session.connection.native_mut::<Client>().unwrap();
    let out = client.copy_out("copy b to stdout (format binary)").await.unwrap();
    let mut rows = Box::pin(BinaryCopyOutStream::new(out, &[Type::INT8, Type::TEXT]));
    let mut sum = 0;
    while let Some(row) = rows.next().await {
        let row = row.unwrap();
        let id: i64 = row.get(0);
        assert_eq!(row.get::<&str>(1), format!("n{id}"));
        sum += id;
    }
    assert_eq!(sum, 500_500);
    drop(rows);
    session.connection.reset(Default::default()).await.unwrap();
    assert_eq!(session.get::<Row>("select 1", ()).await.len(), 1);
}
