//! A date and time of day, with and without an offset from UTC.

use std::fmt;
use std::str::FromStr;

use super::parse::Reader;
use super::{Date, Time};
use crate::ConvertError;
use crate::serde_text::serde_as_text;

const SECONDS_OF_DAY: i64 = 86_400;
/// The largest offset, 25:59:59: what POSIX time zones, and the date crates with them, can have.
const MAX_OFFSET: i32 = 26 * 3_600 - 1;

/// A date and a time of day without a zone: what a wall clock showed somewhere.
///
/// Prints `2024-02-29T08:30:00` (with `{:#}`: a space instead of the `T`, as SQL writes it) and
/// parses both.
///
/// ```
/// use wellspring_connector::Timestamp;
///
/// let at: Timestamp = "2024-02-29 08:30:00.5".parse()?;
/// assert_eq!(at.to_string(), "2024-02-29T08:30:00.5");
/// assert_eq!(format!("{at:#}"), "2024-02-29 08:30:00.5");
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    date: Date,
    time: Time,
}

impl Timestamp {
    /// `date` at `time`.
    pub const fn new(date: Date, time: Time) -> Self {
        Self { date, time }
    }

    /// The timestamp `seconds` and `nanos` after 1970-01-01T00:00:00, without leap seconds.
    ///
    /// # Errors
    /// When `nanos` is a second or more, or the year is not within -1000000 to 1000000.
    pub fn from_unix(seconds: i64, nanos: u32) -> Result<Self, ConvertError> {
        let days = i32::try_from(seconds.div_euclid(SECONDS_OF_DAY)).map_err(|_| {
            ConvertError::new(format!(
                "{seconds} seconds from 1970-01-01 are not within the years -1000000 to 1000000"
            ))
        })?;
        let of_day = seconds.rem_euclid(SECONDS_OF_DAY);
        let narrow = |n: i64| u8::try_from(n).expect("hours, minutes and seconds are small");
        let time = Time::new(
            narrow(of_day / 3_600),
            narrow(of_day / 60 % 60),
            narrow(of_day % 60),
            nanos,
        )?;
        Ok(Self::new(Date::from_unix_days(days)?, time))
    }

    /// Whole seconds since 1970-01-01T00:00:00; [`time().nanos()`](Time::nanos) has the rest.
    pub fn unix_seconds(self) -> i64 {
        i64::from(self.date.unix_days()) * SECONDS_OF_DAY + i64::from(self.time.seconds_of_day())
    }

    /// The date.
    pub const fn date(self) -> Date {
        self.date
    }

    /// The time of day.
    pub const fn time(self) -> Time {
        self.time
    }

    fn shift(self, seconds: i64) -> Result<Self, ConvertError> {
        Self::from_unix(self.unix_seconds() + seconds, self.time.nanos())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ConvertError> {
        let date = Date::read(reader)?;
        if !(reader.eat(b'T') || reader.eat(b' ') || reader.eat(b't')) {
            return Err(reader.error("`T` or a space"));
        }
        Ok(Self::new(date, Time::read(reader)?))
    }
}

impl FromStr for Timestamp {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(text, "timestamp");
        let timestamp = Self::read(&mut reader)?;
        reader.end()?;
        Ok(timestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if f.alternate() { ' ' } else { 'T' };
        write!(f, "{}{separator}{}", self.date, self.time)
    }
}

/// An instant, with the offset from UTC it was written with.
///
/// Two values are equal when both the instant and the offset are; they are ordered by instant
/// first. Compare [`utc`](Self::utc) to ask only whether they are the same instant.
///
/// Prints RFC 3339: `2024-02-29T08:30:00+02:00`, `Z` for UTC (with `{:#}`: a space instead of the
/// `T`). Parsing needs the offset: a text without one is refused, since no zone is assumed.
///
/// ```
/// use wellspring_connector::TimestampTz;
///
/// let at: TimestampTz = "2024-02-29T08:30:00+02:00".parse()?;
/// assert_eq!(at.utc().to_string(), "2024-02-29T06:30:00");
/// assert_eq!(at.offset_seconds(), 7_200);
/// assert!("2024-02-29T08:30:00".parse::<TimestampTz>().is_err());
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampTz {
    utc: Timestamp,
    offset_seconds: i32,
}

impl TimestampTz {
    /// The instant `utc`, shown at `offset_seconds` east of UTC.
    ///
    /// # Errors
    /// When the offset is 26 hours or more, or the local year is not within -1000000 to 1000000.
    pub fn new(utc: Timestamp, offset_seconds: i32) -> Result<Self, ConvertError> {
        check_offset(offset_seconds)?;
        utc.shift(offset_seconds.into())?;
        Ok(Self { utc, offset_seconds })
    }

    /// The instant at which a clock `offset_seconds` east of UTC shows `local`.
    ///
    /// # Errors
    /// When the offset is 26 hours or more, or the year in UTC is not within -1000000 to 1000000.
    pub fn from_local(local: Timestamp, offset_seconds: i32) -> Result<Self, ConvertError> {
        check_offset(offset_seconds)?;
        Ok(Self { utc: local.shift(-i64::from(offset_seconds))?, offset_seconds })
    }

    /// The instant `utc`, at offset 0.
    pub const fn from_utc(utc: Timestamp) -> Self {
        Self { utc, offset_seconds: 0 }
    }

