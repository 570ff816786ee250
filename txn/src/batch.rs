//! Batches: operations as data, checked before the first of them runs, kept as a whole or not at all.

mod form;

use std::sync::Arc;

use wellspring_connector::{
    Error, ErrorKind, ExecResult, IntoParams, Lease, Params, Result, Row, Source, Sql, Translator,
    Value,
};

use crate::atomic::Atomic;
use crate::script::controls;
use crate::statement::{
    BulkUpdate, Delete, Insert, InsertMany, MergeSelect, Rendered, Select, Update,
};

/// One operation of a batch.
///
/// Made from a statement without a source, or read by serde from `{"method": …, "params": {…}}`: see
/// [`OperationBatch`].
///
/// ```
/// use wellspring_connector::params;
/// use wellspring_txn::{Delete, Insert, Operation, col};
///
/// let operations = [
///     Operation::from(Insert::new((), "users", params! { name: "Ada" })),
///     Operation::from(Delete::new((), "users").filter(col("born").lt(1800))),
///     Operation::execute("update stats set users = users + ?", (1,)),
/// ];
/// # let _ = operations;
/// ```
#[derive(Debug)]
pub struct Operation(Kind);

#[derive(Debug)]
enum Kind {
    Insert(Insert<()>),
    InsertMany(InsertMany<()>),
    Update(Update<()>),
    BulkUpdate(BulkUpdate<()>),
    Delete(Delete<()>),
    Select(Select<()>),
    MergeSelect(MergeSelect<()>),
    Execute(Box<str>, Params),
    Query(Box<str>, Params),
}

macro_rules! from_statements {
    ($($statement:ident,)*) => {$(
        impl From<$statement<()>> for Operation {
            fn from(statement: $statement<()>) -> Self {
                Self(Kind::$statement(statement))
            }
        }
    )*};
}

from_statements! { Insert, InsertMany, Update, BulkUpdate, Delete, Select, MergeSelect, }

impl Operation {
    /// A statement of which it matters what it did.
    pub fn execute(sql: impl Into<Box<str>>, params: impl IntoParams) -> Self {
        Self(Kind::Execute(sql.into(), params.into_params()))
    }

    /// A statement of which the rows matter.
    pub fn query(sql: impl Into<Box<str>>, params: impl IntoParams) -> Self {
        Self(Kind::Query(sql.into(), params.into_params()))
    }

    /// Its statements, and whether they have rows.
    fn prepare(&self, translator: &Translator) -> Result<Prepared> {
        let dialect = translator.dialect();
        let one = |rendered: Rendered, rows: bool| Prepared::from_rendered(vec![rendered], rows);
        let own = |sql: &str, params: &Params, rows| {
            if controls(dialect, sql) {
                return Err(Error::new(
                    ErrorKind::Usage,
                    "the operations of a batch are part of a transaction, and cannot begin or end any",
                ));
            }
            let (statement, values) = translator.bind(&Sql::new(sql), params.clone())?;
            let source = statement.source().cloned();
            let text = Arc::from(statement.text());
            Ok(Prepared { statements: vec![Ready { text, values, source }], rows })
        };
        Ok(match &self.0 {
            Kind::Insert(statement) => {
                one(statement.render_for(dialect)?, statement.returns_rows())
            }
            Kind::Update(statement) => {
                one(statement.render_for(dialect)?, statement.returns_rows())
            }
            Kind::Delete(statement) => {
                one(statement.render_for(dialect)?, statement.returns_rows())
            }
            Kind::Select(statement) => {
                one(statement.render_limited(dialect, translator.select_limit())?, true)
            }
            Kind::MergeSelect(statement) => one(statement.render_for(dialect)?, false),
            Kind::InsertMany(statement) => {
                Prepared::from_rendered(statement.render_for(dialect)?, statement.returns_rows())
            }
            Kind::BulkUpdate(statement) => {
                Prepared::from_rendered(statement.render_for(dialect)?, false)
            }
            Kind::Execute(sql, params) => return own(sql, params, false),
            Kind::Query(sql, params) => return own(sql, params, true),
        })
    }
}

