//! Wellspring's own engine, with its defaults: statistics, leak watch, validation after idle time,
//! limits of life and an acquire timeout of 30 s.

use std::future::Future;
use std::time::Duration;

use wellspring_pool_core::{
    AcquireError, Builder, Hygiene, Manager, Pool, Pooled, PooledRef, Reuse, Validate,
};

use crate::Result;
use crate::conn::{Conn, Maker, Managed, Refused};
use crate::peer::{Expiring, Peer, Setup};

/// With the guard that borrows its pool.
pub(crate) struct Ours<K: Maker>(Pool<Managed<K>>);

/// With the guard that owns a handle of it.
pub(crate) struct Owned<K: Maker>(Pool<Managed<K>>);

impl<K: Maker> Manager for Managed<K> {
    type Connection = Conn;
    type Error = Refused;

    fn connect(&self) -> impl Future<Output = Result<Conn, Refused>> + Send {
        K::make()
    }

    fn validate(&self, conn: &mut Conn) -> impl Future<Output = Result<(), Refused>> + Send {
        K::check(conn)
    }

    fn hygiene(&self, conn: &mut Conn) -> Hygiene {
        if conn.is_sound() { Hygiene::Clean } else { Hygiene::Broken }
    }
}

fn builder<K: Maker>(setup: &Setup) -> Builder<Managed<K>> {
    let mut builder = Pool::builder(Managed::new()).max_size(setup.size);
    if setup.variant.fifo {
        builder = builder.reuse(Reuse::Fifo);
    }
    if setup.check {
        builder = builder.validate(Validate::Always);
    }
    builder
}

impl<K: Maker> Peer for Ours<K> {
    type Guard = PooledRef<'static, Managed<K>>;
    type Error = AcquireError<Refused>;

    async fn open(setup: &Setup) -> Result<Self> {
        Ok(Self(builder(setup).build()?))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}

impl<K: Maker> Expiring for Ours<K> {
    fn get_within(
        &'static self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get_timeout(limit)
    }

    fn is_expired(error: &Self::Error) -> bool {
        matches!(error, AcquireError::Timeout(_))
    }
}

impl<K: Maker> Peer for Owned<K> {
    type Guard = Pooled<Managed<K>>;
    type Error = AcquireError<Refused>;

    async fn open(setup: &Setup) -> Result<Self> {
        Ok(Self(builder(setup).build()?))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get_owned()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
