//! Columns out of PostgreSQL's binary formats.

use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::types::{Kind, Type};
use wellspring_connector::{
    Array, ConvertError, Date, Interval, Native, Time, Timestamp, TimestampTz, Uuid, Value,
    ValueKind, ValueRef,
};

use crate::numeric::{self, Numeric};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in seconds.
pub(crate) const EPOCH_SECONDS: i64 = EPOCH_DAYS as i64 * 86_400;

/// How the values of one column are read: its type, looked up once.
#[derive(Debug, Clone)]
pub(crate) enum Decoder {
    Bool,
    I16,
    I32,
    I64,
    Oid,
    F32,
    F64,
    Numeric,
    Text,
    Bytes,
    Uuid,
    Json,
    Jsonb,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Array(Arc<Decoder>),
    /// A foreign type whose binary form is its text.
    NativeText(Arc<str>),
    Native(Arc<str>),
}

impl Decoder {
    pub(crate) fn of(ty: &Type) -> Self {
        match *ty {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::I16,
            Type::INT4 => Self::I32,
            Type::INT8 => Self::I64,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::F32,
            Type::FLOAT8 => Self::F64,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Self::Text,
            Type::BYTEA => Self::Bytes,
            Type::UUID => Self::Uuid,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            Type::INTERVAL => Self::Interval,
            Type::XML | Type::VOID | Type::REFCURSOR => Self::NativeText(ty.name().into()),
            _ => match ty.kind() {
                Kind::Domain(base) => Self::of(base),
                Kind::Array(element) => Self::Array(Arc::new(Self::of(element))),
                Kind::Enum(_) => Self::NativeText(ty.name().into()),
                _ if ty.name() == "citext" => Self::Text,
                _ => Self::Native(ty.name().into()),
            },
        }
    }

    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Self::Bool => ValueKind::Bool,
            Self::I16 => ValueKind::I16,
            Self::I32 => ValueKind::I32,
            Self::I64 | Self::Oid => ValueKind::I64,
            Self::F32 => ValueKind::F32,
            Self::F64 => ValueKind::F64,
            Self::Numeric => ValueKind::Decimal,
            Self::Text => ValueKind::Text,
            Self::Bytes => ValueKind::Bytes,
            Self::Uuid => ValueKind::Uuid,
            Self::Json | Self::Jsonb => ValueKind::Json,
            Self::Date => ValueKind::Date,
            Self::Time => ValueKind::Time,
            Self::Timestamp => ValueKind::Timestamp,
            Self::TimestampTz => ValueKind::TimestampTz,
            Self::Interval => ValueKind::Interval,
            Self::Array(_) => ValueKind::Array,
            Self::NativeText(_) | Self::Native(_) => ValueKind::Native,
        }
    }

    /// Reads one value.
    pub(crate) fn read<'a>(&self, bytes: Option<&'a [u8]>) -> Result<ValueRef<'a>, ConvertError> {
        let Some(bytes) = bytes else { return Ok(ValueRef::Null(self.kind())) };
        Ok(match self {
            Self::Bool => ValueRef::Bool(fixed::<1>(bytes)?[0] != 0),
            Self::I16 => ValueRef::I16(i16::from_be_bytes(fixed(bytes)?)),
            Self::I32 => ValueRef::I32(i32::from_be_bytes(fixed(bytes)?)),
            Self::I64 => ValueRef::I64(i64::from_be_bytes(fixed(bytes)?)),
            Self::Oid => ValueRef::I64(i64::from(u32::from_be_bytes(fixed(bytes)?))),
            Self::F32 => ValueRef::F32(f32::from_be_bytes(fixed(bytes)?)),
            Self::F64 => ValueRef::F64(f64::from_be_bytes(fixed(bytes)?)),
            Self::Numeric => match numeric::decode(bytes).ok_or_else(malformed)? {
                Numeric::Finite(decimal) => ValueRef::Decimal(decimal),
                Numeric::Special(text) => special("numeric", text, bytes),
            },
            Self::Text => ValueRef::Text(text(bytes)?),
            Self::Bytes => ValueRef::Bytes(bytes),
            Self::Uuid => ValueRef::Uuid(Uuid::from_bytes(fixed(bytes)?)),
            Self::Json => ValueRef::Json(text(bytes)?),
            Self::Jsonb => match bytes.split_first() {
                Some((1, json)) => ValueRef::Json(text(json)?),
                _ => return Err(malformed()),
            },
            Self::Date => match i32::from_be_bytes(fixed(bytes)?) {
                i32::MAX => special("date", "infinity", bytes),
                i32::MIN => special("date", "-infinity", bytes),
                days => match Date::from_unix_days(days + EPOCH_DAYS) {
                    Ok(date) => ValueRef::Date(date),
                    // PostgreSQL's calendar goes on after ours.
                    Err(_) => ValueRef::Native(Box::new(Native {
                        type_name: "date".into(),
                        text: None,
                        bytes: Some(Bytes::copy_from_slice(bytes)),
                    })),
                },
            },
            Self::Time => {
                let micros = u64::try_from(i64::from_be_bytes(fixed(bytes)?));
                let micros = micros.map_err(|_| malformed())?;
                // 24:00 is a time in PostgreSQL and none here.
                match Time::from_nanos_of_day(micros.saturating_mul(1_000)) {
                    Ok(time) => ValueRef::Time(time),
                    Err(_) => special("time", "24:00:00", bytes),
                }
            }
            Self::Timestamp => match i64::from_be_bytes(fixed(bytes)?) {
                i64::MAX => special("timestamp", "infinity", bytes),
                i64::MIN => special("timestamp", "-infinity", bytes),
                micros => ValueRef::Timestamp(timestamp(micros)?),
            },
            Self::TimestampTz => match i64::from_be_bytes(fixed(bytes)?) {
                i64::MAX => special("timestamptz", "infinity", bytes),
                i64::MIN => special("timestamptz", "-infinity", bytes),
                micros => ValueRef::TimestampTz(TimestampTz::from_utc(timestamp(micros)?)),
            },
            Self::Interval => interval(bytes)?,
            Self::Array(element) => ValueRef::Array(Box::new(array(element, bytes)?)),
            Self::NativeText(name) => ValueRef::Native(Box::new(Native {
                type_name: Arc::clone(name),
                text: Some(text(bytes)?.into()),
                bytes: None,
            })),
            Self::Native(name) => ValueRef::Native(Box::new(Native {
                type_name: Arc::clone(name),
                text: None,
                bytes: Some(Bytes::copy_from_slice(bytes)),
            })),
        })
    }
}

