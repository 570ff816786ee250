//! Dev only: scripted fakes and instruments for testing Wellspring.
//!
//! [`fake`] is a manager whose every step can be told to succeed, fail, dawdle, hang or panic;
//! [`polls`] drops futures after any number of polls.

pub mod fake;
pub mod polls;
