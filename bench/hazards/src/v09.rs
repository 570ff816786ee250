//! V9: a pool is grown, says so, and gives out no more than before.

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{STRANDED, get, hold, in_line};

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let pool = P::open(&Script::new(), &Options::new(2)).await?;
    pool.resize(20).await?;
    let held = hold(&pool, 20).await.len();
    if held < 20 {
        return Ok(Found::struck_if(true, format!("{held} out of 20")));
    }

    // With somebody in line when it grows.
    let pool = P::open(&Script::new(), &Options::new(2)).await?;
    let _held = [get(&pool).await?, get(&pool).await?];
    let waiter = in_line(&pool).await;
    pool.resize(20).await?;
    let served = matches!(timeout(STRANDED, waiter).await, Ok(Ok(Ok(_))));
    let evidence = if served { "20 out of 20" } else { "who waited hangs on" };
    Ok(Found::struck_if(!served, evidence))
}
