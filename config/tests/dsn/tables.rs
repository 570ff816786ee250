//! The tables of connection strings, read.

use wellspring_config::dsn::DatabaseUrl;
use wellspring_connector::ErrorKind;
use wellspring_pool_core::PoolOptions;

use crate::corpus::{self, bad};

/// What the table says of a string.
fn said(url: &DatabaseUrl) -> (String, String, String) {
    let settings: Vec<String> =
        url.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let notes: Vec<&str> = url
        .notes
        .iter()
        .map(|note| note.split_whitespace().next().unwrap_or_default().trim_matches('`'))
        .collect();
    (url.to_text().unwrap().expose().to_owned(), settings.join(" "), notes.join(" "))
}

#[test]
fn every_string_means_what_its_table_says() {
    let mut wrong = Vec::new();
    let mut strings = 0;
    for (text, url, settings, notes) in corpus::good() {
        strings += 1;
        match DatabaseUrl::parse(text) {
            Err(error) => wrong.push(format!("{text}\n    {error}")),
            Ok(read) => {
                let read = said(&read);
                let expected = (url.to_owned(), settings.to_owned(), notes.to_owned());
                if read != expected {
                    wrong.push(format!("{text}\n    {read:?}\n    {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {strings}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(strings >= 120, "{strings} strings");
}

#[test]
fn what_is_wrong_is_named_and_no_password_is() {
    let mut wrong = Vec::new();
    for (text, part) in bad::ROWS {
        match DatabaseUrl::parse(text) {
            Ok(url) => wrong.push(format!("{text}: {url:?}")),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                if error.kind() != ErrorKind::Config
                    || !error.to_string().contains(part)
                    || shown.contains("canary")
                {
                    wrong.push(format!("{text}\n    {shown}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bad::ROWS.len(), wrong.join("\n"));
}

/// Settings are strings; the numbers among them are numbers.
#[test]
fn settings_of_the_pool_are_options_that_it_has() {
    let mut read = 0;
    for (text, ..) in corpus::good() {
        let url = DatabaseUrl::parse(text).unwrap();
        let options: serde_json::Map<String, serde_json::Value> = url
            .settings
            .iter()
            .filter_map(|(name, value)| {
                let value = match value.parse::<u64>() {
                    Ok(number) => number.into(),
                    Err(_) => value.as_str().into(),
                };
                Some((name.strip_prefix("pool.")?.to_owned(), value))
            })
            .collect();
        read += options.len();
        let options: PoolOptions = serde_json::from_value(options.into())
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        options.check().unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    assert!(read >= 30, "{read}");
}

#[test]
fn notes_are_sentences_that_name_their_key() {
    for (text, ..) in corpus::good() {
        for note in DatabaseUrl::parse(text).unwrap().notes {
            assert!(note.starts_with('`') || note.starts_with("the "), "{text}: {note}");
            assert!(note.ends_with('.') && note.len() > 20, "{text}: {note}");
        }
    }
}

#[test]
fn what_is_known_decides_what_is_ambiguous() {
    let text = "Server=db;Database=shop;User Id=ada;Password=canary";
    for (what, url) in [
        ("mssql", "mssql://ada@db/shop"),
        ("SqlServer", "mssql://ada@db/shop"),
        ("postgres", "postgres://ada@db/shop"),
        ("mysql", "mysql://ada@db/shop"),
        ("mariadb", "mariadb://ada@db/shop"),
        ("db2", "db2://ada@db/shop"),
    ] {
        assert_eq!(DatabaseUrl::parse_as(what, text).unwrap().to_string(), url, "{what}");
    }
    for (what, text, url) in [
        ("url", "postgres://h/d", "postgres://h/d"),
        ("sqlalchemy", "mysql+pymysql://h/d", "mysql://h/d"),
        ("jdbc", "jdbc:mysql://h/d", "mysql://h/d"),
        ("libpq", "host=h", "postgres://h/"),
        ("odbc", "Server=h;Port=1", "odbc:///?Server=h&Port=1"),
        ("odbc", "odbc:DSN=x", "odbc:///?DSN=x"),
        ("mariadb", "mysql+pymysql://h/d", "mariadb://h/d"),
        ("mysql", "jdbc:mariadb://h/d", "mysql://h/d"),
        ("redshift", "redshift://h/d", "redshift://h/d"),
        ("sqlite", "Data Source=shop", "sqlite:shop"),
    ] {
        assert_eq!(DatabaseUrl::parse_as(what, text).unwrap().to_string(), url, "{what} {text}");
    }
    for (what, text, part) in [
        ("mysql", "postgres://u:canary@h/d", "is for PostgreSQL, and not for MySQL"),
        ("canary", "postgres://u:canary@h/d", "not for a database that is not known"),
        ("jdbc", "postgres://u:canary@h/d", "expected a JDBC URL, but the text is a URL"),
        ("ado", "jdbc:mysql://h/d?password=canary", "but the text is a JDBC URL"),
        ("mssql", "canary", "no connection string"),
        ("mssql", "host=h user=u password=canary", "is for PostgreSQL, and not for SQL Server"),
    ] {
        let error = DatabaseUrl::parse_as(what, text).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("canary"), "{what} {text}: {error}");
    }
}

#[test]
fn a_bare_path_is_a_file_only_when_that_is_asked_for() {
    for (text, url) in [
        ("shop.db", "sqlite:shop.db"),
        ("./a=b.db", "sqlite:./a%3Db.db"),
        ("/srv/shop.db", "sqlite:/srv/shop.db"),
        ("C:\\data\\shop.db", "sqlite:C%3A%5Cdata%5Cshop.db"),
        ("~/shop.db", "sqlite:~/shop.db"),
        (":memory:", "sqlite::memory:"),
        ("postgres://h/d", "postgres://h/d"),
        ("host=h", "postgres://h/"),
    ] {
        assert_eq!(DatabaseUrl::parse_or_path(text).unwrap().to_string(), url, "{text}");
    }
    for text in ["ada:canary@h/d", "canary@h", "", "canary\0", "a=canary"] {
        let error = DatabaseUrl::parse_or_path(text).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_text_is_bounded() {
    let long = format!("postgres://u:{}@h/d", "canary".repeat(20_000));
    for error in [
        DatabaseUrl::parse(&long).unwrap_err(),
        DatabaseUrl::parse_as("mssql", &long).unwrap_err(),
        DatabaseUrl::parse_or_path(&long).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("at most 65536") && !error.contains("canary"), "{error}");
    }
    let keys: String = (0..300).map(|key| format!("&k{key}=1")).collect();
    let error = DatabaseUrl::parse(&format!("redshift://h/d?a=b{keys}")).unwrap_err();
    assert!(error.to_string().contains("more than 256 keys"), "{error}");
    let hosts = "h,".repeat(300);
    let error = DatabaseUrl::parse(&format!("redshift://{hosts}h/d")).unwrap_err();
    assert!(error.to_string().contains("more than 256 hosts"), "{error}");
}
