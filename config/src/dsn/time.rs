//! Durations as connection strings have them, which mostly is a number whose unit everybody has to know.

/// The unit of a number that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Millis,
    Seconds,
}

impl Unit {
    /// What a value in this unit should have been.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Millis => {
                "a number of milliseconds, or a duration with its unit: 250ms, 5s, 1min"
            }
            Self::Seconds => "a number of seconds, or a duration with its unit: 250ms, 5s, 1min",
        }
    }
}

/// A duration, or that there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Zero, or less.
    None,
    Millis(u64),
}

/// Longer than this is a typing error.
const MOST_MILLIS: u64 = 1_000 * 86_400 * 36_500;

/// Reads `30`, `0.5`, `-1`, `250ms`, `5s`, `1min`.
pub(crate) fn read(value: &str, unit: Unit) -> Option<Span> {
    let value = value.trim();
    if let Some(negative) = value.strip_prefix('-') {
        let digits = !negative.is_empty() && negative.bytes().all(|b| b.is_ascii_digit());
        return digits.then_some(Span::None);
    }
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, suffix) = value.split_at(end);
    let scale = match (suffix.trim_start(), unit) {
        ("", Unit::Millis) | ("ms", _) => 1,
        ("", Unit::Seconds) | ("s", _) => 1_000,
        ("min" | "m", _) => 60_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 15 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Three decimals are milliseconds; what is finer is rounded up, so that no limit becomes none.
    let kept = &fraction[..fraction.len().min(6)];
    let micros: u64 = format!("{kept:0<6}").parse().ok()?;
    let millis = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let millis = millis.checked_add((micros * scale).div_ceil(1_000_000))?;
    match millis {
        0 => Some(Span::None),
        1..=MOST_MILLIS => Some(Span::Millis(millis)),
        _ => None,
    }
}

/// A duration with its unit.
pub(crate) fn text(millis: u64) -> String {
    match millis.is_multiple_of(1_000) {
        true => format!("{}s", millis / 1_000),
        false => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_of_their_key() {
        for (value, unit, millis) in [
            ("30", Unit::Seconds, Some(Span::Millis(30_000))),
            ("0.5", Unit::Seconds, Some(Span::Millis(500))),
            ("30.0", Unit::Seconds, Some(Span::Millis(30_000))),
            ("0.0000001", Unit::Seconds, Some(Span::None)),
            ("0.00001", Unit::Seconds, Some(Span::Millis(1))),
            ("5000", Unit::Millis, Some(Span::Millis(5_000))),
            ("250ms", Unit::Seconds, Some(Span::Millis(250))),
            ("1min", Unit::Millis, Some(Span::Millis(60_000))),
            ("0", Unit::Seconds, Some(Span::None)),
            ("-1", Unit::Seconds, Some(Span::None)),
            ("", Unit::Seconds, None),
            ("-", Unit::Seconds, None),
            ("ten", Unit::Seconds, None),
            ("1.2.3", Unit::Seconds, None),
            ("5 parsecs", Unit::Seconds, None),
            ("999999999999999", Unit::Seconds, None),
            ("9999999999999999999999", Unit::Seconds, None),
        ] {
            assert_eq!(read(value, unit), millis, "{value}");
        }
        assert_eq!((text(30_000).as_str(), text(1_500).as_str()), ("30s", "1500ms"));
    }
}
