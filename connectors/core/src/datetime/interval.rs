//! A span of months, days and nanoseconds.

use std::fmt;
use std::str::FromStr;

use super::parse::Reader;
use super::time::write_fraction;
use crate::ConvertError;
use crate::serde_text::serde_as_text;

const NANOS_OF_SECOND: i64 = 1_000_000_000;
const NANOS_OF_MINUTE: i64 = 60 * NANOS_OF_SECOND;
const NANOS_OF_HOUR: i64 = 60 * NANOS_OF_MINUTE;

/// A span of time in three parts that do not convert into each other: a month is not a number of
/// days, and a day is not always 24 hours. For the same reason intervals have no order, and
/// `P1D` is not equal to `PT24H`.
///
/// Prints and parses ISO 8601 durations, where each part has a sign of its own: `P1Y2M-3DT4H5.5S`.
///
/// ```
/// use wellspring_connector::Interval;
///
/// let span: Interval = "P1Y2MT90M".parse()?;
/// assert_eq!(span, Interval::new(14, 0, 5_400_000_000_000));
/// assert_eq!(span.to_string(), "P1Y2MT1H30M");
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; a year is twelve.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Nanoseconds.
    pub nanos: i64,
}

impl Interval {
    /// `months`, `days` and `nanos` together.
    pub const fn new(months: i32, days: i32, nanos: i64) -> Self {
        Self { months, days, nanos }
    }
}

impl FromStr for Interval {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(text, "interval");
        let sign = if reader.eat(b'-') { -1 } else { 1 };
        reader.expect(b'P')?;
        let mut total = Parts::default();
        // Designators must come in their order; `rank` is the last one seen.
        let (mut rank, mut in_time, mut empty) = (0, false, true);
        while reader.peek().is_some() {
            if !in_time && reader.eat(b'T') {
                (in_time, empty) = (true, true);
                continue;
            }
            let negative = reader.eat(b'-');
            if !negative {
                reader.eat(b'+');
            }
            let sign = if negative { -sign } else { sign };
            let whole = reader.number()?;
            let fraction =
                if in_time && reader.eat(b'.') { Some(reader.fraction()?) } else { None };
            let (this, part, size) = match (in_time, reader.peek()) {
                (false, Some(b'Y')) => (1, &mut total.months, 12),
                (false, Some(b'M')) => (2, &mut total.months, 1),
                (false, Some(b'W')) => (3, &mut total.days, 7),
                (false, Some(b'D')) => (4, &mut total.days, 1),
                (true, Some(b'H')) => (5, &mut total.nanos, NANOS_OF_HOUR),
                (true, Some(b'M')) => (6, &mut total.nanos, NANOS_OF_MINUTE),
                (true, Some(b'S')) => (7, &mut total.nanos, NANOS_OF_SECOND),
                _ => return Err(reader.error("one of Y, M, W, D, or after T one of H, M, S")),
            };
            if this <= rank || (fraction.is_some() && this != 7) {
                return Err(reader.error("units once and in order, a fraction only of seconds"));
            }
            rank = this;
            reader.eat(reader.peek().expect("a unit was seen"));
            *part += i128::from(sign)
                * (i128::from(whole) * i128::from(size) + i128::from(fraction.unwrap_or(0)));
            empty = false;
        }
        if empty {
            return Err(reader.error("a number and a unit"));
        }
        total.fit()
    }
}

#[derive(Default)]
struct Parts {
    months: i128,
    days: i128,
    nanos: i128,
}

impl Parts {
    fn fit(self) -> Result<Interval, ConvertError> {
        let large = |part| ConvertError::new(format!("the {part} of the interval are too many"));
        Ok(Interval {
            months: i32::try_from(self.months).map_err(|_| large("months"))?,
            days: i32::try_from(self.days).map_err(|_| large("days"))?,
            nanos: i64::try_from(self.nanos).map_err(|_| large("nanoseconds"))?,
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        for (count, unit) in [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')] {
            if count != 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        if self.nanos == 0 {
            return Ok(());
        }
        f.write_str("T")?;
        let hours = self.nanos / NANOS_OF_HOUR;
        let minutes = self.nanos % NANOS_OF_HOUR / NANOS_OF_MINUTE;
        for (count, unit) in [(hours, 'H'), (minutes, 'M')] {
            if count != 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        let rest = self.nanos % NANOS_OF_MINUTE;
        if rest != 0 {
            let sign = if rest < 0 { "-" } else { "" };
            write!(f, "{sign}{}", (rest / NANOS_OF_SECOND).unsigned_abs())?;
            let nanos = (rest % NANOS_OF_SECOND).unsigned_abs();
            write_fraction(f, u32::try_from(nanos).expect("below a second"))?;
            f.write_str("S")?;
        }
        Ok(())
    }
}

serde_as_text!(Interval, "an ISO 8601 duration, P1Y2M3DT4H5M6S");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_they_parse() {
        for (text, months, days, nanos) in [
            ("PT0S", 0, 0, 0),
            ("P1Y2M3DT4H5M6.5S", 14, 3, 14_706_500_000_000),
            ("P-1Y-2M3D", -14, 3, 0),
            ("PT-0.000000001S", 0, 0, -1),
            ("PT-2562047H-47M-16.854775808S", 0, 0, i64::MIN),
            ("P-178956970Y-8M", i32::MIN, 0, 0),
        ] {
            let span: Interval = text.parse().unwrap();
            assert_eq!(span, Interval::new(months, days, nanos), "{text}");
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("-P1W".parse::<Interval>().unwrap(), Interval::new(0, -7, 0));
        assert_eq!("-P1Y-2M".parse::<Interval>().unwrap(), Interval::new(-10, 0, 0));
    }

    #[test]
    fn malformed_durations_are_refused() {
        for bad in [
            "",
            "P",
            "PT",
            "P1",
            "1Y",
            "P1H",
            "PT1D",
            "P1M1Y",
            "P1Y1Y",
            "P1.5Y",
            "PT1.5H",
            "P1YT",
            "P99999999999Y",
            "PT9999999999999H",
            "P1Y ",
            "PT1S2",
            "P--1Y",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }
}
