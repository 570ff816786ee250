//! Pooled, portable, supervised access to many databases.
//!
//! Name the drivers you use as Cargo features (`sqlite`; nothing is on by default), open a
//! [`Database`] and use it from as many tasks as you like: a small pool of connections serves them
//! in order of arrival.
//!
//! ```
//! use wellspring::prelude::*;
//!
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> wellspring::Result<()> {
//! let db = Database::connect("sqlite::memory:").await?;
//! db.execute("create table users (id integer primary key, name text not null)", ()).await?;
//!
//! // `?` and `:name` work on every database.
//! db.execute("insert into users (name) values (?)", ("Ada",)).await?;
//! let id: i64 = db
//!     .query("select id from users where name = :name", params! { name: "Ada" })
//!     .one()
//!     .await?;
//!
//! // Committed when the closure returns `Ok`, rolled back otherwise; run again when the database
//! // undid it for the sake of others.
//! let names: Vec<String> = db
//!     .transaction(async |mut tx| -> wellspring::Result<_> {
//!         tx.execute("update users set name = ? where id = ?", ("Countess", id)).await?;
//!         tx.query("select name from users", ()).all().await
//!     })
//!     .await?;
//! assert_eq!(names, ["Countess"]);
//! # db.close().await;
//! # Ok(()) }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Where to go next
//!
//! - [`Database`]: everything one can do with a database.
//! - [`Databases`]: several of them by name, from configuration.
//! - [`DatabaseBuilder`]: pool options, an unpooled mode, drivers of one's own.
//! - [`Query`], [`Row`], [`FromRow`]: reading results. [`Value`], [`params!`]: writing parameters.
//! - [`Error`]: one error type that says what failed and who may retry.
//! - The book in `docs/` explains how the pool, transactions and each database behave.
//!
//! # Feature flags
//!
//! - `sqlite`: the SQLite driver, with its own copy of the C library.
//! - `postgres`: the PostgreSQL driver.
//! - `mysql`: the driver for MySQL and MariaDB.
//! - `tls`: TLS for the drivers of servers, by rustls. Remote hosts want it unless told otherwise.
//! - `config`: [`Databases`] from configuration files, the environment and connection strings of other
//!   libraries; `yaml`: files of YAML as well.
//! - `chrono`, `time`, `jiff`, `uuid`, `rust_decimal`, `bigdecimal`, `serde_json`: conversions
//!   between [`Value`] and the types of these crates.

mod builder;
mod connection;
mod database;
mod databases;
mod drivers;
mod failure;
mod lend;
mod operations;
mod session;
mod stats;

pub use builder::DatabaseBuilder;
pub use connection::DatabaseConnection;
pub use database::Database;
pub use databases::{CloseReport, Databases};
#[cfg(feature = "config")]
pub use databases::{DatabaseChange, DatabasesBuilder, ReloadReport};
pub use drivers::{Drivers, register_driver};
pub use lend::{Lender, PooledLease};
pub use operations::OperationGroup;
pub use session::{SessionFuture, SessionSetup, SessionTeardown};
pub use stats::{DatabaseStats, TransactionStats};

#[doc(no_inline)]
pub use wellspring_connector::{
    Batch, BulkRow, BulkSource, BulkTarget, Column, Connector, CredentialProvider, Credentials,
    Date, Decimal, Dialect, Driver, DriverOption, Echo, Error, ErrorKind, ExecResult, FromRow,
    FromValue, Interval, IntoParams, IsolationLevel, OptionKind, Params, PasswordFile,
    PlaceholderStyle, Query, Result, ResultSet, Retry, Row, RowStream, Secret, SharedPassword, Sql,
    Time, Timestamp, TimestampTz, TransactionMode, TransactionOptions, Uuid, Value, ValueKind,
    ValueRef, bulk_rows, bulk_stream, params,
};
#[doc(no_inline)]
pub use wellspring_pool_core::{
    Breaker, BreakerOptions, BreakerState, Event, Fairness, Listener, PoolGroup, PoolOptions,
    Priority, ResetMode, ResetPolicy, RetryPolicy, Reuse, ShutdownReport, Startup, Stats, Status,
    Tag, Validate, WhenExhausted,
};
#[doc(no_inline)]
pub use wellspring_txn::{
    Attempt, AttemptOutcome, BulkLoad, BulkUpdate, Change, Col, Condition, Delete, Expr, Insert,
    InsertMany, IntoRecord, LoadReport, MergeSelect, Operation, OperationBatch, Outcome, Record,
    RejectedRow, Rendered, Script, ScriptOutcome, ScriptProgress, ScriptReport, Select, Selection,
    StreamError, StreamReport, StreamWrite, Table, Transaction, TransactionBuilder, Tx, Update,
    col, csv,
};

#[cfg(feature = "config")]
/// Configuration: what is read from where, and what it says.
pub use wellspring_config as config;
/// The interfaces drivers implement, for those who write one or need their details.
pub use wellspring_connector as connector;
/// Exporters for the numbers a database keeps.
pub use wellspring_metrics as metrics;
#[cfg(feature = "mysql")]
/// The driver for MySQL and MariaDB.
pub use wellspring_mysql as mysql;
/// The pool engine.
pub use wellspring_pool_core as pool;
#[cfg(feature = "postgres")]
/// The PostgreSQL driver.
pub use wellspring_postgres as postgres;
#[cfg(feature = "sqlite")]
/// The SQLite driver.
pub use wellspring_sqlite as sqlite;

/// What most programs need: `use wellspring::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Condition, Database, Error, ErrorKind, Expr, FromRow, IsolationLevel, PoolOptions, Record,
        Row, Sql, Transaction, Tx, Value, col, params,
    };
}

/// The snippets of the README and the book compile.
#[cfg(all(doctest, feature = "sqlite"))]
mod prose {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/src/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../docs/src/credentials.md")]
    struct Credentials;
    #[cfg(feature = "config")]
    #[doc = include_str!("../docs/src/configuration.md")]
    struct Configuration;
    #[doc = include_str!("../docs/src/writing.md")]
    struct Writing;
    #[doc = include_str!("../docs/src/transactions.md")]
    struct Transactions;
    #[doc = include_str!("../docs/src/scripts-and-files.md")]
    struct ScriptsAndFiles;
    #[doc = include_str!("../docs/src/logging.md")]
    struct Logging;
    #[doc = include_str!("../docs/src/testing.md")]
    struct Testing;
}
