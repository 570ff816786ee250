//! MySQL and MariaDB for Wellspring, on `mysql_async`.
//!
//! What is particular about it:
//!
//! - **Exact values.** Both ways in the binary protocol; unsigned integers, decimals, bits and times
//!   of either sign lose nothing, and dates with zeros in them are told instead of guessed.
//! - **Safe cancellation.** A request owns the driver's connection until it is over, so that no future
//!   dropped half-way breaks it; the statement is stopped at the server, and no later one in its
//!   place.
//! - **Known transactions.** Whether one is open is the server's word, so that implicit commits and
//!   deadlocks are noticed.
//! - **Bulk loads** by `LOAD DATA LOCAL` from memory, all rows or none.
//! - **Native pools** of [`mysql_async::Conn`]s: [`Pool`].
//!
//! ```no_run
//! use wellspring_connector::{Command, Connector};
//! use wellspring_mysql::{MySqlConnector, MySqlOptions};
//!
//! # async fn demo() -> wellspring_connector::Result<()> {
//! let options = MySqlOptions::new("localhost").user("ada").database("shop");
//! let connector = MySqlConnector::new(options)?;
//! let mut connection = connector.connect().await?;
//! let mut rows = connection.query(Command::new("select 6 * ?", &[7.into()])).await?;
//! let row = rows.next().await?.expect("one row");
//! assert_eq!(row.try_get::<i64>(0)?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! # Feature flags
//!
//! `tls` (default): TLS by rustls. Without it only connections without TLS can be made.
//!
//! # Values
//! | MySQL, MariaDB | value |
//! | --- | --- |
//! | `tinyint`, `smallint`, `year` | i16; `smallint unsigned` is i32 |
//! | `mediumint`, `int` | i32; `int unsigned` is i64 |
//! | `bigint` | i64; `bigint unsigned` is u64 |
//! | `float`, `double` | f32, f64 |
//! | `decimal` | decimal |
//! | `bit(1)` | bool; wider ones are bytes, the highest first |
//! | `char`, `varchar`, `text`, `enum`, `set` | text |
//! | `binary`, `varbinary`, `blob` | bytes |
//! | `json` | JSON in MySQL, text in MariaDB, where it is |
//! | `date` | date |
//! | `datetime` | timestamp |
//! | `timestamp` | timestamptz in UTC |
//! | `time` | interval |
//! | `geometry`, `vector` | native, with its bytes |
//!
//! A parameter of a UUID is its 16 bytes, for `binary(16)`; a decimal goes as its notation, which
//! columns of type `decimal` take exactly. The server rounds what is finer than a column.

#![forbid(unsafe_code)]

mod connection;
mod connector;
mod cursor;
mod decode;
mod encode;
mod errors;
mod flight;
mod load;
mod lock_waits;
mod option_list;
mod options;
mod pool;
mod session;
mod statements;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod words;

pub use connection::MySqlConnection;
pub use connector::{MySqlConnector, MySqlDriver};
pub use mysql_async;
pub use option_list::OPTIONS;
pub use options::{Flavor, MySqlOptions, SslMode};
pub use pool::{MySqlManager, NativeConn, Pool};
