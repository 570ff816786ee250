//! Serde over one value.

use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::error::DeError;
use crate::{Array, ConvertError, FromValue, Value, ValueRef};

/// Hands one value to serde.
pub(super) struct ValueDeserializer<'r>(pub(super) ValueRef<'r>);

/// Methods that ask for one type and get it through its `FromValue`.
macro_rules! through_from_value {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
            visitor.$visit(<$type>::from_value(self.0)?)
        }
    )*};
}

impl<'r> Deserializer<'r> for ValueDeserializer<'r> {
    type Error = DeError;

    through_from_value! {
        deserialize_bool visit_bool bool;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
        deserialize_bytes visit_borrowed_bytes &'r [u8];
        deserialize_byte_buf visit_borrowed_bytes &'r [u8];
    }

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            ValueRef::Null(_) => visitor.visit_unit(),
            ValueRef::Bool(v) => visitor.visit_bool(v),
            ValueRef::I16(v) => visitor.visit_i16(v),
            ValueRef::I32(v) => visitor.visit_i32(v),
            ValueRef::I64(v) => visitor.visit_i64(v),
            ValueRef::U64(v) => visitor.visit_u64(v),
            ValueRef::F32(v) => visitor.visit_f32(v),
            ValueRef::F64(v) => visitor.visit_f64(v),
            ValueRef::Bytes(v) => visitor.visit_borrowed_bytes(v),
            ValueRef::Array(v) => visit_array(*v, visitor),
            ValueRef::Native(v) if v.text.is_none() => match v.bytes {
                Some(bytes) => visitor.visit_byte_buf(bytes.into()),
                None => Err(ConvertError::new("the value has neither text nor bytes").into()),
            },
            text => Self(text).deserialize_str(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            ValueRef::Text(text) | ValueRef::Json(text) => visitor.visit_borrowed_str(text),
            other => visitor.visit_string(String::from_value(other)?),
        }
    }

    fn deserialize_string<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(mismatch(&self.0, "unit")) }
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            ValueRef::Array(array) => visit_array(*array, visitor),
            ValueRef::Bytes(bytes) => visit_all(bytes.iter().copied(), visitor),
            other => Err(mismatch(&other, "a sequence")),
        }
    }

    fn deserialize_tuple<V: Visitor<'r>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, _visitor: V) -> Result<V::Value, DeError> {
        Err(mismatch(&self.0, "a map or struct"))
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let variant: StringDeserializer<DeError> = String::from_value(self.0)?.into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}

fn mismatch(found: &ValueRef<'_>, wanted: &str) -> DeError {
    ConvertError::mismatch(found, wanted).into()
}

fn visit_array<'r, V: Visitor<'r>>(array: Array, visitor: V) -> Result<V::Value, DeError> {
    if array.dimensions.len() > 1 {
        let reason =
            format!("the array has {} dimensions; read it as an `Array`", array.dimensions.len());
        return Err(DeError::Reason(reason));
    }
    visit_all(array.values.into_iter().map(OwnedDeserializer), visitor)
}

/// Gives all elements to `visitor`, and fails when it does not take them all.
fn visit_all<'r, V, T>(elements: impl Iterator<Item = T>, visitor: V) -> Result<V::Value, DeError>
where
    V: Visitor<'r>,
    T: IntoDeserializer<'r, DeError>,
{
    let mut sequence = SeqDeserializer::new(elements);
    let value = visitor.visit_seq(&mut sequence)?;
    sequence.end()?;
    Ok(value)
}

/// An element of an array, which nothing can borrow from.
struct OwnedDeserializer(Value);

/// What of a value would be borrowed, owned; the rest as it is.
enum Detached<'any> {
    Text(String),
    Bytes(Vec<u8>),
    Other(ValueRef<'any>),
}

impl OwnedDeserializer {
    fn detach<'any>(self) -> Detached<'any> {
        Detached::Other(match self.0 {
            Value::Text(text) | Value::Json(text) => return Detached::Text(text.into()),
            Value::Bytes(bytes) => return Detached::Bytes(bytes.into()),
            Value::Null(kind) => ValueRef::Null(kind),
            Value::Bool(v) => ValueRef::Bool(v),
            Value::I16(v) => ValueRef::I16(v),
            Value::I32(v) => ValueRef::I32(v),
            Value::I64(v) => ValueRef::I64(v),
            Value::U64(v) => ValueRef::U64(v),
            Value::F32(v) => ValueRef::F32(v),
            Value::F64(v) => ValueRef::F64(v),
            Value::Decimal(v) => ValueRef::Decimal(v),
            Value::Uuid(v) => ValueRef::Uuid(v),
            Value::Date(v) => ValueRef::Date(v),
            Value::Time(v) => ValueRef::Time(v),
            Value::Timestamp(v) => ValueRef::Timestamp(v),
            Value::TimestampTz(v) => ValueRef::TimestampTz(v),
            Value::Interval(v) => ValueRef::Interval(v),
            Value::Array(v) => ValueRef::Array(v),
            Value::Native(v) => ValueRef::Native(v),
        })
    }
}

/// Methods for which a text is a text and bytes are bytes, whatever is asked for: the visitor
/// refuses what it does not take.
macro_rules! detached {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            match self.detach() {
                Detached::Text(text) => visitor.visit_string(text),
                Detached::Bytes(bytes) => visitor.visit_byte_buf(bytes),
                Detached::Other(value) => ValueDeserializer(value).$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for OwnedDeserializer {
    type Error = DeError;

    detached! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_map deserialize_identifier
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.detach() {
            Detached::Text(text) => visitor.visit_string(text),
            Detached::Bytes(bytes) => visit_all(bytes.into_iter(), visitor),
            Detached::Other(value) => ValueDeserializer(value).deserialize_seq(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let variant: StringDeserializer<DeError> =
            String::from_value(self.0.as_ref())?.into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}

impl<'de> IntoDeserializer<'de, DeError> for OwnedDeserializer {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
