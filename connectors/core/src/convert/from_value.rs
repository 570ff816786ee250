//! From values: the standard library's types and this crate's own.

use bytes::Bytes;

use crate::{
    Array, ArrayElement, ConvertError, Date, Decimal, FromValue, Interval, Native, Time, Timestamp,
    TimestampTz, Uuid, Value, ValueRef,
};

/// The integer in `value`, if there is one.
fn integer(value: &ValueRef<'_>) -> Result<Option<i128>, ConvertError> {
    Ok(Some(match value {
        ValueRef::I16(n) => i128::from(*n),
        ValueRef::I32(n) => i128::from(*n),
        ValueRef::I64(n) => i128::from(*n),
        ValueRef::U64(n) => i128::from(*n),
        ValueRef::Decimal(n) if !n.is_integer() => {
            return Err(ConvertError::new(format!("{n} has a fraction")));
        }
        ValueRef::Decimal(n) => match n.to_i128() {
            Some(n) => n,
            None => return Err(ConvertError::new(format!("{n} is out of range"))),
        },
        _ => return Ok(None),
    }))
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl<'r> FromValue<'r> for $int {
            fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
                // The common case first: no detour through 128 bits.
                if let ValueRef::I64(n) = value
                    && let Ok(n) = <$int>::try_from(n)
                {
                    return Ok(n);
                }
                let Some(n) = integer(&value)? else {
                    return Err(ConvertError::mismatch(&value, stringify!($int)));
                };
                n.try_into().map_err(|_| {
                    ConvertError::new(format!("{n} is out of the range of {}", stringify!($int)))
                })
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl<'r> FromValue<'r> for bool {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Bool(v) => Ok(v),
            ValueRef::I16(_) | ValueRef::I32(_) | ValueRef::I64(_) | ValueRef::U64(_) => {
                match integer(&value)? {
                    Some(0) => Ok(false),
                    Some(1) => Ok(true),
                    _ => Err(ConvertError::new("an integer other than 0 and 1 is no bool")),
                }
            }
            other => Err(ConvertError::mismatch(&other, "bool")),
        }
    }
}

impl<'r> FromValue<'r> for f64 {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::F64(v) => Ok(v),
            ValueRef::F32(v) => Ok(f64::from(v)),
            ValueRef::I16(v) => Ok(f64::from(v)),
            ValueRef::I32(v) => Ok(f64::from(v)),
            ValueRef::I64(_) | ValueRef::U64(_) => {
                let n = integer(&value)?.expect("it is an integer");
                let float = n as f64;
                if float as i128 == n {
                    return Ok(float);
                }
                Err(ConvertError::new(format!("{n} has no exact f64")))
            }
            other => Err(ConvertError::mismatch(&other, "f64")),
        }
    }
}

impl<'r> FromValue<'r> for f32 {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::F32(v) => Ok(v),
            ValueRef::F64(_)
            | ValueRef::I16(_)
            | ValueRef::I32(_)
            | ValueRef::I64(_)
            | ValueRef::U64(_) => {
                let wide = f64::from_value(value)?;
                let narrow = wide as f32;
                if f64::from(narrow) == wide || wide.is_nan() {
                    return Ok(narrow);
                }
                Err(ConvertError::new(format!("{wide} has no exact f32")))
            }
            other => Err(ConvertError::mismatch(&other, "f32")),
        }
    }
}

impl<'r> FromValue<'r> for &'r str {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Text(v) | ValueRef::Json(v) => Ok(v),
            other => Err(ConvertError::mismatch(&other, "&str")),
        }
    }
}

