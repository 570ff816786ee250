//! W3: many more tasks than connections, each of which is held over one turn of the scheduler.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use crate::Result;
use crate::measure::{Job, MEASURE, Numbers, STOP, numbers, phase, through, two_workers};
use crate::peer::{Peer, failed, filled};
use crate::times;

const SIZE: usize = 8;
const TASKS: usize = 64;

pub(crate) fn run<P: Peer>(job: &Job) -> Result<Numbers> {
    let runtime = two_workers()?;
    let setup = job.setup(SIZE);
    let pool: &'static P = runtime
        .block_on(async move { tokio::spawn(async move { filled(&setup).await }).await })??;
    let tasks: Vec<_> = (0..TASKS).map(|_| runtime.spawn(one(pool))).collect();
    let used =
        through(job.window(Duration::from_millis(100)), job.window(Duration::from_millis(500)))?;
    let (mut ops, mut least, mut most) = (0, u64::MAX, 0);
    for task in tasks {
        let done = runtime.block_on(task)??;
        (ops, least, most) = (ops + done, least.min(done), most.max(done));
    }
    let [p50, p99, p999] = times::quantiles([0.5, 0.99, 0.999]);
    Ok(numbers([
        ("kops", used.kops(ops)),
        ("fair", least as f64 / most as f64),
        ("p50", p50),
        ("p99", p99),
        ("p999", p999),
        ("cpu", used.cpu_ns(ops)),
        ("cores", used.cores()),
    ]))
}

/// The operations of one task within the window.
async fn one<P: Peer>(pool: &'static P) -> Result<u64> {
    let mut ops = 0;
    loop {
        let start = Instant::now();
        let guard = pool.get().await.map_err(failed)?;
        let took = start.elapsed();
        black_box(P::serial(&guard));
        yield_now().await;
        drop(guard);
        match phase() {
            STOP => return Ok(ops),
            MEASURE => {
                times::record(took);
                ops += 1;
            }
            _ => {}
        }
    }
}
