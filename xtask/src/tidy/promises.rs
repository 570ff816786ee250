//! The feature map: every row present, well formed, and every proof it names in its place.

use super::Finding;
use super::rust::{code_only, has_word};

pub(crate) const PATH: &str = "docs/promises.md";

/// How many features there are.
const ROWS: usize = 157;
/// The parts of the building plan that rows may be planned for.
const PARTS: std::ops::RangeInclusive<u32> = 1..=6;

const FORMS: &str = "`planned (part N)`, `planned (later: topic)`, `done: ` and tests, `partly: ` \
                     and tests, `; planned (…)`, or `refused: reason`";

/// Checks the map. `rooms` are the known packages, `read` gives a file's text.
pub(crate) fn check(
    text: &str,
    rooms: &[&str],
    read: &dyn Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut next = 1;
    for (number, line) in text.lines().enumerate() {
        let mut find = |wrong: String, right: String| {
            findings.push(Finding::new(PATH, number + 1, wrong, right));
        };
        let Some(cells) = cells(line) else { continue };
        let Ok(row) = cells[0].parse::<usize>() else {
            continue;
        };
        if row != next {
            find(
                format!("row {row} stands where row {next} belongs"),
                format!("rows 1 to {ROWS}, each once, in order"),
            );
        }
        next = row + 1;
        let [_, promise, room, status] = cells[..] else {
            find(
                format!("row {row} has {} cells", cells.len()),
                "four: number, promise, room, status".to_owned(),
            );
            continue;
        };
        if promise.is_empty() {
            find(format!("row {row} promises nothing"), "a sentence would be right".to_owned());
        }
        for room in room.split(',').map(str::trim) {
            if !rooms.contains(&room) {
                find(
                    format!("row {row} names the unknown room `{room}`"),
                    format!("the rooms are {}", rooms.join(", ")),
                );
            }
        }
        match parse(status) {
            Err(wrong) => find(format!("row {row}: {wrong}"), format!("a status is {FORMS}")),
            Ok(tests) => {
                for test in tests {
                    if let Err(wrong) = exists(test, read) {
                        find(
                            format!("row {row}: {wrong}"),
                            "name a test that exists, as `path/to/file.rs::name`".to_owned(),
                        );
                    }
                }
            }
        }
    }
    if next <= ROWS {
        findings.push(Finding::new(
            PATH,
            text.lines().count().max(1),
            format!("the map ends before row {next}"),
            format!("rows 1 to {ROWS}, each once, in order"),
        ));
    } else if next > ROWS + 1 {
        findings.push(Finding::new(
            PATH,
            text.lines().count(),
            format!("the map goes on to row {}", next - 1),
            format!("rows 1 to {ROWS}, each once, in order"),
        ));
    }
    findings
}

/// The trimmed cells of a table row; `None` for other lines.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// The tests that a status names.
fn parse(status: &str) -> Result<Vec<&str>, String> {
    if let Some(reason) = status.strip_prefix("refused:") {
        return match reason.trim() {
            "" => Err("refused without a reason".to_owned()),
            _ => Ok(Vec::new()),
        };
    }
    if let Some(tests) = status.strip_prefix("done:") {
        return names(tests);
    }
    if let Some(rest) = status.strip_prefix("partly:") {
        let (tests, planned) =
            rest.split_once(';').ok_or("partly done, but the rest is not planned")?;
        plan(planned.trim())?;
        return names(tests);
    }
    plan(status).map(|()| Vec::new())
}

fn plan(status: &str) -> Result<(), String> {
    let inner = status.strip_prefix("planned (").and_then(|rest| rest.strip_suffix(')'));
    let known = inner.is_some_and(|inner| {
        let part = inner.strip_prefix("part ").and_then(|part| part.parse().ok());
        let topic = inner.strip_prefix("later:").map(str::trim);
        part.is_some_and(|part| PARTS.contains(&part))
            || topic.is_some_and(|topic| !topic.is_empty())
    });
    if known { Ok(()) } else { Err(format!("unknown status `{status}`")) }
}

/// The names in a list of `` `path::name` ``, with or without brackets around it.
fn names(list: &str) -> Result<Vec<&str>, String> {
    let list = list.trim();
    let list = list.strip_prefix('[').and_then(|l| l.strip_suffix(']')).unwrap_or(list);
    list.split(',')
        .map(|name| {
            name.trim()
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
                .filter(|name| !name.is_empty())
                .ok_or_else(|| format!("`{}` is not a test in back quotes", name.trim()))
        })
        .collect()
}

