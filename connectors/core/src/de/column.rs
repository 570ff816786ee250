//! Serde over one column of a row: decoded when asked for, errors with the column's name.

use serde::de::{Deserializer, Visitor};

use super::error::DeError;
use super::value::ValueDeserializer;
use crate::Row;

/// Hands the value of one column to serde.
#[derive(Clone, Copy)]
pub(super) struct ColumnDeserializer<'r> {
    pub(super) row: &'r Row,
    pub(super) position: usize,
}

impl<'r> ColumnDeserializer<'r> {
    /// Decodes the value and lets `read` do the rest, for a `T`.
    fn with<T>(
        self,
        read: impl FnOnce(ValueDeserializer<'r>) -> Result<T, DeError>,
    ) -> Result<T, DeError> {
        let value = self.row.value(self.position)?;
        let found = if value.is_null() { None } else { Some(value.kind()) };
        read(ValueDeserializer(value)).map_err(|error| match error {
            DeError::Reason(reason) => {
                let target = std::any::type_name::<T>();
                self.row.decode_error(self.position, found, target, reason).into()
            }
            complete @ DeError::Complete(_) => complete,
        })
    }
}

macro_rules! with_value {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'r>>(
            self,
            $($arg: $type,)*
            visitor: V,
        ) -> Result<V::Value, DeError> {
            self.with(|value| value.$method($($arg,)* visitor))
        }
    )*};
}

impl<'r> Deserializer<'r> for ColumnDeserializer<'r> {
    type Error = DeError;

    with_value! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
    }

    /// A column nobody wants is not even decoded.
    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}
