//! V11: a check and the connect after it fail, the server is back at once, and the next in line
//! is left waiting beside an empty pool.

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::{Check, Connect, Script};
use crate::trial::{SETTLE, STRANDED, get, in_line};

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let pool = P::open(&script, &Options::new(1)).await?;
    let guard = get(&pool).await?;
    let first = in_line(&pool).await;
    let second = in_line(&pool).await;

    script.connect_once(Connect::Refuse);
    script.check_once(Check::Fail);
    // A server takes a moment to hang up.
    tokio::time::sleep(SETTLE).await;
    drop(guard);

    // The first may be served or told of the failure, whichever the pool does.
    let first = timeout(STRANDED, async { first.await.map(|ended| ended.is_ok()) }).await;
    let second = timeout(STRANDED, async { second.await.map(|ended| ended.is_ok()) }).await;
    let evidence = match (first, second) {
        (Err(_), _) => "the first hangs",
        (_, Err(_)) => "the next hangs",
        (_, Ok(Ok(true))) => "the next served",
        (_, Ok(_)) => "the next told an error",
    };
    Ok(Found::struck_if(evidence.ends_with("hangs"), evidence))
}
