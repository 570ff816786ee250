//! The table of a workload: a row for each pool, medians of the rounds that count.

use crate::compare::Results;
use crate::peers::Entry;
use crate::stats::median;
use crate::workload::{ENOUGH_CORES, Workload};

/// The table as text, with its title and what was dropped.
pub(crate) fn write(results: &Results, workload: Workload, peers: &[&'static Entry]) -> String {
    let main = workload.main();
    let columns: Vec<_> = workload
        .columns()
        .iter()
        .filter(|column| {
            peers.iter().any(|peer| !results.values(workload, peer.name, column.key).is_empty())
        })
        .collect();
    let mut rows = vec![vec!["pool".to_owned(), "rounds".to_owned()]];
    rows[0].extend(columns.iter().map(|column| column.title.to_owned()));
    if main.is_some() {
        rows[0].extend(["min..max", "to best peer"].map(str::to_owned));
    }
    let (mut dropped, mut all) = (0, 0);
    for peer in peers.iter().filter(|peer| peer.workloads.contains(&workload)) {
        let (kept, made) = results.kept(workload, peer.name);
        (dropped, all) = (dropped + made - kept, all + made);
        let mut row = vec![peer.name.to_owned(), format!("{kept}/{made}")];
        for column in &columns {
            let values = results.values(workload, peer.name, column.key);
            row.push(
                median(&values)
                    .map_or("-".to_owned(), |median| format!("{median:.*}", column.decimals)),
            );
        }
        if let Some((key, good)) = main {
            let values = results.values(workload, peer.name, key);
            let decimals =
                columns.iter().find(|column| column.key == key).map_or(0, |column| column.decimals);
            row.push(
                match (
                    values.iter().copied().reduce(f64::min),
                    values.iter().copied().reduce(f64::max),
                ) {
                    (Some(min), Some(max)) => format!("{min:.decimals$}..{max:.decimals$}"),
                    _ => "-".to_owned(),
                },
            );
            row.push(match results.ratio(workload, peer.name, key, good) {
                Some(r) => format!("{:.3} ({:.3}..{:.3})", r.median, r.low, r.high),
                None => "-".to_owned(),
            });
        }
        rows.push(row);
    }
    let mut text = format!("{}: {}\n{}", workload.name(), workload.title(), aligned(&rows));
    if dropped > 0 {
        text.push_str(&format!(
            "{dropped} of {all} measurements dropped: on fewer than {ENOUGH_CORES} cores\n"
        ));
    }
    text
}

/// Columns as wide as they need to be, numbers to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(String::len).max();
    let widths: Vec<usize> = (0..count).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::made_up;

    #[test]
    fn a_table_tells_medians_ratios_and_what_was_dropped() {
        let rows = [
            (0, "ours", 10.0, true),
            (0, "asyncband", 100.0, true),
            (1, "ours", 14.0, true),
            (1, "asyncband", 100.0, true),
            (2, "ours", 999.0, false),
        ];
        let results = made_up(Workload::W2, "ns", &rows);
        let peers: Vec<_> = crate::peers::ALL.iter().collect();
        let text = write(&results, Workload::W2, &peers);
        let ours = text.lines().find(|line| line.starts_with("ours ")).expect("a row");
        let cells: Vec<&str> = ours.split_whitespace().collect();
        assert_eq!(cells, ["ours", "2/3", "12.0", "10.0..14.0", "0.120", "(0.100..0.140)"]);
        assert!(text.contains("1 of 5 measurements dropped"), "{text}");
        let sqlx = text.lines().find(|line| line.starts_with("sqlx")).expect("a row");
        assert!(sqlx.contains("0/0") && sqlx.ends_with('-'), "{sqlx}");
    }
}
