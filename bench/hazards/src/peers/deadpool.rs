//! The peer deadpool, its managed pool.

use std::sync::Arc;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleResult};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct Deadpool(Pool<Scripted>);

pub(crate) struct Scripted(Arc<Script>);

impl Manager for Scripted {
    type Type = Conn;
    type Error = Refused;

    async fn create(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn recycle(&self, conn: &mut Conn, _: &Metrics) -> RecycleResult<Refused> {
        Ok(self.0.check(conn).await?)
    }
}

impl Peer for Deadpool {
    const LACKS: &'static [(Need, &'static str)] = &[];
    const WAITING: &'static str = "waiting";

    type Guard = Object<Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let pool = Pool::builder(Scripted(Arc::clone(script)))
            .max_size(options.max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.limit))
            .create_timeout(Some(options.limit))
            .recycle_timeout(Some(options.limit))
            .build()?;
        Ok(Self(pool))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let status = self.0.status();
        Ok(numbers! {
            "size": status.size,
            "available": status.available,
            "waiting": status.waiting,
        })
    }

    async fn resize(&self, max: usize) -> Result<()> {
        self.0.resize(max);
        Ok(())
    }
}
