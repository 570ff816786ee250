//! The pool's tests: no database, paused time, one file per hazard.

mod acquire;
mod cancellation;
mod connecting;
mod events;
mod fairness;
mod lifecycle;
mod release;
mod runtimes;
mod shutdown;
mod support;
