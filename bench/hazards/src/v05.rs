//! V5: connecting fails for good, and the caller waits out its whole limit and is not told why.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::{Connect, Script};
use crate::trial::{seconds, told};

const LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let script = Script::new();
    let options = Options { limit: LIMIT, retry: false, ..Options::new(2) };
    let pool = P::open(&script, &options).await?;
    script.connect_always(Connect::Deny);
    let start = Instant::now();
    let ended = timeout(LIMIT * 2, pool.get()).await;
    let took = start.elapsed();
    let cause = match ended {
        Ok(Ok(_guard)) => return Err("a connection that was denied".into()),
        Ok(Err(error)) => told(&*error),
        Err(_) => "never told".to_owned(),
    };
    let told_why = cause.to_lowercase().contains("denied");
    let evidence =
        format!("{}, {}", seconds(took), if told_why { "with cause" } else { "no cause" });
    Ok(Found::struck_if(took > LIMIT / 5 || !told_why, evidence))
}
