//! Columns out of MySQL's protocols.
//!
//! Prepared statements bring values in their binary form. The few statements that cannot be prepared
//! bring them as text, which is read by the column's type here.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column as NativeColumn, Row as NativeRow, Value as NativeValue};
use wellspring_connector::{
    Column, Columns, ConvertError, Date, Decimal, Error, ErrorKind, Interval, Native, Result,
    RowBatch, Time, Timestamp, TimestampTz, ValueKind, ValueRef,
};

/// The "character set" of bytes.
const BINARY: u16 = 63;

/// How the values of one column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    I16,
    I32,
    I64,
    U64,
    F32,
    F64,
    Decimal,
    Bit,
    Text,
    Bytes,
    Json,
    Date,
    Timestamp,
    TimestampTz,
    Interval,
    Null,
    Native(&'static str),
}

impl Decoder {
    pub(crate) fn of(column: &NativeColumn) -> Self {
        use ColumnType as T;
        let flags = column.flags();
        let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
        let binary = column.character_set() == BINARY;
        match column.column_type() {
            T::MYSQL_TYPE_TINY | T::MYSQL_TYPE_YEAR => Self::I16,
            T::MYSQL_TYPE_SHORT if unsigned => Self::I32,
            T::MYSQL_TYPE_SHORT => Self::I16,
            T::MYSQL_TYPE_INT24 => Self::I32,
            T::MYSQL_TYPE_LONG if unsigned => Self::I64,
            T::MYSQL_TYPE_LONG => Self::I32,
            T::MYSQL_TYPE_LONGLONG if unsigned => Self::U64,
            T::MYSQL_TYPE_LONGLONG => Self::I64,
            T::MYSQL_TYPE_FLOAT => Self::F32,
            T::MYSQL_TYPE_DOUBLE => Self::F64,
            T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => Self::Decimal,
            T::MYSQL_TYPE_BIT if column.column_length() == 1 => Self::Bit,
            T::MYSQL_TYPE_BIT => Self::Bytes,
            T::MYSQL_TYPE_JSON => Self::Json,
            T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => Self::Date,
            T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => Self::Timestamp,
            T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => Self::TimestampTz,
            T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => Self::Interval,
            T::MYSQL_TYPE_NULL => Self::Null,
            T::MYSQL_TYPE_GEOMETRY => Self::Native("geometry"),
            T::MYSQL_TYPE_VECTOR => Self::Native("vector"),
            T::MYSQL_TYPE_ENUM | T::MYSQL_TYPE_SET => Self::Text,
            _ if flags.intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) => Self::Text,
            _ if binary => Self::Bytes,
            _ => Self::Text,
        }
    }

    pub(crate) fn kind(self) -> ValueKind {
        match self {
            Self::I16 => ValueKind::I16,
            Self::I32 => ValueKind::I32,
            Self::I64 => ValueKind::I64,
            Self::U64 => ValueKind::U64,
            Self::F32 => ValueKind::F32,
            Self::F64 => ValueKind::F64,
            Self::Decimal => ValueKind::Decimal,
            Self::Bit => ValueKind::Bool,
            Self::Text => ValueKind::Text,
            Self::Bytes => ValueKind::Bytes,
            Self::Json => ValueKind::Json,
            Self::Date => ValueKind::Date,
            Self::Timestamp => ValueKind::Timestamp,
            Self::TimestampTz => ValueKind::TimestampTz,
            Self::Interval => ValueKind::Interval,
            Self::Null => ValueKind::Unknown,
            Self::Native(_) => ValueKind::Native,
        }
    }

    /// Reads one value.
    fn read(self, value: &NativeValue) -> Result<ValueRef<'_>, ConvertError> {
        Ok(match (self, value) {
            (_, NativeValue::NULL) => ValueRef::Null(self.kind()),
            (Self::I16, value) => ValueRef::I16(integer(value)?),
            (Self::I32, value) => ValueRef::I32(integer(value)?),
            (Self::I64, value) => ValueRef::I64(integer(value)?),
            (Self::U64, value) => ValueRef::U64(integer(value)?),
            (Self::F32, NativeValue::Float(v)) => ValueRef::F32(*v),
            (Self::F32, NativeValue::Bytes(v)) => ValueRef::F32(parsed(v)?),
            (Self::F64, NativeValue::Double(v)) => ValueRef::F64(*v),
            (Self::F64, NativeValue::Bytes(v)) => ValueRef::F64(parsed(v)?),
            (Self::Decimal, NativeValue::Bytes(v)) => {
                ValueRef::Decimal(text(v)?.parse::<Decimal>()?)
            }
            (Self::Bit, NativeValue::Bytes(v)) => ValueRef::Bool(v.iter().any(|byte| *byte != 0)),
            (Self::Text, NativeValue::Bytes(v)) => ValueRef::Text(text(v)?),
            (Self::Json, NativeValue::Bytes(v)) => ValueRef::Json(text(v)?),
            (Self::Bytes, NativeValue::Bytes(v)) => ValueRef::Bytes(v),
            (Self::Date, NativeValue::Date(year, month, day, ..)) => {
                ValueRef::Date(date(*year, *month, *day)?)
            }
            (Self::Timestamp, NativeValue::Date(..)) => ValueRef::Timestamp(timestamp(value)?),
            (Self::TimestampTz, NativeValue::Date(..)) => {
                ValueRef::TimestampTz(TimestampTz::from_utc(timestamp(value)?))
            }
            (
                Self::Interval,
                NativeValue::Time(negative, days, hours, minutes, seconds, micros),
            ) => {
                let hours = u64::from(*days) * 24 + u64::from(*hours);
                interval(*negative, hours, *minutes, *seconds, *micros)
            }
            (Self::Date, NativeValue::Bytes(v)) => ValueRef::Date(zero_checked(text(v)?)?.parse()?),
            (Self::Timestamp, NativeValue::Bytes(v)) => {
                ValueRef::Timestamp(zero_checked(text(v)?)?.parse()?)
            }
            (Self::TimestampTz, NativeValue::Bytes(v)) => {
                ValueRef::TimestampTz(TimestampTz::from_utc(zero_checked(text(v)?)?.parse()?))
            }
            (Self::Interval, NativeValue::Bytes(v)) => clock(text(v)?)?,
            (Self::Native(name), NativeValue::Bytes(v)) => ValueRef::Native(Box::new(Native {
                type_name: name.into(),
                text: None,
                bytes: Some(Bytes::copy_from_slice(v)),
            })),
            _ => return Err(ConvertError::new("the value is not of its column's type")),
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str, ConvertError> {
    std::str::from_utf8(bytes).map_err(|_| ConvertError::new("the text is not UTF-8"))
}

fn parsed<T: std::str::FromStr>(bytes: &[u8]) -> Result<T, ConvertError> {
    text(bytes)?.parse().map_err(|_| ConvertError::new("the text is not a number"))
}

fn integer<T>(value: &NativeValue) -> Result<T, ConvertError>
where
    T: TryFrom<i64> + TryFrom<u64> + std::str::FromStr,
{
    let wrong = || ConvertError::new("the value is not a number of its column's type");
    match value {
        NativeValue::Int(v) => T::try_from(*v).map_err(|_| wrong()),
        NativeValue::UInt(v) => T::try_from(*v).map_err(|_| wrong()),
        NativeValue::Bytes(v) => parsed(v),
        _ => Err(wrong()),
    }
}

/// Dates MySQL has and nobody else: with a zero for the month or the day.
fn zero() -> ConvertError {
    ConvertError::new(
        "a zero date, which is no date; `sql_mode` with NO_ZERO_DATE and NO_ZERO_IN_DATE keeps them \
         out, and `nullif` or a cast to `char` reads them",
    )
}

fn zero_checked(text: &str) -> Result<&str, ConvertError> {
    let zero_part = text.get(5..7) == Some("00") || text.get(8..10) == Some("00");
    if zero_part { Err(zero()) } else { Ok(text) }
}

fn date(year: u16, month: u8, day: u8) -> Result<Date, ConvertError> {
    if month == 0 || day == 0 {
        return Err(zero());
    }
    Date::new(year.into(), month, day)
}

fn timestamp(value: &NativeValue) -> Result<Timestamp, ConvertError> {
    let NativeValue::Date(year, month, day, hour, minute, second, micros) = value else {
        return Err(ConvertError::new("the value is not a date"));
    };
    let time = Time::new(*hour, *minute, *second, micros * 1_000)?;
    Ok(Timestamp::new(date(*year, *month, *day)?, time))
}

fn interval<'a>(negative: bool, hours: u64, minutes: u8, seconds: u8, micros: u32) -> ValueRef<'a> {
    let seconds = hours * 3_600 + u64::from(minutes) * 60 + u64::from(seconds);
    // At most 838 hours.
    let nanos = i64::try_from(seconds * 1_000_000_000 + u64::from(micros) * 1_000)
        .expect("a few weeks fit");
    ValueRef::Interval(Interval::new(0, 0, if negative { -nanos } else { nanos }))
}

/// `-838:59:59.000000`.
fn clock<'a>(text: &str) -> Result<ValueRef<'a>, ConvertError> {
    let wrong = || ConvertError::new("the text is not a time");
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u64>().map_err(|_| wrong()));
    let mut next = || parts.next().unwrap_or_else(|| Err(wrong()));
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    let micros = format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok());
    let small = |n: u64| u8::try_from(n).map_err(|_| wrong());
    Ok(interval(negative, hours, small(minutes)?, small(seconds)?, micros.ok_or_else(wrong)?))
}

