//! What the suite must know about a database.

use std::future::Future;
use std::sync::Arc;

use wellspring_connector::{Connector, ErrorKind, IsolationLevel, Value};

/// A database to run the suite on.
pub trait Target: Send + Sync + 'static {
    /// What differs here without being a difference in the contract.
    fn facts(&self) -> Facts;

    /// A connector to a new, empty database (or schema), one for each test.
    fn fresh(&self) -> impl Future<Output = Arc<dyn Connector>> + Send;

    /// A connector whose connects must fail. If it has credentials, the password is `canary`.
    fn unreachable(&self) -> Arc<dyn Connector>;
}

/// The facts of one database.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The type of a 64-bit integer column. Default `bigint`.
    pub integer: String,
    /// The type of a text column of any length. Default `text`.
    pub text: String,
    /// The type of a column of bytes of any length. Default `blob`.
    pub bytes: String,
    /// A query for the numbers 1 to `{n}` in order, in one column.
    pub numbers: String,
    /// A query that runs for minutes, or for ever, without returning a row.
    pub endless: String,
    /// Values, the type of the column to keep them in, and what comes back.
    pub round_trips: Vec<RoundTrip>,
    /// Statements that provoke errors.
    pub provoked: Vec<Provoked>,
    /// The isolation levels the database has.
    pub isolation: Vec<IsolationLevel>,
    /// A statement that changes a setting of the session through the native connection is refused
    /// by nothing: whether `native` is offered at all.
    pub has_native: bool,
    /// A result without rows has its columns. Where statements are not prepared, a driver may not
    /// learn them. Default true.
    pub empty_results_have_columns: bool,
}

impl Default for Facts {
    fn default() -> Self {
        let counting = "with recursive n(i) as (select 1 union all select i + 1 from n";
        Self {
            integer: "bigint".into(),
            text: "text".into(),
            bytes: "blob".into(),
            numbers: format!("{counting} where i < {{n}}) select i from n"),
            endless: format!("{counting}) select i from n where i < 0"),
            round_trips: Vec::new(),
            provoked: Vec::new(),
            isolation: vec![IsolationLevel::Serializable],
            has_native: true,
            empty_results_have_columns: true,
        }
    }
}

/// A value on its way in and out.
#[derive(Debug, Clone)]
pub struct RoundTrip {
    /// The type of the column.
    pub column: String,
    /// What is written.
    pub value: Value,
    /// What is read.
    pub back: Value,
}

impl RoundTrip {
    /// `value` comes back as it was written.
    pub fn same(column: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self { column: column.into(), back: value.clone(), value }
    }

    /// `value` comes back as `back`.
    pub fn changed(column: &str, value: impl Into<Value>, back: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into(), back: back.into() }
    }
}

/// A statement that must fail in a certain way.
#[derive(Debug, Clone)]
pub struct Provoked {
    /// What is run before.
    pub setup: Vec<String>,
    /// What fails.
    pub statement: String,
    /// How.
    pub kind: ErrorKind,
    /// The constraint the error must name.
    pub constraint: Option<String>,
}

impl Provoked {
    /// After `setup`, `statement` fails with `kind`.
    pub fn new(kind: ErrorKind, setup: &[&str], statement: &str) -> Self {
        let setup = setup.iter().map(|s| (*s).to_owned()).collect();
        Self { setup, statement: statement.into(), kind, constraint: None }
    }

    /// The error must name this constraint.
    #[must_use]
    pub fn constraint(mut self, name: &str) -> Self {
        self.constraint = Some(name.into());
        self
    }
}
