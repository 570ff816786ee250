//! From what serde can serialize to values: the fields of a struct, and each of them.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::ser::{self, Impossible, SerializeMap, SerializeStruct, Serializer};
use wellspring_connector::{Error, ErrorKind, Result, Value, ValueKind};

use super::record::Record;

pub(super) fn record<T: Serialize + ?Sized>(row: &T) -> Result<Record> {
    row.serialize(Fields).map_err(|Wrong(wrong)| Error::new(ErrorKind::Encode, wrong))
}

/// A value as one of a database's: lists and structs become JSON.
pub(super) fn value<T: Serialize + ?Sized>(given: &T) -> Result<Value, Wrong> {
    given.serialize(Scalar)
}

/// What serde has to say.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl ser::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn no_row(what: &str) -> Wrong {
    Wrong(format!("a row is a struct or a map, not {what}"))
}

/// The row itself.
struct Fields;

macro_rules! no_rows {
    ($($method:ident($($type:ty),*) $what:literal;)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<Record, Wrong> {
            Err(no_row($what))
        }
    )*};
}

impl Serializer for Fields {
    type Ok = Record;
    type Error = Wrong;
    type SerializeSeq = Impossible<Record, Wrong>;
    type SerializeTuple = Impossible<Record, Wrong>;
    type SerializeTupleStruct = Impossible<Record, Wrong>;
    type SerializeTupleVariant = Impossible<Record, Wrong>;
    type SerializeMap = Row;
    type SerializeStruct = Row;
    type SerializeStructVariant = Impossible<Record, Wrong>;

