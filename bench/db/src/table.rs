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
    text
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
}
