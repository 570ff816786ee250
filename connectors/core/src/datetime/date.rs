//! A day of the proleptic Gregorian calendar.

use std::fmt;
use std::str::FromStr;

use super::parse::Reader;
use crate::ConvertError;
use crate::serde_text::serde_as_text;

/// A calendar date: years -1000000 to 1000000 of the proleptic Gregorian calendar, year 0 is 1 BC.
///
/// Prints and parses `YYYY-MM-DD`. A year before 0 has a minus sign, one of more than four digits
/// a sign in any case: `+10000-01-01`.
///
/// ```
/// use wellspring_connector::Date;
///
/// let date: Date = "2024-02-29".parse()?;
/// assert_eq!(date, Date::new(2024, 2, 29)?);
/// assert!(Date::new(2023, 2, 29).is_err());
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // The order of the fields makes the derived order chronological.
    year: i32,
    month: u8,
    day: u8,
}

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0: i32 = 719_468;
/// Days in the 400 years after which the calendar repeats.
const DAYS_OF_ERA: i32 = 146_097;

/// Wide enough for every date of `chrono` and `time`; the days still fit 32 bits.
const MAX_YEAR: i32 = 1_000_000;

impl Date {
    /// The first date: -1000000-01-01.
    pub const MIN: Self = Self { year: -MAX_YEAR, month: 1, day: 1 };
    /// The last date: +1000000-12-31.
    pub const MAX: Self = Self { year: MAX_YEAR, month: 12, day: 31 };

    /// The date of `year`, `month` (1 to 12) and `day` (from 1).
    ///
    /// # Errors
    /// When there is no such day, or the year is not within -1000000 to 1000000.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, ConvertError> {
        if !(-MAX_YEAR..=MAX_YEAR).contains(&year) {
            return Err(ConvertError::new(format!(
                "year {year} is not within -1000000 to 1000000"
            )));
        }
        if !(1..=12).contains(&month) {
            return Err(ConvertError::new(format!("month {month} is not within 1 to 12")));
        }
        let last = days_in_month(year, month);
        if !(1..=last).contains(&day) {
            return Err(ConvertError::new(format!(
                "day {day} is not within 1 to {last}, the days of month {month} of year {year}"
            )));
        }
        Ok(Self { year, month, day })
    }

    /// The date `days` after 1970-01-01 (before it, if negative).
    ///
    /// # Errors
    /// When the year is not within -1000000 to 1000000.
    pub fn from_unix_days(days: i32) -> Result<Self, ConvertError> {
        if !(Self::MIN.unix_days()..=Self::MAX.unix_days()).contains(&days) {
            return Err(ConvertError::new(format!(
                "the date {days} days from 1970-01-01 is not within the years -1000000 to 1000000"
            )));
        }
        // Years are counted from March, so that the leap day is the last day of one.
        let shifted = days + EPOCH_FROM_MARCH_0;
        let era = shifted.div_euclid(DAYS_OF_ERA);
        let day_of_era = shifted.rem_euclid(DAYS_OF_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + i32::from(month <= 2);
        let narrow = |n: i32| u8::try_from(n).expect("months and days are small");
        Self::new(year, narrow(month), narrow(day))
    }

    /// The number of days since 1970-01-01; negative before it.
    pub fn unix_days(self) -> i32 {
        let month = i32::from(self.month);
        let year = self.year - i32::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_OF_ERA + day_of_era - EPOCH_FROM_MARCH_0
    }

    /// The year, -1000000 to 1000000.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConvertError> {
        let negative = reader.eat(b'-');
        let signed = negative || reader.eat(b'+');
        let mut year = i32::try_from(reader.digits(4)?).expect("four digits fit");
        while signed && year <= MAX_YEAR && reader.peek() != Some(b'-') {
            year = year * 10 + i32::try_from(reader.digits(1)?).expect("one digit fits");
        }
        reader.expect(b'-')?;
        let month = reader.digits(2)?;
        reader.expect(b'-')?;
        let day = reader.digits(2)?;
        let narrow = |n: u32| u8::try_from(n).expect("two digits fit");
        Self::new(if negative { -year } else { year }, narrow(month), narrow(day))
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(text, "date");
        let date = Self::read(&mut reader)?;
        reader.end()?;
        Ok(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.year {
            ..0 => "-",
            10_000.. => "+",
            _ => "",
        };
        write!(f, "{sign}{:04}-{:02}-{:02}", self.year.unsigned_abs(), self.month, self.day)
    }
}

serde_as_text!(Date, "a date, YYYY-MM-DD");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        let mut expected = Date::new(-9999, 1, 1).unwrap();
        let last = Date::new(9999, 12, 31).unwrap();
        for days in expected.unix_days()..=last.unix_days() {
            let date = Date::from_unix_days(days).unwrap();
            assert_eq!(date, expected);
            assert_eq!(date.unix_days(), days);
            expected = match (date.month, date.day) {
                (12, 31) => Date { year: date.year + 1, month: 1, day: 1 },
                (month, day) if day == days_in_month(date.year, month) => {
                    Date { month: month + 1, day: 1, ..date }
                }
                (_, day) => Date { day: day + 1, ..date },
            };
        }
        assert_eq!(Date::new(1970, 1, 1).unwrap().unix_days(), 0);
        assert_eq!(Date::new(2000, 1, 1).unwrap().unix_days(), 10_957);
        for edge in [Date::MIN, Date::MAX] {
            assert_eq!(Date::from_unix_days(edge.unix_days()).unwrap(), edge);
        }
        assert!(Date::from_unix_days(Date::MAX.unix_days() + 1).is_err());
        assert!(Date::from_unix_days(i32::MIN).is_err());
    }

    #[test]
    fn only_real_days_in_their_form_are_parsed() {
        for good in [
            "2024-02-29",
            "2000-02-29",
            "-0044-03-15",
            "0000-12-31",
            "9999-12-31",
            "+10000-01-01",
            "-1000000-01-01",
        ] {
            assert_eq!(good.parse::<Date>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "2023-02-29",
            "1900-02-29",
            "2024-00-10",
            "2024-13-01",
            "2024-04-31",
            "2024-01-00",
            "24-01-01",
            "2024-1-1",
            "2024-01-01 ",
            "20240101",
            "10000-01-01",
            "+1000001-01-01",
            "+99999999999-01-01",
            "２024-01-01",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
        let error = "2023-02-29".parse::<Date>().unwrap_err().to_string();
        assert_eq!(error, "day 29 is not within 1 to 28, the days of month 2 of year 2023");
    }
}
