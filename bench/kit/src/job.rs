//! What one measurement is asked to do.

use std::time::Duration;

use crate::Result;

/// The arguments of `run`.
#[derive(Debug, Clone)]
pub struct Job {
    /// The group of measurements.
    pub group: String,
    /// Who is measured.
    pub peer: String,
    /// The server's URL, or the path of the SQLite file.
    pub url: String,
    /// Tasks at work at the same time.
    pub tasks: usize,
    /// How long the peer works before it is measured.
    pub warm_up: Duration,
    /// How long it is measured, where the measurement is a window.
    pub window: Duration,
    /// How many rows, where the measurement is one job; how many the table has otherwise.
    pub rows: u64,
    /// How many columns are fetched.
    pub columns: usize,
}

/// What may be given, for messages.
const FLAGS: &str = "--url URL, --tasks N, --warm-up MS, --window MS, --rows N, --columns N";

impl Job {
    /// Reads the arguments after `run`.
    ///
    /// # Errors
    /// One line that names what was not understood and what would be.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut args = args.into_iter();
        let (Some(group), Some(peer)) = (args.next(), args.next()) else {
            return Err(format!("run needs GROUP PEER, then any of {FLAGS}").into());
        };
        let mut job = Self {
            group,
            peer,
            url: String::new(),
            tasks: 1,
            warm_up: Duration::from_millis(300),
            window: Duration::from_secs(1),
            rows: crate::data::POINTS,
            columns: 0,
        };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number =
                || value.parse::<u64>().map_err(|_| format!("{flag} {value}: not a whole number"));
            match flag.as_str() {
                "--url" => job.url.clone_from(&value),
                "--tasks" => job.tasks = usize::try_from(number()?)?,
                "--warm-up" => job.warm_up = Duration::from_millis(number()?),
                "--window" => job.window = Duration::from_millis(number()?),
                "--rows" => job.rows = number()?,
                "--columns" => job.columns = usize::try_from(number()?)?,
                _ => return Err(format!("unknown flag `{flag}`; the flags are: {FLAGS}").into()),
            }
        }
        if job.url.is_empty() {
            return Err("run needs --url: a server's URL, or the path of a SQLite file".into());
        }
        Ok(job)
    }
}
