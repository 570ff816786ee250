//! Values in and out: nothing lost, nothing guessed.

use wellspring_connector::{ErrorKind, Row, Value, ValueKind};

use crate::{Session, Target};

/// Every value of the facts comes back as they say, through a column and through a bare parameter's
/// type-less way into it, alone and among nulls.
pub async fn values_round_trip(target: &impl Target) {
    let facts = target.facts();
    assert!(facts.round_trips.len() >= 20, "the facts name only a few values");
    let mut session = Session::fresh(target).await;
    for (n, trip) in facts.round_trips.iter().enumerate() {
        session.run(&format!("create table v{n} (v {})", trip.column), ()).await;
        let insert = format!("insert into v{n} values (?)");
        session.run(&insert, vec![trip.value.clone()]).await;
        session.run(&insert, vec![Value::Null(trip.value.kind())]).await;
        let rows: Vec<Row> = session
            .query(&format!("select v from v{n}"), ())
            .all()
            .await
            .unwrap_or_else(|error| panic!("{trip:?}: {error:?}"));
        let values: Vec<Value> = rows
            .iter()
            .map(|row| row.try_get(0).unwrap_or_else(|error| panic!("{trip:?}: {error:?}")))
            .collect();
        assert_eq!(values[0], trip.back, "{trip:?}");
        assert!(values[1].is_null(), "{trip:?}");
    }
}

/// A null of each kind goes in as null.
pub async fn typed_nulls_are_null(target: &impl Target) {
    let facts = target.facts();
    let mut session = Session::fresh(target).await;
    session.run(&format!("create table n (i {}, t {})", facts.integer, facts.text), ()).await;
    for kind in [ValueKind::Unknown, ValueKind::I16, ValueKind::I32, ValueKind::I64] {
        let nulls = vec![Value::Null(kind), Value::Null(ValueKind::Unknown)];
        session.run("insert into n values (?, ?)", nulls).await;
    }
    session.run("insert into n values (?, ?)", (None::<i64>, None::<String>)).await;
    let rows: Vec<(Option<i64>, Option<String>)> =
        session.query("select i, t from n", ()).all().await.expect("reads nulls");
    assert_eq!(rows, vec![(None, None); 5]);
}

/// A mebibyte of text and of bytes comes back whole, as does what is empty.
pub async fn long_values_round_trip(target: &impl Target) {
    let facts = target.facts();
    let mut session = Session::fresh(target).await;
    let sql = format!("create table l (id {}, t {}, b {})", facts.integer, facts.text, facts.bytes);
    session.run(&sql, ()).await;
    let text: String = "Grüße, 世界 🌍! ".chars().cycle().take(1 << 20).collect();
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    session.run("insert into l values (1, ?, ?)", (text.clone(), bytes.clone())).await;
    let row: Row = session.get("select t, b from l where id = 1", ()).await;
    assert!(row.try_get::<&str>(0).expect("text") == text, "long text was changed");
    assert!(row.try_get::<&[u8]>(1).expect("bytes") == bytes, "long bytes were changed");
    session.run("insert into l values (2, ?, ?)", ("x", Vec::<u8>::new())).await;
    let row: Row = session.get("select t, b from l where id = 2", ()).await;
    assert_eq!(row.try_get::<&[u8]>("b").expect("empty bytes are no null"), b"");
}

/// Columns have the names they were given, in order, duplicates among them.
pub async fn columns_are_described(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.run("insert into t values (1, 2)", ()).await;
    let row: Row = session.get("select a, b as second, a from t", ()).await;
    let names: Vec<&str> = row.columns().iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["a", "second", "a"]);
    assert_eq!(row.try_get::<i64>("second").expect("by name"), 2);
    assert_eq!(row.try_get::<i64>(2).expect("by position"), 1);
    assert!(!row.columns()[0].native_type.is_empty(), "the column's own type is not told");
    let error = row.try_get::<i64>("third").expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::ColumnNotFound);
}

/// A value is never turned into something it is not.
pub async fn wrong_targets_are_refused_by_name(target: &impl Target) {
    let facts = target.facts();
    let mut session = Session::fresh(target).await;
    session.run(&format!("create table w (name {}, big {})", facts.text, facts.integer), ()).await;
    session.run("insert into w values (?, ?)", ("secret", i64::MAX)).await;
    let row: Row = session.get("select name, big from w", ()).await;
    for error in [
        row.try_get::<i64>("name").map(drop).expect_err("text is no number"),
        row.try_get::<i16>("big").map(drop).expect_err("too large"),
        row.try_get::<bool>("big").map(drop).expect_err("neither 0 nor 1"),
        row.try_get::<f64>("big").map(drop).expect_err("not exact"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        let text = error.to_string();
        assert!(text.contains("name") || text.contains("big"), "no column in: {text}");
        assert!(!text.contains("secret"), "the value is in: {text}");
    }
}
