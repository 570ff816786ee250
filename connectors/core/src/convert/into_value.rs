//! Into values: the standard library's types and this crate's own.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Array, ArrayElement, Date, Decimal, HasKind, Interval, Native, Time, Timestamp, TimestampTz,
    Uuid, Value, ValueKind,
};

/// For each type its kind, its value, and the value of a reference to it.
///
/// The reference is what makes `(&id, &name)` parameters without a clone in the caller.
macro_rules! into_value {
    ($($(#[$attr:meta])* $type:ty => $kind:ident, |$v:ident| $value:expr;)*) => {$(
        $(#[$attr])*
        impl $crate::HasKind for $type {
            const KIND: $crate::ValueKind = $crate::ValueKind::$kind;
        }

        $(#[$attr])*
        impl From<$type> for $crate::Value {
            fn from($v: $type) -> Self {
                $value
            }
        }

        $(#[$attr])*
        impl From<&$type> for $crate::Value {
            fn from(value: &$type) -> Self {
                Self::from(value.clone())
            }
        }
    )*};
}

/// As [`into_value`], and the value of a bulk insert's row by way of a [`Value`].
macro_rules! into_value_and_bulk {
    ($($(#[$attr:meta])* $type:ty => $kind:ident, |$v:ident| $value:expr;)*) => {
        $crate::convert::into_value::into_value! {
            $($(#[$attr])* $type => $kind, |$v| $value;)*
        }
        $(
            $(#[$attr])*
            impl $crate::BulkValue for $type {
                fn give(&self, sink: &mut dyn $crate::BulkSink) -> $crate::Result<()> {
                    sink.value($crate::Value::from(self).as_ref())
                }
            }
        )*
    };
}

/// As [`into_value_and_bulk`], for types a `Vec` of which is an array.
macro_rules! into_value_and_array {
    ($($(#[$attr:meta])* $type:ty => $kind:ident, |$v:ident| $value:expr;)*) => {
        $crate::convert::into_value::into_value_and_bulk! {
            $($(#[$attr])* $type => $kind, |$v| $value;)*
        }
        $($(#[$attr])* impl $crate::ArrayElement for $type {})*
    };
}

#[allow(unused_imports, reason = "the feature crates' conversions use it, when there are any")]
pub(super) use {into_value, into_value_and_array, into_value_and_bulk};

into_value_and_bulk! {
    u8 => I16, |v| Value::I16(v.into());
}

into_value! {
    Vec<u8> => Bytes, |v| Value::Bytes(v.into());
    String => Text, |v| Value::Text(v.into());
    Box<str> => Text, |v| Value::Text(v);
    Arc<str> => Text, |v| Value::Text((&*v).into());
    Bytes => Bytes, |v| Value::Bytes(v);
}

impl ArrayElement for String {}
impl ArrayElement for Box<str> {}
impl ArrayElement for Arc<str> {}
impl ArrayElement for Bytes {}

#[allow(clippy::clone_on_copy, reason = "one macro for types that are Copy and types that are not")]
mod plain {
    use super::*;

    into_value_and_array! {
        bool => Bool, |v| Value::Bool(v);
        i8 => I16, |v| Value::I16(v.into());
        i16 => I16, |v| Value::I16(v);
        i32 => I32, |v| Value::I32(v);
        i64 => I64, |v| Value::I64(v);
        isize => I64, |v| Value::I64(v as i64);
        u16 => I32, |v| Value::I32(v.into());
        u32 => I64, |v| Value::I64(v.into());
        u64 => U64, |v| Value::U64(v);
        usize => U64, |v| Value::U64(v as u64);
        i128 => Decimal, |v| Value::Decimal(v.into());
        f32 => F32, |v| Value::F32(v);
        f64 => F64, |v| Value::F64(v);
        Decimal => Decimal, |v| Value::Decimal(v);
        Uuid => Uuid, |v| Value::Uuid(v);
        Date => Date, |v| Value::Date(v);
        Time => Time, |v| Value::Time(v);
        Timestamp => Timestamp, |v| Value::Timestamp(v);
        TimestampTz => TimestampTz, |v| Value::TimestampTz(v);
        Interval => Interval, |v| Value::Interval(v);
        Native => Native, |v| Value::Native(Box::new(v));
    }
}

impl HasKind for str {
    const KIND: ValueKind = ValueKind::Text;
}

impl ArrayElement for str {}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&&str> for Value {
    fn from(text: &&str) -> Self {
        Self::Text((*text).into())
    }
}

impl HasKind for Cow<'_, str> {
    const KIND: ValueKind = ValueKind::Text;
}

impl ArrayElement for Cow<'_, str> {}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into())
    }
}

impl From<&Cow<'_, str>> for Value {
    fn from(text: &Cow<'_, str>) -> Self {
        Self::Text((&**text).into())
    }
}

impl HasKind for [u8] {
    const KIND: ValueKind = ValueKind::Bytes;
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> HasKind for [u8; N] {
    const KIND: ValueKind = ValueKind::Bytes;
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(Bytes::copy_from_slice(&bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(Bytes::copy_from_slice(bytes))
    }
}

impl<T: HasKind + ?Sized> HasKind for &T {
    const KIND: ValueKind = T::KIND;
}

impl<T: ArrayElement + ?Sized> ArrayElement for &T {}

impl<T: HasKind> HasKind for Option<T> {
    const KIND: ValueKind = T::KIND;
}

impl<T: ArrayElement> ArrayElement for Option<T> {}

impl<T: HasKind + Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null(T::KIND), Into::into)
    }
}

impl<T: HasKind + Into<Value> + Clone> From<&Option<T>> for Value {
    fn from(value: &Option<T>) -> Self {
        value.clone().into()
    }
}

impl<T: ArrayElement> HasKind for Vec<T> {
    const KIND: ValueKind = ValueKind::Array;
}

impl<T: ArrayElement + Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Array::new(T::KIND, elements.into_iter().map(Into::into).collect()).into()
    }
}

impl<T: ArrayElement + Into<Value> + Clone> From<&Vec<T>> for Value {
    fn from(elements: &Vec<T>) -> Self {
        elements.as_slice().into()
    }
}

impl<T: ArrayElement + Into<Value> + Clone> From<&[T]> for Value {
    fn from(elements: &[T]) -> Self {
        Array::new(T::KIND, elements.iter().cloned().map(Into::into).collect()).into()
    }
}

impl HasKind for Array {
    const KIND: ValueKind = ValueKind::Array;
}

impl From<Array> for Value {
    fn from(array: Array) -> Self {
        Self::Array(Box::new(array))
    }
}

impl HasKind for Value {
    const KIND: ValueKind = ValueKind::Unknown;
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}
