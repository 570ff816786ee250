//! PostgreSQL for Wellspring, on `tokio-postgres`.
//!
//! What is particular about it:
//!
//! - **Exact values.** Both ways in the server's binary formats, by the types the server states;
//!   what has no portable form survives as it came.
//! - **Watched sessions.** Whether a transaction is open, and whether something is in flight, is known
//!   from the bytes themselves, without a round trip.
//! - **Safe cancellation.** A dropped statement is cancelled at the server, and the connection serves
//!   again only when the signal cannot hit another statement any more.
//! - **Poolers.** Behind pgbouncer in transaction mode (`pgbouncer=transaction`) nothing is prepared by
//!   name.
//! - **Native pools** of [`tokio_postgres::Client`]s: [`Pool`].
//!
//! ```no_run
//! use wellspring_connector::{Command, Connector};
//! use wellspring_postgres::{PostgresConnector, PostgresOptions};
//!
//! # async fn demo() -> wellspring_connector::Result<()> {
//! let options = PostgresOptions::new("localhost").user("ada").database("shop");
//! let connector = PostgresConnector::new(options)?;
//! let mut connection = connector.connect().await?;
//! let mut rows = connection.query(Command::new("select 6 * $1::int8", &[7.into()])).await?;
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
//! | PostgreSQL | value |
//! | --- | --- |
//! | `boolean` | bool |
//! | `smallint`, `integer`, `bigint` | i16, i32, i64; `oid` is i64 |
//! | `real`, `double precision` | f32, f64 |
//! | `numeric` | decimal; `NaN` and the infinities native, with their text |
//! | `text`, `varchar`, `char`, `name`, `citext` | text |
//! | `bytea` | bytes |
//! | `uuid` | uuid |
//! | `json`, `jsonb` | JSON |
//! | `date`, `time`, `timestamp` | date, time, timestamp; the infinities native, with their text |
//! | `timestamptz` | timestamptz in UTC |
//! | `interval` | interval |
//! | arrays of these | array |
//! | enums, `xml` | native, with its text |
//! | anything else | native, with the bytes of its binary form; cast it to `text` to read it |
//!
//! A parameter is converted to the type the server infers for it, if that loses nothing, and refused
//! before anything is sent otherwise. Text goes into every type, as a literal would; a number goes
//! into a column of text as its notation. A float or a decimal with a fraction is never sent for an
//! integer, where the comparison would silently leave the index unused.

#![forbid(unsafe_code)]

mod connection;
mod connector;
mod copy;
mod copy_text;
mod cursor;
mod decode;
mod encode;
mod endpoint;
mod errors;
mod numeric;
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
mod transport;
mod url;
mod watch;
mod words;

pub use connection::PostgresConnection;
pub use connector::{PostgresConnector, PostgresDriver};
pub use endpoint::Endpoint;
pub use option_list::OPTIONS;
pub use options::{ChannelBinding, Pooler, PostgresOptions, SslMode, TargetSessionAttrs};
pub use pool::{NativeClient, Pool, PostgresManager};
pub use tokio_postgres;
