//! Values into PostgreSQL's formats.
//!
//! The server says which type it takes for a parameter or a column: a value is written in that
//! type's binary format, or refused before anything is sent. Text goes as text whatever the type
//! is, so that the server reads it as it would read a literal.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};
use wellspring_connector::{Array, Date, Interval, Timestamp, Value, ValueKind, ValueRef};

use crate::decode::{EPOCH_DAYS, EPOCH_SECONDS};
use crate::numeric;

/// Why a value could not be sent. Never contains the value.
#[derive(Debug)]
pub(crate) struct EncodeError(String);

impl EncodeError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for EncodeError {}

/// A value on its way.
pub(crate) struct Param<'a>(pub(crate) &'a Value);

/// Kinds only: tokio-postgres logs parameters.
impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind())
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        Ok(write(&self.0.as_ref(), ty, out)?)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, ty: &Type) -> Format {
        if is_text(&self.0.as_ref(), ty) { Format::Text } else { Format::Binary }
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// The type to declare for a value when the server is not asked first: unknown, so that it infers
/// the same types as for a prepared statement, but where text would be read as something else
/// without an error, the value's own.
pub(crate) fn declared(value: &Value) -> Type {
    match value {
        Value::Bytes(_) => Type::BYTEA,
        Value::Uuid(_) => Type::UUID,
        Value::Date(_) => Type::DATE,
        Value::Time(_) => Type::TIME,
        Value::Timestamp(_) => Type::TIMESTAMP,
        Value::TimestampTz(_) => Type::TIMESTAMPTZ,
        Value::Interval(_) => Type::INTERVAL,
        Value::Array(array) => array_type(array.element).unwrap_or(Type::UNKNOWN),
        _ => Type::UNKNOWN,
    }
}

fn array_type(element: ValueKind) -> Option<Type> {
    Some(match element {
        ValueKind::Bool => Type::BOOL_ARRAY,
        ValueKind::I16 => Type::INT2_ARRAY,
        ValueKind::I32 => Type::INT4_ARRAY,
        ValueKind::I64 => Type::INT8_ARRAY,
        ValueKind::F32 => Type::FLOAT4_ARRAY,
        ValueKind::F64 => Type::FLOAT8_ARRAY,
        ValueKind::U64 | ValueKind::Decimal => Type::NUMERIC_ARRAY,
        ValueKind::Text => Type::TEXT_ARRAY,
        ValueKind::Bytes => Type::BYTEA_ARRAY,
        ValueKind::Uuid => Type::UUID_ARRAY,
        ValueKind::Json => Type::JSONB_ARRAY,
        ValueKind::Date => Type::DATE_ARRAY,
        ValueKind::Time => Type::TIME_ARRAY,
        ValueKind::Timestamp => Type::TIMESTAMP_ARRAY,
        ValueKind::TimestampTz => Type::TIMESTAMPTZ_ARRAY,
        ValueKind::Interval => Type::INTERVAL_ARRAY,
        _ => return None,
    })
}

/// The type under the names of domains.
fn base(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(inner) => base(inner),
        _ => ty,
    }
}

/// True for types whose binary form is text.
fn holds_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::XML
            | Type::JSON
    ) || matches!(ty.kind(), Kind::Enum(_))
        || ty.name() == "citext"
}

/// True when `value` is written as text for `ty`.
fn is_text(value: &ValueRef<'_>, ty: &Type) -> bool {
    match value {
        ValueRef::Text(_) | ValueRef::Json(_) => true,
        ValueRef::Native(native) => native.text.is_some(),
        _ => *base(ty) == Type::UNKNOWN,
    }
}

