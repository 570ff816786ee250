//! Inserts and upserts, of one row or of many.

use std::borrow::Cow;

use wellspring_connector::{
    BulkSource, BulkTarget, Dialect, Error, ErrorKind, ExecResult, FromRow, Query, Result, Source,
    UpsertForm, Value, bulk_rows,
};

use super::gathered::Gathered;
use super::insert::{Conflict, Rows};
use super::name::Table;
use super::record::{IntoRecord, Plain, Record};
use super::render::{Rendered, Writer};
use super::{returning, single, upserting};
use crate::atomic::Atomic;

type Names = Vec<Cow<'static, str>>;

/// An insert of one row, not yet sent.
#[derive(Debug)]
#[must_use = "an insert does nothing until it is executed"]
pub struct Insert<S> {
    source: S,
    table: Table,
    row: Result<Record>,
    conflict: Option<Conflict>,
    returning: Names,
}

impl<S> Insert<S> {
    /// An insert of `row` into `table` on a connection of `source`. A row without columns is one of
    /// defaults.
    pub fn new(source: S, table: impl Into<Table>, row: impl IntoRecord) -> Self {
        Self {
            source,
            table: table.into(),
            row: row.into_record(),
            conflict: None,
            returning: Vec::new(),
        }
    }

    /// An upsert: where a row with the same `keys` is there, its other columns are updated. MySQL does so
    /// whichever unique key is taken.
    pub fn upsert<K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        row: impl IntoRecord,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        let conflict = Some(Conflict { keys, ..Conflict::default() });
        Self { conflict, ..Self::new(source, table, row) }
    }

    upserting!();

    returning!("Gives back these columns of the row, as it is afterwards.");

    /// The text and the values for a database of `dialect`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a name that is none, and for an upsert without keys;
    /// [`ErrorKind::Parameters`] for a column that is set twice, a key that is missing or null;
    /// [`ErrorKind::Unsupported`].
    pub fn render_for(&self, dialect: &Dialect) -> Result<Rendered> {
        let row = self.row.as_ref().map_err(Clone::clone)?;
        row.check()?;
        let columns: Names = row.names();
        if let Some(conflict) = &self.conflict {
            conflict.check(&columns)?;
            check_keys(row, &conflict.keys)?;
        }
        let mut out = Writer::new(dialect);
        Rows {
            table: &self.table,
            columns: &columns,
            rows: &[Cow::Borrowed(row)],
            conflict: self.conflict.as_ref(),
            returning: &self.returning,
        }
        .write(&mut out)?;
        out.finish()
    }
}

impl<S: Source> Insert<S> {
    single!();
}

/// A key that is null is equal to nothing: it would be inserted each time.
pub(super) fn check_keys(row: &Record, keys: &[Cow<'static, str>]) -> Result<()> {
    for key in keys {
        let wrong = match row.get(key) {
            None => "missing",
            Some(expr) if expr.as_value().is_some_and(Value::is_null) => "null",
            Some(_) => continue,
        };
        let message = format!("the key column {key:?} is {wrong}");
        return Err(Error::new(ErrorKind::Parameters, message).with_column(&**key));
    }
    Ok(())
}

/// An insert of many rows, all of them or none, not yet sent.
#[derive(Debug)]
#[must_use = "an insert does nothing until it is executed"]
pub struct InsertMany<S> {
    source: S,
    table: Table,
    rows: Result<Gathered>,
    conflict: Option<Conflict>,
    returning: Names,
}

impl<S> InsertMany<S> {
    /// An insert of `rows` into `table` on a connection of `source`. The rows have the same columns, in
    /// whatever order.
    pub fn new<R: IntoRecord>(
        source: S,
        table: impl Into<Table>,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let rows = Gathered::of(rows);
        Self { source, table: table.into(), rows, conflict: None, returning: Vec::new() }
    }

    /// An upsert: where a row with the same `keys` is there, its other columns are updated. Of several
    /// given rows with the same keys, the last counts.
    pub fn upsert<R: IntoRecord, K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        rows: impl IntoIterator<Item = R>,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        let conflict = Some(Conflict { keys, ..Conflict::default() });
        Self { conflict, ..Self::new(source, table, rows) }
    }

    upserting!();

    returning!("Gives back these columns of the rows, in no order that could be relied on.");

    /// The statements for a database of `dialect`, in the order in which they are run.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] for no rows, and naming the row and the column where the columns are not
    /// those of the first row, or a key is missing or null; [`ErrorKind::Usage`] for a name that is none.
    pub fn render_for(&self, dialect: &Dialect) -> Result<Vec<Rendered>> {
        let rows = self.rows.as_ref().map_err(Clone::clone)?;
        let rows = Uniform::new(rows.clone().into_records(), self.conflict.as_ref())?;
        rows.render(dialect, &self.table, self.conflict.as_ref(), &self.returning)
    }
}

