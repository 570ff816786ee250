//! Exporters for the numbers a Wellspring pool keeps.
//!
//! The numbers themselves ([`Stats`](wellspring_pool_core::Stats)) are counted by the pool engine,
//! always and cheaply. This crate turns a snapshot of them into what monitoring systems read:
//!
//! - [`prometheus::render`]: the Prometheus text format.
//! - [`names`]: the OpenTelemetry names of the metrics, in one place.

pub mod names;
pub mod prometheus;
