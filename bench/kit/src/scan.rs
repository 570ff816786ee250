//! Scans of 10 ms beside a ticker of 1 ms: does work on the database hold up the runtime?

use std::time::{Duration, Instant};

use crate::clock::Reading;
use crate::{Histogram, Job, Outcome, Result, ScanPeer, check};

/// How long a scan should take when nothing else runs.
const WANTED: Duration = Duration::from_millis(10);
/// How long the scanning task rests between two.
const REST: Duration = Duration::from_millis(3);
const TICK: Duration = Duration::from_millis(1);

/// Measures `peer`: one task scans, `rate` is scans per second, another sleeps for a millisecond
/// again and again, and how long that took is reported.
///
/// # Errors
/// When it cannot be measured, or answers wrongly.
pub async fn scan<P: ScanPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let mut task = peer.task().await?;
    let rows = calibrate::<P>(&mut task, job).await?;
    let expected = sevens(rows);
    let begin = Reading::now()?;
    let end = begin.at + job.window;

    let scanning = tokio::spawn(async move {
        let mut scans = Histogram::default();
        while Instant::now() < end {
            let start = Instant::now();
            let found = P::scan(&mut task, rows).await?;
            scans.add(start.elapsed());
            check(found == expected, || format!("{expected} rows to be counted, {found} were"))?;
            tokio::time::sleep(REST).await;
        }
        Ok::<_, crate::Error>(scans)
    });
    let ticking = tokio::spawn(async move {
        let mut ticks = Histogram::default();
        while Instant::now() < end {
            let start = Instant::now();
            tokio::time::sleep(TICK).await;
            ticks.add(start.elapsed());
        }
        ticks
    });
    let scans = scanning.await??;
    let ticks = ticking.await?;

    let mut outcome = Outcome::new(job, scans.total(), &begin.used()?);
    outcome.with_times("scan_", &scans).with_times("tick_", &ticks);
    Ok(outcome)
}

/// How many rows a scan goes over so that it takes as long as wanted, if there are that many.
async fn calibrate<P: ScanPeer>(task: &mut P::Task, job: &Job) -> Result<i64> {
    let all = i64::try_from(job.rows)?;
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        P::scan(task, all).await?;
        shortest = shortest.min(start.elapsed());
    }
    let rows = all as f64 * WANTED.as_secs_f64() / shortest.as_secs_f64();
    Ok((rows as i64).clamp(1, all))
}

fn sevens(rows: i64) -> i64 {
    (1..=rows).filter(|id| id.to_string().contains('7')).count() as i64
}
