//! The pool of sqlx on SQLite in memory, as a reference: it cannot be had without a database, and
//! asks the connection's thread when one comes back.

use std::future::Future;

use sqlx::Sqlite;
use sqlx::pool::{PoolConnection, PoolOptions};

use crate::Result;
use crate::peer::{Peer, Setup};

pub(crate) struct Sqlx(sqlx::Pool<Sqlite>);

impl Peer for Sqlx {
    type Guard = PoolConnection<Sqlite>;
    type Error = sqlx::Error;

    async fn open(setup: &Setup) -> Result<Self> {
        let options = PoolOptions::new()
            .max_connections(setup.size.try_into()?)
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(setup.check);
        Ok(Self(options.connect("sqlite::memory:").await?))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.acquire()
    }

    /// Its connections have no number.
    fn serial(_: &Self::Guard) -> u64 {
        1
    }
}
