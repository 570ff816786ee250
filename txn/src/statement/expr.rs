//! What a column is set to or compared with: a value, or something the database works out.

use wellspring_connector::{Error, ErrorKind, Result, Value, ValueKind};

use super::render::Writer;

/// A value, or something the database works out: the time, another column, a sum.
///
/// ```
/// use wellspring_txn::{Expr, Record};
///
/// let changes = Record::new()
///     .set("name", "Ada")
///     .set_expr("visits", Expr::column("visits").plus(1))
///     .set_expr("seen", Expr::current_timestamp());
/// assert_eq!(changes.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Expr(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Value(Value),
    Column(Box<str>),
    Now(Now),
    Default,
    Binary(Box<Expr>, char, Box<Expr>),
    Sql(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Timestamp,
    Date,
    Time,
}

impl Expr {
    /// A value, which is bound as a parameter.
    pub fn value(value: impl Into<Value>) -> Self {
        Self(Kind::Value(value.into()))
    }

    /// The column of this name.
    pub fn column(name: impl Into<Box<str>>) -> Self {
        Self(Kind::Column(name.into()))
    }

    /// The database's time, as of this transaction or statement. SQLite's is a text in UTC.
    pub fn current_timestamp() -> Self {
        Self(Kind::Now(Now::Timestamp))
    }

    /// The database's date.
    pub fn current_date() -> Self {
        Self(Kind::Now(Now::Date))
    }

    /// The database's time of day. Oracle has none.
    pub fn current_time() -> Self {
        Self(Kind::Now(Now::Time))
    }

    /// The column's default, where it is set. SQLite does not know the word.
    pub fn column_default() -> Self {
        Self(Kind::Default)
    }

    /// SQL of your own, as it is. Only a text written in the program: what users send goes into
    /// [`value`](Self::value).
    pub const fn sql(text: &'static str) -> Self {
        Self(Kind::Sql(text))
    }

    /// The sum with a value.
    #[must_use]
    pub fn plus(self, value: impl Into<Value>) -> Self {
        self.combine('+', Self::value(value))
    }

    /// The difference to a value.
    #[must_use]
    pub fn minus(self, value: impl Into<Value>) -> Self {
        self.combine('-', Self::value(value))
    }

    /// The product with a value.
    #[must_use]
    pub fn times(self, value: impl Into<Value>) -> Self {
        self.combine('*', Self::value(value))
    }

    /// The quotient by a value.
    #[must_use]
    pub fn divided_by(self, value: impl Into<Value>) -> Self {
        self.combine('/', Self::value(value))
    }

    /// The sum with another expression.
    #[must_use]
    pub fn plus_expr(self, other: Self) -> Self {
        self.combine('+', other)
    }

    /// The difference to another expression.
    #[must_use]
    pub fn minus_expr(self, other: Self) -> Self {
        self.combine('-', other)
    }

    fn combine(self, operator: char, other: Self) -> Self {
        Self(Kind::Binary(Box::new(self), operator, Box::new(other)))
    }

    /// The value, if it is one.
    pub(crate) fn as_value(&self) -> Option<&Value> {
        match &self.0 {
            Kind::Value(value) => Some(value),
            _ => None,
        }
    }

    /// As [`as_value`](Self::as_value), to be kept.
    pub(crate) fn into_value(self) -> Option<Value> {
        match self.0 {
            Kind::Value(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        match &self.0 {
            Kind::Value(value) => out.value(value.clone()),
            Kind::Column(name) => out.name("column", name)?,
            Kind::Default if out.dialect().name == "sqlite" => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "`default` as a value is not supported by SQLite: leave the column out",
                ));
            }
            Kind::Default => out.sql("default"),
            Kind::Now(now) => out.sql(now.text(out.dialect().name)?),
            Kind::Binary(left, operator, right) => {
                out.sql("(");
                match left.as_value().and_then(|value| cast(out.dialect().name, value.kind())) {
                    Some(name) => {
                        out.sql("cast(");
                        left.write(out)?;
                        out.sql(" as ");
                        out.sql(name);
                        out.sql(")");
                    }
                    None => left.write(out)?,
                }
                out.char(' ').char(*operator).char(' ');
                right.write(out)?;
                out.sql(")");
            }
            Kind::Sql(text) => out.sql(text),
        }
        Ok(())
    }
}

/// PostgreSQL does not know the type of a value that is combined with another value: its name there.
fn cast(dialect: &str, kind: ValueKind) -> Option<&'static str> {
    (dialect == "postgres").then_some(())?;
    Some(match kind {
        ValueKind::I16 | ValueKind::I32 | ValueKind::I64 => "bigint",
        ValueKind::U64 | ValueKind::Decimal => "numeric",
        ValueKind::F32 | ValueKind::F64 => "double precision",
        ValueKind::Date => "date",
        ValueKind::Time => "time",
        ValueKind::Timestamp => "timestamp",
        ValueKind::TimestampTz => "timestamptz",
        ValueKind::Interval => "interval",
        _ => return None,
    })
}

impl Now {
    fn text(self, dialect: &str) -> Result<&'static str> {
        Ok(match (self, dialect) {
            (Self::Timestamp, _) => "current_timestamp",
            (Self::Date, "mssql") => "cast(current_timestamp as date)",
            (Self::Date, _) => "current_date",
            (Self::Time, "mssql") => "cast(current_timestamp as time)",
            (Self::Time, "oracle") => return Err(Error::unsupported("`current_time`")),
            (Self::Time, _) => "current_time",
        })
    }
}
