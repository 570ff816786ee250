//! The pool of mysql_async, with a server made for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mysql_async::{Conn, OptsBuilder, Pool, PoolConstraints, PoolOpts};

use super::mysql_server;
use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::Script;

#[derive(Clone)]
pub(crate) struct MysqlAsync(Pool);

impl Peer for MysqlAsync {
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Resize, "no live resize"),
        (Need::Deadline, "no limit of time"),
        (Need::Check, "its check is one look at the socket, never unfinished"),
    ];
    const WAITING: &'static str = "active_wait_requests";

    type Guard = Conn;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let server = mysql_server::start(Arc::clone(script))?;
        // Equal bounds: it closes idle connections above the lower one.
        let bounds = PoolConstraints::new(options.max, options.max).ok_or("wrong bounds")?;
        let panics = server.panics;
        let options = OptsBuilder::default()
            .ip_or_hostname(server.address.ip().to_string())
            .tcp_port(server.address.port())
            // What it would ask the server for.
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 24))
            .wait_timeout(Some(28_800))
            .after_connect(move |_| {
                assert_eq!(panics.swap(0, Ordering::SeqCst), 0, "scripted panic while connecting");
                Box::pin(async { Ok(()) })
            })
            .pool_opts(PoolOpts::default().with_constraints(bounds));
        Ok(Self(Pool::new(options)))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get_conn().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let metrics = self.0.metrics();
        let read = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        Ok(numbers! {
            "connection_count": read(&metrics.connection_count),
            "connections_in_pool": read(&metrics.connections_in_pool),
            "connections_in_use": read(&metrics.connections_in_use),
            "active_wait_requests": read(&metrics.active_wait_requests),
        })
    }
}
