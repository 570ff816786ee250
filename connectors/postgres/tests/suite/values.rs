//! Values both ways: random ones of every type, and the edges of each.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use wellspring_connector::{
    Array, Date, Decimal, ErrorKind, Interval, Row, Time, Timestamp, TimestampTz, Uuid, Value,
    ValueKind,
};

use crate::support::fresh;

fn decimal() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        (any::<i64>(), 0_u8..30).prop_map(|(digits, scale)| Decimal::new(digits, scale)),
        "-?[1-9][0-9]{0,60}(\\.[0-9]{1,40})?".prop_map(|text| text.parse().unwrap()),
    ]
}

fn date() -> impl Strategy<Value = Date> {
    (-4_700_i32..=200_000, 1_u8..=12, 1_u8..=28)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn time() -> impl Strategy<Value = Time> {
    (0_u64..86_400_000_000).prop_map(|micros| Time::from_nanos_of_day(micros * 1_000).unwrap())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (date(), time()).prop_map(|(date, time)| Timestamp::new(date, time))
}

fn interval() -> impl Strategy<Value = Interval> {
    (any::<i32>(), any::<i32>(), -9_000_000_000_000_000_i64..9_000_000_000_000_000)
        .prop_map(|(months, days, micros)| Interval::new(months, days, micros * 1_000))
}

fn text() -> impl Strategy<Value = Value> {
    "[^\\x00]{0,40}".prop_map(|text| Value::Text(text.into()))
}

/// For each type of column, values that it must keep as they are.
fn kept() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    vec![
        ("boolean", any::<bool>().prop_map(Value::Bool).boxed()),
        ("smallint", any::<i16>().prop_map(Value::I16).boxed()),
        ("integer", any::<i32>().prop_map(Value::I32).boxed()),
        ("bigint", any::<i64>().prop_map(Value::I64).boxed()),
        (
            "real",
            proptest::num::f32::ANY
                .prop_filter("NaN is not itself", |v| !v.is_nan())
                .prop_map(Value::F32)
                .boxed(),
        ),
        (
            "double precision",
            proptest::num::f64::ANY
                .prop_filter("NaN is not itself", |v| !v.is_nan())
                .prop_map(Value::F64)
                .boxed(),
        ),
        ("numeric", decimal().prop_map(Value::Decimal).boxed()),
        ("text", text().boxed()),
        (
            "bytea",
            proptest::collection::vec(any::<u8>(), 0..60)
                .prop_map(|bytes| Value::Bytes(bytes.into()))
                .boxed(),
        ),
        ("uuid", any::<[u8; 16]>().prop_map(|bytes| Value::Uuid(Uuid::from_bytes(bytes))).boxed()),
        ("date", date().prop_map(Value::Date).boxed()),
        ("time", time().prop_map(Value::Time).boxed()),
        ("timestamp", timestamp().prop_map(Value::Timestamp).boxed()),
        (
            "timestamptz",
            timestamp().prop_map(|utc| Value::TimestampTz(TimestampTz::from_utc(utc))).boxed(),
        ),
        ("interval", interval().prop_map(Value::Interval).boxed()),
        (
            "bigint[]",
            proptest::collection::vec(proptest::option::of(any::<i64>()), 0..9)
                .prop_map(|values| {
                    Array::new(
                        ValueKind::I64,
                        values
                            .into_iter()
                            .map(|v| v.map_or(Value::Null(ValueKind::I64), Value::I64))
                            .collect(),
                    )
                    .into()
                })
                .boxed(),
        ),
        (
            "text[]",
            proptest::collection::vec(text(), 0..9)
                .prop_map(|values| Array::new(ValueKind::Text, values).into())
                .boxed(),
        ),
        (
            "numeric[]",
            proptest::collection::vec(decimal().prop_map(Value::Decimal), 0..9)
                .prop_map(|values| Array::new(ValueKind::Decimal, values).into())
                .boxed(),
        ),
    ]
}

/// The digits too, which decimals do not compare.
fn shown(value: &Value) -> String {
    match value {
        Value::F32(v) => format!("{:x}", v.to_bits()),
        Value::F64(v) => format!("{:x}", v.to_bits()),
        value => format!("{value:?}"),
    }
}

