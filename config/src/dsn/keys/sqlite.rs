//! Keys of SQLite: ours, SQLite's own, those of Python's, Go's, Java's and .NET's drivers.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::error::{bad_value, config, shown};
use super::super::sqlite;
use super::super::time::Unit::{Millis, Seconds};
use super::Means::{Do, Note, NoteIf, Option, Password, Setting, Time};
use super::pool::{on, pooling};
use super::{Key, key};

const THREADS: &str = "has no equal: a connection may be used by any thread, one at a time";
const VALUES: &str = "is about how values are read, which here the program says";
const TRANSACTIONS: &str = "is about transactions, which are begun explicitly";
const SHARED: &str = "is not needed: a database in memory is shared by the connections of a pool";
const PROTOCOL: &str = "is as it is here anyway";

/// URLs, the URIs of SQLite's files among them.
pub(crate) const URL: &[Key] = &[
    key(&["mode"], Do(mode)),
    key(&["busy_timeout", "_busy_timeout", "_timeout"], Time("busy_timeout", Millis)),
    key(&["timeout"], Time("busy_timeout", Seconds)),
    key(&["journal_mode", "_journal_mode", "_journal"], Option("journal_mode")),
    key(&["synchronous", "_synchronous", "_sync"], Do(synchronous)),
    key(&["foreign_keys", "_foreign_keys", "_fk"], Option("foreign_keys")),
    key(&["cache_size", "_cache_size"], Option("cache_size")),
    key(
        &["statement_cache", "cached_statements", "statement-cache-capacity"],
        Option("statement_cache"),
    ),
    key(&["execution"], Option("execution")),
    key(&["read_lease"], Option("read_lease")),
    key(&["password"], Password),
    key(&["cache", "_cache"], NoteIf(&["shared", "private"], SHARED)),
    key(&["check_same_thread", "_mutex"], Note(THREADS)),
    key(
        &["detect_types", "date_class", "date_precision", "date_string_format", "_loc"],
        Note(VALUES),
    ),
    key(&["isolation_level", "autocommit"], Note(TRANSACTIONS)),
    key(&["_txlock"], NoteIf(&["deferred"], TRANSACTIONS)),
    key(&["uri", "factory"], Note("is about Python")),
    key(&["psow"], Note(PROTOCOL)),
];

/// Microsoft.Data.Sqlite and System.Data.SQLite.
pub(crate) const ADO: &[Key] = &[
    key(&["datasource", "filename", "fulluri", "uri"], Do(file)),
    key(&["mode"], Do(mode)),
    key(&["readonly"], Do(read_only)),
    key(&["failifmissing"], Do(fail_if_missing)),
    key(&["cache"], NoteIf(&["shared", "private", "default"], SHARED)),
    key(&["password"], Password),
    key(&["foreignkeys"], Do(foreign_keys)),
    key(&["recursivetriggers"], NoteIf(&["false"], PROTOCOL)),
    key(&["defaulttimeout", "commandtimeout"], Time("busy_timeout", Seconds)),
    key(&["busytimeout"], Time("busy_timeout", Millis)),
    key(&["journalmode"], Option("journal_mode")),
    key(&["synchronous", "syncmode"], Do(synchronous)),
    key(&["cachesize"], Option("cache_size")),
    key(&["pooling"], Do(pooling)),
    key(&["maxpoolsize"], Setting("pool.max_size")),
    key(&["version"], NoteIf(&["3"], PROTOCOL)),
    key(&["useutf16encoding", "legacyformat", "new"], NoteIf(&["false"], PROTOCOL)),
    key(
        &["datetimeformat", "datetimekind", "datetimeformatstring", "binaryguid", "basschemaname"],
        Note(VALUES),
    ),
    key(&["enlist", "defaultisolationlevel"], Note(TRANSACTIONS)),
    key(
        &["preparretries", "prepareretries", "setdefaults", "toffset", "flags"],
        Note("is about .NET"),
    ),
];

/// How the file is opened; a database in memory is no file.
fn mode(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let word = match super::fold(value).as_str() {
        "memory" => {
            draft.in_memory(key);
            return Ok(());
        }
        "readwritecreate" | "rwc" => "rwc",
        "readwrite" | "rw" => "rw",
        "readonly" | "ro" => "ro",
        _ => value,
    };
    draft.option(key, "mode", word)
}

/// SQLite knows the levels by number, too.
fn synchronous(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let word = match value {
        "0" => "off",
        "1" => "normal",
        "2" => "full",
        "3" => "extra",
        word => word,
    };
    draft.option(key, "synchronous", word)
}

fn file(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    if value.contains("|DataDirectory|") {
        return Err(config(format!(
            "{} has |DataDirectory|, which only .NET knows; expected a path",
            shown(key)
        )));
    }
    if !sqlite::is_file_uri(value) {
        return sqlite::file(draft, key, value);
    }
    sqlite::file_uri(draft, value)
}

fn read_only(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match on(draft, key, value)? {
        true => draft.option(key, "mode", "ro"),
        false => {
            draft.note(key, PROTOCOL);
            Ok(())
        }
    }
}

/// Read-only files are never made: then it says nothing new.
fn fail_if_missing(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match on(draft, key, value)? {
        true => draft.fallback(key, "mode", "rw"),
        false => draft.note(key, PROTOCOL),
    }
    Ok(())
}

fn foreign_keys(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(bad_value(draft.kind, key, value, "true or false"));
    }
    draft.option(key, "foreign_keys", value)
}
