//! The options of SQLite URLs as data: what each is called, has and does, said once.

use wellspring_connector::{DriverOption, OptionKind};

use crate::options::{CACHE_LIMIT, Execution, JournalMode, OpenMode, Synchronous, Words};

/// The options a SQLite URL may have.
///
/// ```
/// use wellspring_connector::DriverOption;
///
/// let timeout = DriverOption::find(wellspring_sqlite::OPTIONS, "busy_timeout").unwrap();
/// assert_eq!(timeout.default, "5s");
/// ```
pub const OPTIONS: &[DriverOption] = &[
    DriverOption::new(
        "mode",
        OptionKind::Words(OpenMode::NAMES),
        "rwc",
        "How the file is opened: to read it, to write it too, or to create it as well where it is \
         missing.",
    ),
    DriverOption::new(
        "create_dirs",
        OptionKind::Switch,
        "off",
        "Whether missing directories of the file are made when it is opened to be created.",
    ),
    DriverOption::new(
        "busy_timeout",
        OptionKind::Duration,
        "5s",
        "How long one statement waits for locks in all; `0s` does not wait.",
    ),
    DriverOption::new(
        "journal_mode",
        OptionKind::Words(JournalMode::NAMES),
        "`wal`; `memory` in memory",
        "How SQLite keeps a transaction undoable. In memory it is `memory` or `off`.",
    ),
    DriverOption::new(
        "synchronous",
        OptionKind::Words(Synchronous::NAMES),
        "normal",
        "When commits are forced to disk.",
    ),
    DriverOption::new(
        "foreign_keys",
        OptionKind::Switch,
        "on",
        "Whether foreign keys are enforced.",
    ),
    DriverOption::new(
        "cache_size",
        OptionKind::SizeOrNumber(-CACHE_LIMIT, CACHE_LIMIT),
        "-64000",
        "The page cache of each connection: a size, or a number of pages, which is of KiB when it is \
         negative.",
    ),
    DriverOption::new(
        "statement_cache",
        OptionKind::Number(0, i64::MAX),
        "100",
        "Prepared statements kept by each connection; 0 keeps none.",
    ),
    DriverOption::new(
        "execution",
        OptionKind::Words(Execution::NAMES),
        "auto",
        "Where statements run: short ones in place and long ones on another thread, or always the one \
         or the other.",
    ),
    DriverOption::new(
        "read_lease",
        OptionKind::Switch,
        "on",
        "Whether reads that come quickly share one lock on the write-ahead log.",
    ),
];

/// What people try in these URLs, and what they are to do instead.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("auto_create_dirs", "`create_dirs` makes missing directories"),
    ("cache", "all connections to a memory database share it already"),
    ("check_same_thread", "connections go from thread to thread by themselves"),
    ("timeout", "`busy_timeout` is how long a statement waits for locks"),
];

#[cfg(test)]
mod tests {
    use wellspring_connector::options_table;

    use super::*;
    use crate::SqliteOptions;

    #[test]
    fn the_table_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/options.md");
        let table = options_table(OPTIONS);
        if std::env::var("WELLSPRING_BLESS").as_deref() == Ok("1") {
            std::fs::write(path, &table).expect("the table can be written");
        }
        let told = std::fs::read_to_string(path).expect("the table is there");
        assert_eq!(told, table, "WELLSPRING_BLESS=1 writes it anew");
    }

    #[test]
    fn each_option_is_taken_and_its_default_is_what_holds_without_it() {
        let bare = SqliteOptions::from_url("sqlite:shop.db").unwrap();
        let mut compared = 0;
        for option in OPTIONS {
            let is_value = option.is_default_a_value();
            let value = if is_value { option.default } else { "wal" };
            let url = format!("sqlite:shop.db?{}={value}", option.name);
            let options = SqliteOptions::from_url(&url).unwrap_or_else(|e| panic!("{url}: {e}"));
            if is_value {
                assert_eq!(options, bare, "{url}");
                compared += 1;
            } else {
                assert_eq!(options.wanted_journal_mode(), bare.wanted_journal_mode(), "{url}");
            }
        }
        assert_eq!(compared, OPTIONS.len() - 1, "a default that is a value is compared");
    }

    #[test]
    fn nothing_is_both_an_option_and_elsewhere() {
        for (name, _) in ELSEWHERE {
            assert!(DriverOption::find(OPTIONS, name).is_none(), "{name}");
        }
    }
}
