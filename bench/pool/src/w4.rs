//! W4: a crowd: ten thousand tasks at once, and what they take while they wait.

use std::hint::black_box;
use std::time::Instant;

use tokio::task::yield_now;

use crate::Result;
use crate::measure::{Job, Moment, Numbers, memory, numbers, two_workers};
use crate::peer::{Peer, failed, filled};
use crate::times;

const SIZE: usize = 32;
const TASKS: usize = 10_000;
const EACH: usize = 20;

pub(crate) fn run<P: Peer>(job: &Job) -> Result<Numbers> {
    let runtime = two_workers()?;
    let setup = job.setup(SIZE);
    let pool: &'static P = runtime
        .block_on(async move { tokio::spawn(async move { filled(&setup).await }).await })??;
    let count = if job.quick { TASKS / 10 } else { TASKS };
    let mut tasks = Vec::with_capacity(count);
    let before = memory("VmRSS")?;
    let start = Moment::now()?;
    for _ in 0..count {
        tasks.push(runtime.spawn(one(pool)));
    }
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok::<_, crate::Error>(())
    })?;
    let used = start.until_now()?;
    let grown = memory("VmHWM")?.saturating_sub(before);
    let [p50, p999] = times::quantiles([0.5, 0.999]);
    let ops = (count * EACH) as u64;
    Ok(numbers([
        ("kops", used.kops(ops)),
        ("p50", p50),
        ("p999", p999),
        ("grown", grown as f64 / 1024.0 / 1024.0),
        ("cpu", used.cpu_ns(ops)),
        ("cores", used.cores()),
    ]))
}

async fn one<P: Peer>(pool: &'static P) -> Result<()> {
    for _ in 0..EACH {
        let start = Instant::now();
        let guard = pool.get().await.map_err(failed)?;
        times::record(start.elapsed());
        black_box(P::serial(&guard));
        yield_now().await;
        drop(guard);
    }
    Ok(())
}
