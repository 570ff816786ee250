//! The peer deadpool, its managed pool, with and without a limit of time for the wait.

use std::future::Future;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleResult};

use crate::Result;
use crate::conn::{Conn, Maker, Managed, Refused};
use crate::peer::{Peer, Setup};

pub(crate) struct Deadpool<K: Maker>(Pool<Managed<K>>);

impl<K: Maker> Manager for Managed<K> {
    type Type = Conn;
    type Error = Refused;

    fn create(&self) -> impl Future<Output = Result<Conn, Refused>> + Send {
        K::make()
    }

    async fn recycle(&self, conn: &mut Conn, _: &Metrics) -> RecycleResult<Refused> {
        Ok(K::check(conn).await?)
    }
}

impl<K: Maker> Peer for Deadpool<K> {
    type Guard = Object<Managed<K>>;
    type Error = PoolError<Refused>;

    async fn open(setup: &Setup) -> Result<Self> {
        let mut builder = Pool::builder(Managed::new()).max_size(setup.size);
        if setup.variant.limit.is_some() {
            builder = builder.runtime(Runtime::Tokio1).wait_timeout(setup.variant.limit);
        }
        Ok(Self(builder.build()?))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
