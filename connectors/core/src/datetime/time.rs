//! A time of day.

use std::fmt;
use std::str::FromStr;

use super::parse::Reader;
use crate::ConvertError;
use crate::serde_text::serde_as_text;

/// Nanoseconds of a day.
pub(super) const NANOS_OF_DAY: u64 = 86_400 * 1_000_000_000;

/// A time of day, from midnight to the last nanosecond before the next; no leap seconds.
///
/// Prints `HH:MM:SS` and as much of a fraction as there is; parses `HH:MM`, `HH:MM:SS` and
/// fractions of one to nine digits.
///
/// ```
/// use wellspring_connector::Time;
///
/// let time: Time = "08:30:00.25".parse()?;
/// assert_eq!(time, Time::new(8, 30, 0, 250_000_000)?);
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
}

impl Time {
    /// 00:00:00.
    pub const MIDNIGHT: Self = Self { hour: 0, minute: 0, second: 0, nanos: 0 };

    /// The time of `hour` (0 to 23), `minute`, `second` (0 to 59) and nanoseconds of the second.
    ///
    /// # Errors
    /// When one of them is out of its range.
    pub fn new(hour: u8, minute: u8, second: u8, nanos: u32) -> Result<Self, ConvertError> {
        let out_of_range = |name: &str, value: u32, last: u32| {
            Err(ConvertError::new(format!("{name} {value} is not within 0 to {last}")))
        };
        if hour > 23 {
            return out_of_range("hour", hour.into(), 23);
        }
        if minute > 59 {
            return out_of_range("minute", minute.into(), 59);
        }
        if second > 59 {
            return out_of_range("second", second.into(), 59);
        }
        if nanos > 999_999_999 {
            return out_of_range("nanosecond", nanos, 999_999_999);
        }
        Ok(Self { hour, minute, second, nanos })
    }

    /// The time `nanos` nanoseconds after midnight.
    ///
    /// # Errors
    /// When that is not on the same day.
    pub fn from_nanos_of_day(nanos: u64) -> Result<Self, ConvertError> {
        if nanos >= NANOS_OF_DAY {
            return Err(ConvertError::new(format!("{nanos} nanoseconds are a day or more")));
        }
        let seconds = nanos / 1_000_000_000;
        let narrow = |n: u64| u8::try_from(n).expect("hours, minutes and seconds are small");
        Ok(Self {
            hour: narrow(seconds / 3_600),
            minute: narrow(seconds / 60 % 60),
            second: narrow(seconds % 60),
            nanos: u32::try_from(nanos % 1_000_000_000).expect("below a second"),
        })
    }

    /// Nanoseconds since midnight.
    pub fn nanos_of_day(self) -> u64 {
        u64::from(self.seconds_of_day()) * 1_000_000_000 + u64::from(self.nanos)
    }

    pub(super) fn seconds_of_day(self) -> u32 {
        u32::from(self.hour) * 3_600 + u32::from(self.minute) * 60 + u32::from(self.second)
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }

    /// Nanoseconds of the second, 0 to 999 999 999.
    pub const fn nanos(self) -> u32 {
        self.nanos
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConvertError> {
        let hour = reader.digits(2)?;
        reader.expect(b':')?;
        let minute = reader.digits(2)?;
        let (mut second, mut nanos) = (0, 0);
        if reader.eat(b':') {
            second = reader.digits(2)?;
            if reader.eat(b'.') {
                nanos = reader.fraction()?;
            }
        }
        let narrow = |n: u32| u8::try_from(n).expect("two digits fit");
        Self::new(narrow(hour), narrow(minute), narrow(second), nanos)
    }
}

impl FromStr for Time {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(text, "time");
        let time = Self::read(&mut reader)?;
        reader.end()?;
        Ok(time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        write_fraction(f, self.nanos)
    }
}

/// Writes `.5` for half a second, nothing for none.
pub(super) fn write_fraction(f: &mut fmt::Formatter<'_>, nanos: u32) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    let (mut digits, mut width) = (nanos, 9);
    while digits % 10 == 0 {
        digits /= 10;
        width -= 1;
    }
    write!(f, ".{digits:0width$}")
}

serde_as_text!(Time, "a time of day, HH:MM:SS");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_much_fraction_as_they_have() {
        for (text, nanos) in [
            ("00:00:00", 0),
            ("23:59:59.999999999", 999_999_999),
            ("01:02:03.5", 500_000_000),
            ("01:02:03.000001", 1_000),
        ] {
            let time: Time = text.parse().unwrap();
            assert_eq!(time.nanos(), nanos);
            assert_eq!(time.to_string(), text);
            assert_eq!(Time::from_nanos_of_day(time.nanos_of_day()).unwrap(), time);
        }
        assert_eq!("08:30".parse::<Time>().unwrap().to_string(), "08:30:00");
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for bad in [
            "",
            "8:30",
            "24:00:00",
            "12:60:00",
            "12:00:60",
            "12:00:00.",
            "12:00:00.1234567890",
            "12:00:00Z",
            "-01:00:00",
            "12.30",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        assert!(Time::from_nanos_of_day(NANOS_OF_DAY).is_err());
        assert!(Time::new(0, 0, 0, 1_000_000_000).is_err());
    }
}
