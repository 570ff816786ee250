//! The peer mobc.

use std::sync::Arc;

use mobc::{Connection, Manager, Pool, async_trait};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct Mobc(Pool<Scripted>);

pub(crate) struct Scripted(Arc<Script>);

#[async_trait]
impl Manager for Scripted {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn check(&self, mut conn: Conn) -> Result<Conn, Refused> {
        self.0.check(&mut conn).await?;
        Ok(conn)
    }
}

impl Peer for Mobc {
    const LACKS: &'static [(Need, &'static str)] = &[];
    const WAITING: &'static str = "wait_count";

    type Guard = Connection<Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let max = options.max.try_into()?;
        let pool = Pool::builder()
            .max_open(max)
            .max_idle(max)
            .get_timeout(Some(options.limit))
            .build(Scripted(Arc::clone(script)));
        Ok(Self(pool))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let state = self.0.state().await;
        Ok(numbers! {
            "connections": state.connections,
            "in_use": state.in_use,
            "idle": state.idle,
            "wait_count": state.wait_count,
        })
    }

    async fn resize(&self, max: usize) -> Result<()> {
        self.0.set_max_open_conns(max.try_into()?).await;
        Ok(())
    }
}
