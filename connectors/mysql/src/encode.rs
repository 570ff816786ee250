//! Values into MySQL's binary protocol.

use std::fmt::Display;

use mysql_async::Value as NativeValue;
use wellspring_connector::{Error, ErrorKind, Interval, Result, Time, Timestamp, Value};

/// The longest time either way: 838:59:59.
const LONGEST: i64 = (838 * 3_600 + 59 * 60 + 59) * 1_000_000_000;

/// The values of a statement, or the first that cannot be sent.
pub(crate) fn all(values: &[Value]) -> Result<Vec<NativeValue>> {
    values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            encode(value).map_err(|why| why.at(format_args!("parameter {}", index + 1)))
        })
        .collect()
}

/// Why a value cannot be sent. Never contains the value.
#[derive(Debug)]
pub(crate) enum Refused {
    Cannot(String),
    Unsupported(String),
}

impl Refused {
    /// The error, with the place of the value.
    pub(crate) fn at(self, place: impl Display) -> Error {
        match self {
            Self::Cannot(why) => Error::new(ErrorKind::Encode, format!("{place}: {why}")),
            Self::Unsupported(what) => Error::unsupported(format_args!("{place}: {what}")),
        }
    }
}

fn cannot<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Cannot(why.into()))
}

pub(crate) fn encode(value: &Value) -> Result<NativeValue, Refused> {
    Ok(match value {
        Value::Null(_) => NativeValue::NULL,
        Value::Bool(v) => NativeValue::Int(i64::from(*v)),
        Value::I16(v) => NativeValue::Int(i64::from(*v)),
        Value::I32(v) => NativeValue::Int(i64::from(*v)),
        Value::I64(v) => NativeValue::Int(*v),
        Value::U64(v) => NativeValue::UInt(*v),
        Value::F32(v) if v.is_finite() => NativeValue::Float(*v),
        Value::F64(v) if v.is_finite() => NativeValue::Double(*v),
        Value::F32(_) | Value::F64(_) => {
            return cannot("a float that is no finite number, which MySQL does not have");
        }
        Value::Decimal(v) => NativeValue::Bytes(v.to_string().into_bytes()),
        Value::Text(v) | Value::Json(v) => NativeValue::Bytes(v.as_bytes().to_vec()),
        Value::Bytes(v) => NativeValue::Bytes(v.to_vec()),
        Value::Uuid(v) => NativeValue::Bytes(v.as_bytes().to_vec()),
        Value::Date(v) => {
            let year = year(v.year())?;
            NativeValue::Date(year, v.month(), v.day(), 0, 0, 0, 0)
        }
        Value::Time(v) => {
            NativeValue::Time(false, 0, v.hour(), v.minute(), v.second(), micros(v.nanos())?)
        }
        Value::Timestamp(v) => timestamp(*v)?,
        Value::TimestampTz(v) => timestamp(v.utc())?,
        Value::Interval(v) => interval(*v)?,
        Value::Native(v) => match (&v.text, &v.bytes) {
            (Some(text), _) => NativeValue::Bytes(text.as_bytes().to_vec()),
            (None, Some(bytes)) => NativeValue::Bytes(bytes.to_vec()),
            (None, None) => {
                return Err(Refused::Unsupported(format!(
                    "a value of the foreign type `{}` without a text form",
                    v.type_name
                )));
            }
        },
        Value::Array(_) => return Err(Refused::Unsupported("an array".to_owned())),
        other => return Err(Refused::Unsupported(format!("a value of kind {}", other.kind()))),
    })
}

fn year(year: i32) -> Result<u16, Refused> {
    match u16::try_from(year) {
        Ok(year) if year <= 9_999 => Ok(year),
        _ => cannot("a year outside 0 to 9999, which MySQL's dates end with"),
    }
}

fn micros(nanos: u32) -> Result<u32, Refused> {
    if nanos.is_multiple_of(1_000) {
        return Ok(nanos / 1_000);
    }
    cannot("a time finer than MySQL's microseconds; round it first")
}

fn timestamp(v: Timestamp) -> Result<NativeValue, Refused> {
    let (date, time): (_, Time) = (v.date(), v.time());
    Ok(NativeValue::Date(
        year(date.year())?,
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        micros(time.nanos())?,
    ))
}

fn interval(v: Interval) -> Result<NativeValue, Refused> {
    if v.months != 0 {
        return cannot("an interval with months, for MySQL's time of hours");
    }
    let nanos = i64::from(v.days)
        .checked_mul(86_400_000_000_000)
        .and_then(|days| days.checked_add(v.nanos))
        .filter(|nanos| (-LONGEST..=LONGEST).contains(nanos));
    let Some(nanos) = nanos else {
        return cannot("an interval longer than 838:59:59, the longest of MySQL's times");
    };
    let fraction = u32::try_from(nanos.unsigned_abs() % 1_000_000_000).expect("below a second");
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let part = |n: u64| u8::try_from(n).expect("below sixty");
    Ok(NativeValue::Time(
        nanos < 0,
        u32::try_from(seconds / 86_400).expect("a few weeks"),
        part(seconds / 3_600 % 24),
        part(seconds / 60 % 60),
        part(seconds % 60),
        micros(fraction)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_by_its_place() {
        let far: wellspring_connector::Date =
            wellspring_connector::Date::new(10_000, 1, 1).unwrap();
        let fine: Time = "12:00:00.000000001".parse().unwrap();
        for (value, named) in [
            (Value::F64(f64::NAN), "finite"),
            (Value::F32(f32::INFINITY), "finite"),
            (Value::Date(far), "9999"),
            (Value::Time(fine), "microseconds"),
            (Value::Interval(Interval::new(1, 0, 0)), "months"),
            (Value::Interval(Interval::new(0, 35, 0)), "838"),
        ] {
            let error = all(&[Value::I32(1), value]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.to_string().contains("parameter 2"), "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn intervals_become_times_of_either_sign() {
        let value = encode(&Value::Interval(Interval::new(0, -2, -3_600_000_001_000))).ok();
        assert_eq!(value, Some(NativeValue::Time(true, 2, 1, 0, 0, 1)));
        let longest = encode(&Value::Interval(Interval::new(0, 0, LONGEST))).ok();
        assert_eq!(longest, Some(NativeValue::Time(false, 34, 22, 59, 59, 0)));
    }
}
