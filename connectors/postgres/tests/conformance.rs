//! The contract suite against a real server: directly, and through pgbouncer in transaction mode.

#[path = "suite/databases.rs"]
mod databases;

use std::sync::Arc;

use databases::Databases;
use wellspring_conformance::{Facts, Provoked, RoundTrip, Target};
use wellspring_connector::{
    Array, Connector, Date, Decimal, ErrorKind, Interval, IsolationLevel, Native, Time, Timestamp,
    TimestampTz, Uuid, Value, ValueKind,
};
use wellspring_postgres::{PostgresConnector, PostgresOptions};

fn native(type_name: &str, text: &str) -> Value {
    Value::Native(Box::new(Native {
        type_name: type_name.into(),
        text: Some(text.into()),
        bytes: None,
    }))
}

fn facts() -> Facts {
    let text = |s: &str| Value::Text(s.into());
    let json = |s: &str| Value::Json(s.into());
    let decimal = |s: &str| s.parse::<Decimal>().unwrap();
    let date = |s: &str| s.parse::<Date>().unwrap();
    let timestamp = |s: &str| s.parse::<Timestamp>().unwrap();
    let instant = |s: &str| s.parse::<TimestampTz>().unwrap();
    let uuid: Uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
    let interval: Interval = "P1Y2M3DT4H5M6.007S".parse().unwrap();
    let time: Time = "23:59:59.999999".parse().unwrap();
    let ints =
        Array::new(ValueKind::I32, vec![1.into(), Value::Null(ValueKind::I32), i32::MIN.into()]);
    let square = Array {
        element: ValueKind::Text,
        dimensions: vec![(0, 2), (-5, 2)],
        values: ["a", "", "NULL", "{\"}"].map(text).to_vec(),
    };
    let round_trips = vec![
        RoundTrip::same("boolean", true),
        RoundTrip::same("boolean", false),
        RoundTrip::same("smallint", i16::MIN),
        RoundTrip::same("integer", i32::MAX),
        RoundTrip::same("bigint", i64::MIN),
        RoundTrip::same("bigint", i64::MAX),
        RoundTrip::changed("bigint", 7_i16, 7_i64),
        RoundTrip::changed("smallint", 7_i64, 7_i16),
        RoundTrip::changed("numeric", u64::MAX, decimal("18446744073709551615")),
        RoundTrip::same("real", 1.5_f32),
        RoundTrip::same("double precision", 0.1_f64),
        RoundTrip::same("double precision", -0.0_f64),
        RoundTrip::same("double precision", f64::MAX),
        RoundTrip::same("double precision", f64::MIN_POSITIVE),
        RoundTrip::same("double precision", f64::INFINITY),
        RoundTrip::same("numeric", decimal("-12345678901234567890.123456789000")),
        RoundTrip::same("numeric", decimal("0.00")),
        RoundTrip::same("text", text("")),
        RoundTrip::same("text", text("Grüße, 世界 🌍 e\u{301}")),
        RoundTrip::same("varchar(20)", text("varying")),
        RoundTrip::same("bytea", Value::Bytes(vec![].into())),
        RoundTrip::same("bytea", Value::Bytes(vec![0, 255, 0, 1].into())),
        RoundTrip::same("uuid", uuid),
        RoundTrip::same("json", json(r#"{"a": [1,2],  "a": 3}"#)),
        RoundTrip::same("jsonb", json(r#"{"a": [1, 2]}"#)),
        RoundTrip::same("date", date("2026-02-28")),
        RoundTrip::same("date", date("0001-01-01")),
        RoundTrip::same("time", time),
        RoundTrip::same("timestamp", timestamp("1999-12-31 23:59:59.5")),
        RoundTrip::same("timestamp", timestamp("0001-01-01 00:00:00.000001")),
        RoundTrip::changed(
            "timestamptz",
            instant("2026-11-21T05:30:00+05:30"),
            instant("2026-11-21T00:00:00Z"),
        ),
        RoundTrip::same("interval", interval),
        RoundTrip::same("interval", Interval::new(-13, 40, -1_000)),
        RoundTrip::same("integer[]", ints),
        RoundTrip::same("text[]", square),
        RoundTrip::same("uuid[]", Array::new(ValueKind::Uuid, vec![])),
        // Text goes into any type as a literal does.
        RoundTrip::changed("uuid", text("67e55044-10b1-426f-9247-bb680e5fe0c8"), uuid),
        RoundTrip::changed("numeric", text("1.50"), decimal("1.50")),
        RoundTrip::changed("date", text("infinity"), {
            let Value::Native(mut native) = native("date", "infinity") else { unreachable!() };
            native.bytes = Some(i32::MAX.to_be_bytes().to_vec().into());
            Value::Native(native)
        }),
        RoundTrip::changed("xml", text("<a/>"), native("xml", "<a/>")),
        // And a number into text as its notation.
        RoundTrip::changed("text", decimal("1.50"), text("1.50")),
    ];
    let tables = [
        "create table p (id bigint primary key, u text constraint p_u unique, n text not null, \
         c bigint constraint p_c check (c > 0), r bigint constraint p_r references p (id), \
         x int4range, constraint p_x exclude using gist (x with &&))",
        "insert into p values (1, 'one', 'x', 1, 1, '[1,5]')",
    ];
    let provoked = vec![
        Provoked::new(
            ErrorKind::UniqueViolation,
            &tables,
            "insert into p values (2, 'one', 'x', 1, null)",
        )
        .constraint("p_u"),
        Provoked::new(
            ErrorKind::NotNullViolation,
            &tables,
            "insert into p values (2, 'two', null, 1, null)",
        ),
        Provoked::new(
            ErrorKind::CheckViolation,
            &tables,
            "insert into p values (2, 'two', 'x', 0, null)",
        )
        .constraint("p_c"),
        Provoked::new(
            ErrorKind::ForeignKeyViolation,
            &tables,
            "insert into p values (2, 'two', 'x', 1, 99)",
        )
        .constraint("p_r"),
        Provoked::new(
            ErrorKind::ExclusionViolation,
            &tables,
            "insert into p values (2, 'two', 'x', 1, null, '[5,9]')",
        )
        .constraint("p_x"),
        Provoked::new(ErrorKind::Syntax, &[], "selekt 1"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select * from nowhere"),
        Provoked::new(ErrorKind::UndefinedObject, &tables, "select missing from p"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select no_such_function(1)"),
        Provoked::new(ErrorKind::DataOutOfRange, &[], "select 1 / 0"),
        Provoked::new(ErrorKind::DataOutOfRange, &[], "select 70000::int2"),
    ];
    Facts {
        bytes: "bytea".into(),
        round_trips,
        provoked,
        isolation: vec![
            IsolationLevel::ReadUncommitted,
            IsolationLevel::ReadCommitted,
            IsolationLevel::RepeatableRead,
            IsolationLevel::Serializable,
        ],
        ..Facts::default()
    }
}

fn nowhere() -> Arc<dyn Connector> {
    let url = "postgres://ada:canary@127.0.0.1:1/nowhere";
    Arc::new(PostgresConnector::new(PostgresOptions::from_url(url).unwrap()).unwrap())
}

/// A database of its own for each test.
struct Direct(Databases);

impl Target for Direct {
    fn facts(&self) -> Facts {
        facts()
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        let options = self.0.fresh("POSTGRES").await;
        Arc::new(PostgresConnector::new(options).unwrap())
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        nowhere()
    }
}

/// The same through pgbouncer, which gives each transaction another server connection.
struct Pooled(Databases);

impl Target for Pooled {
    fn facts(&self) -> Facts {
        Facts { empty_results_have_columns: false, ..facts() }
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        let options = self.0.fresh("PGBOUNCER").await;
        Arc::new(
            PostgresConnector::new(options.pooler(wellspring_postgres::Pooler::Transaction))
                .unwrap(),
        )
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        nowhere()
    }
}

mod direct {
    use super::{Databases, Direct};
    wellspring_conformance::suite!(Direct(Databases::default()));
}

mod through_pgbouncer {
    use super::{Databases, Pooled};
    wellspring_conformance::suite!(Pooled(Databases::default()));
}
