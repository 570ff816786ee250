//! How a database lends its connections.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use wellspring_connector::{
    Connection, ConnectorManager, Lease, Result, Source, Translator, WorkKind,
};
use wellspring_pool_core::{Pooled, ResetMode, ResetPolicy};
use wellspring_txn::Begin;

use crate::{Database, failure};

/// A database on behalf of one place in the program: connections it lends are booked to that place,
/// so that timeouts and leaks name the user's code. What [`Database::query`] runs on.
#[derive(Debug, Clone)]
pub struct Lender {
    db: Database,
    location: &'static Location<'static>,
}

impl Lender {
    pub(crate) fn new(db: &Database, location: &'static Location<'static>) -> Self {
        Self { db: db.clone(), location }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    pub(crate) async fn borrow(&self) -> Result<PooledLease> {
        match self.db.pool().get_owned().called_from(self.location).await {
            Ok(guard) => Ok(PooledLease::new(guard, self.location)),
            Err(error) => Err(failure::acquire(&error, &self.db.shared_name())),
        }
    }
}

impl Source for Lender {
    type Lease = PooledLease;

    async fn lease(self) -> Result<PooledLease> {
        self.borrow().await
    }

    fn translator(&self) -> &Translator {
        self.db.translator()
    }
}

impl Begin for Lender {
    async fn lease(&self) -> Result<Box<dyn Lease>> {
        Ok(Box::new(self.borrow().await?))
    }

    fn translator(&self) -> &Arc<Translator> {
        self.db.translator()
    }

    fn retrying(&self) {
        self.db.count_retry();
    }
}

/// A connection of the pool, on loan.
#[derive(Debug)]
pub struct PooledLease {
    guard: Option<Pooled<ConnectorManager>>,
    location: &'static Location<'static>,
}

impl PooledLease {
    pub(crate) fn new(
        guard: Pooled<ConnectorManager>,
        location: &'static Location<'static>,
    ) -> Self {
        Self { guard: Some(guard), location }
    }

    fn guard(&mut self) -> &mut Pooled<ConnectorManager> {
        self.guard.as_mut().expect("present until abandoned, which is the last call")
    }
}

impl Lease for PooledLease {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut ***self.guard()
    }

    fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.guard().record(kind, took, ok);
    }

    fn replace(&mut self) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        Box::pin(async {
            let Some(guard) = self.guard.take() else {
                return Ok(false);
            };
            let pool = guard.pool().clone();
            guard.discard();
            let name: Arc<str> = pool.name().into();
            let another = pool.get_owned().called_from(self.location).await;
            self.guard = Some(another.map_err(|error| failure::acquire(&error, &name))?);
            Ok(true)
        })
    }

    fn is_usable(&self) -> bool {
        self.guard.is_some()
    }

    fn abandon(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        let options = guard.pool().options();
        // A reset that rolls back is what is wanted; any other would do the wrong thing with the
        // open transaction, so the connection goes, and the transaction with it.
        if options.reset == ResetPolicy::Never || options.reset_mode != ResetMode::Rollback {
            guard.discard();
        }
    }

    fn discard(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.discard();
        }
    }
}

/// A connection of its own, outside any pool.
#[derive(Debug)]
pub(crate) struct StandaloneLease {
    pub(crate) connection: Box<dyn Connection>,
}

impl Lease for StandaloneLease {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.connection
    }
}

/// Statements of a borrowed connection go through here.
pub(crate) type Boxed = Box<dyn Lease>;

/// The name of a database, shared by everything that reports it.
pub(crate) type Name = Arc<str>;
