//! The portable database interface of Wellspring: connections, values, rows and errors that mean
//! the same on every database.
//!
//! Applications meet these types through the `wellspring` crate. Depend on this crate to write a
//! connector, or code that works with any database.
//!
//! # The parts
//!
//! - A [`Driver`] turns a URL into a [`Connector`], which opens [`Connection`]s.
//!   [`ConnectorManager`] puts them into a pool.
//! - A statement is an [`Sql`]: a text with portable placeholders (`?`, `:name`), which a
//!   [`Translator`] turns into a [`Statement`] in the database's own form, by its [`Dialect`].
//! - Parameters are anything that is [`IntoParams`]; each becomes a [`Value`].
//! - Results are [`Rows`], a stream of [`Row`]s; [`Row::try_get`] reads a column as any
//!   [`FromValue`], and a whole row is any [`FromRow`], such as a serde struct.
//! - Whatever fails is an [`Error`] with an [`ErrorKind`] and a [`Retry`] class.
//!
//! ```
//! use wellspring_connector::{Dialect, Sql, Translator, params};
//!
//! static POSTGRES: Dialect = Dialect::POSTGRES;
//! let translator = Translator::new(&POSTGRES, 100);
//! let sql = Sql::new("select * from users where name = :name -- not :this");
//! let statement = translator.translate(&sql)?;
//! assert_eq!(statement.text(), "select * from users where name = $1 -- not :this");
//! assert_eq!(statement.bind(params! { name: "Ada" })?, ["Ada".into()]);
//! let error = statement.bind(params! { nmae: "Ada" }).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "there is no placeholder `nmae`, only `name`; no value was given for `name`"
//! );
//! # Ok::<(), wellspring_connector::Error>(())
//! ```
//!
//! # Writing a connector
//!
//! 1. Describe the SQL of the database in a `static` [`Dialect`], from [`Dialect::STANDARD`].
//! 2. Implement [`Connection`]: run a [`Command`], stream its rows, begin, commit, roll back, ping,
//!    reset. The rules stand on the trait: futures may be dropped anywhere,
//!    [`Connection::state`] tells the truth, what the database cannot do is
//!    [`ErrorKind::Unsupported`].
//! 3. Hand out rows as a [`Cursor`] of [`RowBatch`]es which decode on demand, or as a
//!    [`ValueBatch`] where the driver has decoded them already. Each column becomes the [`Value`]
//!    that loses nothing, or [`Value::Native`].
//! 4. Turn the driver's errors into [`Error`]s: the kind from a table of the database's codes, the
//!    SQLSTATE or code beside it, the driver's error as the source.
//! 5. Implement [`Connector`] and [`Driver`], and pass the suite in `wellspring-conformance`.
//!
//! # Feature flags
//!
//! `chrono`, `time`, `jiff`, `uuid`, `rust_decimal`, `bigdecimal` and `serde_json` convert the types
//! of those crates, as parameters and from columns. None is on by default.

mod bulk;
mod connection;
mod convert;
mod credentials;
mod datetime;
mod de;
mod decimal;
mod dialect;
mod driver_option;
mod echo;
mod error;
mod from_row;
mod lease;
mod lexer;
mod limits;
mod manager;
mod nearest;
mod params;
mod passwords;
mod query;
mod rows;
mod script;
mod secret;
mod serde_text;
mod sql;
mod statement;
mod stream;
mod transaction;
mod translate;
mod translator;
pub mod url;
mod uuid;
mod value;
mod value_batch;

pub use bulk::{
    BulkRow, BulkSink, BulkSource, BulkTarget, BulkValue, bulk_insert, bulk_insert_by_statements,
    bulk_insert_on, bulk_rows, bulk_stream,
};
pub use connection::{
    Command, Connection, Connector, Driver, ExecResult, SavepointOp, SessionState,
};
#[cfg(feature = "serde_json")]
pub use convert::Json;
pub use convert::{ArrayElement, ConvertError, FromValue, HasKind};
pub use credentials::{CredentialProvider, Credentials};
pub use datetime::{Date, Interval, Time, Timestamp, TimestampTz};
pub use decimal::Decimal;
pub use dialect::{Dialect, LimitForm, Marker, NameLimit, Returning, UpsertForm};
pub use driver_option::{DriverOption, OptionKind, options_table};
pub use echo::{Echo, EchoConnector, EchoListener};
pub use error::{Error, ErrorKind, Result, Retry};
pub use from_row::FromRow;
pub use lease::{Lease, Source};
pub use lexer::{Lexer, Token, TokenKind};
pub use manager::ConnectorManager;
pub use nearest::nearest;
pub use params::{IntoParams, Params};
pub use passwords::{PasswordFile, SharedPassword};
pub use query::{Query, ResultSet};
pub use rows::{Batch, Column, ColumnIndex, Columns, Cursor, Row, RowBatch, Rows};
pub use script::{ScriptStatement, script_statements, split_script};
pub use secret::Secret;
pub use sql::{PlaceholderStyle, Sql};
pub use statement::Statement;
pub use stream::RowStream;
pub use transaction::{IsolationLevel, TransactionMode, TransactionOptions};
pub use translator::Translator;
pub use uuid::Uuid;
pub use value::{Array, Native, Value, ValueKind, ValueRef};
pub use value_batch::ValueBatch;
pub use wellspring_pool_core::{ResetMode, RetryPolicy, WorkKind};
