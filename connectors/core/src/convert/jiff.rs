//! The `jiff` crate's civil dates and times and timestamps.

use ::jiff::civil;

use super::into_value::into_value_and_array;
use crate::{ConvertError, Date, FromValue, Time, Timestamp, TimestampTz, Value, ValueRef};

into_value_and_array! {
    civil::Date => Date, |v| Value::Date(from_date(v));
    civil::Time => Time, |v| Value::Time(from_time(v));
    civil::DateTime => Timestamp, |v| Value::Timestamp(from_datetime(v));
    ::jiff::Timestamp => TimestampTz, |v| Value::TimestampTz(from_instant(v));
}

fn from_date(date: civil::Date) -> Date {
    let small = |n: i8| u8::try_from(n).expect("months and days are above zero");
    Date::new(date.year().into(), small(date.month()), small(date.day()))
        .expect("its years are fewer than ours")
}

fn from_time(time: civil::Time) -> Time {
    let small = |n: i8| u8::try_from(n).expect("hours, minutes and seconds are not negative");
    let nanos = u32::try_from(time.subsec_nanosecond()).expect("not negative");
    Time::new(small(time.hour()), small(time.minute()), small(time.second()), nanos)
        .expect("every time there is one of ours")
}

fn from_datetime(datetime: civil::DateTime) -> Timestamp {
    Timestamp::new(from_date(datetime.date()), from_time(datetime.time()))
}

fn from_instant(instant: ::jiff::Timestamp) -> TimestampTz {
    TimestampTz::from_utc(from_datetime(::jiff::tz::Offset::UTC.to_datetime(instant)))
}

fn to_date(date: Date) -> Result<civil::Date, ConvertError> {
    let missing = || ConvertError::new(format!("jiff has no date {date}"));
    let year = i16::try_from(date.year()).map_err(|_| missing())?;
    let small = |n: u8| i8::try_from(n).expect("months and days are small");
    civil::Date::new(year, small(date.month()), small(date.day())).map_err(|_| missing())
}

fn to_time(time: Time) -> civil::Time {
    let small = |n: u8| i8::try_from(n).expect("hours, minutes and seconds are small");
    let nanos = i32::try_from(time.nanos()).expect("below a second");
    civil::Time::new(small(time.hour()), small(time.minute()), small(time.second()), nanos)
        .expect("every time of ours is one there")
}

fn to_datetime(timestamp: Timestamp) -> Result<civil::DateTime, ConvertError> {
    Ok(civil::DateTime::from_parts(to_date(timestamp.date())?, to_time(timestamp.time())))
}

impl<'r> FromValue<'r> for civil::Date {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_date(Date::from_value(value)?)
    }
}

impl<'r> FromValue<'r> for civil::Time {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Time::from_value(value).map(to_time)
    }
}

impl<'r> FromValue<'r> for civil::DateTime {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_datetime(Timestamp::from_value(value)?)
    }
}

/// The instant; the offset it was written with is dropped.
impl<'r> FromValue<'r> for ::jiff::Timestamp {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        let utc = TimestampTz::from_value(value)?.utc();
        let nanos = i32::try_from(utc.time().nanos()).expect("below a second");
        ::jiff::Timestamp::new(utc.unix_seconds(), nanos)
            .map_err(|_| ConvertError::new(format!("jiff has no instant {utc}Z")))
    }
}