    no_rows! {
        serialize_bool(bool) "a boolean";
        serialize_i8(i8) "a number";
        serialize_i16(i16) "a number";
        serialize_i32(i32) "a number";
        serialize_i64(i64) "a number";
        serialize_u8(u8) "a number";
        serialize_u16(u16) "a number";
        serialize_u32(u32) "a number";
        serialize_u64(u64) "a number";
        serialize_f32(f32) "a number";
        serialize_f64(f64) "a number";
        serialize_char(char) "a character";
        serialize_str(&str) "a text";
        serialize_bytes(&[u8]) "bytes";
        serialize_none() "nothing";
        serialize_unit() "nothing";
        serialize_unit_struct(&'static str) "a struct without fields";
        serialize_unit_variant(&'static str, u32, &'static str) "a variant";
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Record, Wrong> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Record, Wrong> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Record, Wrong> {
        Err(no_row("a variant"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Wrong> {
        Err(no_row("a list"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Wrong> {
        Err(no_row("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Wrong> {
        Err(no_row("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Wrong> {
        Err(no_row("a variant"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Row, Wrong> {
        Ok(Row::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Row, Wrong> {
        Ok(Row::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Wrong> {
        Err(no_row("a variant"))
    }
}

/// A struct or a map, a field at a time.
#[derive(Default)]
struct Row {
    record: Record,
    key: Option<String>,
}

impl Row {
    fn field<T: Serialize + ?Sized>(
        &mut self,
        name: Cow<'static, str>,
        given: &T,
    ) -> Result<(), Wrong> {
        let value = value(given).map_err(|Wrong(wrong)| Wrong(format!("{name}: {wrong}")))?;
        self.record = std::mem::take(&mut self.record).set(name, value);
        Ok(())
    }
}

impl SerializeStruct for Row {
    type Ok = Record;
    type Error = Wrong;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Wrong> {
        self.field(name.into(), value)
    }

    fn end(self) -> Result<Record, Wrong> {
        Ok(self.record)
    }
}

impl SerializeMap for Row {
    type Ok = Record;
    type Error = Wrong;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Wrong> {
        match value(key)? {
            Value::Text(text) => self.key = Some(text.into()),
            _ => return Err(Wrong("the names of columns are texts".to_owned())),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Wrong> {
        let key = self.key.take().ok_or_else(|| Wrong("a value without a name".to_owned()))?;
        self.field(key.into(), value)
    }

    fn end(self) -> Result<Record, Wrong> {
        Ok(self.record)
    }
}

/// One field.
struct Scalar;

/// What is not a value by itself becomes JSON.
fn json<T: Serialize + ?Sized>(value: &T) -> Result<Value, Wrong> {
    let text = serde_json::to_string(value).map_err(|error| Wrong(error.to_string()))?;
    Ok(Value::Json(text.into()))
}

macro_rules! scalars {
    ($($method:ident($type:ty) => |$v:ident| $value:expr;)*) => {$(
        fn $method(self, $v: $type) -> Result<Value, Wrong> {
            Ok($value)
        }
    )*};
}

/// A list, a tuple, a map or a struct on its way into JSON.
type Json = serde_json::value::Serializer;

impl Serializer for Scalar {
    type Ok = Value;
    type Error = Wrong;
    type SerializeSeq = Within<<Json as Serializer>::SerializeSeq>;
    type SerializeTuple = Within<<Json as Serializer>::SerializeTuple>;
    type SerializeTupleStruct = Within<<Json as Serializer>::SerializeTupleStruct>;
    type SerializeTupleVariant = Within<<Json as Serializer>::SerializeTupleVariant>;
    type SerializeMap = Within<<Json as Serializer>::SerializeMap>;
    type SerializeStruct = Within<<Json as Serializer>::SerializeStruct>;
    type SerializeStructVariant = Within<<Json as Serializer>::SerializeStructVariant>;

    scalars! {
        serialize_bool(bool) => |v| Value::Bool(v);
        serialize_i8(i8) => |v| Value::I16(v.into());
        serialize_i16(i16) => |v| Value::I16(v);
        serialize_i32(i32) => |v| Value::I32(v);
        serialize_i64(i64) => |v| Value::I64(v);
        serialize_u8(u8) => |v| Value::I16(v.into());
        serialize_u16(u16) => |v| Value::I32(v.into());
        serialize_u32(u32) => |v| Value::I64(v.into());
        serialize_u64(u64) => |v| match i64::try_from(v) {
            Ok(v) => Value::I64(v),
            Err(_) => Value::U64(v),
        };
        serialize_f32(f32) => |v| Value::F32(v);
        serialize_f64(f64) => |v| Value::F64(v);
        serialize_char(char) => |v| Value::Text(v.to_string().into());
        serialize_str(&str) => |v| Value::Text(v.into());
        serialize_bytes(&[u8]) => |v| v.to_vec().into();
    }

    fn serialize_none(self) -> Result<Value, Wrong> {
        Ok(Value::Null(ValueKind::Unknown))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Wrong> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Wrong> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Wrong> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Wrong> {
        Ok(Value::Text(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Wrong> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Wrong> {
        let value = Json {}.serialize_newtype_variant(name, index, variant, value);
        json(&value.map_err(|error| Wrong(error.to_string()))?)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, Wrong> {
        within(Json {}.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, Wrong> {
        within(Json {}.serialize_tuple(len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, Wrong> {
        within(Json {}.serialize_tuple_struct(name, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, Wrong> {
        within(Json {}.serialize_tuple_variant(name, index, variant, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, Wrong> {
        within(Json {}.serialize_map(len))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, Wrong> {
        within(Json {}.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, Wrong> {
        within(Json {}.serialize_struct_variant(name, index, variant, len))
    }
}

fn within<S>(inner: serde_json::Result<S>) -> Result<Within<S>, Wrong> {
    inner.map(Within).map_err(|error| Wrong(error.to_string()))
}

/// JSON being made, which is text in the end.
struct Within<S>(S);

macro_rules! forwarded {
    ($($trait:ident { $($method:ident($($arg:ident: $type:ty),*);)* })*) => {$(
        impl<S: ser::$trait<Ok = serde_json::Value, Error = serde_json::Error>> ser::$trait
            for Within<S>
        {
            type Ok = Value;
            type Error = Wrong;

            $(
                fn $method<T: Serialize + ?Sized>(&mut self, $($arg: $type,)* value: &T) -> Result<(), Wrong> {
                    self.0.$method($($arg,)* value).map_err(|error| Wrong(error.to_string()))
                }
            )*

            fn end(self) -> Result<Value, Wrong> {
                json(&self.0.end().map_err(|error| Wrong(error.to_string()))?)
            }
        }
    )*};
}

forwarded! {
    SerializeSeq { serialize_element(); }
    SerializeTuple { serialize_element(); }
    SerializeTupleStruct { serialize_field(); }
    SerializeTupleVariant { serialize_field(); }
    SerializeMap { serialize_key(); serialize_value(); }
    SerializeStruct { serialize_field(name: &'static str); }
    SerializeStructVariant { serialize_field(name: &'static str); }
}
