//! The contract between the pool and what it pools.

use std::future::Future;

use crate::Abandoned;

/// Makes, checks, cleans and closes connections on the pool's behalf.
///
/// Only [`connect`](Self::connect) and [`validate`](Self::validate) must be written. All futures
/// run in tasks of the pool, never in the caller's: a caller that gives up does not interrupt
/// them. Each is bounded by a timeout of [`PoolOptions`](crate::PoolOptions), after which it is
/// dropped; a panic inside one counts as its failure.
///
/// # Example
/// ```
/// use wellspring_pool_core::Manager;
///
/// struct Files(std::path::PathBuf);
///
/// impl Manager for Files {
///     type Connection = std::fs::File;
///     type Error = std::io::Error;
///
///     async fn connect(&self) -> Result<Self::Connection, Self::Error> {
///         std::fs::File::open(&self.0)
///     }
///     async fn validate(&self, file: &mut Self::Connection) -> Result<(), Self::Error> {
///         file.metadata().map(drop)
///     }
/// }
/// ```
pub trait Manager: Send + Sync + 'static {
    /// What is pooled.
    type Connection: Send + 'static;
    /// Why connecting, validating or resetting failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Opens one connection. Bounded by `connect_timeout`.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Proves an idle connection alive, usually by one round trip. Bounded by
    /// `validation_timeout`; a connection that fails is closed and replaced.
    fn validate(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Cleans a used connection for its next borrower. Bounded by `reset_timeout`; a connection
    /// that fails is closed. The default does nothing.
    fn reset(
        &self,
        connection: &mut Self::Connection,
        mode: ResetMode,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = (connection, mode);
        async { Ok(()) }
    }

    /// Closes a connection politely. Bounded by `close_timeout`, then it is dropped. The default
    /// drops it.
    fn close(&self, connection: Self::Connection) -> impl Future<Output = ()> + Send {
        drop(connection);
        async {}
    }

    /// What a connection's client-side state says about it. Called on every return to the pool,
    /// in the returning thread, and again when an idle connection is about to be handed out, where
    /// only [`Hygiene::Broken`] counts: it must not block, do I/O or panic (a panic counts as
    /// [`Hygiene::Broken`]). The default says [`Hygiene::Clean`].
    fn hygiene(&self, connection: &mut Self::Connection) -> Hygiene {
        let _ = connection;
        Hygiene::Clean
    }

    /// Takes over a connection that [`hygiene`](Self::hygiene) called [`Hygiene::Stuck`]: it can be
    /// neither used nor closed before the call it is stuck in has ended. `place` is dropped when that
    /// is so and the connection is gone; until then it occupies its place in the pool, unless
    /// [`max_abandoned`](crate::PoolOptions::max_abandoned) says otherwise.
    ///
    /// Synchronous, and must not wait. The default drops both.
    fn abandon(&self, connection: Self::Connection, place: Abandoned) {
        drop(connection);
        drop(place);
    }

    /// Whether connecting again could help after `error`. The default says
    /// [`FailureClass::Transient`].
    fn classify(&self, error: &Self::Error) -> FailureClass {
        let _ = error;
        FailureClass::Transient
    }
}

/// The state of a returned connection, as far as the client can tell without asking the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hygiene {
    /// Fit for the next borrower as it is.
    Clean,
    /// Needs [`Manager::reset`] first: an open transaction, an unread result, changed settings.
    NeedsReset,
    /// Beyond repair; it is closed.
    Broken,
    /// In a call that cannot be interrupted, of a driver that blocks: neither to be used nor to be
    /// closed before that ends. It is given to [`Manager::abandon`].
    Stuck,
}

/// What a failure to connect means for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// May pass: the pool backs off and tries again while somebody waits.
    Transient,
    /// Will not pass by itself (wrong password, unknown database): everybody who waits for a new
    /// connection fails at once, with this error.
    Permanent,
    /// The server has too many connections: as [`Transient`](Self::Transient), with a longer
    /// first pause.
    Overload,
}

/// What a reset does with a transaction that was left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum ResetMode {
    /// Roll it back.
    #[default]
    Rollback,
    /// Commit it.
    Commit,
    /// Leave it alone; only settle what is in flight.
    None,
}
