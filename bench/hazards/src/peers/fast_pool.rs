//! The peer fast_pool, the pool of rbdc and rbatis.

use std::sync::Arc;

use fast_pool::{ConnectionGuard, Manager, Pool};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct FastPool(Pool<Scripted>);

pub(crate) struct Scripted(Arc<Script>);

impl Manager for Scripted {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn check(&self, conn: &mut Conn) -> Result<(), Refused> {
        self.0.check(conn).await
    }
}

impl Peer for FastPool {
    const LACKS: &'static [(Need, &'static str)] = &[];
    const WAITING: &'static str = "waits";

    type Guard = ConnectionGuard<Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let pool = Pool::new(Scripted(Arc::clone(script)));
        let max = options.max.try_into()?;
        pool.set_max_open(max);
        pool.set_max_idle_conns(max);
        pool.set_timeout_wait(Some(options.limit));
        pool.set_timeout_check(Some(options.limit));
        Ok(Self(pool))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let state = self.0.state();
        Ok(numbers! {
            "connections": state.connections,
            "in_use": state.in_use,
            "idle": state.idle,
            "waits": state.waits,
            "connecting": state.connecting,
            "checking": state.checking,
        })
    }

    async fn resize(&self, max: usize) -> Result<()> {
        self.0.set_max_open(max.try_into()?);
        Ok(())
    }
}
