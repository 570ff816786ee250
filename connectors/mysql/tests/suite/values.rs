//! Values both ways: random ones of every type, zero dates, what does not fit.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wellspring_connector::{
    Date, Decimal, ErrorKind, Interval, Row, Time, Timestamp, TimestampTz, Value,
};
use wellspring_testkit::servers::Kind;

use crate::support::{fresh, on_both};

fn date(years: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = Date> {
    (years, 1_u8..=12, 1_u8..=28)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn timestamp(years: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = Timestamp> {
    (date(years), 0_u64..86_400_000_000).prop_map(|(date, micros)| {
        Timestamp::new(date, Time::from_nanos_of_day(micros * 1_000).unwrap())
    })
}

/// For each type of column, values that it must keep as they are.
fn kept() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    let bytes = |n| proptest::collection::vec(any::<u8>(), n);
    vec![
        ("tinyint", any::<i8>().prop_map(|v| Value::I16(v.into())).boxed()),
        ("smallint", any::<i16>().prop_map(Value::I16).boxed()),
        ("int", any::<i32>().prop_map(Value::I32).boxed()),
        ("int unsigned", any::<u32>().prop_map(|v| Value::I64(v.into())).boxed()),
        ("bigint", any::<i64>().prop_map(Value::I64).boxed()),
        ("bigint unsigned", any::<u64>().prop_map(Value::U64).boxed()),
        ("bit(1)", any::<bool>().prop_map(Value::Bool).boxed()),
        ("double", proptest::num::f64::NORMAL.prop_map(Value::F64).boxed()),
        (
            "decimal(30,10)",
            "-?[1-9][0-9]{0,18}\\.[0-9]{10}"
                .prop_map(|text| Value::Decimal(text.parse::<Decimal>().unwrap()))
                .boxed(),
        ),
        ("longtext", any::<String>().prop_map(|text| Value::Text(text.into())).boxed()),
        ("longblob", bytes(0..60).prop_map(|v| Value::Bytes(v.into())).boxed()),
        ("date", date(1..=9_999).prop_map(Value::Date).boxed()),
        ("datetime(6)", timestamp(1..=9_999).prop_map(Value::Timestamp).boxed()),
        (
            "timestamp(6) null",
            timestamp(1_971..=2_037)
                .prop_map(|utc| Value::TimestampTz(TimestampTz::from_utc(utc)))
                .boxed(),
        ),
        (
            "time(6)",
            (-3_020_399_000_000_i64..=3_020_399_000_000)
                .prop_map(|micros| Value::Interval(Interval::new(0, 0, micros * 1_000)))
                .boxed(),
        ),
    ]
}

/// The digits too, which decimals do not compare.
fn shown(value: &Value) -> String {
    match value {
        Value::F64(v) => format!("{:x}", v.to_bits()),
        value => format!("{value:?}"),
    }
}

on_both! {
    async fn random_values_of_every_type_come_back_as_they_went(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        for (n, (column, strategy)) in kept().into_iter().enumerate() {
            session.run(&format!("create table v{n} (n bigint, v {column})"), ()).await;
            let mut runner = TestRunner::deterministic();
            let values: Vec<Value> = (0..100)
                .map(|_| strategy.new_tree(&mut runner).expect("a value").current())
                .collect();
            for (at, value) in (0_i64..).zip(&values) {
                let params = vec![Value::from(at), value.clone()];
                session.run(&format!("insert into v{n} values (?, ?)"), params).await;
            }
            let rows: Vec<Row> = session
                .query(&format!("select v from v{n} order by n"), ())
                .all()
                .await
                .unwrap();
            assert_eq!(rows.len(), values.len());
            for (value, row) in values.iter().zip(&rows) {
                assert_eq!(shown(&row.try_get::<Value>(0).unwrap()), shown(value), "{column}");
            }
        }
    }

    /// Every line of the table in the book is what the servers and the connector do.
    async fn the_table_in_the_book_is_true(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let book = include_str!("../../../../docs/src/values.md");
        let chapter = book.split("\n## MySQL and MariaDB\n").nth(1).expect("the chapter is there");
        let chapter = chapter.split("\n## ").next().expect("it has an end");
        let mut lines = 0;
        for line in chapter.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split('`').collect();
            let (column, decoded) = (cells[1], cells[3]);
            session.run(&format!("create table line{lines} (v {column})"), ()).await;
            session.run(&format!("insert into line{lines} values (null)"), ()).await;
            let row: Row = session.get(&format!("select v from line{lines}"), ()).await;
            assert_eq!(format!("{:?}", row.columns()[0].kind), decoded, "{column}");
            lines += 1;
        }
        assert!(lines > 20, "{lines} lines were found");
    }

    async fn zero_dates_are_told_and_the_rest_of_the_row_is_read(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("set sql_mode = ''", ()).await;
        session.run("create table z (a int, d date)", ()).await;
        session.run("insert into z values (1, '0000-00-00')", ()).await;
        let row: Row = session.get("select a, d from z", ()).await;
        assert_eq!(row.try_get::<i32>(0).unwrap(), 1);
        let error = row.try_get::<Option<Date>>(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("sql_mode"), "{error}");
    }

    async fn foreign_types_keep_their_bytes(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let row: Row = session.get("select point(1, 2) as p", ()).await;
        let Value::Native(native) = row.try_get::<Value>(0).unwrap() else { panic!() };
        assert_eq!(&*native.type_name, "geometry");
        assert!(native.bytes.is_some());
    }

    async fn arrays_are_refused_before_anything_is_sent(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let error = session.query("select ?", (vec![1, 2],)).all::<Row>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let found: i64 =
            session.get("select count(*) from (select 1 as x) t where x in (?)", (vec![1, 2],)).await;
        assert_eq!(found, 1);
        let none: Vec<i32> = vec![];
        let found: i64 =
            session.get("select count(*) from (select 1 as x) t where x not in (?)", (none,)).await;
        assert_eq!(found, 1);
    }

    async fn a_large_value_is_delivered_or_refused_by_the_servers_limit(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let limit: i64 = session.get("select @@max_allowed_packet", ()).await;
        let fits: Vec<u8> = vec![b'x'; usize::try_from(limit / 2).unwrap()];
        let back: i64 = session.get("select length(?)", (fits,)).await;
        assert_eq!(back, limit / 2);
        let error = session
            .query("select length(?)", (vec![b'x'; usize::try_from(limit).unwrap() + 4_096],))
            .all::<Row>()
            .await
            .unwrap_err();
        let kinds = [ErrorKind::ResourceExhausted, ErrorKind::ConnectionLost];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
}