fn malformed() -> ConvertError {
    ConvertError::new("the bytes are not a value of the column's type")
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ConvertError> {
    bytes.try_into().map_err(|_| malformed())
}

fn text(bytes: &[u8]) -> Result<&str, ConvertError> {
    std::str::from_utf8(bytes).map_err(|_| ConvertError::new("the text is not UTF-8"))
}

/// A value that only PostgreSQL has, by its text.
fn special<'a>(type_name: &str, text: &str, bytes: &[u8]) -> ValueRef<'a> {
    ValueRef::Native(Box::new(Native {
        type_name: type_name.into(),
        text: Some(text.into()),
        bytes: Some(Bytes::copy_from_slice(bytes)),
    }))
}

fn timestamp(micros: i64) -> Result<Timestamp, ConvertError> {
    let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("below a second");
    Timestamp::from_unix(micros.div_euclid(1_000_000) + EPOCH_SECONDS, nanos)
}

fn interval<'a>(bytes: &[u8]) -> Result<ValueRef<'a>, ConvertError> {
    let bytes: [u8; 16] = fixed(bytes)?;
    let micros = i64::from_be_bytes(fixed(&bytes[..8])?);
    let days = i32::from_be_bytes(fixed(&bytes[8..12])?);
    let months = i32::from_be_bytes(fixed(&bytes[12..])?);
    Ok(match micros.checked_mul(1_000) {
        Some(nanos) => ValueRef::Interval(Interval::new(months, days, nanos)),
        // Longer than 292 years of hours.
        None => special("interval", &format!("{months} mons {days} days {micros} us"), &bytes),
    })
}

fn array(element: &Decoder, bytes: &[u8]) -> Result<Array, ConvertError> {
    let mut rest = bytes;
    let dimensions = usize::try_from(int(&mut rest)?).map_err(|_| malformed())?;
    int(&mut rest)?; // Whether there are nulls: each value says so itself.
    int(&mut rest)?; // The type of the elements, which the column's type implies.
    if dimensions > 6 {
        return Err(malformed());
    }
    let mut shape = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        let length = u32::try_from(int(&mut rest)?).map_err(|_| malformed())?;
        shape.push((int(&mut rest)?, length));
    }
    let count = if dimensions == 0 {
        0
    } else {
        shape.iter().try_fold(1_usize, |product, (_, length)| {
            product.checked_mul(*length as usize).ok_or_else(malformed)
        })?
    };
    // Every element has a length, so that a false count cannot make us allocate.
    let mut values = Vec::with_capacity(count.min(rest.len() / 4));
    for _ in 0..count {
        let value = match usize::try_from(int(&mut rest)?) {
            Err(_) => Value::Null(element.kind()),
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
                rest = after;
                element.read(Some(value))?.to_owned()
            }
        };
        values.push(value);
    }
    Ok(Array { element: element.kind(), dimensions: shape, values })
}

fn int(rest: &mut &[u8]) -> Result<i32, ConvertError> {
    let (head, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    *rest = after;
    Ok(i32::from_be_bytes(*head))
}