impl<S: Source> InsertMany<S> {
    /// Writes the rows and reports how many were written: by the fastest way the database has where
    /// nothing but values is inserted, else by statements of many rows each.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] for no rows, and naming the row and the column where the columns are not
    /// those of the first row, or a key is missing or null; [`ErrorKind::Usage`] for a name that is none;
    /// the database's. No row is kept then.
    ///
    /// # Cancel safety
    /// Dropping the future keeps no row, unless all had been sent.
    pub async fn execute(self) -> Result<ExecResult> {
        let database = self.source.translator().database().cloned();
        self.write().await.map_err(|error| error.or_database(database.as_ref()))
    }

    /// Writes the rows, and returns the columns asked for of each.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`ErrorKind::Unsupported`] where the database gives none back.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>> {
        let database = self.source.translator().database().cloned();
        self.write_returning().await.map_err(|error| error.or_database(database.as_ref()))
    }

    async fn write(self) -> Result<ExecResult> {
        let Self { source, table, rows, conflict, .. } = self;
        let dialect = source.translator().dialect();
        let rows = match rows? {
            Gathered::Plain { columns, values }
                if conflict.is_none() && values.len() > columns.len() =>
            {
                let values = values.chunks_exact(columns.len());
                return bulk(source, &table, &columns, bulk_rows(values)).await;
            }
            rows => Uniform::new(rows.into_records(), conflict.as_ref())?,
        };
        if conflict.is_none() && rows.rows.len() > 1 && rows.rows.iter().all(Record::is_plain) {
            let values = bulk_rows(rows.rows.iter().map(Plain));
            return bulk(source, &table, &rows.columns, values).await;
        }
        let statements = rows.render(dialect, &table, conflict.as_ref(), &[])?;
        let mut lease = source.lease().await?;
        let mut atomic = Atomic::begin(&mut lease).await?;
        let written = async {
            let mut written = 0;
            for statement in &statements {
                let done = atomic.execute(statement.text(), statement.values()).await?;
                written += done.rows_affected;
            }
            Ok(ExecResult::new(written))
        }
        .await;
        atomic.end(written).await
    }

    async fn write_returning<T: FromRow>(self) -> Result<Vec<T>> {
        let Self { source, table, rows, conflict, returning } = self;
        if returning.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no column is to be returned"));
        }
        let dialect = source.translator().dialect();
        let rows = Uniform::new(rows?.into_records(), conflict.as_ref())?;
        let statements = rows.render(dialect, &table, conflict.as_ref(), &returning)?;
        let mut lease = source.lease().await?;
        let mut atomic = Atomic::begin(&mut lease).await?;
        let all = async {
            let mut all = Vec::with_capacity(rows.rows.len());
            for statement in &statements {
                for row in atomic.rows(statement.text(), statement.values()).await? {
                    all.push(T::from_row(&row)?);
                }
            }
            Ok(all)
        }
        .await;
        atomic.end(all).await
    }
}

