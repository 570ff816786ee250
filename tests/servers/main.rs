//! The façade's promises on database servers: the tests of `tests/it` once more, each on a database
//! of its own. `cargo xtask test` starts the servers and names them in the environment.

#![cfg(all(feature = "postgres", feature = "mysql"))]

#[cfg(feature = "config")]
mod configured;
mod credentials;
mod databases;
mod leaking;
mod resending;
mod row_level;

#[path = "../it/autocommit.rs"]
mod autocommit;
#[path = "../it/batches.rs"]
mod batches;
#[path = "../it/cancellation.rs"]
mod cancellation;
#[path = "../it/closing.rs"]
mod closing;
#[path = "../it/concurrency.rs"]
mod concurrency;
#[path = "../it/control.rs"]
mod control;
#[path = "../it/csv_files.rs"]
mod csv_files;
#[path = "../it/echo.rs"]
mod echo;
#[path = "../it/echo_pool.rs"]
mod echo_pool;
#[path = "../it/extras.rs"]
mod extras;
#[path = "../it/half_done.rs"]
mod half_done;
#[path = "../it/hostile.rs"]
mod hostile;
#[path = "../it/opening.rs"]
mod opening;
#[path = "../it/retrying.rs"]
mod retrying;
#[path = "../it/scripts.rs"]
mod scripts;
#[path = "../it/sessions.rs"]
mod sessions;
#[path = "../it/statements.rs"]
mod statements;
#[path = "../it/statistics.rs"]
mod statistics;
#[path = "../it/streams.rs"]
mod streams;
#[path = "../it/support.rs"]
mod support;
#[path = "../it/transaction_options.rs"]
mod transaction_options;
#[path = "../it/transactions.rs"]
mod transactions;
#[path = "../it/transfers.rs"]
mod transfers;
#[path = "../it/writing.rs"]
mod writing;
