//! The groups of measurements: what they need, how they vary, and what is told of them.

/// What a group works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Needs {
    /// A PostgreSQL with its tables made.
    Postgres,
    /// The same, and it gets killed.
    KillPostgres,
    /// A MariaDB with its tables made.
    MariaDb,
    /// A SQLite file.
    File,
}

/// A group.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) needs: Needs,
    /// Whom everybody is compared with.
    pub(crate) floor: Option<&'static str>,
    /// Whom else everybody is compared with; then the fastest that is not ours, too.
    pub(crate) beside: &'static [&'static str],
    /// What of ours is to be level with whom.
    pub(crate) targets: &'static [Target],
    /// What `rate` counts.
    pub(crate) unit: &'static str,
    pub(crate) cells: &'static [Cell],
    /// What else is told: the name in the outcome, the heading, and how it is written.
    pub(crate) more: &'static [(&'static str, &'static str, Shown)],
}

/// A peer that is to be at least level with another.
pub(crate) struct Target {
    pub(crate) peer: &'static str,
    /// Nobody: the fastest that is not ours.
    pub(crate) than: Option<&'static str>,
}

/// One variation of a group.
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    /// What `run` is told.
    pub(crate) args: &'static [&'static str],
    /// What it is told instead for a quick look.
    pub(crate) quick: &'static [&'static str],
    /// How long the server stays away, where it is killed.
    pub(crate) away_ms: u64,
}

/// How a number is written.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// Microseconds, as milliseconds.
    Millis,
    /// Whole.
    Whole,
    /// With two digits.
    Two,
    /// KiB, as MiB.
    Mib,
}

const fn cell(
    name: &'static str,
    args: &'static [&'static str],
    quick: &'static [&'static str],
) -> Cell {
    Cell { name, args, quick, away_ms: 0 }
}

/// The window of a quick look.
const SHORT: &[&str] = &["--warm-up", "100", "--window", "300"];

use Shown::{Mib, Millis, Two, Whole};

const POINT: &[(&str, &str, Shown)] = &[
    ("p50_us", "p50 ms", Millis),
    ("p99_us", "p99 ms", Millis),
    ("max_us", "max ms", Millis),
    ("fairness", "fair", Two),
    ("starved", "starved", Whole),
];
const POINT_CELLS: &[Cell] = &[
    cell("1", &["--tasks", "1"], SHORT),
    cell("16", &["--tasks", "16"], SHORT),
    cell("256", &["--tasks", "256"], SHORT),
];
const BULK: &[(&str, &str, Shown)] = &[("grown_kib", "peak MiB", Mib)];

