//! Random values both ways, and the table in the book.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wellspring_connector::{
    Command, Date, Decimal, Interval, Row, Time, Timestamp, TimestampTz, Uuid, Value, ValueKind,
};

use crate::support::{Conn, exec, memory};

fn date() -> impl Strategy<Value = Date> {
    (1_i32..=9_999, 1_u8..=12, 1_u8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
}

fn time() -> impl Strategy<Value = Time> {
    (0_u64..86_400_000_000_000).prop_map(|nanos| Time::from_nanos_of_day(nanos).unwrap())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (date(), time()).prop_map(|(date, time)| Timestamp::new(date, time))
}

/// Random values of each kind the table in the book names.
fn of_kind(kind: &str) -> BoxedStrategy<Value> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    match kind {
        "Bool" => any::<bool>().prop_map(Value::Bool).boxed(),
        "I16" => any::<i16>().prop_map(Value::I16).boxed(),
        "I32" => any::<i32>().prop_map(Value::I32).boxed(),
        "I64" => any::<i64>().prop_map(Value::I64).boxed(),
        "U64" => (0..=i64::MAX as u64).prop_map(Value::U64).boxed(),
        "F32" => (proptest::num::f32::ANY.prop_filter("NaN is refused", |v| !v.is_nan()))
            .prop_map(Value::F32)
            .boxed(),
        "F64" => (proptest::num::f64::ANY.prop_filter("NaN is refused", |v| !v.is_nan()))
            .prop_map(Value::F64)
            .boxed(),
        "Decimal" => "-?[1-9][0-9]{0,40}(\\.[0-9]{1,40})?"
            .prop_map(|text| Value::Decimal(text.parse::<Decimal>().unwrap()))
            .boxed(),
        "Text" => any::<String>().prop_map(|text| Value::Text(text.into())).boxed(),
        "Bytes" => bytes.prop_map(|v| Value::Bytes(v.into())).boxed(),
        "Uuid" => any::<[u8; 16]>().prop_map(|v| Value::Uuid(Uuid(v))).boxed(),
        "Json" => "\\{\"[a-z]{0,9}\": (null|[1-9][0-9]{0,20}|\"[^\"\\\\[:cntrl:]]*\")\\}"
            .prop_map(|text| Value::Json(text.into()))
            .boxed(),
        "Date" => date().prop_map(Value::Date).boxed(),
        "Time" => time().prop_map(Value::Time).boxed(),
        "Timestamp" => timestamp().prop_map(Value::Timestamp).boxed(),
        "TimestampTz" => {
            timestamp().prop_map(|t| Value::TimestampTz(TimestampTz::from_utc(t))).boxed()
        }
        "Interval" => (-9_999_i32..9_999, -9_999_i32..9_999, any::<i32>())
            .prop_map(|(m, d, n)| Value::Interval(Interval::new(m, d, i64::from(n) * 1_000)))
            .boxed(),
        kind => panic!("the table has a kind that nobody tests: {kind}"),
    }
}

/// The value read back by asking for what was put in; digits and bits are compared, too.
fn read_back(row: &Row, like: &Value) -> String {
    fn of<'r, T: wellspring_connector::FromValue<'r> + Into<Value>>(row: &'r Row) -> Value {
        row.try_get::<T>("v").unwrap().into()
    }
    let back = match like.kind() {
        ValueKind::Bool => of::<bool>(row),
        ValueKind::I16 => of::<i16>(row),
        ValueKind::I32 => of::<i32>(row),
        ValueKind::I64 => of::<i64>(row),
        ValueKind::U64 => of::<u64>(row),
        ValueKind::F32 => of::<f32>(row),
        ValueKind::F64 => of::<f64>(row),
        ValueKind::Decimal => of::<Decimal>(row),
        ValueKind::Text => of::<String>(row),
        ValueKind::Json => Value::Json(row.try_get::<String>("v").unwrap().into()),
        ValueKind::Bytes => Value::Bytes(row.try_get::<Vec<u8>>("v").unwrap().into()),
        ValueKind::Uuid => of::<Uuid>(row),
        ValueKind::Date => of::<Date>(row),
        ValueKind::Time => of::<Time>(row),
        ValueKind::Timestamp => of::<Timestamp>(row),
        ValueKind::TimestampTz => of::<TimestampTz>(row),
        ValueKind::Interval => of::<Interval>(row),
        kind => panic!("nobody reads {kind}"),
    };
    shown(&back)
}

fn shown(value: &Value) -> String {
    match value {
        Value::F32(v) => format!("{:x}", v.to_bits()),
        Value::F64(v) => format!("{:x}", v.to_bits()),
        value => format!("{value:?}"),
    }
}

async fn back(c: &mut Conn, value: &Value) -> Row {
    exec(c, "delete from r", &[]).await.unwrap();
    exec(c, "insert into r values (?1)", std::slice::from_ref(value)).await.unwrap();
    let mut rows = c.query(Command::new("select v, typeof(v) as t from r", &[])).await.unwrap();
    rows.next().await.unwrap().expect("one row")
}

/// Each line of the table: how the kind is stored, what it is decoded as, and that a hundred random
/// values of it come back as they went.
#[tokio::test]
async fn the_table_in_the_book_is_true_and_loses_nothing() {
    let mut c = memory().await;
    exec(&mut c, "create table r (v)", &[]).await.unwrap();
    let book = include_str!("../../../../docs/src/values.md");
    let chapter = book.split("\n## SQLite\n").nth(1).expect("the chapter is there");
    let chapter = chapter.split("\n## ").next().expect("it has an end");
    let mut kinds = 0;
    for line in chapter.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells[1].contains("refused, `Unsupported`") {
            continue; // has a test of its own
        }
        let stored = cells[1].split([' ', ',', ';']).next().expect("a word");
        let decoded = cells[2].trim_matches('`');
        for kind in cells[0].split(", ").map(|kind| kind.trim_matches('`')) {
            let strategy = of_kind(kind);
            let mut runner = TestRunner::deterministic();
            for _ in 0..100 {
                let value = strategy.new_tree(&mut runner).expect("a value").current();
                let row = back(&mut c, &value).await;
                assert_eq!(row.try_get::<&str>("t").unwrap(), stored, "{value:?}");
                let found = row.try_get::<Value>("v").unwrap();
                assert_eq!(format!("{:?}", found.kind()), decoded, "{value:?}");
                assert_eq!(read_back(&row, &value), shown(&value));
            }
            kinds += 1;
        }
    }
    assert!(kinds >= 16, "{kinds} kinds were found");
}
