//! The `time` crate's dates and times.

use ::time::{Month, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::into_value::into_value_and_array;
use crate::{ConvertError, Date, FromValue, Time, Timestamp, TimestampTz, Value, ValueRef};

into_value_and_array! {
    ::time::Date => Date, |v| Value::Date(from_date(v));
    ::time::Time => Time, |v| Value::Time(from_time(v));
    PrimitiveDateTime => Timestamp, |v| Value::Timestamp(from_timestamp(v));
    OffsetDateTime => TimestampTz, |v| Value::TimestampTz(from_instant(v));
}

fn from_date(date: ::time::Date) -> Date {
    Date::new(date.year(), date.month().into(), date.day()).expect("its years are fewer than ours")
}

fn from_time(time: ::time::Time) -> Time {
    let (hour, minute, second, nanos) = time.as_hms_nano();
    Time::new(hour, minute, second, nanos).expect("every time there is one of ours")
}

fn from_timestamp(timestamp: PrimitiveDateTime) -> Timestamp {
    Timestamp::new(from_date(timestamp.date()), from_time(timestamp.time()))
}

fn from_instant(instant: OffsetDateTime) -> TimestampTz {
    let local = Timestamp::new(from_date(instant.date()), from_time(instant.time()));
    TimestampTz::from_local(local, instant.offset().whole_seconds())
        .expect("our years reach an offset further than its years, with the same offsets")
}

fn to_date(date: Date) -> Result<::time::Date, ConvertError> {
    let month = Month::try_from(date.month()).expect("months are 1 to 12");
    ::time::Date::from_calendar_date(date.year(), month, date.day())
        .map_err(|_| ConvertError::new(format!("the time crate has no date {date}")))
}

fn to_time(time: Time) -> ::time::Time {
    ::time::Time::from_hms_nano(time.hour(), time.minute(), time.second(), time.nanos())
        .expect("every time of ours is one there")
}

fn to_timestamp(timestamp: Timestamp) -> Result<PrimitiveDateTime, ConvertError> {
    Ok(PrimitiveDateTime::new(to_date(timestamp.date())?, to_time(timestamp.time())))
}

impl<'r> FromValue<'r> for ::time::Date {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_date(Date::from_value(value)?)
    }
}

impl<'r> FromValue<'r> for ::time::Time {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Time::from_value(value).map(to_time)
    }
}

impl<'r> FromValue<'r> for PrimitiveDateTime {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_timestamp(Timestamp::from_value(value)?)
    }
}

impl<'r> FromValue<'r> for OffsetDateTime {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        let instant = TimestampTz::from_value(value)?;
        let offset = UtcOffset::from_whole_seconds(instant.offset_seconds())
            .expect("our offsets are its offsets");
        Ok(to_timestamp(instant.local())?.assume_offset(offset))
    }
}
