//! Many rows in: all or none, inside and outside of a transaction, and dropped on the way.

use std::time::Duration;

use futures_util::StreamExt;
use wellspring_connector::{
    BulkTarget, Command, Connection, Connector, SessionState, TransactionOptions, bulk_rows,
    bulk_stream,
};
use wellspring_sqlite::{SqliteConnector, SqliteOptions};

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