/// Checks that `test`, a `path::name`, names a function in a file.
fn exists(test: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    let (path, name) = match test.split_once("::") {
        Some((path, name)) if path.ends_with(".rs") => (path, name),
        _ => {
            return Err(format!("`{test}` is not of the form `path/to/file.rs::name`"));
        }
    };
    let Some(text) = read(path) else {
        return Err(format!("there is no file `{path}`"));
    };
    let function = format!("fn {}", name.rsplit("::").next().unwrap_or(name));
    if code_only(&text).lines().any(|line| has_word(line, &function)) {
        Ok(())
    } else {
        Err(format!("`{path}` has no `{function}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<String> {
        (path == "tests/a.rs").then(|| "//! A.\n// fn hidden\nasync fn keeps_it() {}\n".to_owned())
    }

    /// A map of all rows with `row` put in place of its own number's.
    fn wrong(row: &str) -> Vec<String> {
        let number = cells(row).unwrap()[0].parse::<usize>().unwrap();
        let text: String = (1..=ROWS)
            .map(|n| match n == number {
                true => format!("{row}\n"),
                false => format!("| {n} | P. | a | planned (part 1) |\n"),
            })
            .collect();
        check(&text, &["a", "b"], &read).into_iter().map(|f| f.to_string()).collect()
    }

    #[test]
    fn every_form_of_status_passes() {
        for status in [
            "planned (part 6)",
            "planned (later: topology)",
            "done: `tests/a.rs::keeps_it`",
            "done: [`tests/a.rs::keeps_it`, `tests/a.rs::inner::keeps_it`]",
            "partly: `tests/a.rs::keeps_it`; planned (part 3)",
            "refused: it cannot be asked for",
        ] {
            assert!(wrong(&format!("| 7 | P. | a, b | {status} |")).is_empty(), "{status}");
        }
    }

    #[test]
    fn every_rule_can_fail() {
        for (row, part) in [
            ("| 7 | P. | a | planned (part 7) |", "unknown status"),
            ("| 7 | P. | a | planned (later: ) |", "unknown status"),
            ("| 7 | P. | a | soon |", "unknown status"),
            ("| 7 | P. | a | refused: |", "without a reason"),
            ("| 7 | P. | a | done: |", "back quotes"),
            ("| 7 | P. | a | done: tests/a.rs::keeps_it |", "back quotes"),
            ("| 7 | P. | a | done: `keeps_it` |", "of the form"),
            ("| 7 | P. | a | done: `tests/b.rs::keeps_it` |", "no file `tests/b.rs`"),
            ("| 7 | P. | a | done: `tests/a.rs::keeps` |", "no `fn keeps`"),
            ("| 7 | P. | a | done: `tests/a.rs::hidden` |", "no `fn hidden`"),
            ("| 7 | P. | a | partly: `tests/a.rs::keeps_it` |", "not planned"),
            ("| 7 | P. | c | planned (part 1) |", "unknown room `c`"),
            ("| 7 |  | a | planned (part 1) |", "promises nothing"),
            ("| 7 | P. | planned (part 1) |", "3 cells"),
        ] {
            let found = wrong(row);
            assert_eq!(found.len(), 1, "{row}: {found:?}");
            assert!(found[0].starts_with("docs/promises.md:7: "), "{}", found[0]);
            assert!(found[0].contains(part), "{row}: {}", found[0]);
        }
    }

    #[test]
    fn rows_are_complete_and_in_order() {
        let map = |rows: &[usize]| {
            let rows = rows.iter().map(|n| format!("| {n} | P. | a | planned (part 1) |\n"));
            check(&rows.collect::<String>(), &["a"], &read).len()
        };
        let all: Vec<usize> = (1..=ROWS).collect();
        assert_eq!(map(&all), 0);
        assert_eq!(map(&all[..ROWS - 1]), 1);
        assert_eq!(map(&[]), 1);
        let more: Vec<usize> = (1..=ROWS + 1).collect();
        assert_eq!(map(&more), 1);
        let mut twice = all.clone();
        twice.insert(5, 5);
        assert_eq!(map(&twice), 1);
        let mut swapped = all;
        swapped.swap(3, 4);
        assert!(map(&swapped) >= 1);
    }
}
