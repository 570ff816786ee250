//! The table of a cell: everybody beside the floor of the same rounds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bench_kit::Outcome;

use crate::groups::{Cell, Group, Shown};
use crate::stats::{Spread, interval, quartiles};

/// The outcomes of one peer by round.
pub(crate) type Rounds = BTreeMap<usize, Outcome>;

/// Writes the table of `cell`; `peers` in the order of the rows.
pub(crate) fn write(group: &Group, cell: &Cell, peers: &[(String, Rounds)]) -> String {
    let rounds = peers.iter().map(|(_, rounds)| rounds.len()).max().unwrap_or(0);
    let floor = group.floor.and_then(|floor| peers.iter().find(|(name, _)| name == floor));
    let mut heads = vec!["peer".to_owned(), group.unit.to_owned(), "quartiles".to_owned()];
    if floor.is_some() {
        heads.extend(["vs floor", "95 %", "cpu vs floor"].map(str::to_owned));
    }
    let others = others(group, peers);
    heads.extend(others.iter().map(|(_, head, _)| head.clone()));
    heads.extend(["cpu us", "cores"].map(str::to_owned));
    heads.extend(group.more.iter().map(|(_, head, _)| (*head).to_owned()));
    heads.push("failures".to_owned());

    let mut rows = vec![heads];
    for (name, outcomes) in peers {
        let all = |of: fn(&Outcome) -> f64| outcomes.values().map(of).collect::<Vec<_>>();
        let mut row = vec![name.clone()];
        let Some(rate) = quartiles(&all(|outcome| outcome.rate)) else { continue };
        row.push(number(rate.median));
        row.push(format!("{}..{}", number(rate.low), number(rate.high)));
        if let Some((_, floor)) = floor {
            row.extend(match interval(&ratios(outcomes, floor, |outcome| outcome.rate)) {
                Some(Spread { low, median, high }) => {
                    [format!("{median:.3}"), format!("{low:.3}..{high:.3}")]
                }
                None => [String::new(), String::new()],
            });
            let cpu = interval(&ratios(outcomes, floor, |outcome| outcome.cpu_us));
            row.push(cpu.map_or(String::new(), |cpu| format!("{:.2}", cpu.median)));
        }
        row.extend(others.iter().map(|(_, _, other)| {
            let ratio = interval(&ratios(outcomes, other, |outcome| outcome.rate));
            ratio.map_or(String::new(), |ratio| format!("{:.2}", ratio.median))
        }));
        let median = |of: fn(&Outcome) -> f64| quartiles(&all(of)).map_or(f64::NAN, |s| s.median);
        row.push(format!("{:.2}", median(|outcome| outcome.cpu_us)));
        row.push(format!("{:.2}", median(|outcome| outcome.cores)));
        for (key, _, shown) in group.more {
            let values: Vec<f64> =
                outcomes.values().filter_map(|outcome| outcome.more.get(*key)).copied().collect();
            row.push(quartiles(&values).map_or(String::new(), |spread| shown.write(spread.median)));
        }
        row.push(outcomes.values().map(|outcome| outcome.errors).sum::<u64>().to_string());
        rows.push(row);
    }

    let mut text = format!("\n### {}", group.name);
    if !cell.name.is_empty() {
        let _ = write!(text, " {}", cell.name);
    }
    let rounds =
        if rounds == 1 { "1 round".to_owned() } else { format!("medians of {rounds} rounds") };
    let _ = writeln!(text, "\n\n{} ({rounds}).\n", group.about);
    text.push_str(&aligned(&rows));
    text.push_str(&targets(group, peers));
    text
}

/// Who else everybody is compared with: the name, the head of the column, the outcomes.
fn others<'p>(group: &Group, peers: &'p [(String, Rounds)]) -> Vec<(&'p str, String, &'p Rounds)> {
    let of = |name: &str| peers.iter().find(|(peer, _)| peer == name);
    let named = group.beside.iter().filter_map(|name| of(name));
    let mut others: Vec<_> =
        named.map(|(name, rounds)| (name.as_str(), format!("vs {name}"), rounds)).collect();
    if !group.beside.is_empty()
        && let Some((name, rounds)) = fastest(peers)
    {
        others.push((name, "vs fastest peer".to_owned(), rounds));
    }
    others
}