/// Writes rows of nothing but values the fastest way there is.
async fn bulk<S: Source>(
    source: S,
    table: &Table,
    columns: &[Cow<'static, str>],
    rows: impl BulkSource,
) -> Result<ExecResult> {
    check_names(source.translator().dialect(), table, columns)?;
    let mut target = BulkTarget::new("", columns.iter().map(|name| &**name));
    target.table = table.parts().map(str::to_owned).collect();
    Ok(ExecResult::new(wellspring_connector::bulk_insert(source, target, rows).await?))
}

/// What the bulk way does not check by itself.
fn check_names(dialect: &Dialect, table: &Table, columns: &[Cow<'static, str>]) -> Result<()> {
    let mut scratch = Writer::new(dialect);
    scratch.table(table)?;
    scratch.columns(columns.iter().map(|name| &**name))
}

/// Rows of the same columns, in the same order.
struct Uniform {
    columns: Names,
    rows: Vec<Record>,
}

impl Uniform {
    fn new(mut rows: Vec<Record>, conflict: Option<&Conflict>) -> Result<Self> {
        let Some(first) = rows.first() else {
            return Err(Error::new(ErrorKind::Parameters, "there are no rows to write"));
        };
        let at = |index: usize| move |error: Error| error.at_operation("row", index);
        first.check().map_err(at(0))?;
        let columns: Names = first.names();
        if let Some(conflict) = conflict {
            conflict.check(&columns).map_err(at(0))?;
        }
        for (index, row) in rows.iter_mut().enumerate() {
            if let Cow::Owned(ordered) = row.in_order_of(&columns).map_err(at(index))? {
                *row = ordered;
            }
            if let Some(conflict) = conflict {
                check_keys(row, &conflict.keys).map_err(at(index))?;
            }
        }
        Ok(Self { columns, rows })
    }

    fn render(
        &self,
        dialect: &Dialect,
        table: &Table,
        conflict: Option<&Conflict>,
        returning: &[Cow<'static, str>],
    ) -> Result<Vec<Rendered>> {
        let width = self.columns.len().max(1);
        // Room for expressions of more than one value; and SQL Server takes 1000 rows.
        let most = (dialect.max_parameters / (2 * width)).clamp(1, 500);
        let chunks = match conflict {
            Some(conflict) if dialect.upsert != UpsertForm::OnDuplicateKey => {
                self.distinct_chunks(&conflict.keys, most)
            }
            _ if self.columns.is_empty() => self.rows.chunks(1).collect(),
            _ => self.rows.chunks(most).collect(),
        };
        let render = |rows: &[Record]| {
            let rows: Vec<Cow<'_, Record>> = rows.iter().map(Cow::Borrowed).collect();
            let mut out = Writer::new(dialect);
            Rows { table, columns: &self.columns, rows: &rows, conflict, returning }
                .write(&mut out)?;
            out.finish()
        };
        chunks.into_iter().map(render).collect()
    }

    /// Pieces in which no key comes twice: one statement cannot change a row twice.
    fn distinct_chunks(&self, keys: &[Cow<'static, str>], most: usize) -> Vec<&[Record]> {
        let mut chunks = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut start = 0;
        for (index, row) in self.rows.iter().enumerate() {
            let key: Vec<String> = keys.iter().map(|key| format!("{:?}", row.get(key))).collect();
            if index - start == most || seen.contains(&key) {
                chunks.push(&self.rows[start..index]);
                seen.clear();
                start = index;
            }
            seen.insert(key);
        }
        chunks.push(&self.rows[start..]);
        chunks
    }
}

/// Updates of many rows, each by its key, all of them or none; not yet sent.
#[derive(Debug)]
#[must_use = "an update does nothing until it is executed"]
pub struct BulkUpdate<S> {
    source: S,
    table: Table,
    rows: Result<Vec<Record>>,
    keys: Names,
}

impl<S> BulkUpdate<S> {
    /// Sets the columns of each of `rows` that are not `keys`, in the row of `table` whose keys are the
    /// same.
    pub fn new<R: IntoRecord, K: Into<Cow<'static, str>>>(
        source: S,
        table: impl Into<Table>,
        rows: impl IntoIterator<Item = R>,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let InsertMany { source, table, rows, .. } = InsertMany::new(source, table, rows);
        let rows = rows.map(Gathered::into_records);
        Self { source, table, rows, keys: keys.into_iter().map(Into::into).collect() }
    }

    /// The statements for a database of `dialect`, one for each row.
    ///
    /// # Errors
    /// Those of [`execute`](Self::execute), but for the database's.
    pub fn render_for(&self, dialect: &Dialect) -> Result<Vec<Rendered>> {
        let rows = self.rows.as_ref().map_err(Clone::clone)?;
        updates(dialect, &self.table, rows.clone(), self.keys.clone())
    }
}

impl<S: Source> BulkUpdate<S> {
    /// Updates the rows and reports how many there were.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] for no rows, and naming the row and the column where the columns are not
    /// those of the first row, or a key is missing or null; [`ErrorKind::Usage`] without keys, without
    /// anything to set, for a name that is none; the database's. No change is kept then.
    ///
    /// # Cancel safety
    /// Dropping the future keeps no change, unless all had been sent.
    pub async fn execute(self) -> Result<ExecResult> {
        let database = self.source.translator().database().cloned();
        self.write().await.map_err(|error| error.or_database(database.as_ref()))
    }

    async fn write(self) -> Result<ExecResult> {
        let Self { source, table, rows, keys } = self;
        let statements = updates(source.translator().dialect(), &table, rows?, keys)?;
        let mut lease = source.lease().await?;
        let mut atomic = Atomic::begin(&mut lease).await?;
        let written = async {
            let mut written = 0;
            for (index, statement) in statements.iter().enumerate() {
                let done = atomic.execute(statement.text(), statement.values()).await;
                written += done.map_err(|error| error.at_operation("row", index))?.rows_affected;
            }
            Ok(ExecResult::new(written))
        }
        .await;
        atomic.end(written).await
    }
}

/// How rows of a stream are inserted.
#[derive(Debug)]
pub(crate) struct RowWriter(Option<Conflict>);

impl RowWriter {
    pub(crate) fn insert() -> Self {
        Self(None)
    }

    pub(crate) fn upsert<K: Into<Cow<'static, str>>>(keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self(Some(Conflict { keys, ..Conflict::default() }))
    }

    /// Rows whose keys are taken are an error.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// Checks the columns of the rows.
    pub(crate) fn check(&self, columns: &[Cow<'static, str>]) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |conflict| conflict.check(columns))
    }

    pub(crate) fn check_keys(&self, row: &Record) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |conflict| check_keys(row, &conflict.keys))
    }

    /// The statements that write `rows`, which have the same columns.
    pub(crate) fn render(
        &self,
        dialect: &Dialect,
        table: &Table,
        rows: Vec<Record>,
    ) -> Result<Vec<Rendered>> {
        Uniform::new(rows, self.0.as_ref())?.render(dialect, table, self.0.as_ref(), &[])
    }
}

/// The update of one row, by its keys.
pub(crate) fn update_by_keys(
    dialect: &Dialect,
    table: &Table,
    row: &Record,
    keys: &[Cow<'static, str>],
) -> Result<Rendered> {
    row.check()?;
    Conflict { keys: keys.to_vec(), ..Conflict::default() }.check(&row.names())?;
    check_keys(row, keys)?;
    let mut out = Writer::new(dialect);
    out.sql("update ");
    out.table(table)?;
    super::change::write_changes(&mut out, &row.without(keys))?;
    out.sql(" where ");
    out.list(" and ", keys, |out, key| {
        out.name("column", key)?;
        out.sql(" = ");
        row.get(key).map_or(Ok(()), |expr| expr.write(out))
    })?;
    out.finish()
}

/// One update for each row, by its keys.
fn updates(
    dialect: &Dialect,
    table: &Table,
    rows: Vec<Record>,
    keys: Names,
) -> Result<Vec<Rendered>> {
    let conflict = Conflict { keys, ..Conflict::default() };
    let rows = Uniform::new(rows, Some(&conflict))?;
    let keys = conflict.keys;
    let render = |row: &Record| update_by_keys(dialect, table, row, &keys);
    let numbered = rows.rows.iter().enumerate();
    numbered.map(|(index, row)| render(row).map_err(|e| e.at_operation("row", index))).collect()
}
