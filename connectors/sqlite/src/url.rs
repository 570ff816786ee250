//! URLs of SQLite databases: where the database is, and its options by name.

use std::path::PathBuf;
use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, Result, nearest};

use crate::options::{Execution, JournalMode, OpenMode, SqliteOptions, Synchronous, Words};

/// The schemes a URL may have.
pub(crate) const SCHEMES: &[&str] = &["sqlite", "sqlite3"];

/// The names options have in a URL's query.
const KEYS: &[&str] = &[
    "mode",
    "busy_timeout",
    "journal_mode",
    "synchronous",
    "foreign_keys",
    "cache_size",
    "statement_cache",
    "execution",
    "read_lease",
];

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
    let mut seen: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key)?;
        let value = decode(value)?;
        options = set(options, &key, &value)?;
        if seen.contains(&key) {
            return Err(config(format!("`{key}` is set twice")));
        }
        seen.push(key);
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
    let path = decode(path)?;
    Ok((!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path)))
}

fn set(options: SqliteOptions, key: &str, value: &str) -> Result<SqliteOptions> {
    Ok(match key {
        "mode" => options.mode(word::<OpenMode>(key, value)?),
        "busy_timeout" => options.busy_timeout(duration(key, value)?),
        "journal_mode" => options.journal_mode(word::<JournalMode>(key, value)?),
        "synchronous" => options.synchronous(word::<Synchronous>(key, value)?),
        "foreign_keys" => options.foreign_keys(switch(key, value)?),
        "cache_size" => {
            options.cache_size(number(key, value, "pages, or KiB when negative: -64000")?)
        }
        "statement_cache" => {
            options.statement_cache(number(key, value, "a number of statements: 100, 0 for off")?)
        }
        "read_lease" => options.read_lease(switch(key, value)?),
        "execution" => options.execution(word::<Execution>(key, value)?),
        _ => {
            let hint = match nearest(key, KEYS.iter().copied()) {
                Some(nearest) => format!("; did you mean `{nearest}`?"),
                None => String::new(),
            };
            return Err(config(format!(
                "`{key}` is not an option of a SQLite URL{hint} (known: {})",
                KEYS.join(", ")
            )));
        }
    })
}

fn word<T: Words>(key: &str, value: &str) -> Result<T> {
    match T::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)) {
        Some((_, found)) => Ok(*found),
        None => {
            let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
            Err(bad_value(key, value, format_args!("one of {}", words.join(", "))))
        }
    }
}

fn switch(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(bad_value(key, value, "on or off")),
    }
}

fn number<T: std::str::FromStr>(key: &str, value: &str, wanted: &str) -> Result<T> {
    value.parse().map_err(|_| bad_value(key, value, wanted))
}

fn duration(key: &str, value: &str) -> Result<Duration> {
    let wrong = || bad_value(key, value, "a duration with its unit: 250ms, 5s or 1min");
    let digits = value.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let amount: u64 = value[..digits].parse().map_err(|_| wrong())?;
    match &value[digits..] {
        "ms" => Ok(Duration::from_millis(amount)),
        "s" => Ok(Duration::from_secs(amount)),
        "min" | "m" => amount.checked_mul(60).map(Duration::from_secs).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two hex digits fit a byte"));
                rest = &tail[2..];
            }
            _ => {
                return Err(config(format!(
                    "`{text}` has a `%` that two hex digits do not follow; a `%` itself is written \
                     `%25`"
                )));
            }
        }
    }
    if bytes.contains(&0) {
        return Err(config(format!("`{text}` contains a NUL byte")));
    }
    String::from_utf8(bytes).map_err(|_| config(format!("`{text}` does not decode to UTF-8")))
}

fn bad_value(key: &str, value: &str, wanted: impl std::fmt::Display) -> Error {
    config(format!("`{key}={value}` in a SQLite URL: expected {wanted}"))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
