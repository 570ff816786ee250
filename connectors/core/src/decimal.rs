//! Exact decimal numbers of any size.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::ConvertError;

/// An exact decimal number: sign, digits and scale, of any size, never through a float.
///
/// The scale, the number of digits after the point, is kept: `1.50` prints as `1.50`. Equality,
/// order and hash go by the number alone, so `1.50 == 1.5`; compare [`scale`](Self::scale) as well
/// where it matters. There is no arithmetic here: convert to `rust_decimal` or `bigdecimal`
/// (features of those names) for that.
///
/// Parses plain and scientific notation, prints plain notation. Negative zero becomes zero.
///
/// ```
/// use wellspring_connector::Decimal;
///
/// let price: Decimal = "1234567890123456789012345678901234567890.10".parse()?;
/// assert_eq!(price.scale(), 2);
/// assert_eq!(price.to_string(), "1234567890123456789012345678901234567890.10");
/// assert_eq!(Decimal::new(150, 2), "1.5".parse()?);
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Clone)]
pub struct Decimal(Repr);

/// Either `unscaled / 10^scale`, or a text. What fits into the first is never in the second.
#[derive(Clone)]
enum Repr {
    Small { unscaled: i64, scale: u8 },
    // A thin pointer keeps the whole at 16 bytes; shared, so that a clone is cheap.
    Big(Arc<Box<str>>),
}

const _: () = assert!(size_of::<Decimal>() <= 16);

/// Scientific notation may not ask for more digits than this, so that a short text cannot ask for
/// gigabytes. PostgreSQL, the database with the widest numbers, stops at the same order.
const MAX_EXPANSION: i64 = 200_000;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self::new(0, 0);

    /// `unscaled` with the last `scale` of its digits after the point: `new(150, 2)` is 1.50.
    pub const fn new(unscaled: i64, scale: u8) -> Self {
        Self(Repr::Small { unscaled, scale })
    }

    /// As [`new`](Self::new), for wider numbers.
    pub fn from_i128(unscaled: i128, scale: u32) -> Self {
        match (i64::try_from(unscaled), u8::try_from(scale)) {
            (Ok(unscaled), Ok(scale)) => Self::new(unscaled, scale),
            _ => Self::from_digits(unscaled < 0, &unscaled.unsigned_abs().to_string(), scale),
        }
    }

    /// The number whose digits are `digits` (ASCII, at least one), the last `scale` of them after
    /// the point.
    fn from_digits(negative: bool, digits: &str, scale: u32) -> Self {
        let digits = digits.trim_start_matches('0');
        if let Ok(scale) = u8::try_from(scale) {
            let small = match digits {
                "" => Some(0),
                digits if digits.len() <= 19 => digits
                    .parse::<i128>()
                    .ok()
                    .and_then(|n| i64::try_from(if negative { -n } else { n }).ok()),
                _ => None,
            };
            if let Some(unscaled) = small {
                return Self::new(unscaled, scale);
            }
        }
        let scale = scale as usize;
        let mut text = String::with_capacity(digits.len().max(scale) + 3);
        if negative && !digits.is_empty() {
            text.push('-');
        }
        let whole = digits.len().saturating_sub(scale);
        text.push_str(if whole == 0 { "0" } else { &digits[..whole] });
        if scale > 0 {
            text.push('.');
            text.extend(std::iter::repeat_n('0', scale - (digits.len() - whole)));
            text.push_str(&digits[whole..]);
        }
        Self(Repr::Big(Arc::new(text.into_boxed_str())))
    }

    /// The number of digits after the point.
    pub fn scale(&self) -> u32 {
        match &self.0 {
            Repr::Small { scale, .. } => u32::from(*scale),
            Repr::Big(text) => {
                let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                u32::try_from(scale).expect("parsing bounds the scale")
            }
        }
    }

    /// True below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { unscaled, .. } => *unscaled < 0,
            Repr::Big(text) => text.starts_with('-'),
        }
    }

    /// True for zero of any scale.
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Small { unscaled, .. } => *unscaled == 0,
            Repr::Big(text) => text.bytes().all(|b| matches!(b, b'0' | b'.')),
        }
    }

    /// True when nothing but zeros is after the point.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small { scale: 0, .. } => true,
            _ => self.plain(|text| Plain::of(text).fraction.is_empty()),
        }
    }

    /// The number as an integer, if it is one and fits.
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small { unscaled, scale: 0 } => Some(i128::from(*unscaled)),
            _ => self.plain(|text| {
                let Plain { negative, whole, fraction } = Plain::of(text);
                if !fraction.is_empty() {
                    return None;
                }
                let magnitude = if whole.is_empty() { "0" } else { whole };
                // With its sign, so that the smallest number parses too.
                if negative { format!("-{magnitude}").parse().ok() } else { magnitude.parse().ok() }
            }),
        }
    }

    /// The number as unscaled integer and scale, if the integer fits.
    pub fn to_unscaled(&self) -> Option<(i128, u32)> {
        match &self.0 {
            Repr::Small { unscaled, scale } => Some((i128::from(*unscaled), u32::from(*scale))),
            Repr::Big(text) => Some((text.replacen('.', "", 1).parse().ok()?, self.scale())),
        }
    }

    /// Calls `read` with the plain notation, which a big number has at hand.
    fn plain<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Repr::Small { .. } => read(&self.to_string()),
            Repr::Big(text) => read(text),
        }
    }
}

