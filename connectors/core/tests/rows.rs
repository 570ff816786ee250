//! Rows as serde types: structs by name, tuples by position, single values, exact conversions.

use std::collections::BTreeMap;

use serde::Deserialize;
use wellspring_connector::{
    Column, Date, Decimal, Error, ErrorKind, FromRow, Native, Row, Uuid, Value, ValueBatch,
    ValueKind,
};

/// A row of these columns: name and value.
fn row<const N: usize>(columns: [(&str, Value); N]) -> Row {
    let names = columns.iter().map(|(name, value)| {
        let kind = value.kind();
        let native = if kind == ValueKind::Unknown { String::new() } else { format!("{kind}_t") };
        Column::new(*name, kind, native)
    });
    let names: Vec<Column> = names.collect();
    let values = columns.map(|(_, value)| value).to_vec();
    ValueBatch::new(names, vec![values]).unwrap().row(0).unwrap()
}

fn refusal<T: FromRow>(row: &Row) -> Error {
    match T::from_row(row) {
        Ok(_) => panic!("{row:?} became a {}", std::any::type_name::<T>()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            error
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mood {
    Happy,
    VerySad,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Id(i64);

#[derive(Debug, PartialEq, Deserialize)]
struct User {
    id: Id,
    name: String,
    born: Option<Date>,
    balance: Decimal,
    mood: Mood,
    key: Uuid,
    #[serde(default)]
    tags: Vec<String>,
}

fn user() -> Row {
    row([
        ("unknown", 1_i64.into()),
        ("NAME", "Ada".into()),
        ("id", 7_i16.into()),
        ("born", None::<Date>.into()),
        ("balance", Decimal::new(150, 2).into()),
        ("mood", "very_sad".into()),
        ("key", Uuid::NIL.into()),
        ("tags", vec!["a", "b"].into()),
    ])
}

#[test]
fn structs_take_their_columns_by_name() {
    let expected = User {
        id: Id(7),
        name: "Ada".into(),
        born: None,
        balance: Decimal::new(150, 2),
        mood: Mood::VerySad,
        key: Uuid::NIL,
        tags: vec!["a".into(), "b".into()],
    };
    assert_eq!(User::from_row(&user()).unwrap(), expected);
    let error = refusal::<User>(&row([("id", 1.into())]));
    assert!(error.to_string().contains("missing field `name`"), "{error}");
}

#[test]
fn an_exact_name_comes_before_another_spelling_and_the_first_before_the_second() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct A {
        a: i64,
    }
    for columns in [
        row([("A", 2.into()), ("a", 1.into())]),
        row([("a", 1.into()), ("A", 2.into())]),
        row([("a", 1.into()), ("a", 2.into())]),
        row([("A", 1.into()), ("A", 2.into())]),
    ] {
        assert_eq!(A::from_row(&columns).unwrap(), A { a: 1 }, "{columns:?}");
        // The same rule as for one column by name.
        assert_eq!(columns.try_get::<i64>("a").unwrap(), 1);
    }
    let error = refusal::<A>(&row([("a", 1.into()), ("b", 2.into())]));
    assert!(error.to_string().contains("unknown field `b`"), "{error}");

    #[derive(Debug, PartialEq, Deserialize)]
    struct Two {
        a: i64,
        #[serde(rename = "A")]
        upper: i64,
    }
    let two = Two::from_row(&row([("A", 2.into()), ("a", 1.into())])).unwrap();
    assert_eq!(two, Two { a: 1, upper: 2 });
}

#[test]
fn large_flattened_and_borrowed_structs_work() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        id: i64,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    }
    let columns = row([("id", 1.into()), ("x", "y".into()), ("x", "z".into())]);
    let outer = Outer::from_row(&columns).unwrap();
    assert_eq!(outer, Outer { id: 1, rest: [("x".into(), "y".into())].into() });

    #[derive(Debug, Deserialize)]
    struct Borrowed<'a> {
        name: &'a str,
        data: &'a [u8],
    }
    let columns = row([("name", "Ada".into()), ("data", b"ab".into())]);
    let borrowed: Borrowed<'_> = columns.deserialize().unwrap();
    assert_eq!((borrowed.name, borrowed.data), ("Ada", &b"ab"[..]));
}