/// An operation, ready to be run.
struct Prepared {
    statements: Vec<Ready>,
    rows: bool,
}

/// A statement of it.
struct Ready {
    text: Arc<str>,
    values: Vec<Value>,
    /// The text as it was written, where that is to be logged.
    source: Option<Arc<str>>,
}

impl Prepared {
    fn from_rendered(rendered: Vec<Rendered>, rows: bool) -> Self {
        let ready = rendered.into_iter().map(|statement| {
            let (text, values) = statement.into_parts();
            Ready { text: text.into(), values, source: None }
        });
        Self { statements: ready.collect(), rows }
    }
}

/// What an operation came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// What it did.
    Done(ExecResult),
    /// The rows it asked for.
    Rows(Vec<Row>),
}

impl Outcome {
    /// The rows written, or read.
    pub fn count(&self) -> u64 {
        match self {
            Self::Done(result) => result.rows_affected,
            Self::Rows(rows) => rows.len() as u64,
        }
    }

    /// The rows it asked for; none of an operation that did not.
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::Done(_) => &[],
            Self::Rows(rows) => rows,
        }
    }
}

/// Several operations, not yet run.
///
/// All of them are checked before the first runs: a method that there is not, a condition that is missing,
/// a name that is none, parameters that do not fit are reported with the number of the operation, and
/// nothing is done. Then they run in order, in one transaction (in a savepoint, where one is open), and are
/// kept as a whole or not at all. They cannot begin or end transactions. Two things no transaction can undo:
/// what the database does outside of it (sequences, files), and statements that commit by themselves, as
/// MySQL, MariaDB and Oracle do with every `create`, `alter` and `drop`. What stands before such a
/// statement is kept with it; the operations after it are a transaction of their own again, and the error
/// says so.
///
/// Read by serde it is a list: `[{"method": "insert", "params": {"table": "users", "data": {"name":
/// "Ada"}}}]`. The methods and their parameters:
///
/// | method | parameters |
/// | --- | --- |
/// | `insert` | `table`, `data` (a map, or a list of them), `return_columns` |
/// | `insert_many` | the same, of a list |
/// | `update` | `table`, `data`, `where`, `all_rows`, `return_columns` |
/// | `bulk_update` | `table`, `data_list` (or `data`), `key_columns` |
/// | `delete` | `table`, `where`, `all_rows`, `return_columns` |
/// | `upsert`, `merge` | `table`, `data`, `key_columns`, `no_update` (columns that stay, or true), `return_columns` |
/// | `merge_select` | `source_table`, `target_table`, `insert_columns`, `key_columns`, `order_by`, `conditions`, `source_select` (columns), `no_update` |
/// | `select` | `table`, `columns`, `where`, `order_by`, `limit`, `offset`, or `options` with the last three |
/// | `query`, `execute` | `sql`, `values` (a list, or a map by name) |
///
/// Conditions are written as [`Condition`](crate::Condition) says. A value `{"$expr":
/// "current_timestamp"}` is what the database works out; any other list or map is JSON.
#[derive(Debug)]
#[must_use = "a batch does nothing until it is executed"]
pub struct OperationBatch<S> {
    source: S,
    operations: Vec<Operation>,
}

impl<S: Source> OperationBatch<S> {
    /// `operations` on a connection of `source`.
    pub fn new<O: Into<Operation>>(source: S, operations: impl IntoIterator<Item = O>) -> Self {
        Self { source, operations: operations.into_iter().map(Into::into).collect() }
    }

    fn prepare(&self) -> Result<Vec<Prepared>> {
        if self.operations.is_empty() {
            return Err(Error::new(ErrorKind::Parameters, "the batch has no operations"));
        }
        let translator = self.source.translator();
        let numbered = self.operations.iter().enumerate();
        numbered
            .map(|(index, operation)| {
                operation.prepare(translator).map_err(|e| e.at_operation("operation", index))
            })
            .collect()
    }

