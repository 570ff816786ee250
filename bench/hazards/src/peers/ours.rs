//! Wellspring's own engine.

use std::sync::Arc;

use wellspring_pool_core::{FailureClass, Manager, Pool, Pooled, Validate};

use crate::Result;
use crate::peer::{Need, Number, Options, Peer, numbers};
use crate::script::{Conn, Refused, Script};

#[derive(Clone)]
pub(crate) struct Ours(Pool<Scripted>);

pub(crate) struct Scripted(Arc<Script>);

impl Manager for Scripted {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        self.0.connect().await
    }

    async fn validate(&self, conn: &mut Conn) -> Result<(), Refused> {
        self.0.check(conn).await
    }

    fn classify(&self, error: &Refused) -> FailureClass {
        if error.for_good { FailureClass::Permanent } else { FailureClass::Transient }
    }
}

impl Peer for Ours {
    const LACKS: &'static [(Need, &'static str)] = &[];
    const WAITING: &'static str = "waiting";

    type Guard = Pooled<Scripted>;

    async fn open(script: &Arc<Script>, options: &Options) -> Result<Self> {
        let mut builder = Pool::builder(Scripted(Arc::clone(script)))
            .max_size(options.max)
            .acquire_timeout(options.limit)
            .connect_timeout(options.limit)
            .validation_timeout(options.limit)
            .validate(Validate::Always);
        if options.idle_timeout.is_some() {
            builder = builder.idle_timeout(options.idle_timeout);
        }
        Ok(Self(builder.build()?))
    }

    async fn get(&self) -> Result<Self::Guard> {
        Ok(self.0.get_owned().await?)
    }

    async fn numbers(&self) -> Result<Vec<Number>> {
        let status = self.0.status();
        Ok(numbers! {
            "size": status.size,
            "idle": status.idle,
            "used": status.used,
            "connecting": status.connecting,
            "validating": status.validating,
            "resetting": status.resetting,
            "closing": status.closing,
            "waiting": status.waiting,
        })
    }

    async fn resize(&self, max: usize) -> Result<()> {
        Ok(self.0.resize(max)?)
    }
}
