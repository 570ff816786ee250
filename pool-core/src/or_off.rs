//! What may be absent, which is written `"off"`: formats such as TOML have no other word for it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const OFF: &str = "off";

pub(crate) fn serialize<T: Serialize, S: Serializer>(
    value: &Option<T>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(out),
        None => out.serialize_str(OFF),
    }
}

pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    input.deserialize_any(Options(PhantomData))
}

struct Options<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Options<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("options, or \"off\"")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Option<T>, E> {
        match word.trim() {
            OFF => Ok(None),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Reads a number, `"off"`, or nothing.
pub(crate) fn number<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    input.deserialize_any(Number(PhantomData))
}

struct Number<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Number<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or \"off\"")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Option<T>, E> {
        let wrong = || E::invalid_value(Unexpected::Unsigned(number), &self);
        T::try_from(number).map(Some).map_err(|_| wrong())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Option<T>, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Option<T>, E> {
        match word.trim() {
            OFF => Ok(None),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}

/// `T`, or `off`, for schemas.
#[cfg(feature = "schema")]
pub(crate) struct OrOff<T>(PhantomData<T>);

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for OrOff<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let inner = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [inner, { "const": OFF }] })
    }
}
