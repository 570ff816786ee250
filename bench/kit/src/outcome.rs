//! What one measurement found: one line of JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Used;
use crate::{Histogram, Job};

/// What one measurement found. What a group does not measure is not there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The group.
    pub group: String,
    /// Who was measured.
    pub peer: String,
    /// Operations or rows per second, or what the group takes for the one number.
    pub rate: f64,
    /// Operations or rows counted.
    pub count: u64,
    /// Seconds measured.
    pub seconds: f64,
    /// Processor time of this process per operation or row, in µs.
    pub cpu_us: f64,
    /// Cores of the machine that were busy, whoever kept them so.
    pub cores: f64,
    /// Cores that another guest of the host took.
    pub stolen: f64,
    /// Errors, other than those the group counts by themselves.
    pub errors: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Everything else, by name; the unit is in the name.
    pub more: BTreeMap<String, f64>,
}

impl Outcome {
    /// One for `job`, of `count` operations or rows for which `used` was used.
    #[must_use]
    pub fn new(job: &Job, count: u64, used: &Used) -> Self {
        let seconds = used.elapsed.as_secs_f64();
        Self {
            group: job.group.clone(),
            peer: job.peer.clone(),
            rate: count as f64 / seconds.max(1e-9),
            count,
            seconds,
            cpu_us: used.process.as_secs_f64() * 1e6 / (count.max(1)) as f64,
            cores: used.cores,
            stolen: used.stolen,
            errors: 0,
            first_error: None,
            more: BTreeMap::new(),
        }
    }

    /// Adds `value` under `name`.
    pub fn with(&mut self, name: impl Into<String>, value: f64) -> &mut Self {
        self.more.insert(name.into(), value);
        self
    }

    /// Adds percentiles of `times` whose names begin with `prefix`, in µs; none when it is empty.
    pub fn with_times(&mut self, prefix: &str, times: &Histogram) -> &mut Self {
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            if let Some(time) = times.percentile(share) {
                self.with(format!("{prefix}{name}_us"), micros(time));
            }
        }
        self.with(format!("{prefix}max_us"), micros(times.longest()))
    }
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
