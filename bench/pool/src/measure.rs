//! What one measurement is asked for and what comes of it; clocks, memory, and windows of time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::peer::{Setup, Variant};

/// What is measured, in this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) variant: Variant,
    /// So short that it only shows that it works.
    pub(crate) quick: bool,
}

impl Job {
    pub(crate) fn setup(&self, size: usize) -> Setup {
        Setup { size, check: false, variant: self.variant }
    }

    /// `full`, or a tenth of it.
    pub(crate) fn window(&self, full: Duration) -> Duration {
        if self.quick { full / 10 } else { full }
    }
}

/// The numbers of one measurement, by name.
pub(crate) type Numbers = BTreeMap<String, f64>;

/// One measurement, as its process tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) workload: String,
    pub(crate) peer: String,
    pub(crate) numbers: Numbers,
}

/// Puts names to numbers.
pub(crate) fn numbers<const N: usize>(named: [(&str, f64); N]) -> Numbers {
    named.into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
}

/// A runtime of one thread.
pub(crate) fn one_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// A runtime of two workers.
pub(crate) fn two_workers() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A moment, in the wall's time and in this process's processor time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    wall: Instant,
    cpu: Duration,
}

impl Moment {
    pub(crate) fn now() -> Result<Self> {
        let cpu = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
        Ok(Self { wall: Instant::now(), cpu: cpu.into() })
    }

    /// What went by since.
    pub(crate) fn until_now(&self) -> Result<Used> {
        let now = Self::now()?;
        Ok(Used { wall: now.wall - self.wall, cpu: now.cpu.saturating_sub(self.cpu) })
    }
}

/// Time that went by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

impl Used {
    /// How many cores were at work for this process on average.
    pub(crate) fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    pub(crate) fn kops(&self, ops: u64) -> f64 {
        ops as f64 / self.wall.as_secs_f64() / 1e3
    }

    pub(crate) fn cpu_ns(&self, ops: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / ops as f64
    }
}

/// A field of this process's status, in bytes.
pub(crate) fn memory(field: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).ok_or("no such field")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// What the tasks of a measurement are to do now. On a line of its own: all of them read it.
#[repr(align(128))]
struct Phase(AtomicU8);

static PHASE: Phase = Phase(AtomicU8::new(0));

/// What is done counts; before it, tasks warm up.
pub(crate) const MEASURE: u8 = 1;
/// It is over.
pub(crate) const STOP: u8 = 2;

/// The phase of this process's one measurement.
pub(crate) fn phase() -> u8 {
    PHASE.0.load(Ordering::Relaxed)
}

/// Lets tasks that are running warm up, then measures them for `window`. Called from outside of the
/// runtime.
pub(crate) fn through(warm: Duration, window: Duration) -> Result<Used> {
    std::thread::sleep(warm);
    let start = Moment::now()?;
    PHASE.0.store(MEASURE, Ordering::Relaxed);
    std::thread::sleep(window);
    PHASE.0.store(STOP, Ordering::Relaxed);
    start.until_now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_had_by_its_name() {
        assert!(memory("VmRSS").is_ok_and(|bytes| bytes > 100_000));
        assert!(memory("VmHWM").is_ok_and(|bytes| bytes > 100_000));
        assert!(memory("VmNothing").is_err());
    }

    #[test]
    fn cores_are_processor_time_by_time() {
        let used = Used { wall: Duration::from_millis(500), cpu: Duration::from_secs(1) };
        assert_eq!(used.cores(), 2.0);
        assert_eq!(used.kops(1_000_000), 2000.0);
        assert_eq!(used.cpu_ns(1_000_000), 1000.0);
    }
}
