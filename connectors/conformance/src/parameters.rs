//! Parameters: each in its place, and never part of the statement.

use wellspring_connector::{ErrorKind, params};

use crate::{Session, Target};

/// Positional and named parameters reach their places.
pub async fn positional_and_named_reach_their_places(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.run("insert into t values (?, ?)", (1, 10)).await;
    session.run("insert into t (b, a) values (:b, :a)", params! { a: 2, b: 20 }).await;
    let rows: Vec<(i64, i64)> = session
        .query("select a, b from t where a >= ? and b <= ? order by a", (1, 20))
        .all()
        .await
        .expect("reads");
    assert_eq!(rows, [(1, 10), (2, 20)]);
}

/// One name may stand in several places.
pub async fn one_name_serves_many_places(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    for n in 1..=3 {
        session.run("insert into t values (:n, :n)", params! { n: n }).await;
    }
    let sum: i64 = session
        .get(
            "select count(*) from t where a = :x or b = :x or a = :y",
            params! { x: 1_i64, y: 3_i64 },
        )
        .await;
    assert_eq!(sum, 2);
}

/// Text that looks like SQL, or like a placeholder, goes in and comes out as it is.
pub async fn text_that_looks_like_sql_is_only_text(target: &impl Target) {
    let facts = target.facts();
    let mut session = Session::fresh(target).await;
    session.run(&format!("create table s (t {})", facts.text), ()).await;
    let evil = ["'; drop table s; --", "?", ":name", "$1 ?? %s %", "\\'", "\"quoted\" /* */", "''"];
    for text in evil {
        session.run("insert into s values (?)", (text,)).await;
        let found: i64 = session.get("select count(*) from s where t = ?", (text,)).await;
        assert_eq!(found, 1, "{text}");
    }
    let literal: String = session.get("select '12:30 ? :a' as x from s where t = ?", ("?",)).await;
    assert_eq!(literal, "12:30 ? :a");
}

/// A thousand parameters in one statement.
pub async fn many_parameters_fit(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let rows = ["(?, ?)"; 500].join(", ");
    let values: Vec<i64> = (0..1_000).collect();
    let done = session.run(&format!("insert into t values {rows}"), &values[..]).await;
    assert_eq!(done.rows_affected, 500);
    let sum: i64 = session.get("select sum(b) from t where a >= 0", ()).await;
    assert_eq!(sum, (1..1_000).step_by(2).sum::<i64>());
}

/// Wrong counts and names are refused before anything is sent.
pub async fn wrong_counts_are_refused(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let insert = "insert into t values (?, ?)";
    let errors = [
        session.query(insert, (1,)).execute().await,
        session.query(insert, (1, 2, 3)).execute().await,
        session.query(insert, ()).execute().await,
        session.query("insert into t values (:a, :b)", params! { a: 1 }).execute().await,
        session
            .query("insert into t values (:a, :b)", params! { a: 1, b: 2, c: 3 })
            .execute()
            .await,
    ];
    for error in errors {
        assert_eq!(error.expect_err("does not fit").kind(), ErrorKind::Parameters);
    }
    assert_eq!(session.count().await, 0);
}
