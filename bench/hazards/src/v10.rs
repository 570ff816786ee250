//! V10: a pool opens connections while it has idle ones.

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{SETTLE, get};

const USES: usize = 5;

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let pool = P::open(&script, &Options::new(USES)).await?;
    for _ in 0..USES {
        drop(get(&pool).await?);
        // Idle by now, even where giving back is a background task.
        tokio::time::sleep(SETTLE).await;
    }
    let opened = script.opened();
    Ok(Found::struck_if(opened > 1, format!("opened {opened} for {USES} uses")))
}
