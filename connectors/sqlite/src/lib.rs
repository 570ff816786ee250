//! SQLite for Wellspring, on `rusqlite`.
//!
//! What is particular about it:
//!
//! - **Adaptive execution.** Short statements run where they are called, since a hop to another
//!   thread costs as much as ten of them; long ones run on a blocking thread. See [`Execution`].
//! - **Fair writers.** All writers of this process to one file queue in the order they came, so
//!   that `SQLITE_BUSY` is left for other processes, and those are waited for without holding a
//!   thread.
//! - **Memory databases that are shared** by all connections of one connector.
//! - **Checkpoints on a thread of their own**, so that no commit pays for them.
//!
//! ```
//! use wellspring_connector::{Command, Connector};
//! use wellspring_sqlite::{SqliteConnector, SqliteOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> wellspring_connector::Result<()> {
//! let connector = SqliteConnector::new(SqliteOptions::memory())?;
//! let mut connection = connector.connect().await?;
//! let mut rows = connection.query(Command::new("select 6 * ?1", &[7.into()])).await?;
//! let row = rows.next().await?.expect("one row");
//! assert_eq!(row.try_get::<i64>(0)?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! # Values
//! | value | stored as |
//! | --- | --- |
//! | bool, integers | INTEGER (unsigned above `i64::MAX`: an error) |
//! | floats | REAL (NaN: an error) |
//! | text, JSON | TEXT |
//! | bytes | BLOB |
//! | UUID | BLOB of 16 bytes |
//! | decimal | TEXT |
//! | date, time, interval | TEXT, ISO 8601 |
//! | timestamp | TEXT `YYYY-MM-DD HH:MM:SS[.f]` |
//! | timestamp with zone | TEXT, RFC 3339 in UTC: `YYYY-MM-DDTHH:MM:SS[.f]Z` |
//! | array, foreign types without text | an error |
//!
//! Columns come back as integer, float, text, bytes or null; `try_get` converts them further.

#![deny(unsafe_code)]

mod batch;
mod bind;
mod bulk;
mod checkpoint;
mod connection;
mod cursor;
mod driver;
mod errors;
mod execute;
mod gate;
mod lease;
mod option_list;
mod options;
mod profile;
mod raw;
mod session;
mod url;
mod words;

pub use connection::SqliteConnection;
pub use driver::{SqliteConnector, SqliteDriver};
pub use option_list::OPTIONS;
pub use options::{Execution, JournalMode, OpenMode, SqliteOptions, Synchronous};
pub use rusqlite;