#[tokio::test]
async fn random_values_of_every_type_come_back_as_they_went() {
    let (mut session, _, _databases) = fresh().await;
    for (column, strategy) in kept() {
        session.run(&format!("create table v (n bigint, v {column})"), ()).await;
        let mut runner = TestRunner::deterministic();
        let values: Vec<Value> =
            (0..100).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect();
        for (n, value) in (0_i64..).zip(&values) {
            let params = vec![Value::from(n), value.clone()];
            session.run("insert into v values (?, ?)", params).await;
            // Through a parameter of the same type, without a table in between.
            let query = format!("select ?::{column}");
            let row: Row = session.get(&query, vec![value.clone()]).await;
            assert_eq!(shown(&row.try_get::<Value>(0).unwrap()), shown(value), "{column}");
        }
        let rows: Vec<(i64, Value)> = {
            let rows: Vec<Row> =
                session.query("select n, v from v order by n", ()).all().await.unwrap();
            rows.iter().map(|r| (r.try_get(0).unwrap(), r.try_get(1).unwrap())).collect()
        };
        for (value, (n, back)) in values.iter().zip(&rows) {
            assert_eq!(shown(back), shown(value), "{column}, value {n}");
        }
        session.run("drop table v", ()).await;
    }
}

use proptest::strategy::ValueTree;

/// A value that its place cannot hold is refused by name before anything is sent.
#[tokio::test]
async fn what_does_not_fit_is_refused_before_it_is_sent() {
    let (mut session, _, _databases) = fresh().await;
    let fine: Time = "12:00:00.000000001".parse().unwrap();
    let civil: Timestamp = "2026-11-21 12:00:00".parse().unwrap();
    let instant = TimestampTz::from_utc(civil);
    for (n, (column, value, named)) in [
        ("smallint", Value::I32(40_000), "range"),
        ("integer", Value::I64(1 << 40), "range"),
        ("bigint", Value::U64(u64::MAX), "range"),
        ("integer", Value::F64(5.0), "f64"),
        ("integer", Value::Decimal("5.5".parse().unwrap()), "fraction"),
        ("real", Value::F64(0.1), "exactly"),
        ("double precision", Value::I64((1 << 53) + 1), "exactly"),
        ("numeric", Value::F64(f64::NAN), "no number"),
        ("boolean", Value::I32(1), "i32"),
        ("time", Value::Time(fine), "microseconds"),
        ("timestamptz", Value::Timestamp(civil), "zone"),
        ("timestamp", Value::TimestampTz(instant), "zone"),
        ("date", Value::Date(Date::new(-5_000, 1, 1).unwrap()), "4714"),
        ("timestamp", Value::Timestamp(Timestamp::new(Date::MAX, Time::MIDNIGHT)), "294276"),
        ("text", Value::Text("a\0b".into()), "NUL"),
        ("bytea", Value::I32(1), "bytea"),
        ("integer[]", Value::I32(1), "int4"),
        ("integer", Array::new(ValueKind::I32, vec![]).into(), "array"),
        ("integer[]", Array::new(ValueKind::Text, vec!["x".into()]).into(), "element 1"),
    ]
    .into_iter()
    .enumerate()
    {
        session.run(&format!("create table v{n} (v {column})"), ()).await;
        let error = session
            .query(&format!("insert into v{n} values (?)"), vec![value.clone()])
            .execute()
            .await
            .expect_err(column);
        assert_eq!(error.kind(), ErrorKind::Encode, "{column} {value:?}: {error:?}");
        assert!(error.to_string().contains("parameter 1"), "{error}");
        assert!(error.to_string().contains(named), "{column} {value:?}: {error}");
        assert_eq!(session.get::<i64>(&format!("select count(*) from v{n}"), ()).await, 0);
    }
}

