//! V7: a waiter is woken and dropped before it is polled, and what it was given is lost to the
//! next in line.

use std::time::Duration;

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{ByHand, STRANDED, get, in_line, until};

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let pool = P::open(&Script::new(), &Options::new(1)).await?;
    let guard = get(&pool).await?;
    let mut first = ByHand::new(pool.get());
    if first.poll_until_it_waits().await.is_ready() {
        return Err("the first waiter did not wait".into());
    }
    let second = in_line(&pool).await;

    drop(guard);
    if !until(|| first.is_woken()).await {
        return Err("the first waiter was not woken".into());
    }
    drop(first);

    let second = match timeout(STRANDED, second).await {
        Ok(ended) => ended?.is_ok(),
        Err(_) => false,
    };
    // With the second still in line, if it hangs.
    let fresh = matches!(timeout(Duration::from_secs(2), pool.get()).await, Ok(Ok(_)));
    let evidence = match (second, fresh) {
        (true, true) => "both served",
        (true, false) => "next served, a fresh get hangs",
        (false, true) => "next hangs, a fresh get served",
        (false, false) => "next hangs, a fresh get too",
    };
    Ok(Found::struck_if(!(second && fresh), evidence))
}
