//! V1: resizing a pool lets more connections out than its limit.

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{SETTLE, hold};

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    // What was held at once, of how many.
    let mut worst = (0, 1);
    let mut note = |held: usize, max: usize| {
        if held * worst.1 > worst.0 * max {
            worst = (held, max);
        }
    };

    // Shrunk before it was filled.
    let pool = P::open(&Script::new(), &Options::new(10)).await?;
    pool.resize(2).await?;
    note(hold(&pool, 100).await.len(), 2);

    // Shrunk and grown again and again.
    let pool = P::open(&Script::new(), &Options::new(10)).await?;
    for _ in 0..10 {
        pool.resize(2).await?;
        pool.resize(10).await?;
    }
    note(hold(&pool, 100).await.len(), 10);

    // Shrunk while all are in use.
    let pool = P::open(&Script::new(), &Options::new(10)).await?;
    let held = hold(&pool, 10).await;
    pool.resize(2).await?;
    drop(held);
    tokio::time::sleep(SETTLE).await;
    note(hold(&pool, 100).await.len(), 2);

    let (held, max) = worst;
    Ok(Found::struck_if(held > max, format!("{held} out of max {max}")))
}