/// All of them, in the order they are told in.
pub(crate) const ALL: &[Group] = &[
    Group {
        name: "pg-point",
        about: "PostgreSQL, point reads by primary key, 100,000 rows, pool of 8; cells are tasks",
        needs: Needs::Postgres,
        floor: Some("raw-sem8"),
        beside: &[],
        targets: &[],
        unit: "ops/s",
        cells: POINT_CELLS,
        more: POINT,
    },
    Group {
        name: "my-point",
        about: "MariaDB, the same",
        needs: Needs::MariaDb,
        floor: Some("raw-sem8"),
        beside: &[],
        targets: &[],
        unit: "ops/s",
        cells: POINT_CELLS,
        more: POINT,
    },
    Group {
        name: "pg-fetch",
        about: "PostgreSQL, 1,000,000 rows fetched and decoded: int8, int4, text, float8 (4col), \
                timestamptz, numeric (6col)",
        needs: Needs::Postgres,
        floor: Some("raw-stream"),
        beside: &[],
        targets: &[],
        unit: "rows/s",
        cells: &[
            cell("6col", &["--columns", "6", "--rows", "1000000"], &["--rows", "100000"]),
            cell("4col", &["--columns", "4", "--rows", "1000000"], &["--rows", "100000"]),
        ],
        more: BULK,
    },
    Group {
        name: "pg-insert",
        about: "PostgreSQL, 100,000 rows of int8, int4, text, float8 in one transaction, no index",
        needs: Needs::Postgres,
        floor: Some("raw-copy"),
        beside: &[],
        targets: &[],
        unit: "rows/s",
        cells: &[cell("100k", &["--rows", "100000"], &["--rows", "20000"])],
        more: BULK,
    },
    Group {
        name: "pg-write",
        about: "PostgreSQL, 100,000 rows of int8, text, int4, float8, timestamptz, no index, all or \
                none. Making the values counts, and making records and text of them; files of CSV \
                and the rows of ours-load-rows are there before",
        needs: Needs::Postgres,
        floor: Some("raw-copy"),
        beside: &["raw-copy-file", "sqlx-unnest"],
        targets: &[
            Target { peer: "ours-load-rows", than: None },
            Target { peer: "ours-load-file", than: Some("sqlx-copy-file") },
            Target { peer: "ours-load-file", than: Some("raw-copy-file") },
            Target { peer: "ours-insert-many", than: Some("sqlx-unnest") },
        ],
        unit: "rows/s",
        cells: &[cell("100k", &["--rows", "100000"], &["--rows", "20000"])],
        more: BULK,
    },
    Group {
        name: "sqlite-read",
        about: "SQLite, point reads by primary key, 100,000 rows, WAL, pool of 8; cells are tasks. \
                The floor is one plain thread",
        needs: Needs::File,
        floor: Some("raw"),
        beside: &[],
        targets: &[],
        unit: "ops/s",
        cells: &[cell("1", &["--tasks", "1"], SHORT), cell("16", &["--tasks", "16"], SHORT)],
        more: POINT,
    },
    Group {
        name: "sqlite-mix",
        about: "SQLite, 9 point reads to 1 transaction that reads, then writes; 16 tasks",
        needs: Needs::File,
        floor: Some("raw"),
        beside: &[],
        targets: &[],
        unit: "ops/s",
        cells: &[cell("16", &["--tasks", "16"], SHORT)],
        more: &[
            ("writes_per_s", "writes/s", Whole),
            ("write_p99_us", "write p99 ms", Millis),
            ("write_max_us", "write max ms", Millis),
            ("busy_per_s", "busy/s", Whole),
            ("fairness", "fair", Two),
            ("starved", "starved", Whole),
        ],
    },
    Group {
        name: "sqlite-scan",
        about: "SQLite, a task that scans for 10 ms and rests for 3, beside a ticker of 1 ms; \
                two workers",
        needs: Needs::File,
        floor: None,
        beside: &[],
        targets: &[],
        unit: "scans/s",
        cells: &[cell("", &["--window", "3000"], &["--window", "1000"])],
        more: &[
            ("scan_p50_us", "scan p50 ms", Millis),
            ("tick_p50_us", "tick p50 ms", Millis),
            ("tick_p99_us", "tick p99 ms", Millis),
            ("tick_p999_us", "tick p99.9 ms", Millis),
            ("tick_max_us", "tick max ms", Millis),
        ],
    },
    Group {
        name: "sqlite-insert",
        about: "SQLite, 100,000 rows of 4 columns in one transaction",
        needs: Needs::File,
        floor: Some("raw"),
        beside: &[],
        targets: &[],
        unit: "rows/s",
        cells: &[cell("100k", &["--rows", "100000"], &["--rows", "20000"])],
        more: BULK,
    },
    Group {
        name: "sqlite-fetch",
        about: "SQLite, 500,000 rows of 5 columns fetched and decoded",
        needs: Needs::File,
        floor: Some("raw"),
        beside: &[],
        targets: &[],
        unit: "rows/s",
        cells: &[cell("5col", &["--columns", "5", "--rows", "500000"], &["--rows", "100000"])],
        more: BULK,
    },
    Group {
        name: "pg-kill",
        about: "PostgreSQL killed by SIGKILL under 64 tasks on a pool of 8, who retry 10 ms after \
                an error; times count from when a fresh connection of the plain driver is answered",
        needs: Needs::KillPostgres,
        floor: None,
        beside: &[],
        targets: &[],
        unit: "ops/s before",
        cells: &[
            Cell { name: "at-once", args: &["--tasks", "64"], quick: &[], away_ms: 0 },
            Cell { name: "after-2s", args: &["--tasks", "64"], quick: &[], away_ms: 2000 },
        ],
        more: &[
            ("errors_seen", "errors", Whole),
            ("errors_after_up", "of them after up", Whole),
            ("down_ms", "down ms", Whole),
            ("outage_ms", "outage ms", Whole),
            ("first_success_ms", "first success ms", Whole),
            ("full_ms", "full ms", Whole),
            ("longest_call_ms", "longest call ms", Whole),
        ],
    },
];

/// The name of the group that builds and runs the smallest programs; not made of rounds.
pub(crate) const SIZE: &str = "size";