    /// Runs all of them, and returns what each came to, in order.
    ///
    /// # Errors
    /// What is wrong with an operation, before anything is done; else what the database says to one, with
    /// its number in [`Error::operation`]. Nothing is kept then.
    ///
    /// # Cancel safety
    /// Dropping the future undoes everything, unless the commit was under way: then the outcome is open.
    pub async fn execute(self) -> Result<Vec<Outcome>> {
        let database = self.source.translator().database().cloned();
        self.run().await.map_err(|error| error.or_database(database.as_ref()))
    }

    async fn run(self) -> Result<Vec<Outcome>> {
        let prepared = self.prepare()?;
        let mut lease = self.source.lease().await?;
        let mut atomic = Atomic::begin(&mut lease).await?;
        let outcomes = async {
            let mut outcomes = Vec::with_capacity(prepared.len());
            // The operations before this one cannot be undone any more.
            let mut kept = 0;
            for (index, operation) in prepared.iter().enumerate() {
                let outcome = match atomic.reopen().await {
                    Ok(()) => run_one(&mut atomic, operation).await,
                    Err(error) => Err(error),
                };
                let outcome = match outcome {
                    Ok(_) if atomic.is_inside() && !atomic.is_open() => Err(Error::new(
                        ErrorKind::Usage,
                        "it ended the transaction that the batch is a part of",
                    )),
                    Err(error) if kept > 0 => Err(error.context(format_args!(
                        "the operations before {kept} are kept, as the database committed them by itself"
                    ))),
                    outcome => outcome,
                };
                outcomes.push(outcome.map_err(|error| error.at_operation("operation", index))?);
                if !atomic.is_open() {
                    kept = index + 1;
                }
            }
            Ok(outcomes)
        }
        .await;
        atomic.end(outcomes).await
    }

    /// Runs each by itself, whatever becomes of the others, and returns what each came to, in order. An
    /// operation of several statements is kept as a whole or not at all. Inside a transaction each has a
    /// savepoint.
    ///
    /// # Errors
    /// What is wrong with an operation, before anything is done; why there is no connection. What the
    /// database says to one is in its place in the list. After a connection was lost or given up, the rest
    /// is not tried: its places have that error, too.
    ///
    /// # Cancel safety
    /// Dropping the future keeps what was done before; the operation under way is undone, or its outcome
    /// is open.
    pub async fn each(self) -> Result<Vec<Result<Outcome>>> {
        let database = self.source.translator().database().cloned();
        let named = |error: Error| error.or_database(database.as_ref());
        let prepared = self.prepare().map_err(named)?;
        let mut lease = self.source.lease().await.map_err(named)?;
        let mut outcomes: Vec<Result<Outcome>> = Vec::with_capacity(prepared.len());
        for (index, operation) in prepared.iter().enumerate() {
            let over = match outcomes.last() {
                Some(Err(error)) if error.is_connection_lost() || !lease.is_usable() => {
                    Some(error.clone())
                }
                _ => None,
            };
            let outcome = match over {
                Some(error) => Err(error),
                None => run_alone(&mut lease, operation)
                    .await
                    .map_err(|error| named(error.at_operation("operation", index))),
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

/// An operation by itself.
async fn run_alone(lease: &mut impl Lease, operation: &Prepared) -> Result<Outcome> {
    let mut atomic = Atomic::begin(lease).await?;
    let outcome = run_one(&mut atomic, operation).await;
    atomic.end(outcome).await
}

async fn run_one(atomic: &mut Atomic<'_, impl Lease>, operation: &Prepared) -> Result<Outcome> {
    let mut done = ExecResult::default();
    let mut all = Vec::new();
    for Ready { text, values, source } in &operation.statements {
        if let Some(source) = source {
            atomic.connection().announce(source, None);
        }
        if operation.rows {
            all.extend(atomic.rows(text, values).await?);
        } else {
            let result = atomic.execute(text, values).await?;
            done.rows_affected += result.rows_affected;
            done.last_insert_id = result.last_insert_id;
        }
    }
    Ok(if operation.rows { Outcome::Rows(all) } else { Outcome::Done(done) })
}
