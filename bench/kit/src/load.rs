//! Closed loops: tasks that each do one operation after the other, for a window of time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{Reading, Used};
use crate::{Error, Histogram, Job, Outcome, Result, Rng, Wrong, memory};

/// What one operation was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A read.
    Read,
    /// A write.
    Write,
    /// A write that the database was too busy for.
    Busy,
}

/// Something that does one operation at a time.
pub trait StepWorker: Send + 'static {
    /// Does the next.
    fn step(&mut self, rng: &mut Rng) -> impl Future<Output = Result<Step>> + Send;
}

/// How long to work before measuring, and how long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Before.
    pub warm_up: Duration,
    /// Measured.
    pub length: Duration,
}

impl Window {
    /// That of `job`.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self { warm_up: job.warm_up, length: job.window }
    }
}

/// What the tasks did in the window.
#[derive(Debug)]
pub struct Load {
    used: Used,
    resident_before: u64,
    peak: u64,
    tasks: Vec<Log>,
}

#[derive(Debug, Default)]
struct Log {
    reads: Histogram,
    writes: Histogram,
    busy: u64,
    errors: u64,
    first_error: Option<String>,
    /// Of any operation that ended in the window or was under way when it closed.
    longest: Duration,
}

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

impl Load {
    /// Lets each of `workers` work in a task of its own.
    ///
    /// # Errors
    /// The first wrong answer. Other errors of a worker are counted.
    pub async fn run<W: StepWorker>(workers: Vec<W>, window: Window) -> Result<Self> {
        let phase = Arc::new(AtomicU8::new(WARMING));
        let tasks: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(index, mut worker)| {
                let phase = Arc::clone(&phase);
                tokio::spawn(async move {
                    let mut rng = Rng::new(index as u64);
                    let mut log = Log::default();
                    while phase.load(Ordering::Relaxed) != OVER {
                        let start = Instant::now();
                        let result = worker.step(&mut rng).await;
                        if !log.enter(&phase, start, result)? {
                            tokio::time::sleep(AFTER_ERROR).await;
                        }
                    }
                    Ok::<_, Error>(log)
                })
            })
            .collect();
        tokio::time::sleep(window.warm_up).await;
        let (resident_before, begin) = open(&phase)?;
        tokio::time::sleep(window.length).await;
        let used = close(&phase, &begin)?;
        let mut logs = Vec::with_capacity(tasks.len());
        for task in tasks {
            logs.push(task.await??);
        }
        Ok(Self { used, resident_before, peak: memory::peak()?, tasks: logs })
    }

    /// Lets each of `workers` work on a thread of its own.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_blocking<W>(workers: Vec<W>, window: Window) -> Result<Self>
    where
        W: FnMut(&mut Rng) -> Result<Step> + Send + 'static,
    {
        let phase = Arc::new(AtomicU8::new(WARMING));
        let threads: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(index, mut worker)| {
                let phase = Arc::clone(&phase);
                std::thread::spawn(move || {
                    let mut rng = Rng::new(index as u64);
                    let mut log = Log::default();
                    while phase.load(Ordering::Relaxed) != OVER {
                        let start = Instant::now();
                        let result = worker(&mut rng);
                        if !log.enter(&phase, start, result)? {
                            std::thread::sleep(AFTER_ERROR);
                        }
                    }
                    Ok::<_, Error>(log)
                })
            })
            .collect();
        std::thread::sleep(window.warm_up);
        let (resident_before, begin) = open(&phase)?;
        std::thread::sleep(window.length);
        let used = close(&phase, &begin)?;
        let mut logs = Vec::with_capacity(threads.len());
        for thread in threads {
            logs.push(thread.join().map_err(|_| "a worker panicked")??);
        }
        Ok(Self { used, resident_before, peak: memory::peak()?, tasks: logs })
    }

    /// The outcome of `job`.
    #[must_use]
    pub fn outcome(&self, job: &Job) -> Outcome {
        let (mut reads, mut writes) = (Histogram::default(), Histogram::default());
        let (mut busy, mut errors, mut first_error) = (0, 0, None);
        let (mut least, mut most, mut starved) = (u64::MAX, 0, 0_u32);
        let mut longest = Duration::ZERO;
        for log in &self.tasks {
            reads.merge(&log.reads);
            writes.merge(&log.writes);
            busy += log.busy;
            errors += log.errors;
            first_error = first_error.or_else(|| log.first_error.clone());
            longest = longest.max(log.longest);
            let done = log.done();
            least = least.min(done);
            most = most.max(done);
            starved += u32::from(done == 0);
        }
        let mut all = reads.clone();
        all.merge(&writes);
        let mut outcome = Outcome::new(job, all.total(), &self.used);
        outcome.errors = errors;
        outcome.first_error = first_error;
        outcome.with_times("", &all);
        outcome.with("max_us", crate::outcome::micros(longest));
        outcome.with("fairness", if most == 0 { 0.0 } else { least as f64 / most as f64 });
        outcome.with("starved", f64::from(starved));
        outcome.with("grown_kib", self.peak.saturating_sub(self.resident_before) as f64);
        if writes.total() + busy > 0 {
            let seconds = self.used.elapsed.as_secs_f64();
            outcome.with_times("write_", &writes);
            outcome.with("writes_per_s", writes.total() as f64 / seconds);
            outcome.with("busy_per_s", busy as f64 / seconds);
        }
        outcome
    }
}

/// How long a worker rests after an error.
const AFTER_ERROR: Duration = Duration::from_millis(1);

fn open(phase: &AtomicU8) -> Result<(u64, Reading)> {
    memory::forget_peak()?;
    let opened = (memory::resident()?, Reading::now()?);
    phase.store(MEASURING, Ordering::Relaxed);
    Ok(opened)
}

fn close(phase: &AtomicU8, begin: &Reading) -> Result<Used> {
    let used = begin.used();
    phase.store(OVER, Ordering::Relaxed);
    used
}

impl Log {
    fn done(&self) -> u64 {
        self.reads.total() + self.writes.total()
    }

    /// Enters one operation; false after an error, which is counted, wrong answers excepted.
    fn enter(&mut self, phase: &AtomicU8, start: Instant, result: Result<Step>) -> Result<bool> {
        let took = start.elapsed();
        let now = phase.load(Ordering::Relaxed);
        if now != WARMING {
            self.longest = self.longest.max(took);
        }
        match result {
            Ok(step) => {
                if now == MEASURING {
                    match step {
                        Step::Read => self.reads.add(took),
                        Step::Write => self.writes.add(took),
                        Step::Busy => self.busy += 1,
                    }
                }
                Ok(true)
            }
            Err(error) if error.is::<Wrong>() => Err(error),
            Err(error) => {
                // Errors of the warm-up count too: there should be none at all.
                self.errors += 1;
                self.first_error.get_or_insert_with(|| error.to_string());
                Ok(false)
            }
        }
    }
}
