//! W1: what an acquire and a release cost when nobody else is there.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;
use crate::measure::{Job, Numbers, numbers, one_thread};
use crate::peer::{Peer, failed, filled};
use crate::stats::median;

const SIZE: usize = 10;
const BATCH: u32 = 1024;

pub(crate) fn run<P: Peer>(job: &Job) -> Result<Numbers> {
    let job = *job;
    let runtime = one_thread()?;
    // In a task, as in programs: the main future is not one.
    let mut batches = runtime.block_on(async move {
        tokio::spawn(async move {
            let pool: &'static P = filled(&job.setup(SIZE)).await?;
            let mut batches = Vec::with_capacity(1 << 17);
            let warm = Instant::now() + job.window(Duration::from_millis(100));
            let end = Instant::now() + job.window(Duration::from_millis(600));
            loop {
                let start = Instant::now();
                for _ in 0..BATCH {
                    let guard = pool.get().await.map_err(failed)?;
                    black_box(P::serial(&guard));
                }
                let now = Instant::now();
                if now > warm {
                    batches.push((now - start).as_secs_f64() * 1e9 / f64::from(BATCH));
                }
                if now > end {
                    return Ok::<_, crate::Error>(batches);
                }
            }
        })
        .await
    })??;
    batches.sort_by(f64::total_cmp);
    let best = *batches.first().ok_or("no batch")?;
    Ok(numbers([("ns", median(&batches).unwrap_or(f64::NAN)), ("best", best)]))
}
