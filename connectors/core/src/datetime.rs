//! Plain dates, times and intervals: what databases store, without a calendar library.
//!
//! These types carry values between a database and whichever date crate the application uses; the
//! features `chrono`, `time` and `jiff` convert them. They parse and print ISO 8601 and refuse
//! what is not a date: nothing is rolled over, rounded or moved to a local time zone.

mod date;
mod interval;
mod parse;
mod time;
mod timestamp;

pub use date::Date;
pub use interval::Interval;
pub use time::Time;
pub use timestamp::{Timestamp, TimestampTz};
