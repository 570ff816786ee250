//! The peer bb8. Its limit of time cannot be switched off.

use std::future::Future;
use std::time::Duration;

use bb8::{ManageConnection, Pool, PooledConnection, RunError};

use crate::Result;
use crate::conn::{Conn, Maker, Managed, Refused};
use crate::peer::{Peer, Setup};

pub(crate) struct Bb8<K: Maker>(Pool<Managed<K>>);

impl<K: Maker> ManageConnection for Managed<K> {
    type Connection = Conn;
    type Error = Refused;

    fn connect(&self) -> impl Future<Output = Result<Conn, Refused>> + Send {
        K::make()
    }

    fn is_valid(&self, conn: &mut Conn) -> impl Future<Output = Result<(), Refused>> + Send {
        K::check(conn)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        !conn.is_sound()
    }
}

impl<K: Maker> Peer for Bb8<K> {
    type Guard = PooledConnection<'static, Managed<K>>;
    type Error = RunError<Refused>;

    async fn open(setup: &Setup) -> Result<Self> {
        let builder = Pool::builder()
            .max_size(setup.size.try_into()?)
            .connection_timeout(Duration::from_secs(30))
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(setup.check);
        Ok(Self(builder.build(Managed::new()).await?))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.0.get()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
