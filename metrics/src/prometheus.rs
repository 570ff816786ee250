//! The Prometheus text format, version 0.0.4.

use std::fmt::Write as _;
use std::time::Duration;

use wellspring_pool_core::{BreakerState, HistogramSnapshot, Stats, WorkKind};

use crate::names;

/// The upper bounds of the exported buckets: 100 µs to 30 s.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Renders snapshots of any number of pools as one exposition. Serve it as
/// `text/plain; version=0.0.4`.
///
/// A duration is counted under the first bound its recorder's bucket lies wholly below, so a bucket
/// never claims a duration that may have been longer.
///
/// ```
/// # use wellspring_pool_core::Stats;
/// # fn demo(orders: Stats, users: Stats) {
/// let text = wellspring_metrics::prometheus::render(&[orders, users]);
/// assert!(text.contains("# TYPE db_client_connection_count gauge"));
/// # }
/// ```
pub fn render(pools: &[Stats]) -> String {
    let mut out = String::new();
    count(&mut out, pools);
    gauge(&mut out, pools, names::MAX, "the most connections kept", |s| s.status.max_size);
    gauge(&mut out, pools, names::PENDING_REQUESTS, "callers that wait", |s| s.status.waiting);
    counter(&mut out, pools, names::TIMEOUTS, "acquires that timed out", |s| s.counters.timed_out);
    counter(&mut out, pools, names::OPENED, "connections opened", |s| s.counters.connected);
    counter(&mut out, pools, names::CONNECT_FAILURES, "failed attempts to connect", |s| {
        s.counters.connect_failures
    });
    gauge(&mut out, pools, names::BREAKER_OPEN, "1 while the breaker is not closed", |s| {
        usize::from(s.status.breaker != BreakerState::Closed)
    });
    counter(&mut out, pools, names::LEAKS, "connections held for too long", |s| s.counters.leaks);
    closed(&mut out, pools);
    work(&mut out, pools);
    for (name, help, pick) in [
        (names::CREATE_TIME, "opening a connection", (|s| &s.connect) as fn(&Stats) -> &_),
        (names::WAIT_TIME, "waiting for a connection", |s| &s.wait),
        (names::USE_TIME, "holding a connection", |s| &s.usage),
        (names::VALIDATE_TIME, "proving a connection alive", |s| &s.validate),
        (names::RESET_TIME, "cleaning a connection", |s| &s.reset),
    ] {
        histogram(&mut out, pools, name, help, pick);
    }
    out
}

fn count(out: &mut String, pools: &[Stats]) {
    let name = head(out, names::COUNT, "", "gauge", "connections by state");
    for stats in pools {
        let status = &stats.status;
        for (state, count) in [
            ("idle", status.idle),
            ("used", status.used),
            ("connecting", status.connecting),
            ("validating", status.validating),
            ("resetting", status.resetting),
            ("closing", status.closing),
            ("abandoned", status.abandoned),
        ] {
            sample(out, &name, stats, &[(names::STATE, state)], count);
        }
    }
}

fn gauge(out: &mut String, pools: &[Stats], name: &str, help: &str, pick: fn(&Stats) -> usize) {
    let name = head(out, name, "", "gauge", help);
    for stats in pools {
        sample(out, &name, stats, &[], pick(stats));
    }
}

fn counter(out: &mut String, pools: &[Stats], name: &str, help: &str, pick: fn(&Stats) -> u64) {
    let name = head(out, name, "_total", "counter", help);
    for stats in pools {
        sample(out, &name, stats, &[], pick(stats));
    }
}

fn closed(out: &mut String, pools: &[Stats]) {
    let name = head(out, names::CLOSED, "_total", "counter", "connections closed, by reason");
    for stats in pools {
        for (reason, count) in stats.counters.closed.by_reason() {
            sample(out, &name, stats, &[("reason", reason)], count);
        }
    }
}

fn work(out: &mut String, pools: &[Stats]) {
    let name = head(out, names::WORK, "_total", "counter", "work done, by kind and outcome");
    for stats in pools {
        for (kind, label) in [
            (WorkKind::Query, "query"),
            (WorkKind::Transaction, "transaction"),
            (WorkKind::Rollback, "rollback"),
            (WorkKind::Other, "other"),
        ] {
            let work = stats.work.get(kind);
            let done = work.count - work.errors;
            sample(out, &name, stats, &[("kind", label), ("outcome", "ok")], done);
            sample(out, &name, stats, &[("kind", label), ("outcome", "error")], work.errors);
        }
    }
}

fn histogram(
    out: &mut String,
    pools: &[Stats],
    name: &str,
    help: &str,
    pick: fn(&Stats) -> &HistogramSnapshot,
) {
    let name = head(out, name, "_seconds", "histogram", help);
    for stats in pools {
        let times = pick(stats);
        let bucket = format!("{name}_bucket");
        for bound in BOUNDS {
            let below: u64 =
                times.buckets.iter().filter(|b| b.upper <= bound).map(|b| b.count).sum();
            sample(out, &bucket, stats, &[("le", &bound.as_secs_f64().to_string())], below);
        }
        sample(out, &bucket, stats, &[("le", "+Inf")], times.count);
        sample(out, &format!("{name}_sum"), stats, &[], times.sum.as_secs_f64());
        sample(out, &format!("{name}_count"), stats, &[], times.count);
    }
}

/// Writes the head of a family and returns its name.
fn head(out: &mut String, name: &str, suffix: &str, kind: &str, help: &str) -> String {
    let name = format!("{}{suffix}", name.replace('.', "_"));
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
    name
}

fn sample(
    out: &mut String,
    name: &str,
    stats: &Stats,
    labels: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    write!(out, "{name}{{").expect("a String takes all");
    label(out, names::POOL_NAME, &stats.name);
    for (key, value) in labels {
        out.push(',');
        label(out, key, value);
    }
    writeln!(out, "}} {value}").expect("a String takes all");
}

fn label(out: &mut String, key: &str, value: &str) {
    out.push_str(&key.replace('.', "_"));
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}
