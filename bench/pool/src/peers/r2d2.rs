//! The peer r2d2. It blocks where it waits, so it is measured only where nobody does; its guard comes
//! in a future that is ready.

use std::future::{Future, ready};

use r2d2::{ManageConnection, Pool, PooledConnection};

use crate::Result;
use crate::conn::{Conn, Managed, Quick, Refused};
use crate::peer::{Peer, Setup};

pub(crate) struct R2d2(Pool<Managed<Quick>>);

impl ManageConnection for Managed<Quick> {
    type Connection = Conn;
    type Error = Refused;

    fn connect(&self) -> Result<Conn, Refused> {
        Ok(Conn::new())
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Refused> {
        if conn.is_sound() { Ok(()) } else { Err(Refused) }
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        !conn.is_sound()
    }
}

impl Peer for R2d2 {
    type Guard = PooledConnection<Managed<Quick>>;
    type Error = r2d2::Error;

    async fn open(setup: &Setup) -> Result<Self> {
        let pool = Pool::builder()
            .max_size(setup.size.try_into()?)
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(setup.check)
            .build(Managed::new())?;
        Ok(Self(pool))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        ready(self.0.get())
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.serial()
    }
}
