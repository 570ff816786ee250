//! Connection strings: what each of them means, that none shows its password, and that our URLs for them
//! mean the same.

#[path = "../corpus/mod.rs"]
mod corpus;

mod redaction;
mod round_trips;
mod tables;
