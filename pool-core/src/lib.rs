//! A fair, cancellation-safe pool engine for anything that takes time to connect.
//!
//! The engine of [Wellspring](https://docs.rs/wellspring), usable by itself: it knows no protocol,
//! no configuration file and no exporter. Implement [`Manager`] for what you pool, build a
//! [`Pool`], and [`get`](Pool::get) connections from it:
//!
//! ```
//! use wellspring_pool_core::{Manager, Pool};
//!
//! struct Sockets(std::net::SocketAddr);
//!
//! impl Manager for Sockets {
//!     type Connection = tokio::net::TcpStream;
//!     type Error = std::io::Error;
//!
//!     async fn connect(&self) -> Result<Self::Connection, Self::Error> {
//!         tokio::net::TcpStream::connect(self.0).await
//!     }
//!     async fn validate(&self, socket: &mut Self::Connection) -> Result<(), Self::Error> {
//!         socket.writable().await
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let pool = Pool::builder(Sockets(server.local_addr()?)).max_size(8).build()?;
//! let socket = pool.get().await?;
//! println!("connected to {}", socket.peer_addr()?);
//! drop(socket); // back to the pool
//!
//! let report = pool.drain(std::time::Duration::from_secs(5)).await;
//! assert!(report.complete);
//! # Ok(()) }
//! ```
//!
//! # What it promises
//!
//! - **Fairness.** Callers are served in order of arrival; a returned connection is handed straight
//!   to the first in line. Nobody is overtaken.
//! - **One deadline.** An acquire as a whole ends within its timeout, whatever it waits for, and
//!   the error says what that was, why connecting last failed and who holds the connections.
//! - **Cancellation.** Any future here may be dropped at any time. A connection given to a caller
//!   that went away goes to the next; a connect its caller gave up on goes on for the others.
//! - **No lost capacity.** A slot comes back on every path: errors, panics in the manager, timeouts
//!   and runtimes that die.
//! - **Supervision.** Connecting belongs to the pool: bounded, retried with jittered pauses, behind a
//!   breaker. Leaks are reported with who holds them and where; connections near the end of their life
//!   have successors; all of it while runtimes die, clocks jump and callers panic.
//! - **Control.** A living pool can be resized, paused, invalidated, put under a cap with others.
//! - **Release without I/O.** Returning a connection is synchronous; cleaning happens in a
//!   background task with a deadline, and only when [`Manager::hygiene`] asks for it.
//!
//! # Feature flags
//!
//! - `serde`: [`PoolOptions`] can be deserialised (durations as `"5s"`), and it and all snapshots
//!   serialised.
//! - `schema`: the JSON Schema of [`PoolOptions`], through `schemars`.

mod abandoned;
mod acquire;
mod actions;
mod background;
mod breaker;
mod builder;
mod caller;
mod circuit;
mod clock;
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod coarse;
mod connect;
mod control;
#[cfg(feature = "serde")]
pub mod duration_text;
mod entry;
mod error;
mod events;
mod group;
mod guarded;
mod histogram;
mod holder;
mod hooks;
mod housekeeper;
mod manager;
#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub mod model;
mod options;
#[cfg(feature = "serde")]
mod or_off;
mod pieces;
mod pool;
mod pooled;
mod retry;
mod rt;
mod rules;
mod shared;
mod shelf;
mod shutdown;
mod slots;
mod starting;
mod state;
mod stats;
mod sync;
mod tally;
mod waiters;

pub use abandoned::Abandoned;
pub use acquire::Acquire;
pub use breaker::{Breaker, BreakerError, BreakerPermit};
pub use builder::Builder;
pub use caller::{Priority, Tag, TaskId};
pub use circuit::{BreakerOptions, BreakerState};
pub use entry::{ConnectionId, ConnectionInfo, Work, WorkKind, WorkStats};
pub use error::{AcquireError, ConnectError, Phase, TimeoutInfo, TryGetError};
pub use events::{Event, Listener};
pub use group::{GroupStatus, PoolGroup};
pub use histogram::{Bucket, HistogramSnapshot};
pub use holder::Holder;
pub use hooks::BoxFuture;
pub use manager::{FailureClass, Hygiene, Manager, ResetMode};
pub use options::{
    ConfigError, Fairness, PoolOptions, ResetPolicy, Reuse, Startup, Validate, WhenExhausted,
};
pub use pool::Pool;
pub use pooled::{Pooled, PooledRef};
pub use retry::RetryPolicy;
pub use shutdown::ShutdownReport;
pub use stats::{CloseReason, Closed, Counters, Stats, Status};