    /// Date and time in UTC.
    pub const fn utc(self) -> Timestamp {
        self.utc
    }

    /// Seconds east of UTC.
    pub const fn offset_seconds(self) -> i32 {
        self.offset_seconds
    }

    /// Date and time at the offset.
    pub fn local(self) -> Timestamp {
        self.utc.shift(self.offset_seconds.into()).expect("the constructors checked it")
    }
}

fn check_offset(seconds: i32) -> Result<(), ConvertError> {
    if (-MAX_OFFSET..=MAX_OFFSET).contains(&seconds) {
        return Ok(());
    }
    Err(ConvertError::new(format!("an offset of {seconds} seconds is 26 hours or more")))
}

impl FromStr for TimestampTz {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(text, "timestamp with offset");
        let local = Timestamp::read(&mut reader)?;
        // Some databases print a space before the offset.
        reader.eat(b' ');
        let offset = read_offset(&mut reader)?;
        reader.end()?;
        Self::from_local(local, offset)
    }
}

/// `Z`, `+HH`, `+HHMM`, `+HH:MM` or `+HH:MM:SS`.
fn read_offset(reader: &mut Reader<'_>) -> Result<i32, ConvertError> {
    if reader.eat(b'Z') || reader.eat(b'z') {
        return Ok(0);
    }
    let negative = reader.eat(b'-');
    if !negative && !reader.eat(b'+') {
        return Err(reader.error("an offset, `Z` or `+HH:MM`"));
    }
    let hours = reader.digits(2)?;
    let (mut minutes, mut seconds) = (0, 0);
    if reader.eat(b':') {
        minutes = reader.digits(2)?;
        if reader.eat(b':') {
            seconds = reader.digits(2)?;
        }
    } else if reader.peek().is_some() {
        minutes = reader.digits(2)?;
    }
    if hours > 25 || minutes > 59 || seconds > 59 {
        return Err(reader.error("an offset below 26 hours"));
    }
    let total = i32::try_from(hours * 3_600 + minutes * 60 + seconds).expect("below 26 hours");
    Ok(if negative { -total } else { total })
}

impl fmt::Display for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.local(), f)?;
        if self.offset_seconds == 0 {
            return f.write_str("Z");
        }
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        let total = self.offset_seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", total / 3_600, total / 60 % 60)?;
        match total % 60 {
            0 => Ok(()),
            seconds => write!(f, ":{seconds:02}"),
        }
    }
}

serde_as_text!(Timestamp, "a timestamp, YYYY-MM-DDTHH:MM:SS");
serde_as_text!(TimestampTz, "a timestamp with offset, YYYY-MM-DDTHH:MM:SS+HH:MM");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_the_epoch_go_both_ways() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (-1, "1969-12-31T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
            (253_402_300_800, "+10000-01-01T00:00:00"),
        ] {
            let at = Timestamp::from_unix(seconds, 0).unwrap();
            assert_eq!(at.to_string(), text);
            assert_eq!(at.unix_seconds(), seconds);
        }
        assert!(Timestamp::from_unix(i64::from(i32::MAX) * 86_400, 0).is_err());
        assert!(Timestamp::from_unix(i64::MAX, 0).is_err());
        assert!(Timestamp::from_unix(0, 1_000_000_000).is_err());
    }

    #[test]
    fn offsets_are_kept_and_needed() {
        for (text, utc, shown) in [
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
            ("2024-01-01 00:00:00-05", "2024-01-01T05:00:00", "2024-01-01T00:00:00-05:00"),
            ("2024-01-01T00:00:00+0530", "2023-12-31T18:30:00", "2024-01-01T00:00:00+05:30"),
            ("2024-01-01T00:00+00:00:30", "2023-12-31T23:59:30", "2024-01-01T00:00:00+00:00:30"),
            ("2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
        ] {
            let at: TimestampTz = text.parse().unwrap();
            assert_eq!(at.utc().to_string(), utc);
            assert_eq!(at.to_string(), shown);
            assert_eq!(shown.parse::<TimestampTz>().unwrap(), at);
        }
        for bad in [
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00+26:00",
            "2024-01-01T00:00:00+1",
            "2024-01-01Z",
            "+1000000-12-31T23:59:59-01:00",
            "2024-01-01T00:00:00ZZ",
        ] {
            assert!(bad.parse::<TimestampTz>().is_err(), "{bad}");
        }
        assert!(TimestampTz::new(Timestamp::new(Date::MAX, Time::MIDNIGHT), 86_399).is_ok());
        assert!(TimestampTz::new(Timestamp::new(Date::MIN, Time::MIDNIGHT), -1).is_err());
        assert!(TimestampTz::new(Timestamp::new(Date::MIN, Time::MIDNIGHT), 93_600).is_err());
    }

    #[test]
    fn order_is_by_instant() {
        let noon: TimestampTz = "2024-01-01T12:00:00Z".parse().unwrap();
        let same: TimestampTz = "2024-01-01T14:00:00+02:00".parse().unwrap();
        let later: TimestampTz = "2024-01-01T12:00:00-01:00".parse().unwrap();
        assert_eq!(noon.utc(), same.utc());
        assert_ne!(noon, same);
        assert!(same < later);
    }
}
