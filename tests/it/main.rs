//! What the façade promises: one file per promise, written once and run on every database.

#![cfg(feature = "sqlite")]

mod autocommit;
mod batches;
#[cfg(feature = "config")]
mod canary;
mod cancellation;
mod closing;
mod concurrency;
#[cfg(feature = "config")]
mod configured;
mod connecting;
mod control;
mod credentials;
mod csv_files;
mod databases;
mod drivers;
mod echo;
mod echo_pool;
mod extras;
mod half_done;
mod hostile;
mod native;
mod opening;
mod registry;
mod retrying;
mod scripts;
mod sessions;
mod statements;
mod statistics;
mod streams;
mod support;
mod transaction_forms;
mod transaction_options;
mod transactions;
mod transfers;
mod writing;