/// The columns of a result, and how each is read.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) columns: Columns,
    pub(crate) decoders: Arc<[Decoder]>,
}

impl Shape {
    pub(crate) fn of(columns: &[NativeColumn]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|column| {
                    Column::new(&*column.name_str(), Decoder::of(column).kind(), type_name(column))
                })
                .collect(),
            decoders: columns.iter().map(Decoder::of).collect(),
        }
    }

    /// Of a result that has no columns.
    pub(crate) fn none() -> Self {
        Self { columns: Columns::default(), decoders: Arc::default() }
    }
}

/// The name MySQL's own statements have for the type of a column.
fn type_name(column: &NativeColumn) -> String {
    use ColumnType as T;
    let flags = column.flags();
    let binary = column.character_set() == BINARY;
    let either = |text: &'static str, bytes: &'static str| if binary { bytes } else { text };
    let name = match column.column_type() {
        T::MYSQL_TYPE_TINY => "tinyint",
        T::MYSQL_TYPE_SHORT => "smallint",
        T::MYSQL_TYPE_INT24 => "mediumint",
        T::MYSQL_TYPE_LONG => "int",
        T::MYSQL_TYPE_LONGLONG => "bigint",
        T::MYSQL_TYPE_YEAR => return "year".to_owned(),
        T::MYSQL_TYPE_FLOAT => "float",
        T::MYSQL_TYPE_DOUBLE => "double",
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => "decimal",
        T::MYSQL_TYPE_BIT => return "bit".to_owned(),
        T::MYSQL_TYPE_JSON => "json",
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => "date",
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => "datetime",
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => "time",
        T::MYSQL_TYPE_NULL => "null",
        T::MYSQL_TYPE_GEOMETRY => "geometry",
        T::MYSQL_TYPE_VECTOR => "vector",
        T::MYSQL_TYPE_ENUM => "enum",
        T::MYSQL_TYPE_SET => "set",
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => "enum",
        _ if flags.contains(ColumnFlags::SET_FLAG) => "set",
        T::MYSQL_TYPE_STRING => either("char", "binary"),
        T::MYSQL_TYPE_VAR_STRING | T::MYSQL_TYPE_VARCHAR => either("varchar", "varbinary"),
        _ => either("text", "blob"),
    };
    let unsigned =
        flags.contains(ColumnFlags::UNSIGNED_FLAG) && column.column_type().is_numeric_type();
    if unsigned { format!("{name} unsigned") } else { name.to_owned() }
}

