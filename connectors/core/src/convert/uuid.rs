//! The `uuid` crate's UUIDs.

use super::into_value::into_value_and_array;
use crate::{ConvertError, FromValue, Uuid, Value, ValueRef};

into_value_and_array! {
    ::uuid::Uuid => Uuid, |v| Value::Uuid(v.into());
}

impl From<::uuid::Uuid> for Uuid {
    fn from(id: ::uuid::Uuid) -> Self {
        Self(id.into_bytes())
    }
}

impl From<Uuid> for ::uuid::Uuid {
    fn from(id: Uuid) -> Self {
        Self::from_bytes(id.0)
    }
}

impl<'r> FromValue<'r> for ::uuid::Uuid {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Uuid::from_value(value).map(Into::into)
    }
}
