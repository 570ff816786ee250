//! Rows as they arrive.

use std::sync::Arc;

use wellspring_connector::{Command, Row, SessionState};

use crate::{Session, Target};

fn numbers(target: &impl Target, n: u64) -> String {
    target.facts().numbers.replace("{n}", &n.to_string())
}

/// Every row arrives, once, in order.
pub async fn rows_come_complete_and_in_order(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    for n in [0, 1, 2, 255, 256, 257, 100_000_u64] {
        let text = format!("select i from ({}) as x where i <= {n}", numbers(target, n.max(1)));
        let command = Command::new(&text, &[]);
        let mut rows = session.connection.query(command).await.expect("begins");
        let mut expected = 0;
        while let Some(row) = rows.next().await.expect("goes on") {
            expected += 1;
            assert_eq!(row.try_get::<u64>(0).expect("a number"), expected);
        }
        assert_eq!(expected, n);
        assert!(rows.next().await.expect("stays at its end").is_none());
        drop(rows);
        assert_eq!(session.connection.state(), SessionState::Idle);
    }
}

/// A result without rows still has its columns.
pub async fn an_empty_result_has_columns(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let command = Command::new("select a, b from t", &[]);
    let mut rows = session.connection.query(command).await.expect("begins");
    if target.facts().empty_results_have_columns {
        assert_eq!(rows.columns().len(), 2);
    }
    assert!(rows.next().await.expect("ends").is_none());
}

/// A stream may be dropped after any number of rows, and the session works on.
pub async fn a_stream_dropped_early_leaves_the_session_usable(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    let text = numbers(target, 50_000);
    for read in [0, 1, 255, 256, 300, 2_000] {
        let mut rows = session.connection.query(Command::new(&text, &[])).await.expect("begins");
        for _ in 0..read {
            rows.next().await.expect("goes on").expect("there are more");
        }
        drop(rows);
        assert_eq!(session.get::<i64>("select 7", ()).await, 7, "after {read} rows");
        session.connection.reset(Default::default()).await.expect("resets");
        assert_eq!(session.connection.state(), SessionState::Idle, "after {read} rows");
    }
}

/// Rows come in batches, none of which holds the whole of a large result.
pub async fn batches_are_bounded(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    let text = numbers(target, 100_000);
    let mut rows = session.connection.query(Command::new(&text, &[])).await.expect("begins");
    let (mut total, mut largest) = (0, 0);
    while let Some(batch) = rows.next_batch().await.expect("goes on") {
        total += batch.len();
        largest = largest.max(batch.len());
    }
    assert_eq!(total, 100_000);
    assert!(largest <= 20_000, "a batch of {largest} rows");
}

/// Rows may be kept after their stream and their connection are gone, and sent to other threads.
pub async fn rows_outlive_their_stream(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    let rows: Vec<Row> = session.query(&numbers(target, 1_000), ()).all().await.expect("reads");
    drop(session);
    let rows = Arc::new(rows);
    let sum = tokio::task::spawn_blocking(move || {
        rows.iter().map(|row| row.try_get::<i64>(0).expect("a number")).sum::<i64>()
    });
    assert_eq!(sum.await.expect("does not panic"), 500_500);
}