/// Rows in the driver's own form.
#[derive(Debug)]
pub(crate) struct MySqlBatch {
    pub(crate) shape: Shape,
    pub(crate) rows: Vec<NativeRow>,
}

impl RowBatch for MySqlBatch {
    fn columns(&self) -> &Columns {
        &self.shape.columns
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        let wrong = |why: &dyn fmt::Display| {
            let name = &self.shape.columns[column].name;
            Error::new(ErrorKind::Decode, format!("column {column} `{name}`: {why}"))
                .with_column(name.clone())
        };
        let value =
            self.rows[row].as_ref(column).ok_or_else(|| wrong(&"the row has no such value"))?;
        self.shape.decoders[column].read(value).map_err(|error| wrong(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_intervals_of_either_sign() {
        for (text, nanos) in [
            ("00:00:00", 0),
            ("12:34:56.789", 45_296_789_000_000),
            ("-838:59:59.000001", -3_020_399_000_001_000),
        ] {
            assert_eq!(clock(text).unwrap(), ValueRef::Interval(Interval::new(0, 0, nanos)));
        }
        assert!(clock("x").is_err());
        assert!(clock("1:2").is_err());
    }

    #[test]
    fn zero_dates_are_told_with_what_to_do() {
        for value in [
            NativeValue::Date(0, 0, 0, 0, 0, 0, 0),
            NativeValue::Date(2026, 0, 5, 0, 0, 0, 0),
            NativeValue::Bytes(b"0000-00-00".to_vec()),
            NativeValue::Bytes(b"2026-11-00".to_vec()),
        ] {
            let error = Decoder::Date.read(&value).unwrap_err();
            assert!(error.to_string().contains("sql_mode"), "{error}");
        }
    }
}
