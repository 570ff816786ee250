//! URLs: what they mean and what is refused.

use std::time::Duration;

use wellspring_connector::{Connector, Driver, ErrorKind};
use wellspring_sqlite::{
    Execution, JournalMode, OpenMode, SqliteConnector, SqliteDriver, SqliteOptions, Synchronous,
};

#[test]
fn locations() {
    for (url, target) in [
        ("sqlite://shop.db", "sqlite:shop.db"),
        ("sqlite:shop.db", "sqlite:shop.db"),
        ("SQLite3:shop.db", "sqlite:shop.db"),
        ("sqlite:///shop.db", "sqlite:shop.db"),
        ("sqlite://data/shop.db", "sqlite:data/shop.db"),
        ("sqlite:///data/shop.db", "sqlite:data/shop.db"),
        ("sqlite:////srv/shop.db", "sqlite:/srv/shop.db"),
        ("sqlite:/srv/shop.db", "sqlite:/srv/shop.db"),
        ("sqlite://./shop.db", "sqlite:./shop.db"),
        ("sqlite://my%20shop%3f.db", "sqlite:my shop?.db"),
        ("sqlite://", "sqlite::memory:"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("sqlite://:memory:", "sqlite::memory:"),
        ("sqlite:///:memory:", "sqlite::memory:"),
        ("sqlite://?busy_timeout=1s", "sqlite::memory:"),
    ] {
        let connector = SqliteDriver.connector(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        assert_eq!(connector.target(), target, "{url}");
    }
    assert_eq!(SqliteDriver.schemes()[0], SqliteDriver.name());
}

#[test]
fn options_by_name() {
    let url = "sqlite:x.db?mode=rw&busy_timeout=250ms&journal_mode=DELETE&synchronous=full\
               &foreign_keys=off&cache_size=500&statement_cache=0&execution=thread&read_lease=no";
    let built = SqliteOptions::file("x.db")
        .read_lease(false)
        .mode(OpenMode::ReadWrite)
        .busy_timeout(Duration::from_millis(250))
        .journal_mode(JournalMode::Delete)
        .synchronous(Synchronous::Full)
        .foreign_keys(false)
        .cache_size(500)
        .statement_cache(0)
        .execution(Execution::Thread);
    assert_eq!(url.parse::<SqliteOptions>().expect("a good URL"), built);
    for (text, wanted) in [
        ("5s", Duration::from_secs(5)),
        ("0ms", Duration::ZERO),
        ("2min", Duration::from_secs(120)),
        ("1h", Duration::from_secs(3_600)),
        ("1d", Duration::from_secs(86_400)),
    ] {
        let options = SqliteOptions::from_url(&format!("sqlite:x.db?busy_timeout={text}"));
        assert_eq!(options.expect(text), SqliteOptions::file("x.db").busy_timeout(wanted));
    }
}

#[test]
fn refusals_say_what_would_be_right() {
    for (url, parts) in [
        ("postgres://x", &["`postgres`", "sqlite:"][..]),
        ("shop.db", &["shop.db", "sqlite:"]),
        ("sqlite:x.db?busy_timout=5s", &["`busy_timout`", "did you mean `busy_timeout`"]),
        ("sqlite:x.db?journal=wal", &["`journal`", "`journal_mode`"]),
        ("sqlite:x.db?mode=readonly", &["mode=readonly", "ro, rw, rwc"]),
        ("sqlite:x.db?busy_timeout=5", &["busy_timeout=5", "5s"]),
        ("sqlite:x.db?busy_timeout=-5s", &["busy_timeout=-5s", "5s"]),
        ("sqlite:x.db?busy_timeout=99999999999999999999s", &["busy_timeout=", "5s"]),
        ("sqlite:x.db?foreign_keys=maybe", &["foreign_keys=maybe", "on or off"]),
        ("sqlite:x.db?cache_size=big", &["cache_size=big", "64MiB", "number from -2147483647"]),
        ("sqlite:x.db?cache_size=9000GiB", &["cache_size"]),
        ("sqlite:x.db?cache_size=-2147483648", &["cache_size=-2147483648", "to 2147483647"]),
        ("sqlite:x.db?statement_cache=-1", &["statement_cache=-1", "at least 0"]),
        ("sqlite:x.db?create_dirs=on&mode=ro", &["create_dirs", "mode=ro", "mode=rwc"]),
        ("sqlite:x.db?create_dirs=on&mode=rw", &["create_dirs", "mode=rw", "mode=rwc"]),
        ("sqlite::memory:?create_dirs=on", &["create_dirs", "memory"]),
        ("sqlite:x.db?create_dir=on", &["did you mean `create_dirs`"]),
        ("sqlite:x.db?timeout=5", &["`timeout`", "`busy_timeout`"]),
        ("sqlite:x.db?connect_timeout=5s", &["`connect_timeout`", "`pool.connect_timeout`"]),
        ("sqlite:x.db?execution=fast", &["execution=fast", "auto, inline, thread, caller"]),
        ("sqlite:x.db?execution=auto&execution=auto", &["`execution`", "twice"]),
        ("sqlite:x%00.db", &["NUL"]),
        ("sqlite:x%zz.db", &["%25"]),
        ("sqlite:x%ff.db", &["UTF-8"]),
        ("sqlite:x.db?mode", &["`mode=`", "ro, rw, rwc"]),
        ("sqlite::memory:?journal_mode=wal", &["journal_mode=wal", "memory"]),
        ("sqlite::memory:?mode=ro", &["mode=ro", "memory"]),
        ("", &["sqlite:"]),
    ] {
        let error = SqliteOptions::from_url(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        for part in parts {
            assert!(error.to_string().contains(part), "{url}: `{error}` lacks `{part}`");
        }
    }
}

#[test]
fn builder_refusals() {
    for options in [
        SqliteOptions::file(""),
        SqliteOptions::file("a\0b"),
        SqliteOptions::memory().journal_mode(JournalMode::Wal),
        SqliteOptions::memory().create_dirs(true),
        SqliteOptions::file("x.db").create_dirs(true).mode(OpenMode::ReadWrite),
        SqliteOptions::file("x.db").cache_size(i64::MIN),
        SqliteOptions::file("x.db").cache_size(3_000_000_000),
    ] {
        let error = SqliteConnector::new(options).expect_err("contradictory options");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    assert!(SqliteConnector::new(SqliteOptions::memory()).is_ok());
    let connector = SqliteConnector::new(SqliteOptions::file("x.db")).expect("options");
    assert!(format!("{connector:?}").contains("x.db"));
    assert_eq!(connector.dialect().name, "sqlite");
}

#[test]
fn sizes_have_units() {
    for (text, size) in
        [("64MiB", -65_536), ("1GiB", -1_048_576), ("1B", -1), ("0KiB", 0), ("12", 12)]
    {
        let options = SqliteOptions::from_url(&format!("sqlite:x.db?cache_size={text}")).unwrap();
        assert_eq!(options, SqliteOptions::file("x.db").cache_size(size), "{text}");
    }
}