/// The plain notation taken apart, without the zeros that do not count.
#[derive(PartialEq, Eq, Hash)]
struct Plain<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Plain<'a> {
    fn of(text: &'a str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Self {
            negative,
            whole: whole.trim_start_matches('0'),
            fraction: fraction.trim_end_matches('0'),
        }
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        (self.whole.len(), self.whole, self.fraction).cmp(&(
            other.whole.len(),
            other.whole,
            other.fraction,
        ))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (
            Repr::Small { unscaled: a, scale: a_scale },
            Repr::Small { unscaled: b, scale: b_scale },
        ) = (&self.0, &other.0)
            && a_scale.abs_diff(*b_scale) <= 19
        {
            // An i64 times 10^19 fits an i128.
            let common = (*a_scale).max(*b_scale);
            let widen = |n: i64, scale: u8| i128::from(n) * 10_i128.pow(u32::from(common - scale));
            return widen(*a, *a_scale).cmp(&widen(*b, *b_scale));
        }
        self.plain(|a| {
            other.plain(|b| {
                let (a, b) = (Plain::of(a), Plain::of(b));
                match (a.negative, b.negative) {
                    (false, true) => Ordering::Greater,
                    (true, false) => Ordering::Less,
                    (false, false) => a.cmp_magnitude(&b),
                    (true, true) => b.cmp_magnitude(&a),
                }
            })
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.plain(|text| Plain::of(text).hash(state));
    }
}

