//! The portable values: owned, borrowed, and what kind they are.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Date, Decimal, Interval, Time, Timestamp, TimestampTz, Uuid};

/// The kind of a [`Value`], also carried by a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ValueKind {
    /// Not known: a null without a type, or a column whose type the database does not tell.
    #[default]
    Unknown,
    /// True or false.
    Bool,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 64-bit unsigned integer.
    U64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Exact decimal.
    Decimal,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// UUID.
    Uuid,
    /// JSON, as text.
    Json,
    /// Calendar date.
    Date,
    /// Time of day.
    Time,
    /// Date and time without a zone.
    Timestamp,
    /// An instant, with the offset it was written with.
    TimestampTz,
    /// Months, days and nanoseconds.
    Interval,
    /// An array of one element type.
    Array,
    /// A type without a portable form.
    Native,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Bool => "bool",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
            Self::Array => "array",
            Self::Native => "native",
        })
    }
}

/// One value, owned: a parameter on its way in, or a column kept for later.
///
/// Values lose nothing: decimals are exact, nulls remember their type, and what has no portable
/// form survives as [`Value::Native`]. What each database makes of each variant is the mapping
/// table in the book (`docs/src/values.md`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Null, with the type it stands for where that is known.
    Null(ValueKind),
    /// True or false.
    Bool(bool),
    /// 16-bit signed integer.
    I16(i16),
    /// 32-bit signed integer.
    I32(i32),
    /// 64-bit signed integer.
    I64(i64),
    /// 64-bit unsigned integer.
    U64(u64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
    /// Exact decimal.
    Decimal(Decimal),
    /// Text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Bytes),
    /// UUID.
    Uuid(Uuid),
    /// JSON text, as it was written: not parsed, not re-serialised.
    Json(Box<str>),
    /// Calendar date.
    Date(Date),
    /// Time of day.
    Time(Time),
    /// Date and time without a zone.
    Timestamp(Timestamp),
    /// An instant, with the offset it was written with.
    TimestampTz(TimestampTz),
    /// Months, days and nanoseconds.
    Interval(Interval),
    /// An array of one element type.
    Array(Box<Array>),
    /// A type without a portable form, as the database gave it.
    Native(Box<Native>),
}

const _: () = assert!(size_of::<Value>() <= 40);

impl Value {
    /// The kind of this value (of a null: the kind it stands for).
    pub fn kind(&self) -> ValueKind {
        self.as_ref().kind()
    }

    /// True for every null, typed or not.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null(kind) => ValueRef::Null(*kind),
            Self::Bool(v) => ValueRef::Bool(*v),
            Self::I16(v) => ValueRef::I16(*v),
            Self::I32(v) => ValueRef::I32(*v),
            Self::I64(v) => ValueRef::I64(*v),
            Self::U64(v) => ValueRef::U64(*v),
            Self::F32(v) => ValueRef::F32(*v),
            Self::F64(v) => ValueRef::F64(*v),
            Self::Decimal(v) => ValueRef::Decimal(v.clone()),
            Self::Text(v) => ValueRef::Text(v),
            Self::Bytes(v) => ValueRef::Bytes(v),
            Self::Uuid(v) => ValueRef::Uuid(*v),
            Self::Json(v) => ValueRef::Json(v),
            Self::Date(v) => ValueRef::Date(*v),
            Self::Time(v) => ValueRef::Time(*v),
            Self::Timestamp(v) => ValueRef::Timestamp(*v),
            Self::TimestampTz(v) => ValueRef::TimestampTz(*v),
            Self::Interval(v) => ValueRef::Interval(*v),
            Self::Array(v) => ValueRef::Array(v.clone()),
            Self::Native(v) => ValueRef::Native(v.clone()),
        }
    }
}

