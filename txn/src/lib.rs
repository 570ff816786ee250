//! Transactions, savepoints and retries over any Wellspring connection.
//!
//! Most people use this crate through the methods of `wellspring::Database`; it stands by itself
//! for those who bring their own pool: implement [`Begin`] for whatever lends connections, and
//! [`transaction`] does the rest.
//!
//! - [`Tx`] is the handle inside a transaction's closure. It is passed by value, so closures may
//!   borrow what is around them and still run inside `tokio::spawn`, generic functions and
//!   `async-trait` methods.
//! - [`TransactionBuilder`] runs a closure with options, a retry policy and hooks.
//! - [`Transaction`] is begun and ended by hand.
//! - Dropping either without a commit rolls back.

mod atomic;
mod attempt;
mod batch;
mod builder;
mod by_hand;
pub mod csv;
mod file;
#[doc(hidden)]
pub mod half_done;
mod home;
mod load;
mod names;
mod open;
mod progress;
mod run;
mod script;
pub mod statement;
mod streaming;
mod tx;

pub use attempt::{Attempt, AttemptOutcome};
pub use batch::{Operation, OperationBatch, Outcome};
pub use builder::TransactionBuilder;
pub use by_hand::Transaction;
#[doc(hidden)]
pub use file::query_file;
pub use load::{BulkLoad, LoadReport};
pub use run::{Begin, transaction, transaction_once};
pub use script::{Script, ScriptOutcome, ScriptProgress, ScriptReport};
#[doc(inline)]
pub use statement::{
    BulkUpdate, Col, Condition, Delete, Expr, Insert, InsertMany, IntoRecord, MergeSelect, Record,
    Rendered, Select, Selection, Table, Update, col,
};
pub use streaming::{Change, RejectedRow, StreamError, StreamReport, StreamWrite, StreamedRow};
#[doc(hidden)]
pub use tx::savepoint_name;
pub use tx::{Tx, TxLease};
pub use wellspring_connector::RetryPolicy;