#[test]
fn tuples_and_sequences_go_by_position() {
    let columns = row([("a", 1.into()), ("b", "x".into()), ("c", None::<f64>.into())]);
    let tuple = <(i64, String, Option<f64>)>::from_row(&columns).unwrap();
    assert_eq!(tuple, (1, "x".into(), None));
    let error = refusal::<(i64, String)>(&columns);
    assert!(error.to_string().ends_with("2 columns were asked for, and the row has 3"), "{error}");
    refusal::<(i64, String, Option<f64>, i64)>(&columns);
    let numbers = row([("a", 1.into()), ("b", 2_i64.into())]);
    assert_eq!(Vec::<i64>::from_row(&numbers).unwrap(), [1, 2]);
    assert_eq!(<[u8; 2]>::from_row(&numbers).unwrap(), [1, 2]);
    let map = BTreeMap::<String, i64>::from_row(&numbers).unwrap();
    assert_eq!(map, [("a".into(), 1), ("b".into(), 2)].into());
    assert_eq!(Row::from_row(&numbers).unwrap().len(), 2);
    <()>::from_row(&numbers).unwrap();
}

#[test]
fn a_single_value_wants_a_single_column() {
    let one = row([("n", 7.into())]);
    assert_eq!(i64::from_row(&one).unwrap(), 7);
    assert_eq!(Id::from_row(&one).unwrap(), Id(7));
    assert_eq!(Option::<i64>::from_row(&one).unwrap(), Some(7));
    assert_eq!(Value::from_row(&one).unwrap(), Value::I32(7));
    assert_eq!(<(i64,)>::from_row(&one).unwrap(), (7,));
    let null = row([("n", None::<i64>.into())]);
    assert_eq!(Option::<i64>::from_row(&null).unwrap(), None);
    let decimal = row([("d", Decimal::new(150, 2).into())]);
    assert_eq!(Decimal::from_row(&decimal).unwrap().to_string(), "1.50");
    assert_eq!(Decimal::from_row(&one).unwrap(), Decimal::new(7, 0));
    assert_eq!(serde_json::Value::from_row(&one).unwrap(), serde_json::json!(7));
    assert_eq!(Mood::from_row(&row([("m", "happy".into())])).unwrap(), Mood::Happy);
    let native = Native { type_name: "mood".into(), text: Some("happy".into()), bytes: None };
    assert_eq!(Mood::from_row(&row([("m", native.into())])).unwrap(), Mood::Happy);
    assert_eq!(char::from_row(&row([("c", "é".into())])).unwrap(), 'é');
    assert_eq!(Vec::<u8>::from_row(&row([("b", b"ab".into())])).unwrap(), b"ab");
    let array = row([("a", vec![Some(1_i64), None].into())]);
    assert_eq!(Vec::<Option<i16>>::from_row(&array).unwrap(), [Some(1), None]);
    assert_eq!(<(Vec<Option<i64>>,)>::from_row(&array).unwrap().0.len(), 2);

    let two = row([("a", 1.into()), ("b", 2.into())]);
    let document = serde_json::Value::from_row(&two).unwrap();
    assert_eq!(document, serde_json::json!({"a": 1, "b": 2}));
    let expected = "a single value was asked for, and the row has 2 columns: a, b";
    assert_eq!(refusal::<i64>(&two).to_string(), expected);
    assert_eq!(refusal::<Value>(&two).to_string(), expected);
}

#[test]
fn errors_name_the_column_its_type_and_the_target() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Small {
        n: u8,
    }
    let columns = row([("x", 1.into()), ("n", 300_i64.into())]);
    let error = refusal::<Small>(&columns);
    assert_eq!(error.column(), Some("n"));
    let expected = "column 1 `n`: i64 (declared i64_t) as u8: 300 is out of the range of u8";
    assert_eq!(error.to_string(), expected);
    // Word for word what reading the column says.
    assert_eq!(columns.try_get::<u8>("n").unwrap_err().to_string(), expected);

    for (value, refused, reason) in [
        (Value::from("1"), refusal::<i64> as fn(&Row) -> Error, "text does not convert to i64"),
        (Value::from(1.5), refusal::<i64>, "f64 does not convert to i64"),
        (Value::from(1.0), refusal::<Decimal>, "invalid type: floating point"),
        (Value::from(None::<i64>), refusal::<i64>, "null needs an `Option`"),
        (Value::from("angry"), refusal::<Mood>, "unknown variant `angry`"),
        (Value::from(1), refusal::<String>, "i32 does not convert to text"),
        (Value::from("2024-02-30"), refusal::<Date>, "day 30 is not within 1 to 29"),
        (Value::from("x"), refusal::<(User,)>, "text does not convert to a map or struct"),
        (Value::from(vec!["x"]), refusal::<Vec<i64>>, "invalid type: string"),
        (Value::from(vec![300_i64]), refusal::<Vec<u8>>, "300 is out of the range of u8"),
    ] {
        let error = refused(&row([("c", value)]));
        assert_eq!(error.column(), Some("c"));
        let message = error.to_string();
        assert!(message.starts_with("column 0 `c`: "), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}
