//! What the compiler cannot check: all of this crate's unsafe code, each piece with its reason.

#![expect(unsafe_code, reason = "one `Send`, and one hook whose safe form differs by version")]

pub(crate) mod open;
pub(crate) mod wal_hook;
