//! W2: two tasks, each on a worker of its own, with more connections than they need.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::measure::{Job, MEASURE, Numbers, STOP, numbers, phase, through, two_workers};
use crate::peer::{Peer, failed, filled};

const SIZE: usize = 16;
const TASKS: usize = 2;
const BATCH: u32 = 64;

/// How many tasks have begun.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run<P: Peer>(job: &Job) -> Result<Numbers> {
    let runtime = two_workers()?;
    let setup = job.setup(SIZE);
    let pool: &'static P = runtime
        .block_on(async move { tokio::spawn(async move { filled(&setup).await }).await })??;
    let tasks: Vec<_> = (0..TASKS).map(|_| runtime.spawn(one(pool))).collect();
    let used =
        through(job.window(Duration::from_millis(100)), job.window(Duration::from_millis(600)))?;
    let mut sum = 0.0;
    for task in tasks {
        sum += runtime.block_on(task)??;
    }
    Ok(numbers([("ns", sum / TASKS as f64), ("cores", used.cores())]))
}

/// What an operation of this task takes, in ns.
async fn one<P: Peer>(pool: &'static P) -> Result<f64> {
    // Keeps its worker busy until the other worker has the other task.
    BEGUN.fetch_add(1, Ordering::SeqCst);
    let begun = Instant::now();
    while BEGUN.load(Ordering::SeqCst) < TASKS {
        if begun.elapsed() > Duration::from_secs(5) {
            return Err("the tasks did not get a worker each".into());
        }
        std::hint::spin_loop();
    }
    let mut since = None;
    let mut ops = 0_u64;
    loop {
        let now = phase();
        if now == STOP {
            let since: Instant = since.ok_or("the window was missed")?;
            return Ok(since.elapsed().as_secs_f64() * 1e9 / ops as f64);
        }
        if now == MEASURE {
            since.get_or_insert_with(Instant::now);
            ops += u64::from(BATCH);
        }
        for _ in 0..BATCH {
            let guard = pool.get().await.map_err(failed)?;
            black_box(P::serial(&guard));
        }
    }
}
