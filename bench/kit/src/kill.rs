//! A server that dies under load and comes back.
//!
//! Whoever started this process has the server: asked by the line `kill` on standard output, it
//! kills the server, starts it again, and writes `up MICROS` to standard input, the time since 1970
//! at which a fresh connection of the plain driver had an answer.

use std::io::{BufRead, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::clock::Reading;
use crate::data::check_point;
use crate::outcome::micros;
use crate::{Job, Outcome, PointPeer, Result, Rng, check};

/// How long callers wait after an error.
const RETRY: Duration = Duration::from_millis(10);
/// How long the peer works before the kill; the second half tells the rate.
const BEFORE: Duration = Duration::from_secs(2);
/// How long it is watched after the server is back.
const AFTER: Duration = Duration::from_secs(4);
/// The grain of the record of successes.
const BIN: Duration = Duration::from_millis(10);
/// 30 s of them.
const BINS: usize = 3000;

struct Record {
    start: Instant,
    /// Successes by the time they came at.
    bins: Vec<AtomicU32>,
    /// When each error came, in µs since the start.
    errors: std::sync::Mutex<Vec<(Duration, Duration)>>,
    /// Successes after the server was up: the earliest, in µs since the start.
    up: AtomicU64,
    first: AtomicU64,
    longest: AtomicU64,
    over: AtomicBool,
}

/// Measures `peer`; `rate` is that before the kill.
///
/// # Errors
/// When it cannot be measured, or answers wrongly.
pub async fn kill<P: PointPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let record = Arc::new(Record {
        start: Instant::now(),
        bins: (0..BINS).map(|_| AtomicU32::new(0)).collect(),
        errors: std::sync::Mutex::new(Vec::new()),
        up: AtomicU64::new(u64::MAX),
        first: AtomicU64::new(u64::MAX),
        longest: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let begin = Reading::now()?;
    let mut tasks = Vec::with_capacity(job.tasks);
    for index in 0..job.tasks {
        let task = peer.task().await?;
        tasks.push(tokio::spawn(call::<P>(task, index as u64, job.rows, Arc::clone(&record))));
    }
    tokio::time::sleep(BEFORE).await;

    let killed = record.start.elapsed();
    println!("kill");
    std::io::stdout().flush()?;
    let up = tokio::task::spawn_blocking(told).await??;
    let up = up.saturating_duration_since(record.start);
    record.up.store(u64::try_from(up.as_micros())?, Relaxed);
    tokio::time::sleep((record.start + up + AFTER).saturating_duration_since(Instant::now())).await;
    record.over.store(true, Relaxed);
    let ended = record.start.elapsed();
    let used = begin.used()?;
    for task in tasks {
        // A pool may keep a caller for ever; what it had is in the record already.
        match tokio::time::timeout(Duration::from_secs(5), task).await {
            Ok(result) => result??,
            Err(_) => record.call(ended, record.start.elapsed()),
        }
    }
    record.outcome(job, &used, killed, up, ended)
}

/// Waits for the line that says since when the server is up.
fn told() -> Result<Instant> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let at = line
        .strip_prefix("up ")
        .and_then(|micros| micros.trim().parse().ok())
        .map(Duration::from_micros)
        .ok_or_else(|| format!("`up MICROS` expected on standard input, `{line}` found"))?;
    let ago = (SystemTime::now().duration_since(UNIX_EPOCH)?).saturating_sub(at);
    Ok(Instant::now() - ago)
}

async fn call<P: PointPeer>(
    mut task: P::Task,
    seed: u64,
    rows: u64,
    record: Arc<Record>,
) -> Result<()> {
    let mut rng = Rng::new(seed);
    while !record.over.load(Relaxed) {
        let id = rng.id(rows);
        let start = record.start.elapsed();
        let result = P::read(&mut task, id).await;
        let end = record.start.elapsed();
        record.call(start, end);
        match result {
            Ok(row) => {
                check_point(&row, id)?;
                record.success(end);
            }
            Err(error) => {
                if std::env::var_os("BENCH_SHOW_ERRORS").is_some() {
                    eprintln!("{end:?}: {error}");
                }
                record.errors.lock().map_err(|_| "a task panicked")?.push((start, end));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    Ok(())
}

impl Record {
    fn call(&self, start: Duration, end: Duration) {
        self.longest.fetch_max((end - start).as_micros() as u64, Relaxed);
    }

    fn success(&self, at: Duration) {
        if let Some(bin) = self.bins.get((at.as_micros() / BIN.as_micros()) as usize) {
            bin.fetch_add(1, Relaxed);
        }
        // The time that counts is known only after the fact: keep the first success after it, and
        // look into the bins for those between it and its arrival.
        let at = at.as_micros() as u64;
        if at >= self.up.load(Relaxed) {
            self.first.fetch_min(at, Relaxed);
        }
    }

    fn count(&self, from: Duration, length: Duration) -> u64 {
        let first = (from.as_micros() / BIN.as_micros()) as usize;
        let bins = (length.as_micros() / BIN.as_micros()) as usize;
        self.bins.iter().skip(first).take(bins).map(|bin| u64::from(bin.load(Relaxed))).sum()
    }

    fn rate(&self, from: Duration, length: Duration) -> f64 {
        self.count(from, length) as f64 / length.as_secs_f64()
    }

    fn outcome(
        &self,
        job: &Job,
        used: &crate::clock::Used,
        killed: Duration,
        up: Duration,
        ended: Duration,
    ) -> Result<Outcome> {
        let half = BEFORE / 2;
        let before = self.rate(killed.saturating_sub(half), half - BIN);
        check(before > 0.0, || "no call succeeded before the kill".to_owned())?;
        let total = self.count(Duration::ZERO, ended);
        let mut outcome = Outcome::new(job, total, used);
        outcome.rate = before;

        let errors = self.errors.lock().map_err(|_| "a task panicked")?;
        outcome.with("errors_seen", errors.len() as f64);
        let late = errors.iter().filter(|(start, _)| *start > up).count();
        outcome.with("errors_after_up", late as f64);
        outcome.with("down_ms", micros(up.saturating_sub(killed)) / 1e3);
        outcome.with("longest_call_ms", self.longest.load(Relaxed) as f64 / 1e3);

        // The longest stretch without a success from the kill on.
        let (mut stretch, mut outage) = (0_u32, 0_u32);
        let from = (killed.as_micros() / BIN.as_micros()) as usize;
        let to = (ended.as_micros() / BIN.as_micros()) as usize;
        for bin in self.bins.iter().take(to).skip(from) {
            stretch = if bin.load(Relaxed) == 0 { stretch + 1 } else { 0 };
            outage = outage.max(stretch);
        }
        outcome.with("outage_ms", f64::from(outage) * micros(BIN) / 1e3);

        // To the bin for a success between "up" and the news of it, else to the microsecond.
        let early = (0..AFTER.as_millis() as usize / 10)
            .map(|bin| up + BIN * bin as u32)
            .find(|at| self.count(*at, BIN) > 0)
            .map(|at| micros(at.saturating_sub(up)) / 1e3);
        let first = match self.first.load(Relaxed) {
            u64::MAX => early,
            exact => {
                let exact = (exact as f64 - micros(up)) / 1e3;
                Some(early.map_or(exact, |early| early.min(exact)))
            }
        };
        outcome.with("first_success_ms", first.unwrap_or(f64::MAX));

        // Full: nine tenths of the rate before, over 100 ms and over the next 500 ms.
        let enough = |at: Duration, length: u64| {
            self.rate(at, Duration::from_millis(length)) >= before * 0.9
        };
        let full = (0..(AFTER.as_millis() as usize - 500) / 10)
            .map(|bin| up + BIN * bin as u32)
            .find(|at| enough(*at, 100) && enough(*at, 500))
            .map(|at| micros(at - up) / 1e3);
        // Not within the time watched: said by a number nobody can take for a time.
        outcome.with("full_ms", full.unwrap_or(f64::MAX));
        Ok(outcome)
    }
}
