//! The contract suite, for files and for memory databases.

use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use wellspring_conformance::{Facts, Provoked, RoundTrip, Target};
use wellspring_connector::{
    Connector, Date, Echo, EchoConnector, ErrorKind, Interval, Time, Timestamp, TimestampTz, Uuid,
    Value,
};
use wellspring_sqlite::{SqliteConnector, SqliteOptions};

fn facts() -> Facts {
    let text = |s: &str| Value::Text(s.into());
    let date: Date = "2026-02-28".parse().unwrap();
    let time: Time = "23:59:59.999999999".parse().unwrap();
    let timestamp: Timestamp = "1999-12-31 23:59:59.5".parse().unwrap();
    let instant: TimestampTz = "2026-11-21T05:30:00+05:30".parse().unwrap();
    let interval: Interval = "P1Y2M3DT4H5M6.007S".parse().unwrap();
    let uuid: Uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
    let decimal: wellspring_connector::Decimal =
        "-12345678901234567890.123456789000".parse().unwrap();
    let round_trips = vec![
        RoundTrip::same("integer", 0_i64),
        RoundTrip::same("integer", i64::MIN),
        RoundTrip::same("integer", i64::MAX),
        RoundTrip::changed("integer", i16::MIN, i64::from(i16::MIN)),
        RoundTrip::changed("integer", i32::MAX, i64::from(i32::MAX)),
        RoundTrip::changed("integer", u64::from(u32::MAX), i64::from(u32::MAX)),
        RoundTrip::changed("integer", true, 1_i64),
        RoundTrip::changed("integer", false, 0_i64),
        RoundTrip::same("real", 0.1_f64),
        RoundTrip::same("real", -0.0_f64),
        RoundTrip::same("real", f64::MAX),
        RoundTrip::same("real", f64::MIN_POSITIVE),
        RoundTrip::same("real", f64::INFINITY),
        RoundTrip::changed("real", 1.5_f32, 1.5_f64),
        RoundTrip::same("text", text("")),
        RoundTrip::same("text", text("Grüße, 世界 🌍 e\u{301}")),
        RoundTrip::same("text", text("with a \0 in it")),
        RoundTrip::same("blob", Value::Bytes(vec![].into())),
        RoundTrip::same("blob", Value::Bytes(vec![0, 255, 0, 1].into())),
        RoundTrip::changed("blob", uuid, Value::Bytes(uuid.as_bytes().to_vec().into())),
        RoundTrip::changed("text", decimal.clone(), text(&decimal.to_string())),
        RoundTrip::changed("text", date, text("2026-02-28")),
        RoundTrip::changed("text", time, text("23:59:59.999999999")),
        RoundTrip::changed("text", timestamp, text("1999-12-31 23:59:59.5")),
        RoundTrip::changed("text", instant, text("2026-11-21T00:00:00Z")),
        RoundTrip::changed("text", interval, text(&interval.to_string())),
        RoundTrip::changed("text", Value::Json(r#"{"a": [1,2]}"#.into()), text(r#"{"a": [1,2]}"#)),
    ];
    let tables = [
        "create table p (id integer primary key, u text unique, n text not null, \
         c integer check (c > 0), r integer references p (id)) strict",
        "insert into p values (1, 'one', 'x', 1, 1)",
    ];
    let provoked = vec![
        Provoked::new(
            ErrorKind::UniqueViolation,
            &tables,
            "insert into p values (2, 'one', 'x', 1, null)",
        )
        .constraint("p.u"),
        Provoked::new(
            ErrorKind::UniqueViolation,
            &tables,
            "insert into p values (1, 'two', 'x', 1, null)",
        )
        .constraint("p.id"),
        Provoked::new(
            ErrorKind::NotNullViolation,
            &tables,
            "insert into p values (2, 'two', null, 1, null)",
        )
        .constraint("p.n"),
        Provoked::new(
            ErrorKind::CheckViolation,
            &tables,
            "insert into p values (2, 'two', 'x', 0, null)",
        )
        .constraint("c > 0"),
        Provoked::new(
            ErrorKind::ForeignKeyViolation,
            &tables,
            "insert into p values (2, 'two', 'x', 1, 99)",
        ),
        Provoked::new(
            ErrorKind::DataOutOfRange,
            &tables,
            "insert into p values (2, 'two', 'x', 'no number', null)",
        ),
        Provoked::new(ErrorKind::Syntax, &[], "selekt 1"),
        Provoked::new(ErrorKind::Syntax, &[], "select (1"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select * from nowhere"),
        Provoked::new(ErrorKind::UndefinedObject, &tables, "select missing from p"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select no_such_function(1)"),
        Provoked::new(ErrorKind::DataOutOfRange, &[], "select abs(-9223372036854775808)"),
        Provoked::new(ErrorKind::DataOutOfRange, &[], "select zeroblob(2147483647)"),
    ];
    Facts { integer: "integer".into(), round_trips, provoked, ..Facts::default() }
}

fn nowhere() -> Arc<dyn Connector> {
    Arc::new(SqliteConnector::new(SqliteOptions::file("no/such/directory/x.db")).unwrap())
}

#[derive(Default)]
struct Files(Mutex<Vec<TempDir>>);

impl Target for Files {
    fn facts(&self) -> Facts {
        facts()
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions::file(dir.path().join("test.db"));
        self.0.lock().unwrap().push(dir);
        Arc::new(SqliteConnector::new(options).unwrap())
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        nowhere()
    }
}

struct Memory;

impl Target for Memory {
    fn facts(&self) -> Facts {
        facts()
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        Arc::new(SqliteConnector::new(SqliteOptions::memory()).unwrap())
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        nowhere()
    }
}

/// A connection that logs keeps the contract as the one in it does.
struct Logged;

impl Target for Logged {
    fn facts(&self) -> Facts {
        facts()
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        wellspring_testkit::logs::keep("wellspring::statement");
        EchoConnector::new(Memory.fresh().await, "logged", Echo::Trace)
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        EchoConnector::new(nowhere(), "logged", Echo::Trace)
    }
}

mod file {
    use super::Files;
    wellspring_conformance::suite!(Files::default());
}

mod memory {
    use super::Memory;
    wellspring_conformance::suite!(Memory);
}

mod logged {
    use super::Logged;
    wellspring_conformance::suite!(Logged);
}
