//! Selects, and inserts of what is selected.

use std::borrow::Cow;

use wellspring_connector::{
    Dialect, Error, ErrorKind, LimitForm, Query, Result, RowStream, Source, UpsertForm,
};

use super::condition::Condition;
use super::insert::{Conflict, write_conflict, write_matched};
use super::name::Table;
use super::render::{Rendered, Writer};
use super::single;

/// A select from one table, not yet sent.
#[derive(Debug)]
#[must_use = "a select does nothing until its rows are asked for"]
pub struct Select<S> {
    source: S,
    rows: Selection,
    unlimited: bool,
}

/// Which columns of which rows of a table, in which order.
///
/// What a [`Select`] is about, and what [`merge_select`](crate::MergeSelect) takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    table: Table,
    columns: Vec<Cow<'static, str>>,
    condition: Option<Condition>,
    order: Vec<(Cow<'static, str>, bool)>,
    limit: Option<u64>,
    offset: u64,
    distinct: bool,
}

impl Selection {
    /// All columns of all rows of `table`.
    pub fn from(table: impl Into<Table>) -> Self {
        Self {
            table: table.into(),
            columns: Vec::new(),
            condition: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            distinct: false,
        }
    }

    /// Only these columns, in this order.
    #[must_use]
    pub fn columns<C: Into<Cow<'static, str>>>(
        mut self,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Only the rows of which `condition` is true; of several conditions, all.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.condition = Some(match self.condition.take() {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// In ascending order of a column, after the orders given before.
    #[must_use]
    pub fn order_by(mut self, column: impl Into<Cow<'static, str>>) -> Self {
        self.order.push((column.into(), false));
        self
    }

    /// In descending order of a column, after the orders given before.
    #[must_use]
    pub fn order_by_desc(mut self, column: impl Into<Cow<'static, str>>) -> Self {
        self.order.push((column.into(), true));
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Without the first so many rows. Which those are depends on the order.
    #[must_use]
    pub fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// Each row once.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        let form = out.dialect().limit;
        // SQL Server has no `offset` without an order, and one may be needed for nothing.
        let top = form == LimitForm::Top && self.offset == 0;
        out.sql("select ");
        if self.distinct {
            out.sql("distinct ");
        }
        if top && let Some(limit) = self.limit {
            out.sql(&format!("top ({limit}) "));
        }
        match self.columns.as_slice() {
            [] => out.sql("*"),
            columns => out.columns(columns.iter().map(|name| &**name))?,
        }
        out.sql(" from ");
        out.table(&self.table)?;
        if let Some(condition) = &self.condition {
            out.sql(" where ");
            condition.write(out)?;
        }
        if !self.order.is_empty() {
            out.sql(" order by ");
            out.list(", ", &self.order, |out, (column, descending)| {
                out.name("column", column)?;
                out.sql(if *descending { " desc" } else { "" });
                Ok(())
            })?;
        } else if form == LimitForm::Top && !top {
            out.sql(" order by (select null)");
        }
        match form {
            _ if top || (self.limit.is_none() && self.offset == 0) => {}
            LimitForm::Limit => {
                match self.limit {
                    Some(limit) => out.sql(&format!(" limit {limit}")),
                    // MySQL and SQLite have no offset without one.
                    None if out.dialect().name == "postgres" => {}
                    None => out.sql(" limit 9223372036854775807"),
                }
                if self.offset > 0 {
                    out.sql(&format!(" offset {}", self.offset));
                }
            }
            _ => {
                out.sql(&format!(" offset {} rows", self.offset));
                if let Some(limit) = self.limit {
                    out.sql(&format!(" fetch next {limit} rows only"));
                }
            }
        }
        Ok(())
    }
}

impl<S> Select<S> {
    /// All columns of all rows of `table`, on a connection of `source`.
    pub fn new(source: S, table: impl Into<Table>) -> Self {
        Self::of(source, Selection::from(table))
    }

    /// What `rows` says, on a connection of `source`.
    pub fn of(source: S, rows: Selection) -> Self {
        Self { source, rows, unlimited: false }
    }

    /// Only these columns, in this order; all, without it.
    pub fn columns<C: Into<Cow<'static, str>>>(
        mut self,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        self.rows = self.rows.columns(columns);
        self
    }

    /// Only the rows of which `condition` is true; of several conditions, all.
    pub fn filter(mut self, condition: Condition) -> Self {
        self.rows = self.rows.filter(condition);
        self
    }

    /// In ascending order of a column, after the orders given before.
    pub fn order_by(mut self, column: impl Into<Cow<'static, str>>) -> Self {
        self.rows = self.rows.order_by(column);
        self
    }

    /// In descending order of a column, after the orders given before.
    pub fn order_by_desc(mut self, column: impl Into<Cow<'static, str>>) -> Self {
        self.rows = self.rows.order_by_desc(column);
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.rows = self.rows.limit(rows);
        self
    }

    /// Without the first so many rows. Which those are depends on the order.
    pub fn offset(mut self, rows: u64) -> Self {
        self.rows = self.rows.offset(rows);
        self
    }

    /// Each row once.
    pub fn distinct(mut self) -> Self {
        self.rows = self.rows.distinct();
        self
    }

    /// As [`render_for`](Self::render_for), with a limit where none is said.
    pub(crate) fn render_limited(&self, dialect: &Dialect, limit: Option<u64>) -> Result<Rendered> {
        let mut rows = self.rows.clone();
        if !self.unlimited {
            rows.limit = rows.limit.or(limit);
        }
        let mut out = Writer::new(dialect);
        rows.write(&mut out)?;
        out.finish()
    }

    /// All rows, whatever the database's [`select_limit`](wellspring_connector::Translator::select_limit)
    /// is.
    pub fn no_limit(mut self) -> Self {
        self.rows.limit = None;
        self.unlimited = true;
        self
    }

    /// The text and the values for a database of `dialect`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a name that is none.
    pub fn render_for(&self, dialect: &Dialect) -> Result<Rendered> {
        let mut out = Writer::new(dialect);
        self.rows.write(&mut out)?;
        out.finish()
    }
}

impl<S: Source> Select<S> {
    /// With the database's own limit, where none is said.
    fn limited(mut self) -> Self {
        if !self.unlimited {
            self.rows.limit = self.rows.limit.or(self.source.translator().select_limit());
        }
        self
    }

