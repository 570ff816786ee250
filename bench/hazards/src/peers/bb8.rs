//! The peer bb8.

use std::sync::Arc;
use std::time::Duration;

use bb8::{ManageConnection, Pool, PooledConnection};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct Bb8(Pool<Scripted>);

pub(crate) struct Scripted(Arc<Script>);

impl ManageConnection for Scripted {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn is_valid(&self, conn: &mut Conn) -> Result<(), Refused> {
        self.0.check(conn).await
    }

    /// As in drivers: they see a closed socket here, and no answer that is still to come.
    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

impl Peer for Bb8 {
    const LACKS: &'static [(Need, &'static str)] = &[(Need::Resize, "no live resize")];
    const WAITING: &'static str = "pending_gets";

    type Guard = PooledConnection<'static, Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let mut builder = Pool::builder()
            .max_size(options.max.try_into()?)
            .connection_timeout(options.limit)
            .retry_connection(options.retry);
        if let Some(timeout) = options.idle_timeout {
            builder = builder.idle_timeout(timeout).reaper_rate(Duration::from_millis(5));
        }
        Ok(Self(builder.build(Scripted(Arc::clone(script))).await?))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get_owned().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let state = self.0.state();
        Ok(numbers! {
            "connections": state.connections,
            "idle_connections": state.idle_connections,
            "pending_gets": state.statistics.pending_gets(),
        })
    }
}
