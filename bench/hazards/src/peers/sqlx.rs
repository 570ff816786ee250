//! The pool of sqlx, on a database made for it.

use std::sync::Arc;

use sqlx_core::pool::{Pool, PoolConnection, PoolOptions};

use super::sqlx_database::{Fake, FakeOptions};
use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::Script;

#[derive(Clone)]
pub(crate) struct Sqlx(Pool<Fake>);

impl Peer for Sqlx {
    const LACKS: &'static [(Need, &'static str)] =
        &[(Need::Resize, "no live resize"), (Need::WaitCount, "does not tell how many wait")];

    type Guard = PoolConnection<Fake>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let mut builder = PoolOptions::new()
            .max_connections(options.max.try_into()?)
            .acquire_timeout(options.limit);
        if options.idle_timeout.is_some() {
            builder = builder.idle_timeout(options.idle_timeout);
        }
        Ok(Self(builder.connect_lazy_with(FakeOptions(Arc::clone(script)))))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.acquire().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        Ok(numbers! {
            "size": self.0.size(),
            "num_idle": self.0.num_idle(),
        })
    }
}