impl<'r> FromValue<'r> for String {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Ok(match value {
            ValueRef::Text(v) | ValueRef::Json(v) => v.to_owned(),
            ValueRef::Decimal(v) => v.to_string(),
            ValueRef::Uuid(v) => v.to_string(),
            ValueRef::Date(v) => v.to_string(),
            ValueRef::Time(v) => v.to_string(),
            ValueRef::Timestamp(v) => v.to_string(),
            ValueRef::TimestampTz(v) => v.to_string(),
            ValueRef::Interval(v) => v.to_string(),
            ValueRef::Native(v) if v.text.is_some() => v.text.expect("it has a text").into_string(),
            other => return Err(ConvertError::mismatch(&other, "text")),
        })
    }
}

impl<'r> FromValue<'r> for Box<str> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        String::from_value(value).map(String::into_boxed_str)
    }
}

impl<'r> FromValue<'r> for &'r [u8] {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Bytes(v) => Ok(v),
            other => Err(ConvertError::mismatch(&other, "bytes")),
        }
    }
}

impl<'r> FromValue<'r> for Vec<u8> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl<'r> FromValue<'r> for Bytes {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        <&[u8]>::from_value(value).map(Bytes::copy_from_slice)
    }
}

impl<'r> FromValue<'r> for Decimal {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Decimal(v) => Ok(v),
            ValueRef::Text(v) => v.parse(),
            other => match integer(&other)? {
                Some(n) => Ok(n.into()),
                None => Err(ConvertError::mismatch(&other, "decimal")),
            },
        }
    }
}

impl<'r> FromValue<'r> for Uuid {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Uuid(v) => Ok(v),
            ValueRef::Bytes(v) => Self::from_slice(v),
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "uuid")),
        }
    }
}

impl<'r> FromValue<'r> for Date {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Date(v) => Ok(v),
            // Oracle's DATE always has a time.
            ValueRef::Timestamp(v) if v.time() == Time::MIDNIGHT => Ok(v.date()),
            ValueRef::Timestamp(_) => {
                Err(ConvertError::new("the timestamp has a time of day, a date has none"))
            }
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "date")),
        }
    }
}

impl<'r> FromValue<'r> for Time {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Time(v) => Ok(v),
            // MySQL's TIME is a duration.
            ValueRef::Interval(Interval { months: 0, days: 0, nanos }) if nanos >= 0 => {
                Self::from_nanos_of_day(nanos.unsigned_abs())
            }
            ValueRef::Interval(_) => Err(ConvertError::new("the interval is not within a day")),
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "time")),
        }
    }
}

impl<'r> FromValue<'r> for Timestamp {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Timestamp(v) => Ok(v),
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "timestamp")),
        }
    }
}

impl<'r> FromValue<'r> for TimestampTz {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::TimestampTz(v) => Ok(v),
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "timestamptz")),
        }
    }
}

impl<'r> FromValue<'r> for Interval {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Interval(v) => Ok(v),
            ValueRef::Text(v) => v.parse(),
            other => Err(ConvertError::mismatch(&other, "interval")),
        }
    }
}

impl<'r> FromValue<'r> for Array {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Array(v) => Ok(*v),
            other => Err(ConvertError::mismatch(&other, "array")),
        }
    }
}

impl<'r> FromValue<'r> for Native {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Native(v) => Ok(*v),
            other => Err(ConvertError::mismatch(&other, "native")),
        }
    }
}

impl<'r, T: ArrayElement + for<'e> FromValue<'e>> FromValue<'r> for Vec<T> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        let array = Array::from_value(value)?;
        if array.dimensions.len() > 1 {
            return Err(ConvertError::new(format!(
                "the array has {} dimensions; read it as an `Array`",
                array.dimensions.len()
            )));
        }
        let element = |(i, value): (usize, &Value)| {
            T::from_value(value.as_ref())
                .map_err(|reason| ConvertError::new(format!("element {i}: {reason}")))
        };
        array.values.iter().enumerate().map(element).collect()
    }
}

impl<'r> FromValue<'r> for Value {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Ok(value.to_owned())
    }
}

impl<'r> FromValue<'r> for ValueRef<'r> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Ok(value)
    }
}

impl<'r, T: FromValue<'r>> FromValue<'r> for Option<T> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}
