//! V4: one panic while connecting takes a place of the pool with it.

use std::time::Duration;

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::{Connect, Script};
use crate::trial::STRANDED;

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let limit = Duration::from_secs(2);
    let pool = P::open(&script, &Options { limit, ..Options::new(1) }).await?;
    script.connect_once(Connect::Panic);
    let caller = pool.clone();
    let first = tokio::spawn(async move { timeout(STRANDED, caller.get()).await.map(drop) });
    // It may fail in any way, panicking included: what counts is who comes after it.
    let _ = first.await;
    if script.opened() == 0 {
        // A moment for a pool that has to notice first.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for attempt in 1..=3 {
        if let Ok(Ok(_guard)) = timeout(STRANDED, pool.get()).await {
            return Ok(Found::struck_if(false, format!("served at attempt {attempt}")));
        }
    }
    Ok(Found::struck_if(true, "dead: 3 gets in vain"))
}
