//! What is wanted of the engine, and what of it was reached.

use serde::Serialize;

use crate::compare::Results;
use crate::stats::{Spread, interval};
use crate::table::aligned;
use crate::workload::{Good, Workload};

/// What a target is about.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// The number by that of the best peer of the same round; the median of the rounds.
    Ratio(Good),
    /// The number itself, the median of the rounds.
    Number,
    /// The number itself, the worst of the rounds: for what may never happen.
    Worst,
}

/// A limit.
#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

use Limit::{AtLeast, AtMost, Exactly};

struct Target {
    workload: Workload,
    peer: &'static str,
    key: &'static str,
    what: &'static str,
    of: Of,
    must: Limit,
    stretch: Option<Limit>,
}

const fn target(
    workload: Workload,
    peer: &'static str,
    key: &'static str,
    what: &'static str,
    of: Of,
    must: Limit,
    stretch: Option<Limit>,
) -> Target {
    Target { workload, peer, key, what, of, must, stretch }
}

use Of::{Number, Ratio, Worst};
use Workload::{W1, W2, W3, W4, W5, W5x, W6, W7};

const TIME: Of = Ratio(Good::Low);
const RATE: Of = Ratio(Good::High);

const ALL: &[Target] = &[
    target(W1, "ours", "ns", "time, by best peer", TIME, AtMost(0.18), Some(AtMost(0.10))),
    target(W1, "ours", "best", "best batch, by best peer", TIME, AtMost(0.18), Some(AtMost(0.10))),
    target(W2, "ours", "ns", "time, by best peer", TIME, AtMost(0.15), Some(AtMost(0.03))),
    target(W2, "ours-owned", "ns", "time, by best peer", TIME, AtMost(0.22), Some(AtMost(0.04))),
    target(W3, "ours", "kops", "rate, by best peer", RATE, AtLeast(1.35), Some(AtLeast(1.55))),
    target(W3, "ours", "fair", "fairness", Number, AtLeast(0.98), None),
    target(W4, "ours", "kops", "rate, by best peer", RATE, AtLeast(1.40), Some(AtLeast(1.70))),
    target(W4, "ours", "p999", "p99.9, by best peer", TIME, AtMost(1.0), None),
    target(W5, "ours", "given", "given after the storm", Worst, Exactly(2.0), None),
    target(W5, "ours", "third", "more than its size", Worst, Exactly(0.0), None),
    target(W5, "ours", "most", "most held at once", Worst, AtMost(2.0), None),
    target(W5, "ours", "made", "connections made", Worst, AtMost(2.0), None),
    target(W5, "ours", "again", "of 100 further acquires", Worst, Exactly(100.0), None),
    target(W5x, "ours", "given", "given after the storm", Worst, Exactly(2.0), None),
    target(W5x, "ours", "third", "more than its size", Worst, Exactly(0.0), None),
    target(W5x, "ours", "most", "most held at once", Worst, AtMost(2.0), None),
    target(W5x, "ours", "again", "of 100 further acquires", Worst, Exactly(100.0), None),
    target(W5x, "ours", "panics", "panics arranged", Worst, AtLeast(1.0), None),
    target(W6, "ours", "free", "allocations, free", Number, Exactly(0.0), None),
    target(W6, "ours", "contended", "allocations, contended", Number, Exactly(0.0), None),
    target(W6, "ours", "future", "bytes of the future", Number, AtMost(48.0), Some(AtMost(24.0))),
    target(W6, "ours", "guard", "bytes of the guard", Number, AtMost(24.0), Some(AtMost(16.0))),
    target(W7, "ours", "free", "instructions, free", Number, AtMost(220.0), Some(AtMost(150.0))),
    target(
        W7,
        "ours",
        "contended",
        "instructions, contended",
        Number,
        AtMost(1350.0),
        Some(AtMost(1230.0)),
    ),
];

/// How it went with one target.
#[derive(Debug, Serialize)]
pub(crate) struct Judged {
    workload: &'static str,
    peer: &'static str,
    target: &'static str,
    must: String,
    stretch: Option<String>,
    reached: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    verdict: &'static str,
}

