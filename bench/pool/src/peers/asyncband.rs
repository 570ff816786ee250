//! The peer asyncband, its bounded pool. It has no limit of time of its own; what its users would put
//! around it is measured beside it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use asyncband::pool::bounded::{Object, Pool, PoolConfig};
use asyncband::pool::{ManageObject, ObjectStatus};

use crate::Result;
use crate::conn::{Conn, Maker, Managed, Refused};
use crate::peer::{Peer, Setup};

pub(crate) struct Asyncband<K: Maker>(Arc<Pool<Managed<K>>>);

impl<K: Maker> ManageObject for Managed<K> {
    type Object = Conn;
    type Error = Refused;

    fn create(&self) -> impl Future<Output = Result<Conn, Refused>> + Send {
        K::make()
    }

    fn is_recyclable(
        &self,
        conn: &mut Conn,
        _: &ObjectStatus,
    ) -> impl Future<Output = Result<(), Refused>> + Send {
        K::check(conn)
    }
}

impl<K: Maker> Peer for Asyncband<K> {
    type Guard = Object<Managed<K>>;
    type Error = Refused;

    async fn open(setup: &Setup) -> Result<Self> {
        Ok(Self(Pool::new(PoolConfig::new(setup.size), Managed::new())))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}

/// With tokio's `timeout` around each acquire.
pub(crate) struct Limited<K: Maker> {
    pool: Arc<Pool<Managed<K>>>,
    limit: Duration,
}

/// Why there was nothing.
#[derive(Debug)]
pub(crate) enum Failed {
    Late,
    Refused,
}

impl<K: Maker> Limited<K> {
    async fn take(&'static self) -> Result<Object<Managed<K>>, Failed> {
        match tokio::time::timeout(self.limit, self.pool.get()).await {
            Ok(Ok(guard)) => Ok(guard),
            Ok(Err(Refused)) => Err(Failed::Refused),
            Err(_) => Err(Failed::Late),
        }
    }
}

impl<K: Maker> Peer for Limited<K> {
    type Guard = Object<Managed<K>>;
    type Error = Failed;

    async fn open(setup: &Setup) -> Result<Self> {
        let pool = Pool::new(PoolConfig::new(setup.size), Managed::new());
        Ok(Self { pool, limit: setup.variant.limit.ok_or("a limit is needed")? })
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.take()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
