//! The pool's tests: no database, paused time, one file per hazard.

mod acquire;
mod breaker;
mod cancellation;
mod connecting;
mod control;
mod events;
mod fairness;
mod groups;
mod leaks;
mod lifecycle;
mod options;
mod release;
mod runtimes;
mod shutdown;
mod support;