/// What has no portable form survives, and its text is a cast away.
#[tokio::test]
async fn foreign_types_survive() {
    let (mut session, _, _databases) = fresh().await;
    session.run("create type mood as enum ('sad', 'glad')", ()).await;
    session.run("create domain small as integer check (value < 10)", ()).await;
    session.run("create type pair as (a integer, b text)", ()).await;
    let row: Row = session
        .get(
            "select 'glad'::mood, 5::small, '10.0.0.1/8'::inet, '[1,5)'::int4range, (1, 'x')::pair, \
             'NaN'::numeric, '-infinity'::timestamp, 'infinity'::timestamptz, '24:00'::time, \
             '12:34+05'::timetz, 12.34::money, b'1011', '{{1,2},{3,4}}'::int[][]",
            (),
        )
        .await;
    let value = |n: usize| row.try_get::<Value>(n).unwrap();
    let native_text = |n: usize| match value(n) {
        Value::Native(native) => native.text.map(String::from),
        other => panic!("column {n}: {other:?}"),
    };
    assert_eq!(native_text(0).as_deref(), Some("glad"));
    assert_eq!(row.try_get::<String>(0).unwrap(), "glad");
    assert_eq!(value(1), Value::I32(5));
    for n in [2, 3, 4, 9, 10, 11] {
        let Value::Native(native) = value(n) else { panic!("column {n}: {:?}", value(n)) };
        assert!(native.bytes.is_some_and(|bytes| !bytes.is_empty()), "column {n}");
    }
    assert_eq!(native_text(5).as_deref(), Some("NaN"));
    assert_eq!(native_text(6).as_deref(), Some("-infinity"));
    assert_eq!(native_text(7).as_deref(), Some("infinity"));
    assert_eq!(native_text(8).as_deref(), Some("24:00:00"));
    let Value::Array(square) = value(12) else { panic!() };
    assert_eq!(square.dimensions, [(1, 2), (1, 2)]);
    // And they go back in, as bytes or as text.
    session.run("create table n (m mood, i inet, r int4range)", ()).await;
    let params = vec![value(0), value(2), Value::Text("[2,9)".into())];
    session.run("insert into n values (?, ?, ?)", params).await;
    let back: Row = session.get("select m::text, i::text, r::text from n", ()).await;
    assert_eq!(back.try_get::<&str>(0).unwrap(), "glad");
    assert_eq!(back.try_get::<&str>(1).unwrap(), "10.0.0.1/8");
    assert_eq!(back.try_get::<&str>(2).unwrap(), "[2,9)");
}

/// Whatever the kind of number, an index on an integer is used.
#[tokio::test]
async fn integers_of_any_width_keep_the_index() {
    let (session, options, _databases) = fresh().await;
    drop(session);
    for options in [options.clone(), options.statement_cache(0)] {
        let mut session = crate::support::connect_with(options).await;
        session.run("create table if not exists k (id integer primary key)", ()).await;
        session.run("truncate k", ()).await;
        session.run("insert into k select generate_series(1, 20000)", ()).await;
        session.run("analyze k", ()).await;
        for value in [Value::I16(7), Value::I32(7), Value::I64(7), Value::U64(7)] {
            let plan: Vec<String> = session
                .query("explain select * from k where id = ?", vec![value.clone()])
                .all()
                .await
                .unwrap();
            assert!(plan[0].contains("Index"), "{value:?}: {plan:?}");
        }
        // A number with a fraction is an error, never a scan of everything.
        for value in [Value::F64(7.5), Value::Decimal("7.5".parse().unwrap())] {
            let error = session
                .query("select * from k where id = ?", vec![value])
                .all::<Row>()
                .await
                .unwrap_err();
            let kinds = [ErrorKind::Encode, ErrorKind::DataOutOfRange];
            assert!(kinds.contains(&error.kind()), "{error:?}");
        }
    }
}

/// A quarter of a gigabyte in one value: delivered.
#[tokio::test]
async fn a_value_of_256_mib_is_delivered() {
    let (mut session, _, _databases) = fresh().await;
    let length: i64 = 256 << 20;
    let row: Row =
        session.get("select convert_to(repeat('x', ?::int), 'UTF8') as big", (length,)).await;
    let bytes = row.try_get::<&[u8]>("big").unwrap();
    assert_eq!(bytes.len() as i64, length);
    let owned = bytes.to_vec();
    drop(row);
    let back: i64 = session.get("select length(?::bytea)::bigint", (owned,)).await;
    assert_eq!(back, length);
    // Past the server's limit it is an error, and the session goes on.
    let error = session
        .query("select repeat('x', ?::int) || repeat('y', ?::int)", (1 << 29, 1 << 29))
        .all::<Row>()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error:?}");
    assert_eq!(session.get::<i64>("select 1::bigint", ()).await, 1);
}

/// Every line of the table in the book is what the server and the connector do.
#[tokio::test]
async fn the_table_in_the_book_is_true() {
    let (mut session, _, _databases) = fresh().await;
    let book = include_str!("../../../../docs/src/values.md");
    let chapter = book.split("\n## PostgreSQL\n").nth(1).expect("the chapter is there");
    let chapter = chapter.split("\n## ").next().expect("it has an end");
    let mut lines = 0;
    for line in chapter.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('`').collect();
        let (column, decoded) = (cells[1], cells[3]);
        let row: Row = session.get(&format!("select null::{column}"), ()).await;
        assert_eq!(format!("{:?}", row.columns()[0].kind), decoded, "{column}");
        lines += 1;
    }
    assert!(lines > 20, "{lines} lines were found");
}
