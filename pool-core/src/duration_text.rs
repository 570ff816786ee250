//! Durations as people write them in configuration: `"500ms"`, `"5s"`, `"10min"`, `"1h"`. For
//! `#[serde(with = "wellspring_pool_core::duration_text")]`; `duration_text::optional` writes the absence of one
//! as `"off"`.

use std::time::Duration;

use std::fmt;

use serde::de::{Unexpected, Visitor};
use serde::{Deserializer, Serializer};

const UNITS: [(&str, u64); 9] = [
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
];

const EXPECTED: &str = "a duration such as \"500ms\", \"5s\", \"10min\" or \"1h\"";
const EXPECTED_OR_OFF: &str =
    "a duration such as \"500ms\", \"5s\", \"10min\" or \"1h\", or \"off\"";

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_millis(number.checked_mul(*millis)?))
}

/// The largest unit that divides the duration; sub-millisecond parts are rounded up, so that a
/// limit is never written shorter than it is.
fn format(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let unit = [("h", 3_600_000), ("min", 60_000), ("s", 1_000)]
        .into_iter()
        .find(|(_, size)| millis != 0 && millis.is_multiple_of(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", millis / size),
        None => format!("{millis}ms"),
    }
}

/// Writes it.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&format(*value))
}

/// Reads it.
///
/// # Errors
/// For anything but a text of a number and its unit; the error says what would be right.
pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    input.deserialize_str(InWords { or_off: false }).map(Option::unwrap_or_default)
}

/// Reads a duration, or `off` where that is one.
struct InWords {
    or_off: bool,
}

impl Visitor<'_> for InWords {
    type Value = Option<Duration>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.or_off { EXPECTED_OR_OFF } else { EXPECTED })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<Duration>, E> {
        if self.or_off && text.trim() == "off" {
            return Ok(None);
        }
        parse(text).map(Some).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The same for an optional duration, whose absence is written `"off"`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, out),
            None => out.serialize_str("off"),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// For anything but a duration or `off`.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
        input.deserialize_str(super::InWords { or_off: true })
    }
}

/// How a duration looks, for `#[schemars(with = …)]`.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct Text;

/// How a duration looks that may be absent.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct TextOrOff;

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{Text, TextOrOff};

    const PATTERN: &str = "[0-9]+ ?(ms|s|sec|m|min|h|hour|d|day)";

    impl JsonSchema for Text {
        fn schema_name() -> Cow<'static, str> {
            "Duration".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "pattern": format!("^{PATTERN}$") })
        }
    }

    impl JsonSchema for TextOrOff {
        fn schema_name() -> Cow<'static, str> {
            "DurationOrOff".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "pattern": format!("^({PATTERN}|off)$") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list is that of the URLs' durations too: one rule for all.
    #[test]
    fn units_parse_and_print_and_nonsense_is_refused() {
        for line in include_str!("../tests/durations.txt").lines() {
            let (text, millis) = line.split_once('=').expect("a text and its milliseconds");
            let expected = (millis != "refused").then(|| millis.parse().expect("a number"));
            let expected = expected.map(Duration::from_millis);
            assert_eq!(parse(text), expected, "{line}");
            if let Some(expected) = expected {
                assert_eq!(parse(&format(expected)), Some(expected), "{line}");
            }
        }
    }

    #[test]
    fn a_limit_is_never_written_shorter() {
        assert_eq!(format(Duration::from_micros(1_500)), "2ms");
    }
}
