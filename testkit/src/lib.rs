//! Dev only: scripted fakes and instruments for testing Wellspring.
//!
//! [`fake`] is a manager whose every step can be told to succeed, fail, dawdle, hang or panic;
//! [`polls`] drops futures after any number of polls; [`logs`] keeps what is logged; [`proxy`] stands
//! between a client and a server and delays, holds, cuts or resets what passes; [`servers`] starts
//! private database servers.
//!
//! Without the feature `async` (on by default) there are only the servers, and no runtime.

#[cfg(feature = "async")]
pub mod fake;
#[cfg(feature = "async")]
pub mod logs;
#[cfg(feature = "async")]
pub mod polls;
#[cfg(all(feature = "async", unix))]
pub mod proxy;
#[cfg(unix)]
pub mod servers;