/// The fastest that is not ours, by its median.
fn fastest(peers: &[(String, Rounds)]) -> Option<(&str, &Rounds)> {
    let rate = |rounds: &Rounds| {
        let rates: Vec<f64> = rounds.values().map(|outcome| outcome.rate).collect();
        quartiles(&rates).map_or(0.0, |rate| rate.median)
    };
    peers
        .iter()
        .filter(|(name, _)| !name.starts_with("ours"))
        .map(|(name, rounds)| (name.as_str(), rounds))
        .max_by(|(_, a), (_, b)| rate(a).total_cmp(&rate(b)))
}

/// What became of the targets of `group`, a line for each whose two sides were measured.
fn targets(group: &Group, peers: &[(String, Rounds)]) -> String {
    let of = |name: &str| {
        let found = peers.iter().find(|(peer, _)| peer == name);
        found.map(|(name, rounds)| (name.as_str(), rounds))
    };
    let mut text = String::new();
    for target in group.targets {
        let than = target.than.map_or_else(|| fastest(peers), of);
        let (Some((name, ours)), Some((than, theirs))) = (of(target.peer), than) else { continue };
        let Some(Spread { low, median, high }) =
            interval(&ratios(ours, theirs, |outcome| outcome.rate))
        else {
            continue;
        };
        let verdict = match () {
            () if median >= 1.0 => "met",
            () if high >= 1.0 => "not resolved",
            () => "missed",
        };
        let fastest = if target.than.is_none() { "the fastest peer, " } else { "" };
        let _ = write!(
            text,
            "\nTarget: {name} at least level with {fastest}{than}: {median:.2} \
             ({low:.2}..{high:.2}), {verdict}."
        );
    }
    if text.is_empty() { text } else { format!("{text}\n") }
}

/// The ratios of peer and floor of the same round.
fn ratios(outcomes: &Rounds, floor: &Rounds, of: fn(&Outcome) -> f64) -> Vec<f64> {
    outcomes
        .iter()
        .filter_map(|(round, outcome)| Some(of(outcome) / of(floor.get(round)?)))
        .filter(|ratio| ratio.is_finite())
        .collect()
}

impl Shown {
    fn write(self, value: f64) -> String {
        match self {
            // What never came about.
            _ if value > 1e300 => "never".to_owned(),
            Self::Millis => format!("{:.3}", value / 1e3),
            Self::Whole => number(value),
            Self::Two => format!("{value:.2}"),
            Self::Mib => format!("{:.1}", value / 1024.0),
        }
    }
}

/// Whole, its thousands apart.
fn number(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < -0.5 { format!("-{text}") } else { text }
}

/// A Markdown table that can be read as it is; the first row is its head.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if at == 0 {
            for (column, &width) in widths.iter().enumerate() {
                let end = if column == 0 { "-" } else { ":" };
                let _ = write!(text, "| {}{end} ", "-".repeat(width.saturating_sub(1)));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(-12_345.0), "-12,345");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["peer", "rate"], ["a", "12,345"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), "| peer |   rate |\n| ---- | -----: |\n| a    | 12,345 |\n");
    }

    fn rounds(rates: &[f64]) -> Rounds {
        let outcome = |&rate: &f64| Outcome { rate, ..Outcome::default() };
        rates.iter().map(outcome).enumerate().collect()
    }

    #[test]
    fn targets_are_met_or_not() {
        let write = crate::groups::ALL.iter().find(|group| group.name == "pg-write");
        let write = write.expect("a group of that name");
        let peers = [
            ("sqlx-unnest", [100.0, 110.0]),
            ("raw-copy", [200.0, 200.0]),
            ("ours-load-rows", [190.0, 170.0]),
            ("ours-insert-many", [100.0, 165.0]),
        ];
        let peers = peers.map(|(name, rates)| (name.to_owned(), rounds(&rates)));
        assert_eq!(
            targets(write, &peers),
            "\nTarget: ours-load-rows at least level with the fastest peer, raw-copy: 0.90 \
             (0.85..0.95), missed.\nTarget: ours-insert-many at least level with sqlx-unnest: 1.25 \
             (1.00..1.50), met.\n"
        );
        let heads: Vec<String> =
            others(write, &peers).into_iter().map(|(_, head, _)| head).collect();
        assert_eq!(heads, ["vs sqlx-unnest", "vs fastest peer"]);
    }
}
