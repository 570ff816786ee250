//! What a session leaves behind, and what a reset makes of it.

use wellspring_connector::{
    BulkTarget, ErrorKind, ResetMode, Row, SessionState, TransactionOptions, bulk_rows,
};

use crate::{Session, Target};

/// A reset rolls an open transaction back, commits it, or leaves it alone, as it is told.
pub async fn reset_ends_a_transaction_as_told(target: &impl Target) {
    for (mode, state, kept) in [
        (ResetMode::Rollback, SessionState::Idle, 0),
        (ResetMode::Commit, SessionState::Idle, 1),
        (ResetMode::None, SessionState::InTransaction, 1),
    ] {
        let mut session = Session::fresh(target).await;
        session.table(target).await;
        session.connection.begin(TransactionOptions::new()).await.expect("begins");
        session.run("insert into t values (1, 1)", ()).await;
        session.connection.reset(mode).await.expect("resets");
        assert_eq!(session.connection.state(), state, "{mode:?}");
        assert_eq!(session.count().await, kept, "{mode:?}");
    }
}

/// Resetting a clean session any number of times changes nothing.
pub async fn a_clean_reset_is_harmless(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    for n in 0..5 {
        session.connection.reset(ResetMode::Rollback).await.expect("resets");
        assert_eq!(session.connection.state(), SessionState::Idle);
        session.run("insert into t values (?, 0)", (n,)).await;
    }
    assert_eq!(session.count().await, 5);
}

/// Native access makes the session count as changed until it is reset.
pub async fn native_access_taints_and_reset_cleans(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    if !target.facts().has_native {
        let refused = session.connection.native().map(drop);
        assert_eq!(refused.expect_err("not offered").kind(), ErrorKind::Unsupported);
        return;
    }
    session.connection.native().expect("is offered");
    assert_eq!(session.connection.state(), SessionState::Tainted);
    session.connection.reset(ResetMode::Rollback).await.expect("resets");
    assert_eq!(session.connection.state(), SessionState::Idle);
    let wrong = session.connection.native_mut::<String>().map(drop);
    assert_eq!(wrong.expect_err("is no String").kind(), ErrorKind::Usage);
}

/// One text runs many times, with values of changing types.
pub async fn the_same_text_serves_many_values(target: &impl Target) {
    let facts = target.facts();
    let mut session = Session::fresh(target).await;
    session.run(&format!("create table c (n {}, t {})", facts.integer, facts.text), ()).await;
    for n in 0..300_i64 {
        let text = (n % 3 != 0).then(|| format!("row {n}"));
        session.run("insert into c values (?, ?)", (n, text.clone())).await;
        let row: Row = session.get("select n, t from c where n = ?", (n,)).await;
        assert_eq!(row.try_get::<Option<String>>(1).expect("text or null"), text);
    }
    // More texts than any cache holds.
    for n in 0..300 {
        assert_eq!(session.get::<i64>(&format!("select {n}"), ()).await, n);
    }
}

/// A statement kept from before a table changed sees the table as it is now.
pub async fn cached_statements_survive_changed_tables(target: &impl Target) {
    let integer = target.facts().integer;
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.run("insert into t values (1, 2)", ()).await;
    let all = "select * from t";
    for columns in 2..5 {
        for _ in 0..7 {
            let row: Row = session.get(all, ()).await;
            assert_eq!(row.len(), columns, "columns of the changed table");
        }
        session.run(&format!("alter table t add column x{columns} {integer}"), ()).await;
    }
    session.run("drop table t", ()).await;
    let gone = session.query(all, ()).all::<Row>().await.expect_err("is gone");
    assert_eq!(gone.kind(), ErrorKind::UndefinedObject, "{gone:?}");
}

/// A script runs its statements in order, up to the first that fails.
pub async fn scripts_run_in_order_and_stop_at_errors(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let done = session
        .connection
        .execute_script(
            "insert into t values (1, 1); insert into t values (2, 2);\n\
             update t set b = b + 1;\n-- end; of it\n",
        )
        .await
        .expect("runs");
    let affected: Vec<u64> = done.iter().map(|done| done.rows_affected).collect();
    assert_eq!(affected, [1, 1, 2], "what each statement of a script did");
    assert_eq!(session.count().await, 2);
    let error = session
        .connection
        .execute_script(
            "insert into t values (3, 3); insert into nowhere values (1); insert into t values (4, 4)",
        )
        .await
        .expect_err("the second statement fails");
    assert_eq!(error.kind(), ErrorKind::UndefinedObject, "{error:?}");
    session.connection.execute_script("").await.expect("nothing is a script too");
    assert_eq!(session.connection.state(), SessionState::Idle);
    let keys: Vec<i64> =
        session.query("select a from t order by a", ()).all().await.expect("reads");
    assert!(!keys.contains(&4), "went on after an error");
}

/// A statement runs as it is, and text becomes what its column holds.
pub async fn text_goes_in_as_it_is(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let connection = &mut session.connection;
    let done = connection.execute_text("insert into t values (1, 1), (2, 2)").await.expect("runs");
    assert_eq!(done.rows_affected, 2);
    let error = connection.execute_text("insert into nowhere values (1)").await.expect_err("fails");
    assert_eq!(error.kind(), ErrorKind::UndefinedObject, "{error:?}");
    let into = BulkTarget::new("t", ["a", "b"]);
    let rows = [("3", Some("30")), ("4", None)];
    let inserted = connection.bulk_insert_text(&into, &mut bulk_rows(rows)).await.expect("goes in");
    assert_eq!(inserted, 2);
    let rows = [("5", Some("50")), ("3", None)];
    let error =
        connection.bulk_insert_text(&into, &mut bulk_rows(rows)).await.expect_err("a key twice");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
    assert_eq!(connection.state(), SessionState::Idle);
    let sum: i64 = session.get("select sum(b) from t", ()).await;
    assert_eq!((session.count().await, sum), (4, 33));
}

/// Affected rows are counted; what affects none counts none.
pub async fn execute_reports_what_it_did(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let inserted = session.run("insert into t values (1, 1), (2, 2), (3, 3)", ()).await;
    assert_eq!(inserted.rows_affected, 3);
    assert_eq!(session.run("update t set b = 0 where a > 1", ()).await.rows_affected, 2);
    assert_eq!(session.run("delete from t where a = 99", ()).await.rows_affected, 0);
    assert_eq!(session.run("select * from t", ()).await.rows_affected, 0);
    assert_eq!(session.run("delete from t", ()).await.rows_affected, 3);
    assert_eq!(session.run("drop table t", ()).await.rows_affected, 0);
}