/// One value, borrowed from a row: what a driver decodes a column into.
///
/// Text, bytes and JSON borrow from the row; the small fixed-size values are copied.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// Null, with the column's kind where it is known.
    Null(ValueKind),
    /// True or false.
    Bool(bool),
    /// 16-bit signed integer.
    I16(i16),
    /// 32-bit signed integer.
    I32(i32),
    /// 64-bit signed integer.
    I64(i64),
    /// 64-bit unsigned integer.
    U64(u64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
    /// Exact decimal.
    Decimal(Decimal),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// UUID.
    Uuid(Uuid),
    /// JSON text.
    Json(&'a str),
    /// Calendar date.
    Date(Date),
    /// Time of day.
    Time(Time),
    /// Date and time without a zone.
    Timestamp(Timestamp),
    /// An instant, with the offset it was written with.
    TimestampTz(TimestampTz),
    /// Months, days and nanoseconds.
    Interval(Interval),
    /// An array of one element type.
    Array(Box<Array>),
    /// A type without a portable form.
    Native(Box<Native>),
}

impl ValueRef<'_> {
    /// The kind of this value (of a null: the kind it stands for).
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Null(kind) => *kind,
            Self::Bool(_) => ValueKind::Bool,
            Self::I16(_) => ValueKind::I16,
            Self::I32(_) => ValueKind::I32,
            Self::I64(_) => ValueKind::I64,
            Self::U64(_) => ValueKind::U64,
            Self::F32(_) => ValueKind::F32,
            Self::F64(_) => ValueKind::F64,
            Self::Decimal(_) => ValueKind::Decimal,
            Self::Text(_) => ValueKind::Text,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::Uuid(_) => ValueKind::Uuid,
            Self::Json(_) => ValueKind::Json,
            Self::Date(_) => ValueKind::Date,
            Self::Time(_) => ValueKind::Time,
            Self::Timestamp(_) => ValueKind::Timestamp,
            Self::TimestampTz(_) => ValueKind::TimestampTz,
            Self::Interval(_) => ValueKind::Interval,
            Self::Array(_) => ValueKind::Array,
            Self::Native(_) => ValueKind::Native,
        }
    }

    /// True for every null, typed or not.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// The same value, owned.
    pub fn to_owned(self) -> Value {
        match self {
            Self::Null(kind) => Value::Null(kind),
            Self::Bool(v) => Value::Bool(v),
            Self::I16(v) => Value::I16(v),
            Self::I32(v) => Value::I32(v),
            Self::I64(v) => Value::I64(v),
            Self::U64(v) => Value::U64(v),
            Self::F32(v) => Value::F32(v),
            Self::F64(v) => Value::F64(v),
            Self::Decimal(v) => Value::Decimal(v),
            Self::Text(v) => Value::Text(v.into()),
            Self::Bytes(v) => Value::Bytes(Bytes::copy_from_slice(v)),
            Self::Uuid(v) => Value::Uuid(v),
            Self::Json(v) => Value::Json(v.into()),
            Self::Date(v) => Value::Date(v),
            Self::Time(v) => Value::Time(v),
            Self::Timestamp(v) => Value::Timestamp(v),
            Self::TimestampTz(v) => Value::TimestampTz(v),
            Self::Interval(v) => Value::Interval(v),
            Self::Array(v) => Value::Array(v),
            Self::Native(v) => Value::Native(v),
        }
    }
}

/// An array value: elements in row-major order, with the bounds of each dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The kind of every element.
    pub element: ValueKind,
    /// For each dimension: its first index and its length. Empty for an empty array.
    pub dimensions: Vec<(i32, u32)>,
    /// The elements; nulls among them carry `element` as their kind.
    pub values: Vec<Value>,
}

impl Array {
    /// A one-dimensional array that starts at index 1.
    pub fn new(element: ValueKind, values: Vec<Value>) -> Self {
        let dimensions = match u32::try_from(values.len()) {
            Ok(0) => Vec::new(),
            Ok(len) => vec![(1, len)],
            Err(_) => vec![(1, u32::MAX)],
        };
        Self { element, dimensions, values }
    }
}

/// A value of a type without a portable form, kept as the database gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    /// The database's own name of the type.
    pub type_name: Arc<str>,
    /// The value as text, where the database gives one.
    pub text: Option<Box<str>>,
    /// The value's bytes, where the database gives them.
    pub bytes: Option<Bytes>,
}