impl Limit {
    fn allows(self, value: f64) -> bool {
        // What is counted over many operations may be off by one of them: a task of the pool ran.
        const SLACK: f64 = 0.001;
        match self {
            AtMost(limit) => value <= limit,
            AtLeast(limit) => value >= limit,
            Exactly(limit) => (value - limit).abs() < SLACK,
        }
    }

    fn shown(self) -> String {
        match self {
            AtMost(limit) => format!("<= {limit}"),
            AtLeast(limit) => format!(">= {limit}"),
            Exactly(limit) => format!("{limit}"),
        }
    }
}

/// Sets what was measured against what is wanted; what was not measured is told, too.
pub(crate) fn judge(results: &Results) -> Vec<Judged> {
    ALL.iter().map(|target| judge_one(target, results)).collect()
}

fn judge_one(target: &Target, results: &Results) -> Judged {
    let &Target { workload, peer, key, what, of, must, stretch } = target;
    let spread = match of {
        Ratio(good) => results.ratio(workload, peer, key, good),
        Number => interval(&results.values(workload, peer, key)),
        Worst => {
            let values = results.values(workload, peer, key);
            let bad = values.iter().copied().find(|value| !must.allows(*value));
            let told = bad.or(values.first().copied());
            told.map(|value| Spread { low: value, median: value, high: value })
        }
    };
    let verdict = match spread {
        None => "not measured",
        Some(spread) if !must.allows(spread.median) => "MISSED",
        Some(spread) if stretch.is_some_and(|limit| limit.allows(spread.median)) => "stretch",
        Some(_) => "reached",
    };
    Judged {
        workload: workload.name(),
        peer,
        target: what,
        must: must.shown(),
        stretch: stretch.map(Limit::shown),
        reached: spread.map(|spread| spread.median),
        low: spread.map(|spread| spread.low),
        high: spread.map(|spread| spread.high),
        verdict,
    }
}

/// The table of targets, as text.
pub(crate) fn write(judged: &[Judged]) -> String {
    let heads = ["", "pool", "target", "must", "stretch", "reached", "interval", ""];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for judged in judged {
        let shown = |value: f64| match value {
            value if value.abs() >= 10.0 => format!("{value:.0}"),
            value => format!("{value:.3}"),
        };
        rows.push(vec![
            judged.workload.to_owned(),
            judged.peer.to_owned(),
            judged.target.to_owned(),
            judged.must.clone(),
            judged.stretch.clone().unwrap_or_default(),
            judged.reached.map_or("-".to_owned(), shown),
            match (judged.low, judged.high) {
                (Some(low), Some(high)) if low != high => {
                    format!("{}..{}", shown(low), shown(high))
                }
                _ => String::new(),
            },
            judged.verdict.to_owned(),
        ]);
    }
    format!("target / reached\n{}", aligned(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::made_up;

    fn verdict(results: &Results, workload: &str, what: &str) -> &'static str {
        let judged = judge(results);
        let mut found = judged.iter().filter(|j| j.workload == workload && j.target == what);
        found.next().expect("a target").verdict
    }

    #[test]
    fn ratios_are_judged_by_their_median() {
        for (ns, wanted) in [(9.0, "stretch"), (15.0, "reached"), (20.0, "MISSED")] {
            let rows = [(0, "ours", ns, true), (0, "asyncband", 100.0, true)];
            let results = made_up(W1, "ns", &rows);
            assert_eq!(verdict(&results, "W1", "time, by best peer"), wanted);
            assert_eq!(verdict(&results, "W2", "time, by best peer"), "not measured");
        }
    }

    #[test]
    fn one_bad_round_is_too_many_where_none_may_be() {
        let rows = [(0, "ours", 2.0, true), (1, "ours", 1.0, true), (2, "ours", 2.0, true)];
        let results = made_up(W5, "given", &rows);
        assert_eq!(verdict(&results, "W5", "given after the storm"), "MISSED");
        let results = made_up(W5, "given", &rows[..1]);
        assert_eq!(verdict(&results, "W5", "given after the storm"), "reached");
        assert!(write(&judge(&results)).lines().count() > ALL.len());
    }
}
