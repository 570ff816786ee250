//! V8: waits that were cancelled stay in the pool's count of those who wait.

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{ByHand, SETTLE, get};

const WAITS: u64 = 50;

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let pool = P::open(&Script::new(), &Options::new(1)).await?;
    let guard = get(&pool).await?;
    for _ in 0..WAITS {
        let mut wait = ByHand::new(pool.get());
        if wait.poll().is_ready() {
            return Err("a waiter did not wait".into());
        }
    }
    drop(guard);
    tokio::time::sleep(SETTLE).await;
    let left = pool
        .numbers()
        .await?
        .into_iter()
        .find(|number| number.name == P::WAITING)
        .ok_or("it does not tell how many wait")?;
    Ok(Found::struck_if(left.value != 0, format!("{} {}", left.name, left.value)))
}
