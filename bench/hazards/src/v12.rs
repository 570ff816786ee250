//! V12: counters that are changed beside the things they count wrap around, and what loops over
//! them never ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use tokio::runtime::Handle;

use crate::cell::Found;
use crate::peer::{Number, Options, Peer};
use crate::script::Script;
use crate::trial::SETTLE;
use crate::{Error, Result};

const TASKS: usize = 16;
const TRAFFIC: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(1);

/// There are two connections and sixteen tasks: nothing to count comes near this.
const ABSURD: u64 = 1000;

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    // So that what looks after idle connections does so often.
    let idle_timeout = Some(Duration::from_millis(5));
    let pool = P::open(&Script::new(), &Options { idle_timeout, ..Options::new(2) }).await?;

    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (pool, stop) = (pool.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut gets = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    drop(pool.get().await?);
                    gets += 1;
                    tokio::task::yield_now().await;
                }
                Ok::<_, Error>(gets)
            })
        })
        .collect();
    let worst = watch(&pool);
    stop.store(true, Ordering::Relaxed);
    let worst = worst?;
    let (mut gets, mut hung) = (0, 0);
    for task in tasks {
        match tokio::time::timeout(Duration::from_secs(3), task).await {
            Ok(ended) => gets += ended??,
            Err(_) => hung += 1,
        }
    }
    if gets < 1000 && hung == 0 {
        return Err(format!("only {gets} gets: that is no traffic").into());
    }

    // Nothing is left to do, least of all for a whole core.
    tokio::time::sleep(SETTLE).await;
    let before = processor_time()?;
    std::thread::sleep(REST);
    let cores = (processor_time()? - before).as_secs_f64() / REST.as_secs_f64();

    let mut evidence = Vec::new();
    if worst.value > ABSURD {
        evidence.push(written(worst));
    }
    if hung > 0 {
        evidence.push(format!("{hung} of {TASKS} tasks hung"));
    }
    if cores > 0.3 {
        evidence.push(format!("{cores:.1} cores at rest"));
    }
    if evidence.is_empty() {
        let evidence = format!("at most {} in {gets} gets", written(worst));
        return Ok(Found::struck_if(false, evidence));
    }
    Ok(Found::struck_if(true, evidence.join(", ")))
}

/// Reads the pool's numbers from outside for as long as the traffic lasts; the largest one.
///
/// Blocks the thread of the trial, which is none of the runtime's workers.
fn watch<P: Peer>(pool: &P) -> Result<Number> {
    let runtime = Handle::current();
    let reader = pool.clone();
    let thread = std::thread::spawn(move || {
        let mut worst = Number { name: "", value: 0 };
        let start = Instant::now();
        while start.elapsed() < TRAFFIC {
            for number in runtime.block_on(reader.numbers())? {
                if number.value >= worst.value {
                    worst = number;
                }
            }
        }
        Ok(worst)
    });
    thread.join().map_err(|_| Error::from("reading the numbers panicked"))?
}

/// A number that went below zero, as such.
fn written(Number { name, value }: Number) -> String {
    match u64::MAX - value {
        below if below < ABSURD => format!("{name} 2^64-{}", below + 1),
        _ => format!("{name} {value}"),
    }
}

fn processor_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let [user, system] = [usage.user_time(), usage.system_time()].map(|time| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(micros.unsigned_abs())
    });
    Ok(user + system)
}
