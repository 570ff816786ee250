//! What is PostgreSQL's own, and its bad days, against real servers.

mod bulk;
mod cancelling;
mod connecting;
mod databases;
mod dying;
mod errors;
mod native;
mod sessions;
mod statements;
mod support;
mod tls;
mod values;
