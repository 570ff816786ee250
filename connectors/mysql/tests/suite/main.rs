//! What is MySQL's and MariaDB's own, and their bad days, against real servers.

mod bulk;
mod cancelling;
mod connecting;
mod databases;
mod dying;
mod errors;
mod procedures;
mod sessions;
mod support;
mod values;