    /// The rows as they arrive, in bounded memory.
    pub fn stream<'s>(self) -> RowStream<'s>
    where
        S: 's,
        S::Lease: 's,
    {
        self.into_query().stream()
    }

    single!(limited);
}

/// An insert of what is selected, which updates rows whose key is taken; not yet sent.
#[derive(Debug)]
#[must_use = "a merge does nothing until it is executed"]
pub struct MergeSelect<S> {
    source: S,
    table: Table,
    columns: Vec<Cow<'static, str>>,
    rows: Selection,
    conflict: Conflict,
}

impl<S> MergeSelect<S> {
    /// Inserts `rows` into `columns` of `table`, on a connection of `source`. Where a row with the same
    /// `keys` is there, its other columns are updated.
    pub fn new<C: Into<Cow<'static, str>>, K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        columns: impl IntoIterator<Item = C>,
        keys: impl IntoIterator<Item = K>,
        rows: Selection,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self {
            source,
            table: table.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            rows,
            conflict: Conflict { keys, ..Conflict::default() },
        }
    }

    /// These columns of rows that are there keep what they have.
    pub fn keep<C: Into<Cow<'static, str>>>(
        mut self,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        self.conflict.kept = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Rows that are there stay as they are.
    pub fn do_nothing(mut self) -> Self {
        self.conflict.nothing = true;
        self
    }

    /// The text and the values for a database of `dialect`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a name that is none, and without keys;
    /// [`ErrorKind::Parameters`] for a key that is not among the columns, and where the selection has
    /// another number of columns.
    pub fn render_for(&self, dialect: &Dialect) -> Result<Rendered> {
        self.conflict.check(&self.columns)?;
        let (into, from) = (self.columns.len(), self.rows.columns.len());
        if from != 0 && from != into {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!("{from} columns are selected for the {into} columns of {}", self.table),
            ));
        }
        let mut out = Writer::new(dialect);
        match out.dialect().upsert {
            UpsertForm::None => return Err(Error::unsupported("an upsert")),
            UpsertForm::Merge | UpsertForm::MergeFromDual => {
                let mssql = out.dialect().name == "mssql";
                out.sql("merge into ");
                out.table(&self.table)?;
                out.sql(if mssql { " with (holdlock) as t using (" } else { " t using (" });
                self.selected_as(&mut out)?;
                out.sql(") s");
                write_matched(&mut out, &self.conflict, &self.columns)?;
                out.sql(if mssql { ";" } else { "" });
            }
            _ => {
                out.sql("insert into ");
                out.table(&self.table)?;
                out.sql(" (");
                out.columns(self.columns.iter().map(|name| &**name))?;
                out.sql(") ");
                let mut rows = self.rows.clone();
                if out.dialect().name == "sqlite" && rows.condition.is_none() {
                    // Else `on` could belong to a join.
                    rows.condition = Some(Condition::all([]));
                }
                rows.write(&mut out)?;
                write_conflict(&mut out, &self.conflict, &self.columns)?;
            }
        }
        out.finish()
    }

    /// The selection, its columns named as those they go into.
    fn selected_as(&self, out: &mut Writer<'_>) -> Result<()> {
        if self.rows.columns.is_empty() {
            return self.rows.write(out);
        }
        out.sql("select ");
        out.list(", ", self.rows.columns.iter().zip(&self.columns), |out, (from, into)| {
            out.name("column", from)?;
            out.sql(" as ");
            out.name("column", into)
        })?;
        out.sql(" from (");
        self.rows.write(out)?;
        out.sql(") r");
        Ok(())
    }
}

impl<S: Source> MergeSelect<S> {
    single!();
}
