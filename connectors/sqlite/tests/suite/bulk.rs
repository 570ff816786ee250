//! Many rows in: all or none, inside and outside of a transaction, and dropped on the way.

use std::time::Duration;

use futures_util::StreamExt;
use wellspring_connector::{
    BulkTarget, Command, Connection, Connector, ErrorKind, SessionState, TransactionMode,
    TransactionOptions, bulk_rows, bulk_stream,
};
use wellspring_sqlite::{SqliteConnector, SqliteOptions};

use crate::support::{File, connector, one, run};

async fn table() -> Box<dyn Connection> {
    let connector = SqliteConnector::new(SqliteOptions::memory()).unwrap();
    let mut connection = connector.connect().await.unwrap();
    let create = "create table b (id integer primary key, name text)";
    connection.execute(Command::new(create, &[])).await.unwrap();
    connection
}

async fn count(connection: &mut dyn Connection) -> i64 {
    let mut rows = connection.query(Command::new("select count(*) from b", &[])).await.unwrap();
    rows.next().await.unwrap().unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn rows_in_a_transaction_are_part_of_it_and_a_failure_undoes_only_its_own() {
    let mut c = table().await;
    let into = BulkTarget::new("b", ["id"]);
    c.begin(TransactionOptions::new()).await.unwrap();
    c.execute(Command::new("insert into b values (1000000, 'mine')", &[])).await.unwrap();
    let rows = (0..20_000_i64).map(|id| (id,));
    assert_eq!(c.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap(), 20_000);
    let twice = (30_000_i64..40_000).chain([5]).map(|id| (id,));
    c.bulk_insert(&into, &mut bulk_rows(twice)).await.unwrap_err();
    assert_eq!(c.state(), SessionState::InTransaction);
    assert_eq!(count(&mut *c).await, 20_001);
    c.commit().await.unwrap();
    assert_eq!(count(&mut *c).await, 20_001);
}

#[tokio::test]
async fn a_transaction_that_only_reads_takes_no_rows() {
    let mut c = table().await;
    c.begin(TransactionOptions::new().read_only()).await.unwrap();
    let inserted = c.bulk_insert(&BulkTarget::new("b", ["id"]), &mut bulk_rows([(1,)])).await;
    assert_eq!(inserted.unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(c.state(), SessionState::InTransaction);
    c.commit().await.unwrap();
    assert_eq!(count(&mut *c).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deferred_transaction_waits_for_its_turn_to_write() {
    let file = File::new();
    let connector = connector(file.options());
    let mut holder = connector.connect().await.unwrap();
    let mut c = connector.connect().await.unwrap();
    run(&mut holder, "create table b (id integer primary key)").await;
    holder.begin(TransactionOptions::new()).await.unwrap();
    c.begin(TransactionOptions::new().mode(TransactionMode::Deferred)).await.unwrap();
    let inserting = tokio::spawn(async move {
        let into = BulkTarget::new("b", ["id"]);
        let inserted = c.bulk_insert(&into, &mut bulk_rows([(1,)])).await;
        (c, inserted)
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    holder.commit().await.unwrap();
    let (mut c, inserted) = inserting.await.unwrap();
    assert_eq!(inserted.unwrap(), 1);
    c.commit().await.unwrap();
    assert_eq!(one::<i64>(&mut holder, "select count(*) from b").await.unwrap(), 1);
}

#[tokio::test]
async fn what_made_sqlite_roll_back_is_what_is_told() {
    for own in [true, false] {
        let mut c = crate::support::memory().await;
        run(&mut c, "create table b (id integer unique on conflict rollback)").await;
        if !own {
            c.begin(TransactionOptions::new()).await.unwrap();
        }
        let twice =
            c.bulk_insert(&BulkTarget::new("b", ["id"]), &mut bulk_rows([(1,), (1,)])).await;
        let error = twice.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::UniqueViolation, Some(1)),
            "{error}"
        );
        let state = if own { SessionState::Idle } else { SessionState::Failed };
        assert_eq!(c.state(), state);
        c.rollback().await.unwrap();
        assert_eq!(count(&mut *c).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_insert_dropped_half_way_leaves_nothing() {
    for own in [true, false] {
        for rows in [0_i64, 1, 4_096, 50_000] {
            let mut c = table().await;
            if !own {
                c.begin(TransactionOptions::new()).await.unwrap();
                c.execute(Command::new("insert into b values (-1, 'mine')", &[])).await.unwrap();
            }
            let into = BulkTarget::new("b", ["id", "name"]);
            let never = futures_util::stream::iter((0..rows).map(|id| Ok((id, "x"))))
                .chain(futures_util::stream::pending());
            let mut never = bulk_stream(never);
            let inserting = c.bulk_insert(&into, &mut never);
            let limit = Duration::from_millis(100);
            assert!(tokio::time::timeout(limit, inserting).await.is_err());
            assert_eq!(count(&mut *c).await, i64::from(!own), "{rows} rows");
            let state = if own { SessionState::Idle } else { SessionState::InTransaction };
            assert_eq!(c.state(), state, "{rows} rows");
            c.rollback().await.unwrap();
        }
    }
}
