//! The tests of the SQLite connector, one module for each subject, on the real library.

mod begin_options;
mod bulk;
mod cancelling;
mod checkpoints;
mod concurrency;
mod dropping;
mod errors;
mod execution;
mod leasing;
mod opening;
mod resetting;
mod round_trips;
mod streaming;
mod support;
mod transactions;
mod urls;
mod values;
