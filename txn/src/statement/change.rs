//! Updates and deletes.

use std::borrow::Cow;

use wellspring_connector::{Dialect, Error, ErrorKind, Query, Result, Returning, Source};

use super::condition::Condition;
use super::insert::{check_returning, write_output, write_returning};
use super::name::Table;
use super::record::{IntoRecord, Record};
use super::render::{Rendered, Writer};
use super::{returning, single};

/// Which rows a change is about.
#[derive(Debug, Clone, PartialEq, Default)]
enum Which {
    /// Nobody has said.
    #[default]
    Unsaid,
    All,
    Those(Condition),
}

impl Which {
    fn and(&mut self, condition: Condition) {
        *self = match std::mem::take(self) {
            Self::Those(before) => Self::Those(before.and(condition)),
            _ => Self::Those(condition),
        };
    }

    fn all(&mut self) {
        let some = |condition: &Condition| condition.constant() != Some(true);
        if !matches!(self, Self::Those(condition) if some(condition)) {
            *self = Self::All;
        }
    }

    fn write(&self, out: &mut Writer<'_>, statement: &str) -> Result<()> {
        match self {
            Self::Those(condition) if condition.constant() != Some(true) => {
                out.sql(" where ");
                condition.write(out)
            }
            Self::All => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "the {statement} has no condition that leaves out any row: \
                     say `all_rows()` if all are meant"
                ),
            )),
        }
    }
}

/// An update of rows, not yet sent.
#[derive(Debug)]
#[must_use = "an update does nothing until it is executed"]
pub struct Update<S> {
    source: S,
    table: Table,
    changes: Result<Record>,
    which: Which,
    returning: Vec<Cow<'static, str>>,
}

impl<S> Update<S> {
    /// An update of `table` on a connection of `source`.
    pub fn new(source: S, table: impl Into<Table>, changes: impl IntoRecord) -> Self {
        Self {
            source,
            table: table.into(),
            changes: changes.into_record(),
            which: Which::default(),
            returning: Vec::new(),
        }
    }

    /// Only the rows of which `condition` is true; of several conditions, all.
    pub fn filter(mut self, condition: Condition) -> Self {
        self.which.and(condition);
        self
    }

    /// All rows of the table. Without this, an update that leaves none out is an error.
    pub fn all_rows(mut self) -> Self {
        self.which.all();
        self
    }

    returning!("Gives back these columns of the rows, as they are afterwards.");

    /// The text and the values for a database of `dialect`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] without a condition, without changes, for a name that is none;
    /// [`ErrorKind::Parameters`] for a column that is set twice; [`ErrorKind::Unsupported`].
    pub fn render_for(&self, dialect: &Dialect) -> Result<Rendered> {
        let changes = self.changes.as_ref().map_err(Clone::clone)?;
        changes.check()?;
        let mut out = Writer::new(dialect);
        let form = check_returning(&out, &self.returning, "update")?;
        if form == Some(Returning::FinalTable) {
            out.sql("select ");
            out.columns(self.returning.iter().map(|name| &**name))?;
            out.sql(" from final table (");
        }
        out.sql("update ");
        out.table(&self.table)?;
        write_changes(&mut out, changes)?;
        if form == Some(Returning::Output) {
            write_output(&mut out, "inserted", &self.returning)?;
        }
        self.which.write(&mut out, "update")?;
        match form {
            Some(Returning::Clause) => write_returning(&mut out, &self.returning)?,
            Some(Returning::FinalTable) => out.sql(")"),
            _ => {}
        }
        out.finish()
    }
}

impl<S: Source> Update<S> {
    single!();
}

/// ` set a = …, b = …`.
pub(super) fn write_changes(out: &mut Writer<'_>, changes: &Record) -> Result<()> {
    if changes.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "an update sets at least one column"));
    }
    out.sql(" set ");
    out.list(", ", changes.fields(), |out, (column, expr)| {
        out.name("column", column)?;
        out.sql(" = ");
        expr.write(out)
    })
}

/// A deletion of rows, not yet sent.
#[derive(Debug)]
#[must_use = "a delete does nothing until it is executed"]
pub struct Delete<S> {
    source: S,
    table: Table,
    which: Which,
    returning: Vec<Cow<'static, str>>,
}

impl<S> Delete<S> {
    /// A deletion from `table` on a connection of `source`.
    pub fn new(source: S, table: impl Into<Table>) -> Self {
        Self { source, table: table.into(), which: Which::default(), returning: Vec::new() }
    }

    /// Only the rows of which `condition` is true; of several conditions, all.
    pub fn filter(mut self, condition: Condition) -> Self {
        self.which.and(condition);
        self
    }

    /// All rows of the table. Without this, a delete that leaves none out is an error.
    pub fn all_rows(mut self) -> Self {
        self.which.all();
        self
    }

    returning!("Gives back these columns of the rows, as they were.");

    /// The text and the values for a database of `dialect`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] without a condition, and for a name that is none;
    /// [`ErrorKind::Unsupported`].
    pub fn render_for(&self, dialect: &Dialect) -> Result<Rendered> {
        let mut out = Writer::new(dialect);
        let form = check_returning(&out, &self.returning, "delete")?;
        if form == Some(Returning::FinalTable) {
            out.sql("select ");
            out.columns(self.returning.iter().map(|name| &**name))?;
            out.sql(" from old table (");
        }
        out.sql("delete from ");
        out.table(&self.table)?;
        if form == Some(Returning::Output) {
            write_output(&mut out, "deleted", &self.returning)?;
        }
        self.which.write(&mut out, "delete")?;
        match form {
            Some(Returning::Clause | Returning::NotOfUpdates) => {
                write_returning(&mut out, &self.returning)?;
            }
            Some(Returning::FinalTable) => out.sql(")"),
            _ => {}
        }
        out.finish()
    }
}

impl<S: Source> Delete<S> {
    single!();
}