/// Writes `value` in the form [`is_text`] chose.
fn write(value: &ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<IsNull, EncodeError> {
    if is_text(value, ty) && !value.is_null() {
        text(value, ty, out)
    } else {
        binary(value, ty, out)
    }
}

/// Writes `value` as text, which the server reads as a literal of whatever type it takes.
fn text(value: &ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<IsNull, EncodeError> {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => put_text(text, out)?,
        ValueRef::Native(native) => match &native.text {
            Some(text) => put_text(text, out)?,
            None => return Err(mismatch(value, ty)),
        },
        other => {
            if !put_shown(other, out) {
                return Err(mismatch(value, ty));
            }
        }
    }
    Ok(IsNull::No)
}

fn put_text(text: &str, out: &mut BytesMut) -> Result<(), EncodeError> {
    if text.as_bytes().contains(&0) {
        return Err(EncodeError::new("text with a NUL character, which PostgreSQL cannot keep"));
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

/// Writes the notation of a value that has one; false for others.
fn put_shown(value: &ValueRef<'_>, out: &mut BytesMut) -> bool {
    let written = match value {
        ValueRef::Bool(v) => write!(out, "{v}"),
        ValueRef::I16(v) => write!(out, "{v}"),
        ValueRef::I32(v) => write!(out, "{v}"),
        ValueRef::I64(v) => write!(out, "{v}"),
        ValueRef::U64(v) => write!(out, "{v}"),
        ValueRef::F32(v) => put_float(f64::from(*v), v, out),
        ValueRef::F64(v) => put_float(*v, v, out),
        ValueRef::Decimal(v) => write!(out, "{v}"),
        ValueRef::Uuid(v) => write!(out, "{v}"),
        ValueRef::Date(v) => write!(out, "{v}"),
        ValueRef::Time(v) => write!(out, "{v}"),
        ValueRef::Timestamp(v) => write!(out, "{v:#}"),
        ValueRef::TimestampTz(v) => write!(out, "{v}"),
        ValueRef::Interval(v) => write!(out, "{v}"),
        _ => return false,
    };
    written.expect("writing to a buffer cannot fail");
    true
}

fn put_float(value: f64, shown: impl fmt::Display, out: &mut BytesMut) -> fmt::Result {
    if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        write!(out, "{shown}")
    }
}

/// Writes `value` in the binary format of `ty`.
pub(crate) fn binary(
    value: &ValueRef<'_>,
    ty: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, EncodeError> {
    let ty = base(ty);
    match (value, ty) {
        (ValueRef::Null(_), _) => return Ok(IsNull::Yes),
        (ValueRef::Bool(v), &Type::BOOL) => out.put_u8(u8::from(*v)),
        (_, &Type::INT2) => out.put_i16(integer(value, ty)?),
        (_, &Type::INT4) => out.put_i32(integer(value, ty)?),
        (_, &Type::INT8) => out.put_i64(integer(value, ty)?),
        (_, &Type::OID) => out.put_u32(integer(value, ty)?),
        (_, &Type::FLOAT4) => out.put_f32(float4(value, ty)?),
        (_, &Type::FLOAT8) => out.put_f64(float8(value, ty)?),
        (_, &Type::NUMERIC) => numeric(value, ty, out)?,
        (ValueRef::Bytes(v), &Type::BYTEA) => out.put_slice(v),
        (ValueRef::Uuid(v), &Type::UUID) => out.put_slice(v.as_bytes()),
        (ValueRef::Bytes(v), &Type::UUID) if v.len() == 16 => out.put_slice(v),
        (ValueRef::Json(v) | ValueRef::Text(v), &Type::JSONB) => {
            out.put_u8(1);
            put_text(v, out)?;
        }
        (ValueRef::Date(v), &Type::DATE) => out.put_i32(days(*v)?),
        (ValueRef::Time(v), &Type::TIME) => {
            let nanos = i64::try_from(v.nanos_of_day()).expect("a day has fewer nanoseconds");
            out.put_i64(micros(nanos)?);
        }
        (ValueRef::Timestamp(v), &Type::TIMESTAMP) => out.put_i64(instant(*v)?),
        (ValueRef::Date(v), &Type::TIMESTAMP) => {
            out.put_i64(instant(Timestamp::new(*v, wellspring_connector::Time::MIDNIGHT))?);
        }
        (ValueRef::TimestampTz(v), &Type::TIMESTAMPTZ) => out.put_i64(instant(v.utc())?),
        (ValueRef::Interval(v), &Type::INTERVAL) => interval(v, out)?,
        (ValueRef::Array(v), ty) => match ty.kind() {
            Kind::Array(element) => array(v, element, out)?,
            _ => return Err(mismatch(value, ty)),
        },
        (ValueRef::Native(native), _) => match (&native.bytes, &native.text) {
            (_, Some(text)) if holds_text(ty) => put_text(text, out)?,
            (Some(bytes), _) if *native.type_name == *ty.name() => out.put_slice(bytes),
            _ => return Err(mismatch(value, ty)),
        },
        (ValueRef::Text(v) | ValueRef::Json(v), ty) if holds_text(ty) => put_text(v, out)?,
        // A column of text takes the notation of whatever has one.
        (value, ty) if holds_text(ty) => {
            if !put_shown(value, out) {
                return Err(mismatch(value, ty));
            }
        }
        _ => return Err(mismatch(value, ty)),
    }
    Ok(IsNull::No)
}

fn mismatch(value: &ValueRef<'_>, ty: &Type) -> EncodeError {
    let hint = match (value, ty) {
        (ValueRef::Timestamp(_), &Type::TIMESTAMPTZ) => {
            "; which instant it is depends on a zone: bind a TimestampTz"
        }
        (ValueRef::TimestampTz(_), &Type::TIMESTAMP) => {
            "; it would lose its zone: bind a Timestamp, or cast the column"
        }
        (ValueRef::Text(_), _) => "; cast it in the statement",
        _ => "",
    };
    EncodeError::new(format!("a value of kind {} for the type {}{hint}", value.kind(), ty.name()))
}

fn out_of_range(ty: &Type) -> EncodeError {
    EncodeError::new(format!("a number out of the range of the type {}", ty.name()))
}

/// An integer that fits. A float is none: it would compare with the column as a float.
fn integer<T: TryFrom<i128>>(value: &ValueRef<'_>, ty: &Type) -> Result<T, EncodeError> {
    let number = match value {
        ValueRef::I16(v) => i128::from(*v),
        ValueRef::I32(v) => i128::from(*v),
        ValueRef::I64(v) => i128::from(*v),
        ValueRef::U64(v) => i128::from(*v),
        ValueRef::Decimal(v) => v.to_i128().ok_or_else(|| {
            EncodeError::new(format!("a number with a fraction for the type {}", ty.name()))
        })?,
        _ => return Err(mismatch(value, ty)),
    };
    T::try_from(number).map_err(|_| out_of_range(ty))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked after")]
fn float8(value: &ValueRef<'_>, ty: &Type) -> Result<f64, EncodeError> {
    let exact = |number: i128| {
        let float = number as f64;
        (float as i128 == number).then_some(float).ok_or_else(|| {
            EncodeError::new(format!("an integer that the type {} cannot hold exactly", ty.name()))
        })
    };
    match value {
        ValueRef::F64(v) => Ok(*v),
        ValueRef::F32(v) => Ok(f64::from(*v)),
        // As the notation of the float reads back: 0.1 is one, though no float is a tenth.
        ValueRef::Decimal(v) => v
            .to_string()
            .parse::<f64>()
            .ok()
            .filter(|float| float.to_string().parse() == Ok(v.clone()))
            .ok_or_else(|| {
                EncodeError::new(format!(
                    "a decimal with more digits than the type {} holds",
                    ty.name()
                ))
            }),
        ValueRef::I16(v) => Ok(f64::from(*v)),
        ValueRef::I32(v) => Ok(f64::from(*v)),
        ValueRef::I64(v) => exact(i128::from(*v)),
        ValueRef::U64(v) => exact(i128::from(*v)),
        _ => Err(mismatch(value, ty)),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "checked after")]
fn float4(value: &ValueRef<'_>, ty: &Type) -> Result<f32, EncodeError> {
    if let ValueRef::F32(v) = value {
        return Ok(*v);
    }
    let wide = float8(value, ty)?;
    let narrow = wide as f32;
    if f64::from(narrow).to_bits() == wide.to_bits() || wide.is_nan() {
        Ok(narrow)
    } else {
        Err(EncodeError::new(
            "a number that the type float4 cannot hold exactly; bind an f32, or cast it",
        ))
    }
}

fn numeric(value: &ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<(), EncodeError> {
    let too_long = || EncodeError::new("a decimal with more digits than numeric can hold");
    let decimal = match value {
        ValueRef::Decimal(v) => return numeric::encode(v, out).ok_or_else(too_long),
        ValueRef::I16(v) => (*v).into(),
        ValueRef::I32(v) => (*v).into(),
        ValueRef::I64(v) => (*v).into(),
        ValueRef::U64(v) => (*v).into(),
        // The shortest notation that reads back as the same float.
        ValueRef::F32(v) if v.is_finite() => v.to_string().parse().map_err(|_| too_long())?,
        ValueRef::F64(v) if v.is_finite() => v.to_string().parse().map_err(|_| too_long())?,
        ValueRef::F32(_) | ValueRef::F64(_) => {
            return Err(EncodeError::new("a float that is no number for the type numeric"));
        }
        _ => return Err(mismatch(value, ty)),
    };
    numeric::encode(&decimal, out).ok_or_else(too_long)
}

fn micros(nanos: i64) -> Result<i64, EncodeError> {
    if nanos % 1_000 == 0 {
        return Ok(nanos / 1_000);
    }
    Err(EncodeError::new("a time finer than PostgreSQL's microseconds; round it first"))
}

/// The days since 2000-01-01, if PostgreSQL's calendar has them.
fn days(date: Date) -> Result<i32, EncodeError> {
    // 4714-11-24 BC.
    const FIRST: i32 = -2_451_545;
    match date.unix_days() - EPOCH_DAYS {
        days if days >= FIRST => Ok(days),
        _ => Err(EncodeError::new("a date before 4714 BC, PostgreSQL's first year")),
    }
}

/// The microseconds since 2000-01-01.
fn instant(timestamp: Timestamp) -> Result<i64, EncodeError> {
    // From 4714 BC up to, and not including, the year 294277.
    const RANGE: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
    let fraction = micros(i64::from(timestamp.time().nanos()))?;
    (timestamp.unix_seconds() - EPOCH_SECONDS)
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(fraction))
        .filter(|micros| RANGE.contains(micros))
        .ok_or_else(|| EncodeError::new("a time outside the years 4714 BC to 294276"))
}

fn interval(interval: &Interval, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.put_i64(micros(interval.nanos)?);
    out.put_i32(interval.days);
    out.put_i32(interval.months);
    Ok(())
}

fn array(array: &Array, element: &Type, out: &mut BytesMut) -> Result<(), EncodeError> {
    let wrong = || EncodeError::new("an array whose dimensions do not fit its elements");
    let count = array.dimensions.iter().map(|(_, length)| *length as usize).product::<usize>();
    let count = if array.dimensions.is_empty() { 0 } else { count };
    if count != array.values.len() {
        return Err(wrong());
    }
    let number = |n: usize| i32::try_from(n).map_err(|_| wrong());
    out.put_i32(number(array.dimensions.len())?);
    out.put_i32(i32::from(array.values.iter().any(Value::is_null)));
    out.put_u32(element.oid());
    for (first, length) in &array.dimensions {
        out.put_i32(number(*length as usize)?);
        out.put_i32(*first);
    }
    for (index, value) in array.values.iter().enumerate() {
        framed(&value.as_ref(), element, out)
            .map_err(|EncodeError(why)| EncodeError(format!("element {}: {why}", index + 1)))?;
    }
    Ok(())
}

/// Writes the length of a value, -1 for null, and the value.
pub(crate) fn framed(
    value: &ValueRef<'_>,
    ty: &Type,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.put_i32(-1);
    match binary(value, ty, out)? {
        IsNull::Yes => {}
        IsNull::No => {
            let length = i32::try_from(out.len() - start - 4)
                .map_err(|_| EncodeError::new("a value of more than 2 GiB"))?;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}
