//! The table of a load, and how its columns read text.

use wellspring_connector::{BulkTarget, Column, Dialect, Error, ErrorKind, Result, ValueKind};

/// How a column gets the text of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As text, which the database reads as it reads a literal.
    Text,
    /// `\x…` as bytes.
    Bytes,
    /// `true` and `false` as 1 and 0.
    Number,
}

impl Reading {
    pub(super) fn of(dialect: &Dialect, column: &Column) -> Self {
        if dialect.name == "postgres" {
            // It reads all of it by itself.
            return Self::Text;
        }
        let native = column.native_type.to_ascii_lowercase();
        let is_any = |names: &[&str]| names.iter().any(|name| native.contains(name));
        match column.kind {
            ValueKind::Bytes => Self::Bytes,
            ValueKind::Bool | ValueKind::I16 | ValueKind::I32 | ValueKind::I64 | ValueKind::U64 => {
                Self::Number
            }
            ValueKind::Text | ValueKind::Json => Self::Text,
            _ if is_any(&["blob", "binary"]) => Self::Bytes,
            _ if is_any(&["bool", "int", "bit"]) => Self::Number,
            _ => Self::Text,
        }
    }
}

/// A query for the columns of the table. It has one row, of nulls: through a pooler PostgreSQL tells the
/// columns of rows only.
pub(super) fn describe(dialect: &Dialect, into: &BulkTarget) -> String {
    let columns = into.columns.iter().map(|column| dialect.quote_identifier(column));
    let columns = match into.columns.is_empty() {
        true => "t.*".to_owned(),
        false => columns.map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", "),
    };
    let nothing = match dialect.name {
        "oracle" => " from dual",
        "db2" => " from sysibm.sysdummy1",
        _ => "",
    };
    let table = into.quoted_table(dialect);
    format!("select {columns} from (select 1 as a{nothing}) x left join {table} t on 1 = 0")
}

/// The bytes that `\x…` stands for, if it does.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    if digits.len() % 2 != 0 {
        return None;
    }
    let digit = |&byte: &u8| char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(&pair[0])? << 4 | digit(&pair[1])?)).collect()
}

/// The table and the columns of `table`, `schema.table` or `table(a, b)`.
pub(super) fn parse(
    dialect: &Dialect,
    table: &str,
    columns: Option<Vec<String>>,
) -> Result<BulkTarget> {
    let usage = |wrong: String| Error::new(ErrorKind::Usage, wrong);
    let (name, listed) = match table.split_once('(') {
        None => (table, None),
        Some((name, rest)) => {
            let Some(list) = rest.trim_end().strip_suffix(')') else {
                return Err(usage(format!("{table:?} is no table: a parenthesis is not closed")));
            };
            let list = list.split(',').map(|column| column.trim().to_owned()).collect::<Vec<_>>();
            (name, Some(list))
        }
    };
    let columns = match (columns, listed) {
        (Some(_), Some(_)) => {
            return Err(usage(format!("{table:?} names columns, and `columns` names them again")));
        }
        (Some(columns), None) | (None, Some(columns)) if columns.is_empty() => {
            return Err(usage(format!("no columns of {table:?} are given")));
        }
        (columns, listed) => columns.or(listed).unwrap_or_default(),
    };
    let target = BulkTarget::new(name.trim(), columns);
    for part in &target.table {
        dialect.check_name(part).map_err(|error| error.context("table"))?;
    }
    for column in &target.columns {
        dialect.check_name(column).map_err(|error| error.context("column"))?;
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_name_its_columns() {
        let of =
            |table: &str, columns: Option<Vec<String>>| parse(&Dialect::SQLITE, table, columns);
        assert_eq!(of("s.t(a, b )", None).unwrap(), BulkTarget::new("s.t", ["a", "b"]));
        assert_eq!(of(" t ", Some(vec!["a b".into()])).unwrap(), BulkTarget::new("t", ["a b"]));
        assert!(of("t", None).unwrap().columns.is_empty());
        for (table, columns) in
            [("t(a", None), ("t(a,)", None), ("", None), ("a..b", None), ("t()", None)]
        {
            assert_eq!(of(table, columns).unwrap_err().kind(), ErrorKind::Usage, "{table}");
        }
        assert!(of("t(a)", Some(vec!["b".into()])).is_err());
        assert!(of("t", Some(vec![])).is_err());
    }

    #[test]
    fn hex_digits_are_bytes() {
        assert_eq!(unhex("\\x00fF"), Some(vec![0, 255]));
        assert_eq!(unhex("\\x"), Some(vec![]));
        for text in ["00", "\\x0", "\\x0g", "\\xé"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
