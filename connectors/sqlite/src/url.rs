//! URLs of SQLite databases: where the database is, and its options by name.

use std::path::PathBuf;

use wellspring_connector::url::{
    decode, duration, known_options, number, options as options_of, size, switch, unknown_option,
    word,
};
use wellspring_connector::{DriverOption, Error, ErrorKind, Result};

use crate::option_list::{ELSEWHERE, OPTIONS};
use crate::options::{Execution, JournalMode, OpenMode, SqliteOptions, Synchronous, Words};

/// The schemes a URL may have.
pub(crate) const SCHEMES: &[&str] = &["sqlite", "sqlite3"];

/// Reads a whole URL.
pub(crate) fn parse(url: &str) -> Result<SqliteOptions> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    if !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return Err(config(format!(
            "`{}` is not a SQLite URL: it would begin with `sqlite:`",
            scheme.chars().take(20).collect::<String>()
        )));
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut options = match file(path)? {
        None => SqliteOptions::memory(),
        Some(path) => SqliteOptions::file(path),
    };
    for (option, value) in known_options(OPTIONS, ELSEWHERE, &options_of(query)?)? {
        options = set(options, option, value)?;
    }
    options.check()?;
    Ok(options)
}

/// The file a URL's path means; `None` is memory.
fn file(path: &str) -> Result<Option<PathBuf>> {
    let path = match path.strip_prefix("//") {
        // `sqlite:///rel` and `sqlite:////abs`: the third slash only ends an empty host.
        Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
        // `sqlite:rel` and `sqlite:/abs`.
        None => path,
    };
    let path = decode("path", path)?;
    Ok((!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path)))
}

fn set(options: SqliteOptions, option: &DriverOption, value: &str) -> Result<SqliteOptions> {
    let key = option.name;
    option.check(value)?;
    Ok(match key {
        "mode" => options.mode(word(key, value, OpenMode::WORDS)?),
        "create_dirs" => options.create_dirs(switch(key, value)?),
        "busy_timeout" => options.busy_timeout(duration(key, value)?),
        "journal_mode" => options.journal_mode(word(key, value, JournalMode::WORDS)?),
        "synchronous" => options.synchronous(word(key, value, Synchronous::WORDS)?),
        "foreign_keys" => options.foreign_keys(switch(key, value)?),
        "cache_size" => options.cache_size(cache_size(key, value)?),
        "statement_cache" => options.statement_cache(number(key, value, "a number")?),
        "read_lease" => options.read_lease(switch(key, value)?),
        "execution" => options.execution(word(key, value, Execution::WORDS)?),
        _ => return Err(unknown_option(key, &[])),
    })
}

/// Pages, or KiB as less than zero.
fn cache_size(key: &str, value: &str) -> Result<i64> {
    if let Ok(number) = value.parse() {
        return Ok(number);
    }
    let kib = size(key, value)?.div_ceil(1 << 10);
    // What is too large is refused with the other options.
    Ok(-i64::try_from(kib).unwrap_or(i64::MAX))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
