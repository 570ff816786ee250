//! Files of CSV, made before anything is measured, for who loads files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::data::write_row;
use crate::{Job, Result, insert};

/// The files of one measurement: one for the warm-up and one for the job. They go with this.
#[derive(Debug)]
pub struct Files(Vec<(u64, PathBuf)>);

impl Files {
    /// Makes those that `job` needs: the rows of [`write_row`], under a header.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn of(job: &Job) -> Result<Self> {
        let mut files = Self(Vec::new());
        for rows in [insert::WARM.min(job.rows), job.rows] {
            let name = format!("wellspring-bench-{}-{rows}.csv", std::process::id());
            let path = std::env::temp_dir().join(name);
            files.0.push((rows, path.clone()));
            std::fs::write(&path, text(rows)?)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        }
        Ok(files)
    }

    /// The one of so many rows.
    ///
    /// # Errors
    /// When there is none.
    pub fn path(&self, rows: u64) -> Result<&Path> {
        let found = self.0.iter().find(|(of, _)| *of == rows);
        Ok(&found.ok_or_else(|| format!("no file of {rows} rows was made"))?.1)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for (_, path) in &self.0 {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    eprintln!("{}: not removed: {error}", path.display());
                }
                _ => {}
            }
        }
    }
}

fn text(rows: u64) -> Result<String> {
    let mut text = "a,b,c,d,e\n".to_owned();
    for (a, b, c, d, e) in (1..=i64::try_from(rows)?).map(write_row) {
        writeln!(text, "{a},{b},{c},{d},{}", instant(e))?;
    }
    Ok(text)
}

/// Seconds since 1970 as a literal of a timestamptz.
fn instant(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted from the first of March of the year 0, so that leap days come last.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}+00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_dates() {
        assert_eq!(instant(0), "1970-01-01 00:00:00+00");
        assert_eq!(instant(1_577_836_801), "2020-01-01 00:00:01+00");
        assert_eq!(instant(1_582_977_599), "2020-02-29 11:59:59+00");
        assert_eq!(text(1).unwrap(), "a,b,c,d,e\n1,row 1,1,0.5,2020-01-01 00:00:01+00\n");
    }
}
