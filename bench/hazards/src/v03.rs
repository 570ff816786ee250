//! V3: an acquire is cancelled while its connection is being checked, and the connection is idle
//! again with the answer still to come.

use std::time::Duration;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::{Check, Script};
use crate::trial::{SETTLE, get, until};

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let pool = P::open(&script, &Options::new(1)).await?;
    drop(get(&pool).await?);
    tokio::time::sleep(SETTLE).await;

    script.check_once(Check::Take(Duration::from_millis(300)));
    let before = script.checks();
    let caller = pool.clone();
    let task = tokio::spawn(async move { caller.get().await.map(drop) });
    if !until(|| script.checks() > before).await {
        return Err("the idle connection was not checked".into());
    }
    task.abort();
    // Dropped in mid-check; that it was cancelled is all it can say.
    let _ = task.await;

    // Now, and when a check that went on without its caller has ended.
    drop(get(&pool).await?);
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(get(&pool).await?);
    let resumed = script.resumed();
    Ok(Found::struck_if(resumed > 0, format!("{resumed} half-checked reused")))
}
