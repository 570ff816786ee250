//! Statements: prepared when they are due, never where a pooler stands between, lists, tags.

use wellspring_connector::{ErrorKind, Row, SessionState, TransactionOptions, params};

use crate::databases::server;
use crate::support::{connect, connect_with, fresh};

const PREPARED: &str = "select count(*) from pg_prepared_statements";

#[tokio::test]
async fn statements_are_prepared_at_their_threshold_and_the_oldest_go() {
    for (cache, threshold, uses, prepared) in
        [(100, 1, 1, 2), (100, 3, 2, 0), (100, 3, 3, 1), (0, 1, 9, 0), (2, 1, 9, 2)]
    {
        let options = server("POSTGRES").statement_cache(cache).prepare_threshold(threshold);
        let mut session = connect_with(options).await;
        for _ in 0..uses {
            for text in
                ["select 1", "select 2", "select 3"].iter().take(if cache == 2 { 3 } else { 1 })
            {
                session.run(text, ()).await;
            }
        }
        let found: i64 = session.get(PREPARED, ()).await;
        // The question itself is a statement.
        assert_eq!(found, prepared, "{cache} {threshold} {uses}");
    }
}

#[tokio::test]
async fn a_changed_table_prepares_its_statement_again_even_in_a_transaction_by_retry() {
    let (mut session, options, _databases) = fresh().await;
    session.run("create table t (a int)", ()).await;
    session.run("insert into t values (1)", ()).await;
    let all = "select * from t";
    assert_eq!(session.get::<Row>(all, ()).await.len(), 1);
    let mut other = connect_with(options).await;
    other.run("alter table t add b text default 'x'", ()).await;
    assert_eq!(session.get::<Row>(all, ()).await.len(), 2);
    other.run("alter table t add c text", ()).await;
    session.connection.begin(TransactionOptions::new()).await.unwrap();
    let error = session.query(all, ()).all::<Row>().await.unwrap_err();
    assert_eq!(error.retry(), wellspring_connector::Retry::Transaction, "{error:?}");
    session.connection.rollback().await.unwrap();
    session.connection.begin(TransactionOptions::new()).await.unwrap();
    assert_eq!(session.get::<Row>(all, ()).await.len(), 3);
    session.connection.commit().await.unwrap();
}

#[tokio::test]
async fn lists_expand_in_in_and_arrays_go_as_they_are() {
    for options in [server("POSTGRES"), server("POSTGRES").statement_cache(0)] {
        let mut session = connect_with(options).await;
        let count = "select count(*) from generate_series(1, 100) i where i in (:ids)";
        for n in [0_i32, 1, 2, 3, 7, 50] {
            let ids: Vec<i32> = (1..=n).collect();
            let found: i64 = session.get(count, params! { ids: ids.clone() }).await;
            assert_eq!(found, i64::from(n));
            let not = count.replace("in (", "not in (");
            let found: i64 = session.get(&not, params! { ids: ids.clone() }).await;
            assert_eq!(found, 100 - i64::from(n), "not in a list of {n}");
            let any = "select count(*) from generate_series(1, 100) i where i = any(?::int[])";
            assert_eq!(session.get::<i64>(any, (ids,)).await, i64::from(n));
        }
        let names = vec!["a".to_owned(), "b".to_owned()];
        let found: Vec<String> = session
            .query("select x from (values ('a'), ('c')) v (x) where x in (?)", (names,))
            .all()
            .await
            .unwrap();
        assert_eq!(found, ["a"]);
        let none: Vec<String> = vec![];
        let found: Vec<String> = session
            .query("select x from (values ('a'), ('c')) v (x) where x in (?)", (none,))
            .all()
            .await
            .unwrap();
        assert!(found.is_empty());
    }
}

#[tokio::test]
async fn a_tag_is_seen_by_those_who_watch() {
    let mut session = connect().await;
    let pid: i32 = session.get("select pg_backend_pid()", ()).await;
    let shown: String = session
        .query("select query from pg_stat_activity where pid = ?", (pid,))
        .tag("nightly report")
        .one()
        .await
        .unwrap();
    assert!(shown.starts_with("/* nightly report */ select"), "{shown}");
    for bad in ["*/ drop table t; /*", "a\nb", "/* nested"] {
        let error = session.query("select 1", ()).tag(bad).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{bad}");
    }
}

#[tokio::test]
async fn a_fetch_size_bounds_the_batches() {
    let mut session = connect().await;
    let mut stream = session.query("select generate_series(1, 1000)", ()).fetch_size(10).stream();
    let mut rows = 0;
    while stream.next().await.unwrap().is_some() {
        rows += 1;
    }
    drop(stream);
    assert_eq!(rows, 1_000);
    let command = wellspring_connector::Command::new("select generate_series(1, 1000)", &[])
        .fetch_size(std::num::NonZeroU32::new(10));
    let mut rows = session.connection.query(command).await.unwrap();
    while let Some(batch) = rows.next_batch().await.unwrap() {
        assert!(batch.len() <= 10);
    }
}

#[tokio::test]
async fn copying_through_execute_is_refused_and_harms_nothing() {
    let mut session = connect().await;
    for text in ["copy (select 1) to stdout", "copy pg_class from stdin"] {
        let error = session.query(text, ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
        let error = session.connection.execute_script(text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
    }
    assert_eq!(session.connection.state(), SessionState::Idle);
}
