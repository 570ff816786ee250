//! The feature crates' types: there and back, and what does not fit.

#![allow(unused_imports, reason = "which tests there are depends on the features")]

use wellspring_connector::{
    Date, Decimal, FromValue, HasKind, Time, Timestamp, TimestampTz, Uuid, Value, ValueKind,
};

/// `native` becomes `value` and comes back.
#[allow(dead_code, reason = "without features there is nothing to check")]
fn both_ways<T>(native: T, value: &str)
where
    T: Into<Value> + HasKind + Clone + PartialEq + std::fmt::Debug + for<'r> FromValue<'r>,
{
    let converted: Value = native.clone().into();
    assert_eq!(converted.kind(), T::KIND);
    assert_eq!(String::from_value(converted.as_ref()).unwrap(), value);
    assert_eq!(T::from_value(converted.as_ref()).unwrap(), native);
    // Databases without the type keep the text.
    assert_eq!(T::from_value(Value::from(value).as_ref()).unwrap(), native);
}

#[cfg(feature = "chrono")]
#[test]
fn chrono_types() {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    both_ways("2024-02-29".parse::<NaiveDate>().unwrap(), "2024-02-29");
    both_ways("08:30:00.5".parse::<NaiveTime>().unwrap(), "08:30:00.5");
    both_ways("2024-02-29T08:30:00".parse::<NaiveDateTime>().unwrap(), "2024-02-29T08:30:00");
    both_ways("2024-02-29T08:30:00Z".parse::<DateTime<Utc>>().unwrap(), "2024-02-29T08:30:00Z");
    let offset = "2024-02-29T08:30:00-05:00";
    both_ways(offset.parse::<DateTime<FixedOffset>>().unwrap(), offset);
    both_ways(NaiveDate::MAX, "+262142-12-31");
    both_ways(NaiveDate::MIN, "-262143-01-01");
    assert!(NaiveDate::from_value(Value::from(Date::MAX).as_ref()).is_err());
    // A leap second is no time of day of a database: it must not be rounded silently.
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
    let Value::Native(native) = Value::from(leap) else { panic!("a leap second was rounded") };
    assert_eq!(native.text.as_deref(), Some("23:59:60.500"));
}

#[cfg(feature = "time")]
#[test]
fn time_types() {
    use time::{Date as D, Month, OffsetDateTime, PrimitiveDateTime, Time as T, UtcOffset};
    let date = D::from_calendar_date(2024, Month::February, 29).unwrap();
    let time = T::from_hms_nano(8, 30, 0, 500_000_000).unwrap();
    let offset = UtcOffset::from_hms(-5, -30, 0).unwrap();
    both_ways(date, "2024-02-29");
    both_ways(time, "08:30:00.5");
    both_ways(PrimitiveDateTime::new(date, time), "2024-02-29T08:30:00.5");
    let at = PrimitiveDateTime::new(date, time).assume_offset(offset);
    both_ways(at, "2024-02-29T08:30:00.5-05:30");
    // The ends of its range, with the widest offsets.
    for (end, hours) in [(PrimitiveDateTime::MAX, -25), (PrimitiveDateTime::MIN, 25)] {
        let at = end.assume_offset(UtcOffset::from_hms(hours, 0, 0).unwrap());
        let back = OffsetDateTime::from_value(Value::from(at).as_ref()).unwrap();
        assert_eq!(back, at);
    }
    assert!(D::from_value(Value::from(Date::MAX).as_ref()).is_err());
}

#[cfg(feature = "jiff")]
#[test]
fn jiff_types() {
    use jiff::{Timestamp as Instant, civil};
    both_ways(civil::date(2024, 2, 29), "2024-02-29");
    both_ways(civil::time(8, 30, 0, 500_000_000), "08:30:00.5");
    both_ways(civil::date(2024, 2, 29).at(8, 30, 0, 0), "2024-02-29T08:30:00");
    both_ways("2024-02-29T08:30:00Z".parse::<Instant>().unwrap(), "2024-02-29T08:30:00Z");
    both_ways("1969-12-31T23:59:59.5Z".parse::<Instant>().unwrap(), "1969-12-31T23:59:59.5Z");
    both_ways(civil::Date::MIN, "-9999-01-01");
    assert!(civil::Date::from_value(Value::from(Date::MAX).as_ref()).is_err());
}

#[cfg(feature = "uuid")]
#[test]
fn uuid_type() {
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    both_ways(id.parse::<uuid::Uuid>().unwrap(), id);
}

#[cfg(feature = "rust_decimal")]
#[test]
fn rust_decimal_type() {
    use rust_decimal::Decimal as D;
    for text in ["0.00", "-1.50", "79228162514264337593543950335", "0.0000000000000000000000000001"]
    {
        both_ways(text.parse::<D>().unwrap(), text);
    }
    for wide in ["79228162514264337593543950336", "0.00000000000000000000000000001", "1e40"] {
        let wide: Decimal = wide.parse().unwrap();
        assert!(D::from_value(Value::from(wide).as_ref()).is_err());
    }
}

#[cfg(feature = "bigdecimal")]
#[test]
fn bigdecimal_type() {
    use bigdecimal::BigDecimal;
    let long = format!("-{}.{}", "123456789".repeat(9), "987654321".repeat(9));
    for text in ["0", "1.50", "-1.50", long.as_str()] {
        let native: BigDecimal = text.parse().unwrap();
        both_ways(native, text);
    }
    let scaled: BigDecimal = "12e3".parse().unwrap();
    assert_eq!(Decimal::from(scaled).to_string(), "12000");
}

#[cfg(feature = "serde_json")]
#[test]
fn json_types() {
    use serde::{Deserialize, Serialize};
    use wellspring_connector::Json;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: i32,
        y: i32,
    }
    both_ways(serde_json::json!({"a": [1, null]}), r#"{"a":[1,null]}"#);
    let point = Json(Point { x: 1, y: 2 });
    let value = point.to_value().unwrap();
    assert_eq!(value, Value::Json(r#"{"x":1,"y":2}"#.into()));
    assert_eq!(Json::<Point>::from_value(value.as_ref()).unwrap(), point);
    let error = Json::<Point>::from_value(Value::from("[1]").as_ref()).unwrap_err();
    assert!(error.to_string().starts_with("the JSON does not fit: "), "{error}");
    let unfit = Json(std::collections::HashMap::from([([1_u8, 2], 1)]));
    assert!(unfit.to_value().is_err());
}
