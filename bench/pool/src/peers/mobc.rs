//! The peer mobc, with and without its limit of time.

use std::future::Future;

use mobc::{Connection, Manager, Pool, async_trait};

use crate::Result;
use crate::conn::{Conn, Maker, Managed, Refused};
use crate::peer::{Peer, Setup};

pub(crate) struct Mobc<K: Maker>(Pool<Managed<K>>);

#[async_trait]
impl<K: Maker> Manager for Managed<K> {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        K::make().await
    }

    async fn check(&self, mut conn: Conn) -> Result<Conn, Refused> {
        K::check(&mut conn).await?;
        Ok(conn)
    }

    fn validate(&self, conn: &mut Conn) -> bool {
        conn.is_sound()
    }
}

impl<K: Maker> Peer for Mobc<K> {
    type Guard = Connection<Managed<K>>;
    type Error = mobc::Error<Refused>;

    async fn open(setup: &Setup) -> Result<Self> {
        let size = setup.size.try_into()?;
        let pool = Pool::builder()
            .max_open(size)
            .max_idle(size)
            .max_lifetime(None)
            .max_idle_lifetime(None)
            .get_timeout(setup.variant.limit)
            .test_on_check_out(setup.check)
            .build(Managed::new());
        Ok(Self(pool))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
