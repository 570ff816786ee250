//! Values on their way into SQLite.
//!
//! SQLite has five storage classes. Numbers and booleans go in as INTEGER and REAL, a UUID as a
//! BLOB of sixteen bytes; decimals, JSON, dates and times as TEXT in their own notation, which
//! sorts and compares as SQLite's date functions expect.

use rusqlite::Statement;
use rusqlite::types::{ToSql, ToSqlOutput, Value as Stored, ValueRef as Borrowed};
use wellspring_connector::{Error, ErrorKind, Result, TimestampTz, Value};

use crate::errors::{During, convert};

/// Binds `values` to the parameters of `statement`, replacing what was bound before.
pub(crate) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted != values.len() {
        return Err(Error::new(
            ErrorKind::Parameters,
            format!("the statement takes {wanted} parameters, {} were given", values.len()),
        ));
    }
    for (index, value) in values.iter().enumerate() {
        let number = index + 1;
        let stored = Encoded(encode(number, value)?);
        statement
            .raw_bind_parameter(number, stored)
            .map_err(|error| convert(error, During::Run))?;
    }
    Ok(())
}

struct Encoded<'a>(ToSqlOutput<'a>);

impl ToSql for Encoded<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            ToSqlOutput::Borrowed(value) => ToSqlOutput::Borrowed(*value),
            ToSqlOutput::Owned(value) => ToSqlOutput::Borrowed(value.into()),
            _ => unreachable!("`encode` makes no other form"),
        })
    }
}

fn encode(number: usize, value: &Value) -> Result<ToSqlOutput<'_>> {
    let text =
        |value: &dyn std::fmt::Display| Ok(ToSqlOutput::Owned(Stored::Text(value.to_string())));
    let stored = match value {
        Value::Null(_) => Borrowed::Null,
        Value::Bool(v) => Borrowed::Integer(i64::from(*v)),
        Value::I16(v) => Borrowed::Integer(i64::from(*v)),
        Value::I32(v) => Borrowed::Integer(i64::from(*v)),
        Value::I64(v) => Borrowed::Integer(*v),
        Value::U64(v) => match i64::try_from(*v) {
            Ok(v) => Borrowed::Integer(v),
            Err(_) => {
                return Err(refused(
                    number,
                    format_args!(
                        "an unsigned integer above {}, SQLite's largest; bind a decimal or text",
                        i64::MAX
                    ),
                ));
            }
        },
        Value::F32(v) => Borrowed::Real(number_or_refuse(number, f64::from(*v))?),
        Value::F64(v) => Borrowed::Real(number_or_refuse(number, *v)?),
        Value::Text(v) | Value::Json(v) => Borrowed::Text(v.as_bytes()),
        Value::Bytes(v) => Borrowed::Blob(v),
        Value::Uuid(v) => Borrowed::Blob(v.as_bytes()),
        Value::Decimal(v) => return text(v),
        Value::Date(v) => return text(v),
        Value::Time(v) => return text(v),
        // With a space between date and time, as SQLite writes them itself.
        Value::Timestamp(v) => return text(&format_args!("{v:#}")),
        // The same instant always as the same text, so that it compares.
        Value::TimestampTz(v) => return text(&TimestampTz::from_utc(v.utc())),
        Value::Interval(v) => return text(v),
        Value::Native(v) => match &v.text {
            Some(text) => Borrowed::Text(text.as_bytes()),
            None => {
                return Err(Error::unsupported(format_args!(
                    "parameter {number}: a value of the foreign type `{}` without a text form",
                    v.type_name
                )));
            }
        },
        Value::Array(_) => {
            return Err(Error::unsupported(format_args!("parameter {number}: an array")));
        }
        _ => {
            return Err(Error::unsupported(format_args!(
                "parameter {number}: a value of kind {}",
                value.kind()
            )));
        }
    };
    Ok(ToSqlOutput::Borrowed(stored))
}

fn number_or_refuse(number: usize, value: f64) -> Result<f64> {
    if value.is_nan() {
        return Err(refused(number, "NaN, which SQLite would store as null; bind a null instead"));
    }
    Ok(value)
}

fn refused(number: usize, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Encode, format!("parameter {number} is {what}"))
}
