//! Batches: operations as data, checked before the first, kept as a whole or not at all.

use std::sync::atomic::Ordering;

use wellspring::prelude::*;
use wellspring::{Delete, Insert, InsertMany, Operation, Outcome, Select, Update};

use crate::databases::on_every_database;
use crate::support::{Fresh, faulty};

async fn users(fresh: &Fresh) -> Database {
    let db = fresh.connect().await;
    fill(&db).await;
    db
}

async fn fill(db: &Database) {
    db.execute(
        "create table users (id integer not null primary key, name varchar(100), age integer)",
        (),
    )
    .await
    .unwrap();
    db.insert_many(
        "users",
        (1..=3).map(|id| params! { id: id, name: format!("u{id}"), age: id * 10 }),
    )
    .execute()
    .await
    .unwrap();
}

async fn count(db: &Database) -> i64 {
    db.query("select count(*) from users", ()).one().await.unwrap()
}

fn operations(json: &str) -> wellspring::Result<Vec<Operation>> {
    Operation::list(&mut serde_json::Deserializer::from_str(json))
}

on_every_database! {
    async fn operations_run_in_order_and_answer_in_order(fresh: Fresh) {
        let db = users(&fresh).await;
        let outcomes = db
            .batch([
                Operation::from(Insert::new((), "users", params! { id: 4, name: "u4" })),
                InsertMany::new((), "users", [params! { id: 5 }, params! { id: 6 }]).into(),
                Update::new((), "users", params! { age: 1 }).filter(col("id").ge(4)).into(),
                Select::new((), "users").columns(["id"]).filter(col("age").eq(1)).order_by("id").into(),
                Operation::execute("delete from users where id = :id", params! { id: 6 }),
                Operation::query("select id from users where id > ? order by id", (3,)),
                Delete::new((), "users").filter(col("id").gt(3)).into(),
            ])
            .execute()
            .await
            .unwrap();
        let counts: Vec<u64> = outcomes.iter().map(Outcome::count).collect();
        assert_eq!(counts, [1, 2, 3, 3, 1, 2, 2]);
        let ids: Vec<i64> = outcomes[5].rows().iter().map(|row| row.try_get(0).unwrap()).collect();
        assert_eq!(ids, [4, 5]);
        assert_eq!(count(&db).await, 3);
    }

    async fn the_form_of_requests_says_the_same(fresh: Fresh) {
        let db = users(&fresh).await;
        let read = operations(r#"[
            {"method": "insert", "params": {"table": "users", "data": {"id": 4, "name": "u4"}}},
            {"method": "insert", "params": {"table": "users", "data": [{"id": 5}, {"id": 6}], "bulk_size": 1000}},
            {"method": "merge", "params": {"table": "users", "data": {"id": 4, "name": "merged", "age": 9},
                "key_columns": ["id"], "no_update": ["age"]}},
            {"method": "update", "params": {"table": "users", "data": {"age": 1},
                "where": {"$or": [{"id": 4}, {"id": {">=": 5, "<": 7}}], "$nin": {"id": [6]}}}},
            {"method": "bulk_update", "params": {"table": "users", "data_list": [{"id": 1, "age": 5}], "key_columns": ["id"]}},
            {"method": "select", "params": {"table": "users", "columns": ["name", "age"],
                "where": {"$not": {"age": {"operator": ">", "value": 5, "placeholder": "Y"}}, "name": {"like": "%"}},
                "options": {"order_by": ["id desc"], "limit": 10}}},
            {"method": "query", "params": {"sql": "select count(*) from users where age = :age", "values": {"age": 1}}},
            {"method": "execute", "params": {"sql": "delete from users where id in (?, ?)", "values": [5, 6]}},
            {"method": "delete", "params": {"table": "users", "where": {"id": [4]}}}
        ]"#).unwrap();
        let outcomes = db.batch(read).execute().await.unwrap();
        let counts: Vec<u64> = outcomes.iter().map(Outcome::count).collect();
        // MySQL counts an update of an upsert twice.
        assert_eq!(&counts[..2], [1, 2]);
        assert_eq!(&counts[3..], [2, 1, 2, 1, 2, 1]);
        let rows: Vec<(String, Option<i64>)> =
            outcomes[5].rows().iter().map(|row| FromRow::from_row(row).unwrap()).collect();
        assert_eq!(rows, [("merged".to_owned(), Some(1)), ("u1".to_owned(), Some(5))]);
        assert_eq!(count(&db).await, 3);
    }

    async fn a_batch_that_fails_leaves_nothing_behind(fresh: Fresh) {
        let db = users(&fresh).await;
        for at in 0..5 {
            let batch = (0..5).map(|index| {
                let id = if index == at { 2 } else { 10 + index };
                Operation::from(Insert::new((), "users", params! { id: id }))
            });
            let error = db.batch(batch).execute().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UniqueViolation);
            assert_eq!(error.operation(), Some(at as usize), "{error}");
            assert_eq!(count(&db).await, 3);
        }
        // Inside a transaction it is undone, and nothing else.
        let done: wellspring::Result<()> = db.transaction_once(async |mut tx| {
            tx.insert("users", params! { id: 4 }).execute().await?;
            let batch = [params! { id: 5 }, params! { id: 1 }].map(|row| Insert::new((), "users", row));
            tx.batch(batch).execute().await.unwrap_err();
            tx.batch([Insert::new((), "users", params! { id: 6 })]).execute().await?;
            Ok(())
        }).await;
        done.unwrap();
        let ids: Vec<i64> = db.select("users").columns(["id"]).order_by("id").all().await.unwrap();
        assert_eq!(ids, [1, 2, 3, 4, 6]);
    }

    async fn each_by_itself_whatever_becomes_of_the_others(fresh: Fresh) {
        let db = users(&fresh).await;
        let batch = [4, 1, 5].map(|id| Insert::new((), "users", params! { id: id }));
        let outcomes = db.batch(batch).each().await.unwrap();
        assert_eq!(outcomes[0].as_ref().unwrap().count(), 1);
        let error = outcomes[1].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(1)));
        assert_eq!(outcomes[2].as_ref().unwrap().count(), 1);
        assert_eq!(count(&db).await, 5);
        let kept: wellspring::Result<()> = db.transaction_once(async |mut tx| {
            let batch = [7, 7, 8].map(|id| Insert::new((), "users", params! { id: id }));
            let outcomes = tx.batch(batch).each().await?;
            assert!(outcomes[1].is_err() && outcomes[2].is_ok());
            Ok(())
        }).await;
        kept.unwrap();
        assert_eq!(count(&db).await, 7);
    }

    async fn one_that_cannot_be_committed_does_not_end_the_others(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        fill(&db).await;
        let batch = || [4, 5, 6].map(|id| Insert::new((), "users", params! { id: id }));
        faults.commits.store(1, Ordering::SeqCst);
        let outcomes = db.batch(batch()).each().await.unwrap();
        let error = outcomes[0].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::SerializationFailure, Some(0)));
        assert!(outcomes[1].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
        assert_eq!(count(&db).await, 5);
        // The connection is given up where what is open cannot be undone.
        db.delete("users").filter(col("id").gt(3)).execute().await.unwrap();
        faults.commits.store(1, Ordering::SeqCst);
        faults.rollbacks.store(1, Ordering::SeqCst);
        let outcomes = db.batch(batch()).each().await.unwrap();
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), error.operation()), (ErrorKind::SerializationFailure, Some(0)));
        }
        assert_eq!(count(&db).await, 3);
    }

    async fn what_the_database_commits_by_itself_is_told(fresh: Fresh) {
        let db = users(&fresh).await;
        let insert = |id: i32| Operation::from(Insert::new((), "users", params! { id: id }));
        let batch = [insert(4), Operation::execute("create table u (a integer)", ()), insert(5), insert(5)];
        let error = db.batch(batch).execute().await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(3)));
        // What comes after the commit is all or nothing again.
        let commits_itself = matches!(db.dialect().name, "mysql" | "mariadb");
        assert_eq!(count(&db).await, 3 + i64::from(commits_itself));
        let told = error.message().contains("the operations before 2 are kept");
        assert_eq!(told, commits_itself, "{error}");
        if commits_itself {
            let drops = || [Operation::execute("drop table u", ()), insert(6)];
            let ended: wellspring::Result<()> = db
                .transaction_once(async |mut tx| tx.batch(drops()).execute().await.map(drop))
                .await;
            let ended = ended.unwrap_err();
            assert_eq!((ended.kind(), ended.operation()), (ErrorKind::Usage, Some(0)), "{ended:?}");
            assert_eq!(count(&db).await, 4);
        }
    }

    async fn everything_is_checked_before_the_first(fresh: Fresh) {
        let db = users(&fresh).await;
        let good = || Operation::from(Insert::new((), "users", params! { id: 99 }));
        let long = "x".repeat(10_000);
        for (bad, word) in [
            (Operation::from(Delete::new((), "users")), "all_rows"),
            (Update::new((), "users", Record::new()).all_rows().into(), "sets at least one column"),
            (Insert::new((), long.as_str(), params! { id: 1 }).into(), "10000 "),
            (Insert::new((), "users", Record::new().set(long.clone(), 1)).into(), "10000 "),
            (Insert::new((), "users", Record::new().set("a\0b", 1)).into(), "null character"),
            (Insert::new((), "", params! { id: 1 }).into(), "empty"),
            (Insert::new((), "a..b", params! { id: 1 }).into(), "empty"),
            (Insert::new((), "users", Record::new().set("id", 1).set("id", 2)).into(), "twice"),
            (Insert::new((), "users", params![1, 2]).into(), "names"),
            (Insert::upsert((), "users", params! { id: 1 }, ["nope"]).into(), "nope"),
            (Insert::upsert((), "users", params! { id: None::<i32> }, ["id"]).into(), "null"),
            (InsertMany::new((), "users", Vec::<Record>::new()).into(), "no rows"),
            (InsertMany::new((), "users", [params! { id: 1 }, params! { name: "x" }]).into(), "row 1"),
            (InsertMany::new((), "users", [params! { id: 1 }, params! { id: 1, name: "x" }]).into(), "name"),
            (Operation::execute("delete from users where id = ?", ()), "1"),
            (Operation::query("select :a", params! { b: 1 }), "`b`"),
            (Operation::execute("commit", ()), "begin or end"),
            (Operation::query("/* x */ Rollback", ()), "begin or end"),
            (Select::new((), "users").filter(col("id").is_in(0..70_000)).into(), "70000"),
        ] {
            let error = db.batch([good(), bad]).execute().await.unwrap_err();
            assert_eq!(error.operation(), Some(1), "{error}");
            assert!(error.message().contains("operation 1"), "{error}");
            assert!(error.message().contains(word), "{word}: {error}");
            assert!(matches!(error.kind(), ErrorKind::Usage | ErrorKind::Parameters), "{error:?}");
            assert!(error.message().len() < 400, "{error}");
            assert_eq!(count(&db).await, 3);
        }
        assert_eq!(db.batch(Vec::<Operation>::new()).execute().await.unwrap_err().kind(), ErrorKind::Parameters);
    }
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    for (json, words) in [
        (r#"{}"#, &["a list"][..]),
        (r#"[1]"#, &["operation 0", "a map is wanted, not a number"]),
        (r#"[{"params": {}}]"#, &["operation 0", "`method`"]),
        (r#"[{"method": "insrt", "params": {}}]"#, &["operation 0", "insrt", "`insert`"]),
        (r#"[{"method": "commit"}]"#, &["unknown method `commit`"]),
        (r#"[{"method": "set_autocommit", "params": {"x": 1}}]"#, &["unknown method"]),
        (r#"[{"method": 7}]"#, &["method", "a text is wanted"]),
        (r#"[{"method": "insert", "params": {"table": "t"}}]"#, &["insert", "`data` is missing"]),
        (r#"[{"method": "insert", "params": {"data": {}}}]"#, &["`table` is missing"]),
        (
            r#"[{"method": "upsert", "params": {"table": "t", "data": {"a": 1}, "key_columns": ["a"],
                "no_update": "maybe"}}]"#,
            &["operation 0", "no_update", "\"maybe\""],
        ),
        (
            r#"[{"method": "insert", "params": {"table": "t", "data": 5}}]"#,
            &["data", "a map is wanted"],
        ),
        (
            r#"[{"method": "insert", "params": {"table": "t", "data": {"a": 1, "a": 2}}}]"#,
            &["`a`", "twice"],
        ),
        (r#"[{"method": "insert", "params": {"table": "t", "dat": {}}}]"#, &["`data` is missing"]),
        (
            r#"[{"method": "insert", "params": {"table": "t", "data": {}, "wher": 1}}]"#,
            &["unknown parameter `wher`"],
        ),
        (
            r#"[{"method": "delete", "params": {"table": "t", "where": {"$xor": []}}}]"#,
            &["where", "$xor", "`$or`"],
        ),
        (
            r#"[{"method": "delete", "params": {"table": "t", "where": {"a": {"~": 1}}}}]"#,
            &["where: a: ~", "unknown operator"],
        ),
        (
            r#"[{"method": "delete", "params": {"table": "t", "where": {"$or": [{"a": 1}, {"b": {"between": [1]}}]}}}]"#,
            &["$or: 1: b: between", "two ends"],
        ),
        (
            r#"[{"method": "delete", "params": {"table": "t", "where": {"a": {"is": 1}}}}]"#,
            &["null only"],
        ),
        (r#"[{"method": "delete", "params": {"table": "t", "where": {"a": {}}}}]"#, &["nothing"]),
        (
            r#"[{"method": "delete", "params": {"table": "t", "all_rows": 1}}]"#,
            &["all_rows", "true or false"],
        ),
        (r#"[{"method": "select", "params": {"table": "t", "limit": -1}}]"#, &["limit", "count"]),
        (
            r#"[{"method": "select", "params": {"table": "t", "options": {"limt": 1}}}]"#,
            &["options", "`limit`"],
        ),
        (
            r#"[{"method": "execute", "params": {"sql": "x", "values": 3}}]"#,
            &["values", "a map is wanted"],
        ),
        (
            r#"[{"method": "insert", "params": {"table": "t", "data": {"a": {"$expr": "now()"}}}}]"#,
            &["data: a", "unknown expression"],
        ),
        (r#"[{"method": "insert", "x": 1}]"#, &["unknown key `x`"]),
    ] {
        let error = operations(json).unwrap_err();
        for word in words {
            assert!(error.message().contains(word), "{json}: {error}: no {word}");
        }
    }
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    assert!(operations(&deep).is_err());
    let nested = format!("{}{{\"a\": 1}}{}", r#"{"$not": "#.repeat(90), "}".repeat(90));
    let json =
        format!(r#"[{{"method": "delete", "params": {{"table": "t", "where": {nested}}}}}]"#);
    assert!(operations(&json).is_ok());
    // As a whole, too.
    assert!(serde_json::from_str::<Vec<Operation>>(r#"[{"method": "x"}]"#).is_err());
}
