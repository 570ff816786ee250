//! The `bigdecimal` crate's decimals: of any size, with scales below zero.

use super::into_value::into_value_and_array;
use crate::{ConvertError, Decimal, FromValue, Value, ValueRef};

into_value_and_array! {
    ::bigdecimal::BigDecimal => Decimal, |v| Value::Decimal(v.into());
}

/// A scale below zero becomes zeros before the point.
impl From<::bigdecimal::BigDecimal> for Decimal {
    fn from(decimal: ::bigdecimal::BigDecimal) -> Self {
        let (unscaled, scale) = decimal.into_bigint_and_exponent();
        let plain = ::bigdecimal::BigDecimal::new(unscaled, scale).to_plain_string();
        plain.parse().expect("the plain notation of a decimal is a decimal")
    }
}

impl From<Decimal> for ::bigdecimal::BigDecimal {
    fn from(decimal: Decimal) -> Self {
        match decimal.to_unscaled() {
            Some((unscaled, scale)) => Self::new(unscaled.into(), scale.into()),
            None => decimal.to_string().parse().expect("a plain decimal is a decimal there too"),
        }
    }
}

impl<'r> FromValue<'r> for ::bigdecimal::BigDecimal {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Decimal::from_value(value).map(Into::into)
    }
}
