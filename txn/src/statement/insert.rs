//! The text of statements that add rows: inserts, upserts, merges.

use std::borrow::Cow;

use wellspring_connector::{Error, ErrorKind, Result, Returning, UpsertForm};

use super::name::Table;
use super::record::Record;
use super::render::Writer;

/// What is done where a row's key is taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Conflict {
    pub(crate) keys: Vec<Cow<'static, str>>,
    /// Columns that keep what they have.
    pub(crate) kept: Vec<Cow<'static, str>>,
    pub(crate) nothing: bool,
}

impl Conflict {
    /// The columns to update, out of `columns`.
    fn updated<'c>(&self, columns: &'c [Cow<'static, str>]) -> Vec<&'c str> {
        if self.nothing {
            return Vec::new();
        }
        let stays =
            |name: &&Cow<'static, str>| self.keys.contains(name) || self.kept.contains(name);
        columns.iter().filter(|name| !stays(name)).map(|name| &**name).collect()
    }

    /// Checks that the keys are among `columns`, and so are those to keep.
    pub(crate) fn check(&self, columns: &[Cow<'static, str>]) -> Result<()> {
        if self.keys.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "an upsert names the columns of the key that may be taken",
            ));
        }
        for (what, names) in [("key", &self.keys), ("column to keep", &self.kept)] {
            if let Some(name) = names.iter().find(|name| !columns.contains(name)) {
                return Err(Error::new(
                    ErrorKind::Parameters,
                    format!("the {what} {name:?} is not among the columns of the row"),
                )
                .with_column(&**name));
            }
        }
        Ok(())
    }
}

/// Rows on their way into a table. They have the same columns.
pub(crate) struct Rows<'r> {
    pub(crate) table: &'r Table,
    pub(crate) columns: &'r [Cow<'static, str>],
    pub(crate) rows: &'r [Cow<'r, Record>],
    pub(crate) conflict: Option<&'r Conflict>,
    pub(crate) returning: &'r [Cow<'static, str>],
}

impl Rows<'_> {
    pub(crate) fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        if let Some(conflict) = self.conflict {
            match out.dialect().upsert {
                UpsertForm::None => return Err(Error::unsupported("an upsert")),
                UpsertForm::Merge | UpsertForm::MergeFromDual => {
                    return self.write_merge(out, conflict);
                }
                _ => {}
            }
        }
        let form = check_returning(out, self.returning, "insert")?;
        if form == Some(Returning::FinalTable) {
            out.sql("select ");
            out.columns(self.returning.iter().map(|name| &**name))?;
            out.sql(" from final table (");
        }
        out.sql("insert into ");
        out.table(self.table)?;
        out.sql(" ");
        self.write_columns(out)?;
        if form == Some(Returning::Output) {
            write_output(out, "inserted", self.returning)?;
        }
        out.space();
        self.write_values(out)?;
        if let Some(conflict) = self.conflict {
            write_conflict(out, conflict, self.columns)?;
        }
        match form {
            Some(Returning::Clause | Returning::NotOfUpdates) => {
                write_returning(out, self.returning)?;
            }
            Some(Returning::FinalTable) => out.sql(")"),
            _ => {}
        }
        Ok(())
    }

    fn write_columns(&self, out: &mut Writer<'_>) -> Result<()> {
        // A row of nothing but defaults has no list of columns, but in MySQL.
        if !self.columns.is_empty() {
            out.sql("(");
            out.columns(self.columns.iter().map(|name| &**name))?;
            out.sql(") ");
        }
        Ok(())
    }

    fn write_values(&self, out: &mut Writer<'_>) -> Result<()> {
        if self.columns.is_empty() {
            let mysql = matches!(out.dialect().name, "mysql" | "mariadb");
            out.sql(if mysql { "() values ()" } else { "default values" });
            return Ok(());
        }
        out.sql("values ");
        out.list(", ", self.rows, |out, row| write_tuple(out, row))
    }

    fn write_merge(&self, out: &mut Writer<'_>, conflict: &Conflict) -> Result<()> {
        let form = check_returning(out, self.returning, "merge")?;
        if form == Some(Returning::FinalTable) {
            return Err(Error::unsupported("returning columns of a merge"));
        }
        out.sql("merge into ");
        out.table(self.table)?;
        // Without it, SQL Server lets two insert the same key.
        out.sql(if out.dialect().name == "mssql" { " with (holdlock) as t" } else { " t" });
        out.sql(" using (");
        if out.dialect().upsert == UpsertForm::MergeFromDual {
            out.list(" union all ", self.rows, |out, row| {
                out.sql("select ");
                out.list(", ", row.fields(), |out, (column, expr)| {
                    expr.write(out)?;
                    out.sql(" as ");
                    out.name("column", column)
                })?;
                out.sql(" from dual");
                Ok(())
            })?;
            out.sql(") s");
        } else {
            out.sql("values ");
            out.list(", ", self.rows, |out, row| write_tuple(out, row))?;
            out.sql(") as s (");
            out.columns(self.columns.iter().map(|name| &**name))?;
            out.sql(")");
        }
        write_matched(out, conflict, self.columns)?;
        if form == Some(Returning::Output) {
            write_output(out, "inserted", self.returning)?;
        }
        if out.dialect().name == "mssql" {
            out.sql(";");
        }
        Ok(())
    }
}

