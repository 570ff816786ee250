//! The peer asyncband, its bounded pool.

use std::sync::Arc;

use asyncband::pool::bounded::{Object, Pool, PoolConfig};
use asyncband::pool::{ManageObject, ObjectStatus};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct Asyncband(Arc<Pool<Scripted>>);

pub(crate) struct Scripted(Arc<Script>);

impl ManageObject for Scripted {
    type Object = Conn;
    type Error = Refused;

    async fn create(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn is_recyclable(&self, conn: &mut Conn, _: &ObjectStatus) -> Result<(), Refused> {
        self.0.check(conn).await
    }
}

impl Peer for Asyncband {
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Resize, "no live resize"),
        (Need::Deadline, "no limit of time"),
        (Need::WaitCount, "does not tell how many wait"),
    ];

    type Guard = Object<Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        Ok(Self(Pool::new(PoolConfig::new(options.max), Scripted(Arc::clone(script)))))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let status = self.0.status();
        Ok(numbers! {
            "current_size": status.current_size,
            "idle_count": status.idle_count,
        })
    }
}
