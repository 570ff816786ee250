//! The `chrono` crate's dates and times.
//!
//! There is no conversion for `DateTime<Local>`: nothing depends on where a process runs.

use std::sync::Arc;

use ::chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone,
    Timelike, Utc,
};

use super::into_value::into_value_and_array;
use crate::{ConvertError, Date, FromValue, Native, Time, Timestamp, TimestampTz, Value, ValueRef};

into_value_and_array! {
    NaiveDate => Date, |v| Value::Date(from_date(v));
    NaiveTime => Time, |v| or_leap_second(from_time(v).map(Value::Time), &v);
    NaiveDateTime => Timestamp, |v| or_leap_second(from_timestamp(v).map(Value::Timestamp), &v);
    DateTime<Utc> => TimestampTz, |v| or_leap_second(from_instant(&v).map(Value::TimestampTz), &v);
    DateTime<FixedOffset> => TimestampTz,
        |v| or_leap_second(from_instant(&v).map(Value::TimestampTz), &v);
}

/// A leap second, which chrono can hold and databases cannot, becomes a native value: drivers
/// refuse that before anything is sent, where rounding it would be a silent change.
fn or_leap_second(value: Result<Value, ConvertError>, shown: &impl ToString) -> Value {
    value.unwrap_or_else(|_| {
        Value::Native(Box::new(Native {
            type_name: Arc::from("leap second"),
            text: Some(shown.to_string().into()),
            bytes: None,
        }))
    })
}

fn from_date(date: NaiveDate) -> Date {
    Date::new(date.year(), small(date.month()), small(date.day()))
        .expect("chrono's years are fewer than ours")
}

fn from_time(time: NaiveTime) -> Result<Time, ConvertError> {
    // A leap second is a nanosecond of a whole second or more there: `new` refuses it.
    Time::new(small(time.hour()), small(time.minute()), small(time.second()), time.nanosecond())
}

fn from_timestamp(timestamp: NaiveDateTime) -> Result<Timestamp, ConvertError> {
    Ok(Timestamp::new(from_date(timestamp.date()), from_time(timestamp.time())?))
}

fn from_instant<Z: TimeZone>(instant: &DateTime<Z>) -> Result<TimestampTz, ConvertError> {
    let offset = instant.offset().fix().local_minus_utc();
    TimestampTz::new(from_timestamp(instant.naive_utc())?, offset)
}

fn small(n: u32) -> u8 {
    u8::try_from(n).expect("months, days, hours, minutes and seconds are small")
}

fn to_date(date: Date) -> Result<NaiveDate, ConvertError> {
    NaiveDate::from_ymd_opt(date.year(), date.month().into(), date.day().into())
        .ok_or_else(|| ConvertError::new(format!("chrono has no date {date}")))
}

fn to_time(time: Time) -> NaiveTime {
    NaiveTime::from_hms_nano_opt(
        time.hour().into(),
        time.minute().into(),
        time.second().into(),
        time.nanos(),
    )
    .expect("every time of ours is one there")
}

fn to_timestamp(timestamp: Timestamp) -> Result<NaiveDateTime, ConvertError> {
    Ok(NaiveDateTime::new(to_date(timestamp.date())?, to_time(timestamp.time())))
}

impl<'r> FromValue<'r> for NaiveDate {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_date(Date::from_value(value)?)
    }
}

impl<'r> FromValue<'r> for NaiveTime {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Time::from_value(value).map(to_time)
    }
}

impl<'r> FromValue<'r> for NaiveDateTime {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        to_timestamp(Timestamp::from_value(value)?)
    }
}

/// The instant; the offset it was written with is dropped.
impl<'r> FromValue<'r> for DateTime<Utc> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        Ok(to_timestamp(TimestampTz::from_value(value)?.utc())?.and_utc())
    }
}

impl<'r> FromValue<'r> for DateTime<FixedOffset> {
    fn from_value(value: ValueRef<'r>) -> Result<Self, ConvertError> {
        let instant = TimestampTz::from_value(value)?;
        let offset = FixedOffset::east_opt(instant.offset_seconds())
            .expect("offsets below a day are valid there");
        Ok(DateTime::from_naive_utc_and_offset(to_timestamp(instant.utc())?, offset))
    }
}
