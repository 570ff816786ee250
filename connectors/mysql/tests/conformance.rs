//! The contract suite against real servers: MySQL and MariaDB.

#[path = "suite/databases.rs"]
mod databases;

use std::sync::Arc;

use databases::Databases;
use wellspring_conformance::{Facts, Provoked, RoundTrip, Target};
use wellspring_connector::{
    Connector, Date, Decimal, ErrorKind, Interval, IsolationLevel, Time, Timestamp, TimestampTz,
    Uuid, Value,
};
use wellspring_mysql::{MySqlConnector, MySqlOptions};
use wellspring_testkit::servers::Kind;

/// A table of the ten digits.
fn digits() -> String {
    let rows: Vec<String> = (1..10).map(|d| format!(" union all select {d}")).collect();
    format!("(select 0 as d{})", rows.concat())
}

fn facts(kind: Kind) -> Facts {
    let text = |s: &str| Value::Text(s.into());
    let json = |s: &str| Value::Json(s.into());
    let decimal = |s: &str| s.parse::<Decimal>().unwrap();
    let date = |s: &str| s.parse::<Date>().unwrap();
    let timestamp = |s: &str| s.parse::<Timestamp>().unwrap();
    let instant = |s: &str| s.parse::<TimestampTz>().unwrap();
    let uuid: Uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
    let time: Time = "23:59:59.999999".parse().unwrap();
    let span = |nanos: i64| Interval::new(0, 0, nanos);
    let hour = 3_600_000_000_000_i64;
    let mut round_trips = vec![
        RoundTrip::same("tinyint", i16::from(i8::MIN)),
        RoundTrip::same("tinyint unsigned", 255_i16),
        RoundTrip::same("smallint", i16::MIN),
        RoundTrip::same("smallint unsigned", 65_535_i32),
        RoundTrip::same("mediumint", -8_388_608_i32),
        RoundTrip::same("int", i32::MIN),
        RoundTrip::same("int unsigned", i64::from(u32::MAX)),
        RoundTrip::same("bigint", i64::MIN),
        RoundTrip::same("bigint", i64::MAX),
        RoundTrip::same("bigint unsigned", u64::MAX),
        RoundTrip::changed("tinyint(1)", true, 1_i16),
        RoundTrip::same("bit(1)", true),
        RoundTrip::same("bit(1)", false),
        RoundTrip::changed("bit(12)", 2_748_i64, Value::Bytes(vec![0x0a, 0xbc].into())),
        RoundTrip::same("year", 2_026_i16),
        RoundTrip::same("float", 1.5_f32),
        RoundTrip::same("double", 0.1_f64),
        RoundTrip::same("double", f64::MAX),
        RoundTrip::same("double", f64::MIN_POSITIVE),
        RoundTrip::same("decimal(50,12)", decimal("-12345678901234567890.123456789000")),
        RoundTrip::same("decimal(10,2)", decimal("0.00")),
        RoundTrip::same("longtext", text("")),
        RoundTrip::same("longtext", text("Grüße, 世界 🌍 e\u{301}")),
        RoundTrip::same("longtext", text("with a \0 in it")),
        RoundTrip::same("varchar(20)", text("varying")),
        RoundTrip::same("enum('sad', 'glad')", text("glad")),
        RoundTrip::same("set('a', 'b')", text("a,b")),
        RoundTrip::same("longblob", Value::Bytes(vec![].into())),
        RoundTrip::same("longblob", Value::Bytes(vec![0, 255, 0, 1].into())),
        RoundTrip::changed("binary(16)", uuid, Value::Bytes(uuid.as_bytes().to_vec().into())),
        RoundTrip::same("date", date("2026-02-28")),
        RoundTrip::same("date", date("0001-01-01")),
        RoundTrip::same("datetime(6)", timestamp("1999-12-31 23:59:59.5")),
        RoundTrip::same("datetime(6)", timestamp("9999-12-31 23:59:59.999999")),
        RoundTrip::changed(
            "timestamp(6) null",
            instant("2026-11-21T05:30:00.000001+05:30"),
            instant("2026-11-21T00:00:00.000001Z"),
        ),
        RoundTrip::changed("time(6)", time, span(24 * hour - 1_000)),
        RoundTrip::same("time(6)", span(-838 * hour)),
        RoundTrip::same("time(6)", span(1_000)),
    ];
    round_trips.push(match kind {
        Kind::MariaDb => {
            RoundTrip::changed("json", json(r#"{"a": [1, 2]}"#), text(r#"{"a": [1, 2]}"#))
        }
        _ => RoundTrip::same("json", json(r#"{"a": [1, 2]}"#)),
    });
    let tables = [
        "create table p (id bigint primary key, u varchar(20), n text not null, c bigint, r bigint, \
         constraint p_u unique (u), constraint p_c check (c > 0), \
         constraint p_r foreign key (r) references p (id))",
        "insert into p values (1, 'one', 'x', 1, 1)",
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
        Provoked::new(ErrorKind::Syntax, &[], "selekt 1"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select * from nowhere"),
        Provoked::new(ErrorKind::UndefinedObject, &tables, "select missing from p"),
        Provoked::new(ErrorKind::UndefinedObject, &[], "select no_such_function(1)"),
        Provoked::new(
            ErrorKind::DataOutOfRange,
            &["create table o (s smallint)"],
            "insert into o values (70000)",
        ),
        Provoked::new(ErrorKind::DataOutOfRange, &[], "select 9223372036854775807 + 1"),
    ];
    let digits = digits();
    Facts {
        text: "longtext".into(),
        bytes: "longblob".into(),
        numbers: format!(
            "select i from (select a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 1 as i \
             from {digits} a, {digits} b, {digits} c, {digits} e, {digits} f) n where i <= {{n}} \
             order by i"
        ),
        endless: "select 1 from (select 1) x where benchmark(1000000000000, sha2('x', 256)) = 1"
            .into(),
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

/// A database of its own for each test.
struct Server(Kind, Databases);

impl Server {
    fn on(kind: Kind) -> Self {
        Self(kind, Databases::on(kind))
    }
}

impl Target for Server {
    fn facts(&self) -> Facts {
        facts(self.0)
    }

    async fn fresh(&self) -> Arc<dyn Connector> {
        Arc::new(MySqlConnector::new(self.1.fresh().await).unwrap())
    }

    fn unreachable(&self) -> Arc<dyn Connector> {
        let url = "mysql://ada:canary@127.0.0.1:1/nowhere";
        Arc::new(MySqlConnector::new(MySqlOptions::from_url(url).unwrap()).unwrap())
    }
}

mod mysql {
    use super::{Kind, Server};
    wellspring_conformance::suite!(Server::on(Kind::MySql));
}

mod mariadb {
    use super::{Kind, Server};
    wellspring_conformance::suite!(Server::on(Kind::MariaDb));
}
