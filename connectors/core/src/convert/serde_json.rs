//! JSON documents through `serde_json`: as its `Value`, or typed through [`Json`].

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::into_value::into_value_and_array;
use crate::{ArrayElement, ConvertError, FromValue, HasKind, Value, ValueKind, ValueRef};

into_value_and_array! {
    ::serde_json::Value => Json, |v| Value::Json(v.to_string().into());
}

impl<'r> FromValue<'r> for ::serde_json::Value {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Json::from_value(value).map(|Json(document)| document)
    }
}

/// A column or parameter that holds a `T` as JSON.
///
/// Read from JSON columns and from text (databases without a JSON type keep it so). In a struct
/// that a row deserializes into it reads the column's text in the same way.
///
/// A `T` becomes a parameter through [`Json::to_value`], since serialising can fail.
///
/// ```
/// use wellspring_connector::{FromValue, Json, Value};
///
/// let value = Json(vec![1, 2, 3]).to_value()?;
/// assert_eq!(value, Value::Json("[1,2,3]".into()));
/// let Json(numbers) = Json::<Vec<i32>>::from_value(value.as_ref())?;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Json<T>(pub T);

impl<T: Serialize> Json<T> {
    /// The JSON value.
    ///
    /// # Errors
    /// When `T` refuses to be serialised, or is a map with keys that are not text.
    pub fn to_value(&self) -> Result<Value, ConvertError> {
        match ::serde_json::to_string(&self.0) {
            Ok(text) => Ok(Value::Json(text.into())),
            Err(error) => Err(ConvertError::new(format!("not representable as JSON: {error}"))),
        }
    }
}

impl<T> HasKind for Json<T> {
    const KIND: ValueKind = ValueKind::Json;
}

impl<T> ArrayElement for Json<T> {}

impl<'r, T: DeserializeOwned> FromValue<'r> for Json<T> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        match value {
            ValueRef::Json(text) | ValueRef::Text(text) => parse(text),
            other => Err(ConvertError::mismatch(&other, "JSON")),
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<Json<T>, ConvertError> {
    ::serde_json::from_str(text)
        .map(Json)
        .map_err(|error| ConvertError::new(format!("the JSON does not fit: {error}")))
}

impl<'de, T: DeserializeOwned> serde::Deserialize<'de> for Json<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<T: DeserializeOwned> serde::de::Visitor<'_> for Visitor<T> {
            type Value = Json<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON as text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json<T>, E> {
                parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor(std::marker::PhantomData))
    }
}
