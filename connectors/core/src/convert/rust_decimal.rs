//! The `rust_decimal` crate's decimals: 28 digits at most, so not every value fits.

use super::into_value::into_value_and_array;
use crate::{ConvertError, Decimal, FromValue, Value, ValueRef};

into_value_and_array! {
    ::rust_decimal::Decimal => Decimal, |v| Value::Decimal(v.into());
}

impl From<::rust_decimal::Decimal> for Decimal {
    fn from(decimal: ::rust_decimal::Decimal) -> Self {
        Self::from_i128(decimal.mantissa(), decimal.scale())
    }
}

impl TryFrom<Decimal> for ::rust_decimal::Decimal {
    type Error = ConvertError;

    fn try_from(decimal: Decimal) -> Result<Self, ConvertError> {
        decimal
            .to_unscaled()
            .and_then(|(unscaled, scale)| Self::try_from_i128_with_scale(unscaled, scale).ok())
            .ok_or_else(|| {
                ConvertError::new(format!("{decimal} has too many digits for rust_decimal"))
            })
    }
}

impl<'r> FromValue<'r> for ::rust_decimal::Decimal {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Decimal::from_value(value)?.try_into()
    }
}
