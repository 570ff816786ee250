//! Processor time: of this process, and of the whole machine.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Result;

/// One reading of all clocks.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Of the wall.
    pub at: Instant,
    /// User and system time of this process, all threads.
    pub process: Duration,
    machine: Machine,
}

#[derive(Debug, Clone, Copy)]
struct Machine {
    busy: u64,
    stolen: u64,
}

/// What was used between two readings.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Time on the wall.
    pub elapsed: Duration,
    /// Processor time of this process.
    pub process: Duration,
    /// Cores of the machine that were busy on average, whoever kept them so. The kernel counts in
    /// steps of 10 ms: worth little for less than 200 ms.
    pub cores: f64,
    /// Cores that another guest of the host took.
    pub stolen: f64,
}

impl Reading {
    /// Reads them all now.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn now() -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Ok(Self {
            at: Instant::now(),
            process: Duration::from_micros(micros.unsigned_abs()),
            machine: Machine::now()?,
        })
    }

    /// What was used since.
    ///
    /// # Errors
    /// As [`now`](Self::now).
    pub fn used(&self) -> Result<Used> {
        Ok(self.until(&Self::now()?))
    }

    /// What was used until `end`.
    #[must_use]
    pub fn until(&self, end: &Self) -> Used {
        let elapsed = end.at - self.at;
        // USER_HZ is 100 on Linux.
        let cores = |from: u64, to: u64| {
            to.saturating_sub(from) as f64 / 100.0 / elapsed.as_secs_f64().max(1e-9)
        };
        Used {
            elapsed,
            process: end.process.saturating_sub(self.process),
            cores: cores(self.machine.busy, end.machine.busy),
            stolen: cores(self.machine.stolen, end.machine.stolen),
        }
    }
}

impl Machine {
    fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let first = stat.lines().next().unwrap_or_default();
        // cpu user nice system idle iowait irq softirq steal …
        let fields = first
            .split_whitespace()
            .skip(1)
            .map(str::parse)
            .collect::<std::result::Result<Vec<u64>, _>>()?;
        let &[user, nice, system, _, _, irq, softirq, steal, ..] = fields.as_slice() else {
            return Err(format!("/proc/stat begins with `{first}`").into());
        };
        Ok(Self { busy: user + nice + system + irq + softirq, stolen: steal })
    }
}
