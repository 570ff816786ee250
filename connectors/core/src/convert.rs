//! Conversions between Rust types and portable values: exact, or refused.

#[cfg(feature = "bigdecimal")]
mod bigdecimal;
#[cfg(feature = "chrono")]
mod chrono;
mod from_value;
mod into_value;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
#[cfg(feature = "serde_json")]
mod serde_json;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "serde_json")]
pub use self::serde_json::Json;
use crate::{ValueKind, ValueRef};

/// Why a value could not be converted.
///
/// [`Row::try_get`](crate::Row::try_get) wraps it into an [`Error`](crate::Error) that names the
/// column and both types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    message: Cow<'static, str>,
}

impl ConvertError {
    /// A reason: lower case, no full stop.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into() }
    }

    /// What there is when no conversion from `found` exists.
    pub(crate) fn mismatch(found: &ValueRef<'_>, wanted: &str) -> Self {
        if found.is_null() {
            return Self::new("null needs an `Option`");
        }
        Self::new(format!("{} does not convert to {wanted}", found.kind()))
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConvertError {}

/// A type a column's value converts to.
///
/// | Asked for | Taken from |
/// |---|---|
/// | integers | integers in range, decimals without a fraction |
/// | `f64` | floats, integers it represents exactly |
/// | `f32` | `f32`, `f64` and integers it represents exactly |
/// | `bool` | booleans, the integers 0 and 1 |
/// | [`Decimal`](crate::Decimal) | decimals, integers, text |
/// | `String`, `Box<str>` | text, JSON, native values with a text; decimals, UUIDs, dates, times and intervals in their canonical text |
/// | `&str` | text, JSON |
/// | `Vec<u8>`, `&[u8]`, `Bytes` | bytes |
/// | [`Uuid`](crate::Uuid) | UUIDs, 16 bytes, text |
/// | [`Date`](crate::Date) | dates, timestamps at midnight, text |
/// | [`Time`](crate::Time) | times, intervals within a day, text |
/// | [`Timestamp`](crate::Timestamp) | timestamps, text |
/// | [`TimestampTz`](crate::TimestampTz) | timestamps with offset, text with an offset |
/// | [`Interval`](crate::Interval) | intervals, text |
/// | `Vec<T>` | one-dimensional arrays whose elements all convert |
/// | `Option<T>` | null as `None`, the rest as `T` |
/// | [`Value`](crate::Value), [`ValueRef`](crate::ValueRef) | anything, as it is |
///
/// Floats never become integers or decimals, decimals never become floats, text never becomes a
/// number other than a decimal.
///
/// Implement it for a type of your own to read it with [`Row::try_get`](crate::Row::try_get):
///
/// ```
/// use wellspring_connector::{ConvertError, FromValue, Value, ValueRef};
///
/// #[derive(Debug, PartialEq)]
/// enum Size { Small, Large }
///
/// impl<'r> FromValue<'r> for Size {
///     fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
///         match <&str>::from_value(value)? {
///             "small" => Ok(Size::Small),
///             "large" => Ok(Size::Large),
///             _ => Err(ConvertError::new("expected small or large")),
///         }
///     }
/// }
///
/// assert_eq!(Size::from_value(Value::from("large").as_ref()), Ok(Size::Large));
/// ```
pub trait FromValue<'r>: Sized {
    /// Converts `value`, exactly.
    ///
    /// # Errors
    /// When there is no conversion, or it would not be exact.
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError>;
}

/// The kind of value a type becomes: what types the null of an `Option` of it.
///
/// With this and `From<Mine> for Value`, a type of your own can be a parameter, also in an
/// `Option`:
///
/// ```
/// use wellspring_connector::{HasKind, Value, ValueKind};
///
/// struct Meters(f64);
///
/// impl HasKind for Meters {
///     const KIND: ValueKind = ValueKind::F64;
/// }
///
/// impl From<Meters> for Value {
///     fn from(meters: Meters) -> Self {
///         Value::F64(meters.0)
///     }
/// }
///
/// assert_eq!(Value::from(None::<Meters>), Value::Null(ValueKind::F64));
/// ```
pub trait HasKind {
    /// The kind.
    const KIND: ValueKind;
}

/// A type a `Vec` of which is an [`Array`](crate::Array): every [`HasKind`] type here except
/// `u8`, since a `Vec<u8>` is bytes.
pub trait ArrayElement: HasKind {}
