//! The names of the metrics: OpenTelemetry's semantic conventions where they have one.
//!
//! The `db.client.connection.*` names are still marked as *in development* there; they are kept in
//! this one place so that a change is a change here.

/// Connections by state: `idle`, `used`, and the pool's own states in between.
pub const COUNT: &str = "db.client.connection.count";
/// The most connections kept.
pub const MAX: &str = "db.client.connection.max";
/// Callers that wait for a connection.
pub const PENDING_REQUESTS: &str = "db.client.connection.pending_requests";
/// Acquires that ran into their deadline.
pub const TIMEOUTS: &str = "db.client.connection.timeouts";
/// Opening a connection, in seconds.
pub const CREATE_TIME: &str = "db.client.connection.create_time";
/// From asking for a connection to getting it, without opening or validating it, in seconds.
pub const WAIT_TIME: &str = "db.client.connection.wait_time";
/// From getting a connection to giving it back, in seconds.
pub const USE_TIME: &str = "db.client.connection.use_time";
/// Proving an idle connection alive, in seconds. Not in the conventions.
pub const VALIDATE_TIME: &str = "wellspring.connection.validate_time";
/// Cleaning a returned connection, in seconds. Not in the conventions.
pub const RESET_TIME: &str = "wellspring.connection.reset_time";
/// Connections opened. Not in the conventions.
pub const OPENED: &str = "wellspring.connection.opened";
/// Attempts to open a connection that failed. Not in the conventions.
pub const CONNECT_FAILURES: &str = "wellspring.connection.connect_failures";
/// Whether the breaker refuses those who need a new connection. Not in the conventions.
pub const BREAKER_OPEN: &str = "wellspring.connection.breaker_open";
/// Connections held for too long. Not in the conventions.
pub const LEAKS: &str = "wellspring.connection.leaks";
/// Connections closed, by reason. Not in the conventions.
pub const CLOSED: &str = "wellspring.connection.closed";
/// Work done, by kind. Not in the conventions.
pub const WORK: &str = "wellspring.work";

/// The attribute every metric carries: the pool's name.
pub const POOL_NAME: &str = "db.client.connection.pool.name";
/// The attribute of [`COUNT`].
pub const STATE: &str = "db.client.connection.state";