impl FromStr for Decimal {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let malformed = |reason: &str| ConvertError::new(format!("not a decimal: {reason}"));
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            None => (rest, 0),
            Some((mantissa, exponent)) => {
                let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(malformed("the exponent is not a number"));
                }
                match exponent.parse::<i64>() {
                    Ok(exponent) if exponent.abs() <= MAX_EXPANSION => (mantissa, exponent),
                    _ => return Err(malformed("the exponent is too large")),
                }
            }
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(malformed("there is no digit"));
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(malformed("there is something other than digits and a point"));
        }
        let scale = i64::try_from(fraction.len()).map_err(|_| malformed("it is too long"))?;
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let scale = scale - exponent;
        if scale < 0 && !digits.bytes().all(|b| b == b'0') {
            let zeros = usize::try_from(-scale).expect("the exponent is bounded");
            digits.extend(std::iter::repeat_n('0', zeros));
        }
        let scale = u32::try_from(scale.max(0)).map_err(|_| malformed("it is too long"))?;
        Ok(Self::from_digits(negative, &digits, scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small { unscaled, scale } => {
                let (magnitude, width) = (unscaled.unsigned_abs(), usize::from(*scale) + 1);
                let mut digits = format!("{magnitude:0width$}");
                if *scale > 0 {
                    digits.insert(digits.len() - usize::from(*scale), '.');
                }
                f.pad_integral(*unscaled >= 0, "", &digits)
            }
            Repr::Big(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                f.pad_integral(!self.is_negative(), "", digits)
            }
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Decimal {
            fn from(n: $int) -> Self {
                Self::from_i128(i128::from(n), 0)
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl serde::Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text or an integer; a float is refused, since it may have lost digits already.
impl<'de> serde::Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text, or an integer")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Decimal, E> {
                Ok(n.into())
            }

            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Decimal, E> {
                Ok(n.into())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn digits_and_scale_survive() {
        for text in [
            "0",
            "0.00",
            "1.50",
            "-1.50",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "-9223372036854775809",
            "0.000000000000000000000000000001",
            "-123456789012345678901234567890.123456789012345678901234567890",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        let tiny = format!("0.{}1", "0".repeat(300));
        assert_eq!(decimal(&tiny).to_string(), tiny);
        assert_eq!(decimal(&tiny).scale(), 301);
        let nothing = format!("-0.{}", "0".repeat(300));
        assert!(decimal(&nothing).is_zero() && !decimal(&nothing).is_negative());
    }

    #[test]
    fn other_notations_become_plain() {
        for (text, plain) in [
            ("+1", "1"),
            ("007", "7"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("1.25E+1", "12.5"),
            ("1.25e-3", "0.00125"),
            ("0e5", "0"),
            ("12e18", "12000000000000000000"),
        ] {
            assert_eq!(decimal(text).to_string(), plain, "{text}");
        }
        for bad in [
            "",
            "-",
            ".",
            "1.2.3",
            "1,5",
            "1e",
            "1e+",
            "1e1.5",
            "NaN",
            "Infinity",
            "--1",
            " 1",
            "1 ",
            "1e200001",
            "1e99999999999999999999",
            "١",
        ] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn comparison_is_by_number() {
        let ascending = [
            "-100000000000000000000",
            "-99999999999999999999.9",
            "-2",
            "-1.5",
            "-0.1",
            "0",
            "0.00000000000000000000000001",
            "0.1",
            "0.11",
            "1",
            "1.5",
            "2",
            "10",
            "99999999999999999999.9",
            "100000000000000000000",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(decimal(a).cmp(&decimal(b)), i.cmp(&j), "{a} {b}");
            }
        }
        let state = RandomState::new();
        for (a, b) in [
            ("1.0", "1.00"),
            ("0", "0.000"),
            ("1e30", "1000000000000000000000000000000.0"),
            ("0.1", "0.1000000000000000000000000000000000"),
        ] {
            assert_eq!(decimal(a), decimal(b));
            assert_eq!(state.hash_one(decimal(a)), state.hash_one(decimal(b)), "{a}");
        }
    }

    #[test]
    fn integers_are_told_from_fractions() {
        for (text, integer) in [
            ("12.000", Some(12)),
            ("12.5", None),
            ("0.00", Some(0)),
            ("-170141183460469231731687303715884105728", Some(i128::MIN)),
            ("170141183460469231731687303715884105728", None),
        ] {
            assert_eq!(decimal(text).to_i128(), integer, "{text}");
        }
        assert_eq!(decimal("-1.50").to_unscaled(), Some((-150, 2)));
        assert_eq!(Decimal::from_i128(i128::MIN, 3).to_unscaled(), Some((i128::MIN, 3)));
        assert_eq!(format!("{:>8}|{:<8}", decimal("-1.5"), decimal("2")), "    -1.5|2       ");
    }

    #[test]
    fn serde_is_text_and_refuses_floats() {
        assert_eq!(serde_json::to_string(&decimal("1.50")).unwrap(), r#""1.50""#);
        assert_eq!(serde_json::from_str::<Decimal>("12").unwrap(), decimal("12"));
        assert!(serde_json::from_str::<Decimal>("1.5").is_err());
    }
}
