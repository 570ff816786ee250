//! A fair, cancellation-safe pool engine (being written).

mod manager;

pub use manager::{FailureClass, Hygiene, Manager, ResetMode};