fn write_tuple(out: &mut Writer<'_>, row: &Record) -> Result<()> {
    out.sql("(");
    out.list(", ", row.fields(), |out, (_, expr)| expr.write(out))?;
    out.sql(")");
    Ok(())
}

/// What a merge does with each row of `s`, after the source.
pub(super) fn write_matched(
    out: &mut Writer<'_>,
    conflict: &Conflict,
    columns: &[Cow<'static, str>],
) -> Result<()> {
    let of = |out: &mut Writer<'_>, side: &str, name: &str| {
        out.sql(side);
        out.name("column", name)
    };
    out.sql(" on (");
    out.list(" and ", &conflict.keys, |out, key| {
        of(out, "t.", key)?;
        out.sql(" = ");
        of(out, "s.", key)
    })?;
    out.sql(")");
    let updated = conflict.updated(columns);
    if !updated.is_empty() {
        out.sql(" when matched then update set ");
        out.list(", ", updated, |out, name| {
            of(out, "t.", name)?;
            out.sql(" = ");
            of(out, "s.", name)
        })?;
    }
    out.sql(" when not matched then insert (");
    out.columns(columns.iter().map(|name| &**name))?;
    out.sql(") values (");
    out.list(", ", columns, |out, name| of(out, "s.", name))?;
    out.sql(")");
    Ok(())
}

/// What an insert does where the key is taken, at its end.
pub(super) fn write_conflict(
    out: &mut Writer<'_>,
    conflict: &Conflict,
    columns: &[Cow<'static, str>],
) -> Result<()> {
    let updated = conflict.updated(columns);
    if out.dialect().upsert == UpsertForm::OnDuplicateKey {
        out.sql(" on duplicate key update ");
        if updated.is_empty() {
            // Nothing is what it was.
            let key = conflict.keys.first().map_or("", |key| &**key);
            out.name("column", key)?;
            out.sql(" = ");
            return out.name("column", key);
        }
        return out.list(", ", updated, |out, name| {
            out.name("column", name)?;
            out.sql(" = values(");
            out.name("column", name)?;
            out.sql(")");
            Ok(())
        });
    }
    out.sql(" on conflict (");
    out.columns(conflict.keys.iter().map(|key| &**key))?;
    out.sql(")");
    if updated.is_empty() {
        out.sql(" do nothing");
        return Ok(());
    }
    out.sql(" do update set ");
    out.list(", ", updated, |out, name| {
        out.name("column", name)?;
        out.sql(" = excluded.");
        out.name("column", name)
    })
}

/// How columns come back from a statement, if they are wanted.
pub(super) fn check_returning(
    out: &Writer<'_>,
    returning: &[Cow<'static, str>],
    statement: &str,
) -> Result<Option<Returning>> {
    if returning.is_empty() {
        return Ok(None);
    }
    let form = out.dialect().returning;
    let name = out.dialect().name;
    if form == Returning::None {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{name} does not return columns of an {statement}; \
                 what it generated for one row is in `last_insert_id`"
            ),
        ));
    }
    if form == Returning::NotOfUpdates && statement == "update" {
        return Err(Error::unsupported(format_args!("returning columns of an update on {name}")));
    }
    Ok(Some(form))
}

pub(super) fn write_returning(out: &mut Writer<'_>, returning: &[Cow<'static, str>]) -> Result<()> {
    out.sql(" returning ");
    out.columns(returning.iter().map(|name| &**name))
}

pub(super) fn write_output(
    out: &mut Writer<'_>,
    side: &str,
    returning: &[Cow<'static, str>],
) -> Result<()> {
    out.space();
    out.sql("output ");
    out.list(", ", returning, |out, name| {
        out.sql(side);
        out.sql(".");
        out.name("column", name)
    })
}
