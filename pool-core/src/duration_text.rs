//! Durations as people write them in configuration: `"500ms"`, `"5s"`, `"10min"`, `"1h"`.

use std::time::Duration;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serializer};

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

pub(crate) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&format(*value))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    parse(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &EXPECTED))
}

/// The same for an optional duration, whose absence is written `"off"`.
pub(crate) mod optional {
    use std::time::Duration;

    use serde::de::{Error as _, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, out),
            None => out.serialize_str("off"),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(input)?;
        if text.trim() == "off" {
            return Ok(None);
        }
        super::parse(&text)
            .map(Some)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &super::EXPECTED))
    }
}

/// Something optional, whose absence is written `"off"`.
pub(crate) mod or_off {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::value::MapAccessDeserializer;
    use serde::de::{MapAccess, Unexpected, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(out),
            None => out.serialize_str("off"),
        }
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<T>, D::Error> {
        input.deserialize_any(OrOff(PhantomData))
    }

    struct OrOff<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OrOff<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("options, or \"off\"")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Option<T>, E> {
            match word.trim() {
                "off" => Ok(None),
                _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
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
