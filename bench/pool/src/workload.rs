//! The workloads: their names, how often they are worth repeating, and the columns of their tables.

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    W1,
    W2,
    W3,
    W4,
    W5,
    W5x,
    W6,
    W7,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// The number it shows.
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    pub(crate) decimals: usize,
}

/// Which way a number is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Good {
    Low,
    High,
}

const fn column(key: &'static str, title: &'static str, decimals: usize) -> Column {
    Column { key, title, decimals }
}

/// A window of W2 in which fewer cores were at work says nothing about two tasks in parallel.
pub(crate) const ENOUGH_CORES: f64 = 1.8;

impl Workload {
    pub(crate) const ALL: [Self; 8] =
        [Self::W1, Self::W2, Self::W3, Self::W4, Self::W5, Self::W5x, Self::W6, Self::W7];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W5x => "W5x",
            Self::W6 => "W6",
            Self::W7 => "W7",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::W1 => "one task, pool of 10, get and drop",
            Self::W2 => "two tasks in parallel, pool of 16, get and drop; per task",
            Self::W3 => "64 tasks, pool of 8, one yield while holding",
            Self::W4 => "10,000 tasks of 20 acquires, pool of 32, one yield while holding",
            Self::W5 => "storm of cancellations: pool of 2, 64 tasks, 50 us limits, 200 us holds",
            Self::W5x => "the storm, half by the pool's own deadlines, with a manager that panics",
            Self::W6 => "allocations per acquire, and sizes in bytes",
            Self::W7 => "instructions per acquire, by callgrind",
        }
    }

    /// What is counted instead of timed needs no more rounds than these.
    pub(crate) fn most_rounds(self) -> usize {
        match self {
            Self::W1 | Self::W2 | Self::W3 | Self::W4 => usize::MAX,
            Self::W5 | Self::W5x => 3,
            Self::W6 | Self::W7 => 2,
        }
    }

    /// The number that peers are compared by, if there is one.
    pub(crate) fn main(self) -> Option<(&'static str, Good)> {
        match self {
            Self::W1 | Self::W2 => Some(("ns", Good::Low)),
            Self::W3 | Self::W4 => Some(("kops", Good::High)),
            Self::W7 => Some(("free", Good::Low)),
            Self::W5 | Self::W5x | Self::W6 => None,
        }
    }

    /// False for a round that was not what it is meant to be.
    pub(crate) fn counts(self, cores: Option<f64>) -> bool {
        self != Self::W2 || cores.is_some_and(|cores| cores >= ENOUGH_CORES)
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::W1 => const { &[column("ns", "ns/op", 1), column("best", "best batch", 1)] },
            Self::W2 => const { &[column("ns", "ns/op", 1), column("cores", "cores", 2)] },
            Self::W3 => {
                const {
                    &[
                        column("kops", "kops/s", 0),
                        column("fair", "fair", 3),
                        column("p50", "p50 us", 1),
                        column("p99", "p99 us", 1),
                        column("p999", "p99.9 us", 1),
                        column("cpu", "cpu ns/op", 0),
                        column("cores", "cores", 2),
                    ]
                }
            }
            Self::W4 => {
                const {
                    &[
                        column("kops", "kops/s", 0),
                        column("p50", "p50 us", 0),
                        column("p999", "p99.9 us", 0),
                        column("grown", "MiB grown", 1),
                        column("cpu", "cpu ns/op", 0),
                        column("cores", "cores", 2),
                    ]
                }
            }
            Self::W5 | Self::W5x => {
                const {
                    &[
                        column("given", "given", 0),
                        column("third", "third", 0),
                        column("most", "most held", 0),
                        column("made", "made", 0),
                        column("again", "again", 0),
                        column("errors", "errors", 0),
                        column("panics", "panics", 0),
                        column("cancelled", "cancelled k/s", 1),
                        column("expired", "expired k/s", 1),
                        column("served", "served k/s", 1),
                        column("cores", "cores", 2),
                    ]
                }
            }
            Self::W6 => {
                const {
                    &[
                        column("free", "free allocs", 3),
                        column("free_bytes", "bytes", 0),
                        column("contended", "contended allocs", 3),
                        column("contended_bytes", "bytes", 0),
                        column("future", "future B", 0),
                        column("guard", "guard B", 0),
                    ]
                }
            }
            Self::W7 => const { &[column("free", "free", 0), column("contended", "contended", 0)] },
        }
    }
}
