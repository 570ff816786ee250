//! Which value becomes which type: the whole table, exact or refused.

use std::fmt::Debug;

use wellspring_connector::{
    Array, Date, Decimal, FromValue, Interval, Native, Time, Timestamp, TimestampTz, Uuid, Value,
    ValueKind, ValueRef,
};

/// `value` as a `T`: its `Debug`, or `-` when refused.
fn read<T: for<'r> FromValue<'r> + Debug>(value: &Value) -> String {
    T::from_value(value.as_ref()).map_or("-".to_owned(), |v| format!("{v:?}"))
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn native(text: Option<&str>) -> Value {
    Value::from(Native { type_name: "mood".into(), text: text.map(Into::into), bytes: None })
}

/// The table: for each value what it is as each of the types.
macro_rules! table {
    ($($type:ty),*; $($value:expr => $($expected:literal)*;)*) => {
        let readers: &[fn(&Value) -> String] = &[$(read::<$type>),*];
        let types = stringify!($($type),*);
        for (value, expected) in [$(($value, vec![$($expected),*])),*] {
            let found: Vec<String> = readers.iter().map(|read| read(&value)).collect();
            assert_eq!(found, expected, "{value:?} as {types}");
        }
    };
}

#[test]
fn numbers() {
    table! {
        i16, i64, u8, u64, f32, f64, bool;
        Value::I16(0) => "0" "0" "0" "0" "0.0" "0.0" "false";
        Value::I32(1) => "1" "1" "1" "1" "1.0" "1.0" "true";
        Value::I64(-1) => "-1" "-1" "-" "-" "-1.0" "-1.0" "-";
        Value::I64(256) => "256" "256" "-" "256" "256.0" "256.0" "-";
        Value::I64(40_000) => "-" "40000" "-" "40000" "40000.0" "40000.0" "-";
        Value::I64(1 << 24 | 1) => "-" "16777217" "-" "16777217" "-" "16777217.0" "-";
        Value::I64(1 << 53 | 1) => "-" "9007199254740993" "-" "9007199254740993" "-" "-" "-";
        Value::I64(i64::MAX) => "-" "9223372036854775807" "-" "9223372036854775807" "-" "-" "-";
        Value::U64(1 << 63) => "-" "-" "-" "9223372036854775808" "9.223372e18" "9.223372036854776e18" "-";
        Value::U64(u64::MAX) => "-" "-" "-" "18446744073709551615" "-" "-" "-";
        Value::Bool(true) => "-" "-" "-" "-" "-" "-" "true";
        Value::F32(0.5) => "-" "-" "-" "-" "0.5" "0.5" "-";
        Value::F64(0.5) => "-" "-" "-" "-" "0.5" "0.5" "-";
        Value::F64(0.1) => "-" "-" "-" "-" "-" "0.1" "-";
        Value::F64(1.0) => "-" "-" "-" "-" "1.0" "1.0" "-";
        Value::F64(f64::NAN) => "-" "-" "-" "-" "NaN" "NaN" "-";
        Value::F64(1e300) => "-" "-" "-" "-" "-" "1e300" "-";
        Value::Decimal(Decimal::new(1200, 2)) => "12" "12" "12" "12" "-" "-" "-";
        Value::Decimal(Decimal::new(125, 1)) => "-" "-" "-" "-" "-" "-" "-";
        Value::Decimal("1e30".parse().unwrap()) => "-" "-" "-" "-" "-" "-" "-";
        text("1") => "-" "-" "-" "-" "-" "-" "-";
        Value::Null(ValueKind::I64) => "-" "-" "-" "-" "-" "-" "-";
    }
}

#[test]
fn everything_else() {
    let at: Timestamp = "2024-02-29T08:30:00".parse().unwrap();
    let midnight = Timestamp::new(at.date(), Time::MIDNIGHT);
    let id = Uuid::from_bytes(*b"0123456789abcdef");
    table! {
        Decimal, Uuid, String, Vec<u8>;
        Value::I16(7) => "Decimal(7)" "-" "-" "-";
        Value::U64(u64::MAX) => "Decimal(18446744073709551615)" "-" "-" "-";
        Value::F64(1.0) => "-" "-" "-" "-";
        Value::Decimal(Decimal::new(150, 2)) => "Decimal(1.50)" "-" "\"1.50\"" "-";
        text("1.50") => "Decimal(1.50)" "-" "\"1.50\"" "-";
        text("x") => "-" "-" "\"x\"" "-";
        Value::Json("{}".into()) => "-" "-" "\"{}\"" "-";
        Value::from(b"ab") => "-" "-" "-" "[97, 98]";
        Value::Uuid(id) => "-" "Uuid(30313233-3435-3637-3839-616263646566)" "\"30313233-3435-3637-3839-616263646566\"" "-";
        Value::from(id.as_bytes()) => "-" "Uuid(30313233-3435-3637-3839-616263646566)" "-" "[48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102]";
        text("{30313233-3435-3637-3839-616263646566}") => "-" "Uuid(30313233-3435-3637-3839-616263646566)" "\"{30313233-3435-3637-3839-616263646566}\"" "-";
        native(Some("happy")) => "-" "-" "\"happy\"" "-";
        native(None) => "-" "-" "-" "-";
        Value::Bool(true) => "-" "-" "-" "-";
    }
    macro_rules! ok {
        ($($value:expr => $type:ty, $expected:expr;)*) => {$(
            assert_eq!(<$type>::from_value(Value::from($value).as_ref()), Ok($expected));
        )*};
    }
    ok! {
        at.date() => Date, at.date();
        midnight => Date, at.date();
        "2024-02-29" => Date, at.date();
        at.time() => Time, at.time();
        Interval::new(0, 0, 30_600_000_000_000) => Time, at.time();
        "08:30" => Time, at.time();
        at => Timestamp, at;
        "2024-02-29 08:30:00" => Timestamp, at;
        TimestampTz::from_utc(at) => TimestampTz, TimestampTz::from_utc(at);
        "2024-02-29 08:30:00Z" => TimestampTz, TimestampTz::from_utc(at);
        "P1D" => Interval, Interval::new(0, 1, 0);
        Interval::new(0, 1, 0) => Interval, Interval::new(0, 1, 0);
        at => String, "2024-02-29T08:30:00".to_owned();
    }
    for (value, refused) in [
        (Value::from(at), read::<Date>(&at.into())),
        (Value::from(at.date()), read::<Timestamp>(&at.date().into())),
        (Value::from(at), read::<TimestampTz>(&at.into())),
        (
            Value::from(TimestampTz::from_utc(at)),
            read::<Timestamp>(&TimestampTz::from_utc(at).into()),
        ),
        (text("2024-02-29 08:30:00"), read::<TimestampTz>(&text("2024-02-29 08:30:00"))),
        (text("x"), read::<Interval>(&text("x"))),
        (text("-1"), read::<Time>(&Interval::new(0, 0, -1).into())),
        (text("24h"), read::<Time>(&Interval::new(0, 0, 86_400_000_000_000).into())),
        (text("1d"), read::<Time>(&Interval::new(0, 1, 0).into())),
    ] {
        assert_eq!(refused, "-", "{value:?}");
    }
}

#[test]
fn nulls_need_an_option() {
    let null = Value::from(None::<i64>);
    assert_eq!(null, Value::Null(ValueKind::I64));
    assert_eq!(Option::<i64>::from_value(null.as_ref()), Ok(None));
    assert_eq!(Option::<String>::from_value(null.as_ref()), Ok(None));
    assert_eq!(Value::from_value(null.as_ref()), Ok(null.clone()));
    assert_eq!(ValueRef::from_value(null.as_ref()), Ok(ValueRef::Null(ValueKind::I64)));
    let error = i64::from_value(null.as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "null needs an `Option`");
    assert_eq!(Option::<i64>::from_value(Value::from(1).as_ref()), Ok(Some(1)));
}

#[test]
fn reasons_say_what_was_found() {
    for (value, reason) in [
        (Value::I64(300), "300 is out of the range of u8"),
        (Value::F64(1.0), "f64 does not convert to u8"),
        (Value::Decimal(Decimal::new(15, 1)), "1.5 has a fraction"),
        (text("hunter2"), "text does not convert to u8"),
    ] {
        assert_eq!(u8::from_value(value.as_ref()).unwrap_err().to_string(), reason);
    }
}

#[test]
fn arrays_convert_element_by_element() {
    let array = Value::from(vec![Some(1_i64), None]);
    assert_eq!(array.kind(), ValueKind::Array);
    assert_eq!(
        array,
        Value::from(Array::new(ValueKind::I64, vec![1_i64.into(), None::<i64>.into()]))
    );
    assert_eq!(Vec::<Option<i32>>::from_value(array.as_ref()), Ok(vec![Some(1), None]));
    let error = Vec::<i32>::from_value(array.as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "element 1: null needs an `Option`");
    let nested = Value::from(Array {
        element: ValueKind::I64,
        dimensions: vec![(1, 1), (1, 1)],
        values: vec![1_i64.into()],
    });
    assert!(Vec::<i64>::from_value(nested.as_ref()).is_err());
    assert!(Array::from_value(nested.as_ref()).is_ok());
    assert_eq!(Value::from(vec!["a"]).kind(), ValueKind::Array);
    // Bytes are not an array of small numbers.
    assert_eq!(Value::from(vec![1_u8]).kind(), ValueKind::Bytes);
}

#[test]
fn every_type_names_its_kind() {
    fn check<T: Into<Value> + wellspring_connector::HasKind>(value: T) {
        let value = value.into();
        assert_eq!(value.kind(), T::KIND, "{value:?}");
        assert!(!value.is_null());
    }
    check(true);
    check(1_i8);
    check(1_i16);
    check(1_i32);
    check(1_i64);
    check(1_isize);
    check(1_u8);
    check(1_u16);
    check(1_u32);
    check(1_u64);
    check(1_usize);
    check(1_i128);
    check(1.0_f32);
    check(1.0_f64);
    check("a");
    check(String::from("a"));
    check(Box::<str>::from("a"));
    check(std::sync::Arc::<str>::from("a"));
    check(std::borrow::Cow::Borrowed("a"));
    check(&b"a"[..]);
    check(*b"a");
    check(vec![1_u8]);
    check(bytes::Bytes::from_static(b"a"));
    check(Decimal::ZERO);
    check(Uuid::NIL);
    check(Date::MAX);
    check(Time::MIDNIGHT);
    check(Timestamp::new(Date::MAX, Time::MIDNIGHT));
    check(TimestampTz::from_utc(Timestamp::new(Date::MIN, Time::MIDNIGHT)));
    check(Interval::default());
    check(vec![1_i64]);
    check(vec![Some("a")]);
    check(Some(1_i64));
    check::<&i64>(&1);
    check::<&Uuid>(&Uuid::NIL);
}

#[test]
fn references_and_options_are_parameters() {
    use wellspring_connector::{IntoParams, Params};
    let (id, name, age) = (7_i64, String::from("Ada"), Some(36_u8));
    let expected = vec![Value::I64(7), "Ada".into(), Value::I16(36)];
    assert_eq!((&id, &name, &age).into_params(), Params::Positional(expected.clone()));
    assert_eq!((id, name.as_str(), age).into_params(), Params::Positional(expected));
    let ids = [1_i64, 2];
    let expected = Params::Positional(vec![1_i64.into(), 2_i64.into()]);
    assert_eq!(ids.into_params(), expected);
    assert_eq!((&ids).into_params(), expected);
    assert_eq!(ids[..].into_params(), expected);
    assert_eq!(ids.to_vec().into_params(), expected);
    assert_eq!((&ids.to_vec()).into_params(), expected);
    let many = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "p").into_params();
    assert_eq!(many.len(), 16);
}
