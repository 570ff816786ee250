//! The table: a row for each hazard, a column for each pool, and why a cell is empty.

use std::fmt::Write as _;

use crate::Result;
use crate::cell::{Cell, Found};
use crate::hazards::Hazard;
use crate::peers::Entry;

/// A row: what came of each pool, in the order of the columns.
pub(crate) type Row<'t> = (&'t Hazard, Vec<Result<Cell>>);

/// Writes the table.
pub(crate) fn write(peers: &[&Entry], rows: &[Row<'_>]) -> String {
    let mut notes = Notes::default();
    let mut lines = vec![vec!["hazard".to_owned()]];
    lines[0].extend(peers.iter().map(|peer| peer.name.to_owned()));
    for (hazard, cells) in rows {
        let mut line = vec![format!("{} {}", hazard.name, hazard.promise)];
        line.extend(cells.iter().map(|cell| match cell {
            Ok(Cell { found: Found::Ok { .. }, .. }) => "ok".to_owned(),
            Ok(Cell { found: Found::Struck { evidence }, .. }) => format!("STRUCK: {evidence}"),
            Ok(Cell { found: Found::Nothing { reason }, .. }) => {
                format!("- ({})", notes.letter(reason))
            }
            Err(error) => format!("ERROR ({})", notes.letter(&error.to_string())),
        }));
        lines.push(line);
    }
    let mut total = vec!["hazards that struck".to_owned()];
    total.extend((0..peers.len()).map(|column| {
        let tried = rows.iter().filter_map(|(_, cells)| cells[column].as_ref().ok());
        let (mut struck, mut all) = (0, 0);
        for cell in tried {
            struck += usize::from(matches!(cell.found, Found::Struck { .. }));
            all += usize::from(!matches!(cell.found, Found::Nothing { .. }));
        }
        format!("{struck} of {all}")
    }));
    lines.push(total);

    let mut text = aligned(&lines);
    for (at, reason) in notes.0.iter().enumerate() {
        let _ = writeln!(text, "{}({}) {reason}", if at == 0 { "\n" } else { "" }, letter(at));
    }
    text
}

/// The reasons below the table, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn letter(&mut self, reason: &str) -> String {
        let at = self.0.iter().position(|known| known == reason).unwrap_or_else(|| {
            self.0.push(reason.to_owned());
            self.0.len() - 1
        });
        letter(at)
    }
}

/// `a` to `z`, then numbers.
fn letter(at: usize) -> String {
    match u8::try_from(at) {
        Ok(small) if small < 26 => char::from(b'a' + small).to_string(),
        _ => at.to_string(),
    }
}

/// A Markdown table that can be read as it is; the first line is its head.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        for (cell, &width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if at == 0 {
            for &width in &widths {
                let _ = write!(text, "| {} ", "-".repeat(width));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hazards, peers};

    fn cell(found: Found) -> Result<Cell> {
        Ok(Cell { hazard: String::new(), peer: String::new(), found, seconds: 0.0 })
    }

    #[test]
    fn reasons_stand_below_once_and_strikes_are_counted() {
        let reason = || Found::Nothing { reason: "no such thing".to_owned() };
        let row = vec![
            cell(reason()),
            cell(Found::struck_if(true, "9 of 8")),
            cell(Found::struck_if(false, "8 of 8")),
            cell(reason()),
        ];
        let shown: Vec<_> = peers::ALL.iter().take(4).collect();
        let text = write(&shown, &[(&hazards::ALL[0], row)]);
        let (head, total) = (text.lines().nth(2).unwrap(), text.lines().nth(3).unwrap());
        let cells = |line: &str| {
            line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()[2..6].to_vec()
        };
        assert_eq!(cells(head), ["- (a)", "STRUCK: 9 of 8", "ok", "- (a)"]);
        assert_eq!(cells(total), ["0 of 0", "1 of 1", "0 of 1", "0 of 0"]);
        assert!(text.ends_with("\n(a) no such thing\n"));
    }
}
