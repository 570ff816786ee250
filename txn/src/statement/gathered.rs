//! The rows given to a statement of many, as small as they can be kept.

use std::borrow::Cow;

use wellspring_connector::{Result, Value};

use super::record::{IntoRecord, Record};

/// Rows to write, in the order given.
#[derive(Debug, Clone)]
pub(super) enum Gathered {
    /// Each has the same columns in the same order, none of them twice, and nothing but values. One
    /// list holds them all: an allocation for each row is most of what many rows cost.
    Plain {
        /// The columns, of which there are some.
        columns: Vec<Cow<'static, str>>,
        /// The values, row after row.
        values: Vec<Value>,
    },
    /// Any others.
    Records(Vec<Record>),
}

impl Gathered {
    /// Takes `rows`.
    ///
    /// # Errors
    /// Of the first that is none, with its number.
    pub(super) fn of<R: IntoRecord>(rows: impl IntoIterator<Item = R>) -> Result<Self> {
        let mut gathered = Self::Records(Vec::new());
        for (index, row) in rows.into_iter().enumerate() {
            let row = row.into_record().map_err(|error| error.at_operation("row", index))?;
            gathered.push(row);
        }
        Ok(gathered)
    }

    fn push(&mut self, row: Record) {
        match self {
            Self::Plain { columns, values } => {
                if row.is_plain() && row.columns().eq(columns.iter().map(|name| &**name)) {
                    values.extend(row.into_values());
                    return;
                }
                let mut rows = std::mem::replace(self, Self::Records(Vec::new())).into_records();
                rows.push(row);
                *self = Self::Records(rows);
            }
            Self::Records(rows) if rows.is_empty() => {
                *self = if row.is_plain() && !row.is_empty() && row.check().is_ok() {
                    Self::Plain { columns: row.names(), values: row.into_values().collect() }
                } else {
                    Self::Records(vec![row])
                };
            }
            Self::Records(rows) => rows.push(row),
        }
    }

    /// The rows by themselves.
    pub(super) fn into_records(self) -> Vec<Record> {
        match self {
            Self::Records(rows) => rows,
            Self::Plain { columns, values } => {
                let mut rows = Vec::with_capacity(values.len() / columns.len());
                let mut values = values.into_iter();
                while values.len() > 0 {
                    let pairs = columns.iter().cloned().zip(values.by_ref());
                    rows.push(pairs.fold(Record::new(), |row, (name, value)| row.set(name, value)));
                }
                rows
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expr;

    fn row(n: i64) -> Record {
        Record::new().set("a", n).set("b", "text")
    }

    #[test]
    fn rows_come_back_as_they_were_given() {
        let other = Record::new().set("b", 1).set("a", 2);
        let expr = Record::new().set("a", 1).set_expr("b", Expr::column("a"));
        let twice = Record::new().set("a", 1).set("a", 2);
        for (rows, plain) in [
            (vec![], false),
            (vec![row(1), row(2), row(3)], true),
            (vec![row(1), row(2), other.clone(), row(3)], false),
            (vec![row(1), row(2), Record::new().set("a", 1)], false),
            (vec![row(1), expr.clone(), row(2)], false),
            (vec![expr, row(1)], false),
            (vec![twice.clone(), twice], false),
            (vec![Record::new(), Record::new()], false),
            (vec![other], true),
        ] {
            let gathered = Gathered::of(&rows).unwrap();
            assert_eq!(matches!(gathered, Gathered::Plain { .. }), plain, "{rows:?}");
            assert_eq!(gathered.into_records(), rows);
        }
    }
}
