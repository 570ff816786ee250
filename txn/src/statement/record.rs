//! A row to write: values by column name.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use wellspring_connector::{BulkRow, BulkSink, Error, ErrorKind, Params, Result, Value};

use super::expr::Expr;

/// A row to write, or the changes to one: what each column is set to.
///
/// Whatever is [`IntoRecord`] will do where a record is wanted:
///
/// ```
/// use std::collections::BTreeMap;
/// use serde::Serialize;
/// use wellspring_connector::params;
/// use wellspring_txn::{Expr, IntoRecord, Record};
///
/// #[derive(Serialize)]
/// struct User { name: &'static str, born: Option<i32> }
///
/// let by_hand = Record::new().set("name", "Ada").set("born", 1815);
/// let from_params = params! { name: "Ada", born: 1815 }.into_record()?;
/// let from_struct = Record::of(&User { name: "Ada", born: Some(1815) })?;
/// let from_pairs = [("name", "Ada")].into_record()?;
/// assert_eq!(by_hand, from_params);
/// assert_eq!(by_hand, from_struct);
/// assert_eq!(from_pairs.columns().collect::<Vec<_>>(), ["name"]);
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    fields: Vec<(Cow<'static, str>, Expr)>,
}

impl Record {
    /// No columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields of a struct, or the entries of a map, that serde can serialize. What has no form of its
    /// own in a database (a list, a struct within) becomes JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Encode`] when `row` is neither a struct nor a map, naming the field when a value has
    /// no form at all.
    pub fn of<T: Serialize + ?Sized>(row: &T) -> Result<Self> {
        super::serialize::record(row)
    }

    /// Sets a column to a value.
    #[must_use]
    pub fn set(self, column: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.set_expr(column, Expr::value(value))
    }

    /// Sets a column to what the database works out.
    #[must_use]
    pub fn set_expr(mut self, column: impl Into<Cow<'static, str>>, expr: Expr) -> Self {
        self.fields.push((column.into(), expr));
        self
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The columns' names, in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(|(column, _)| &**column)
    }

    /// What a column is set to, if it is.
    pub fn expr(&self, column: &str) -> Option<&Expr> {
        self.get(column)
    }

    /// The columns and what they are set to.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Expr)> {
        self.fields.iter().map(|(column, expr)| (&**column, expr))
    }

    /// The columns' names, to be kept.
    pub(crate) fn names(&self) -> Vec<Cow<'static, str>> {
        self.fields.iter().map(|(column, _)| column.clone()).collect()
    }

    /// Without some of the columns.
    pub(crate) fn without(&self, columns: &[Cow<'static, str>]) -> Self {
        let others = self.fields.iter().filter(|(column, _)| !columns.contains(column));
        Self { fields: others.cloned().collect() }
    }

    pub(crate) fn get(&self, column: &str) -> Option<&Expr> {
        self.fields.iter().find(|(name, _)| name == column).map(|(_, expr)| expr)
    }

    /// True when each column is set to a value.
    pub(crate) fn is_plain(&self) -> bool {
        self.fields.iter().all(|(_, expr)| expr.as_value().is_some())
    }

    /// The values of the columns that are set to one.
    pub(crate) fn into_values(self) -> impl Iterator<Item = Value> {
        self.fields.into_iter().filter_map(|(_, expr)| expr.into_value())
    }

    /// Checks that no column is set twice.
    pub(crate) fn check(&self) -> Result<()> {
        for (index, (column, _)) in self.fields.iter().enumerate() {
            if self.fields[..index].iter().any(|(other, _)| other == column) {
                return Err(Error::new(
                    ErrorKind::Parameters,
                    format!("the column {column:?} is set twice"),
                )
                .with_column(&**column));
            }
        }
        Ok(())
    }

    /// The same row with its columns in the order of `columns`, which must be its own.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] naming a column that is missing, or one too many.
    pub(crate) fn in_order_of(&self, columns: &[Cow<'static, str>]) -> Result<Cow<'_, Self>> {
        if self.fields.len() == columns.len()
            && self.fields.iter().zip(columns).all(|((mine, _), theirs)| mine == theirs)
        {
            return Ok(Cow::Borrowed(self));
        }
        self.check()?;
        let wrong = |column: &str, what: &str| {
            Error::new(
                ErrorKind::Parameters,
                format!("the column {column:?} is {what} the first row"),
            )
            .with_column(column)
        };
        if let Some(column) = self.columns().find(|mine| !columns.iter().any(|other| other == mine))
        {
            return Err(wrong(column, "not in"));
        }
        let fields = columns.iter().map(|column| match self.get(column) {
            Some(expr) => Ok((column.clone(), expr.clone())),
            None => Err(wrong(column, "missing, which is in")),
        });
        Ok(Cow::Owned(Self { fields: fields.collect::<Result<_>>()? }))
    }
}

/// A record all of whose columns are set to values, as a row of a bulk insert: they are not copied.
pub(crate) struct Plain<R>(pub(crate) R);

impl<R: Borrow<Record>> BulkRow for Plain<R> {
    fn write(&self, sink: &mut dyn BulkSink) -> Result<()> {
        let mut values = self.0.borrow().fields.iter().filter_map(|(_, expr)| expr.as_value());
        values.try_for_each(|value| sink.value(value.as_ref()))
    }
}

/// What can be given as a row to write.
///
/// - A [`Record`], and a reference to one.
/// - [`params!`](wellspring_connector::params) with names.
/// - Arrays and vectors of pairs of a name and a value; maps from names to values.
pub trait IntoRecord {
    /// The record.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] for parameters without names.
    fn into_record(self) -> Result<Record>;
}

impl IntoRecord for Record {
    fn into_record(self) -> Result<Record> {
        Ok(self)
    }
}

impl IntoRecord for &Record {
    fn into_record(self) -> Result<Record> {
        Ok(self.clone())
    }
}

impl IntoRecord for Result<Record> {
    fn into_record(self) -> Self {
        self
    }
}

impl IntoRecord for Params {
    fn into_record(self) -> Result<Record> {
        match self {
            Self::Named(values) => Ok(Record {
                fields: values
                    .into_iter()
                    .map(|(name, value)| (name, Expr::value(value)))
                    .collect(),
            }),
            other if other.is_empty() => Ok(Record::new()),
            _ => Err(Error::new(
                ErrorKind::Parameters,
                "a row is written by the names of its columns, and these values have none",
            )),
        }
    }
}

fn from_pairs<N: Into<Cow<'static, str>>, V: Into<Value>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Result<Record> {
    let fields = pairs.into_iter().map(|(name, value)| (name.into(), Expr::value(value)));
    Ok(Record { fields: fields.collect() })
}

impl<N: Into<Cow<'static, str>>, V: Into<Value>, const M: usize> IntoRecord for [(N, V); M] {
    fn into_record(self) -> Result<Record> {
        from_pairs(self)
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Value>> IntoRecord for Vec<(N, V)> {
    fn into_record(self) -> Result<Record> {
        from_pairs(self)
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Value>> IntoRecord for BTreeMap<N, V> {
    fn into_record(self) -> Result<Record> {
        from_pairs(self)
    }
}

impl<N: Into<Cow<'static, str>> + Ord, V: Into<Value>, S> IntoRecord for HashMap<N, V, S> {
    /// In the order of the names, so that the same columns make the same statement each time.
    fn into_record(self) -> Result<Record> {
        let mut pairs: Vec<(N, V)> = self.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        from_pairs(pairs)
    }
}
