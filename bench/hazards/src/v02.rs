//! V2: the limits of the steps of an acquire add up, one dead connection after the other.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::{Check, Script};
use crate::trial::{SETTLE, hold, seconds};

const LIMIT: Duration = Duration::from_secs(1);

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let pool = P::open(&script, &Options { limit: LIMIT, ..Options::new(10) }).await?;
    let held = hold(&pool, 10).await;
    if held.len() < 10 {
        return Err(format!("only {} of 10 connections to begin with", held.len()).into());
    }
    drop(held);
    tokio::time::sleep(SETTLE).await;

    // All ten are dead in the worst way: they say nothing.
    script.check_always(Check::Hang);
    let start = Instant::now();
    // Bound so that a guard's drop is not measured.
    let _ended = timeout(Duration::from_secs(20), pool.get()).await;
    let took = start.elapsed();
    let evidence = format!("{} for a {} s limit", seconds(took), LIMIT.as_secs());
    Ok(Found::struck_if(took > LIMIT * 3 / 2, evidence))
}
