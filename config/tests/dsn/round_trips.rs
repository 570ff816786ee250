//! What is written as our URL is read as the same, whatever names and passwords are in it; and nothing
//! at all makes reading panic.

use proptest::prelude::*;
use wellspring_config::dsn::DatabaseUrl;
use wellspring_config::redact;
use wellspring_connector::url::encode;

use crate::corpus;

/// Text with everything that URLs, shells and databases give a meaning to.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,4}",
        "[%@:/?#&=+,; '\"{}\\[\\]()|\\\\<>^`~!$*-]",
        Just("%41".to_owned()),
        Just("://".to_owned()),
        Just("ß日本🦀".to_owned()),
        Just("\n\t".to_owned()),
        Just("\u{202e}\u{feff}".to_owned()),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn host() -> impl Strategy<Value = (String, Option<u16>)> {
    let name = prop_oneof![
        "[a-z][a-z0-9.-]{0,20}",
        Just("::1".to_owned()),
        Just("2001:db8::7".to_owned()),
        Just("fe80::1%eth0".to_owned()),
        Just("büro.example".to_owned()),
    ];
    (name, prop::option::of(1..=u16::MAX))
}

/// The options of a scheme by the driver's own names, with values that are whatever they are.
fn option(scheme: &'static str) -> BoxedStrategy<(String, String)> {
    let texts: &'static [&'static str] = match scheme {
        "postgres" => &["application_name", "search_path", "options", "sslrootcert", "passfile"],
        "mysql" | "mariadb" => &["application_name", "sql_mode", "socket", "sslcert"],
        "sqlite" => &["journal_mode", "cache_size", "execution", "vfs"],
        "mssql" => &["application_name", "instance", "host_name_in_certificate"],
        "oracle" => &["sid", "connect_descriptor", "tns_admin"],
        "db2" => &["current_schema", "sslrootcert"],
        "odbc" => &["Driver", "Server", "Database", "DSN"],
        _ => &["token", "anything", "Some Thing"],
    };
    let text = (prop::sample::select(texts), hostile());
    let other = ("x_[a-z]{3,8}", hostile());
    let text = text.prop_map(|(name, value)| (name.to_owned(), value));
    match scheme {
        "odbc" | "sqlite" | "redshift" => prop_oneof![text, other].boxed(),
        _ => {
            let mode =
                prop::sample::select(&["disable", "require", "verify-ca", "verify-full"][..]);
            let tls = mode.prop_map(|mode| ("sslmode".to_owned(), mode.to_owned()));
            prop_oneof![2 => text, 2 => other, 1 => tls].boxed()
        }
    }
}

fn server() -> impl Strategy<Value = DatabaseUrl> {
    let schemes =
        ["postgres", "mysql", "mariadb", "mssql", "oracle", "db2", "odbc", "spark", "redshift"];
    prop::sample::select(schemes.to_vec()).prop_flat_map(|scheme| {
        (
            prop::option::of((hostile(), prop::option::of(hostile()))),
            prop::collection::vec(host(), 0..3),
            prop::bool::ANY,
            prop::option::of(hostile()),
            prop::collection::vec(option(scheme), 0..5),
        )
            .prop_map(move |(user, hosts, socket, database, options)| {
                let mut url = DatabaseUrl::new(scheme);
                if let Some((user, password)) = user {
                    url = url.user(user);
                    if let Some(password) = password {
                        url = url.password(password);
                    }
                }
                for (host, port) in hosts {
                    url = url.host(host, port);
                }
                if socket && scheme == "postgres" {
                    url = url.host("/run/a b,c:d/pg", Some(5433));
                }
                if let Some(database) = database {
                    url = url.database(database);
                }
                for (name, value) in options {
                    url = url.option(name, value);
                }
                url
            })
    })
}

fn file() -> impl Strategy<Value = DatabaseUrl> {
    let path = prop_oneof![
        hostile(),
        hostile().prop_map(|path| format!("/{path}")),
        hostile().prop_map(|path| format!("//{path}")),
        hostile().prop_map(|path| format!("file:{path}?x=1")),
    ];
    (prop::option::of(path), prop::collection::vec(option("sqlite"), 0..4)).prop_map(
        |(path, options)| {
            let mut url = DatabaseUrl::new("sqlite");
            if let Some(path) = path {
                url = url.database(path);
            }
            for (name, value) in options {
                url = url.option(name, value);
            }
            url
        },
    )
}

/// A connection string of the tables with a few changes.
fn mutated() -> impl Strategy<Value = String> {
    let strings: Vec<&'static str> = corpus::good().map(|row| row.0).collect();
    let change = (any::<prop::sample::Index>(), 0..4_u8, hostile());
    (prop::sample::select(strings), prop::collection::vec(change, 1..4)).prop_map(
        |(text, changes)| {
            let mut text: Vec<char> = text.chars().collect();
            for (at, what, with) in changes {
                let at = at.index(text.len() + 1);
                match what {
                    0 => text.truncate(at),
                    1 => {
                        text.splice(at..at, with.chars());
                    }
                    2 => {
                        text.drain(at..(at + 3).min(text.len()));
                    }
                    _ => {
                        let copy = text[at..].to_vec();
                        text.extend(copy);
                    }
                }
            }
            text.into_iter().collect()
        },
    )
}

/// Reads a text in every way there is; what can be read must come back from our URL.
fn read(text: &str) {
    let _ = redact(text);
    let whats =
        ["mssql", "mysql", "postgres", "sqlite", "oracle", "odbc", "url", "jdbc", "ado", "libpq"];
    for what in whats {
        let _ = DatabaseUrl::parse_as(what, text);
    }
    let read = [DatabaseUrl::parse(text), DatabaseUrl::parse_or_path(text)];
    for url in read.into_iter().flatten() {
        let _ = format!("{url}{url:?}");
        let text = url.to_text().unwrap();
        let again = DatabaseUrl::parse(text.expose())
            .unwrap_or_else(|error| panic!("{}: {error}", text.expose()));
        assert_eq!(again, alone(url), "{}", text.expose());
    }
}

/// What a URL can say.
fn alone(mut url: DatabaseUrl) -> DatabaseUrl {
    url.settings.clear();
    url.notes.clear();
    url
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_again(url in prop_oneof![3 => server(), 1 => file()]) {
        let text = url.to_text().unwrap();
        let again = DatabaseUrl::parse(text.expose())
            .unwrap_or_else(|error| panic!("{}: {error}", text.expose()));
        prop_assert_eq!(&again, &url, "{}", text.expose());
        // And for people, without the password.
        if let Some(password) = url.password.as_ref().map(|p| p.expose().to_owned()) {
            let with = url.clone().password(format!("canary{password}"));
            let text = with.to_text().unwrap();
            let shown = format!("{with}{with:?}");
            prop_assert!(!shown.contains("canary"), "{}", shown);
            prop_assert!(!redact(text.expose()).contains("canary"), "{}", text.expose());
        }
    }

    #[test]
    fn nothing_makes_reading_panic(text in prop_oneof![
        any::<String>(),
        hostile(),
        mutated(),
        prop::collection::vec(any::<u8>(), 0..200)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]) {
        read(&text);
    }
}

/// A password in every place there is for one, quoted or encoded as it has to be there.
fn with_password(password: &str) -> Vec<String> {
    let encoded = encode(password);
    let form = encoded.replace("%20", "+");
    let libpq = password.replace('\\', "\\\\").replace('\'', "\\'");
    let (single, double) = (password.replace('\'', "''"), password.replace('"', "\"\""));
    let braces = password.replace('}', "}}");
    vec![
        format!("postgres://u:{encoded}@h/d?sslmode=require"),
        format!("postgres://h/d?user=u&password={encoded}&sslmode=require"),
        format!("mysql+pymysql://u:{encoded}@h/d?charset=utf8"),
        format!("mysql+pymysql://u@h/d?passwd={form}&charset=utf8"),
        format!("redshift://u:{encoded}@h/d"),
        format!("host=h user=u password='{libpq}' dbname=d"),
        format!("password = '{libpq}'\n user=u host=h"),
        format!("jdbc:postgresql://h/d?user=u&password={form}&ssl=true"),
        format!("jdbc:mysql://u:{encoded}@h/d?useSSL=true"),
        format!("jdbc:sqlserver://h;user=u;password={{{braces}}};encrypt=true"),
        format!("sqlserver://h:1;password={{{braces}}};user=u"),
        format!("Host=h;Username=u;Password='{single}';Database=d"),
        format!("Password=\"{double}\" ; Host=h;Username=u"),
        format!("Driver={{x}};Uid=u;Pwd={{{braces}}};Server=h"),
        format!("PWD={{{braces}}};DSN=x;UID=u"),
        format!("odbc:PWD={{{braces}}};DSN=x;UID=u"),
        format!(
            "mssql+pyodbc:///?odbc_connect={}",
            encode(&format!("Driver={{x}};Server=h;UID=u;PWD={{{braces}}};Encrypt=yes"))
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_password_is_read_and_none_is_shown(
        middle in hostile(),
        tail in prop_oneof![hostile(), prop::sample::select(corpus::good().map(|r| r.0).collect::<Vec<_>>()).prop_map(str::to_owned)],
    ) {
        let password = format!("canary{middle}canary");
        for text in with_password(&password) {
            let url = DatabaseUrl::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            prop_assert_eq!(url.password.as_ref().unwrap().expose(), &password, "{}", text);
            let shown = format!("{url} {url:?} {}", redact(&text));
            prop_assert!(!shown.contains("canary"), "{}: {}", text, shown);
            // Whatever follows it.
            let broken = format!("{text}{tail}");
            let shown = redact(&broken);
            prop_assert!(!shown.contains("canary") || tail.contains("canary"), "{}: {}", broken, shown);
            for what in ["", "mysql", "mssql", "oracle", "ado", "libpq", "odbc", "jdbc", "url"] {
                let read = match what {
                    "" => DatabaseUrl::parse(&broken),
                    what => DatabaseUrl::parse_as(what, &broken),
                };
                let shown = match read {
                    Ok(url) => format!("{url} {url:?}"),
                    Err(error) => format!("{error} {error:?}"),
                };
                if !tail.contains("canary") {
                    prop_assert!(!shown.contains("canary"), "{} {}: {}", what, broken, shown);
                }
            }
        }
    }
}

#[test]
fn every_string_of_the_tables_comes_back_from_our_url() {
    for (text, ..) in corpus::good() {
        read(text);
    }
}

/// What the driver of SQLite makes of a URL, by the rule that its reference states.
fn path_of_driver(url: &str) -> Option<String> {
    let path = url.strip_prefix("sqlite:").unwrap().split('?').next().unwrap();
    let path = match path.strip_prefix("//") {
        Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
        None => path,
    };
    let path = wellspring_connector::url::decode("path", path).unwrap();
    Some(path).filter(|path| !path.is_empty() && path != ":memory:")
}

proptest! {
    #[test]
    fn paths_are_those_that_the_driver_opens(url in file()) {
        let text = url.to_text().unwrap();
        prop_assert_eq!(path_of_driver(text.expose()), url.database);
    }
}

#[test]
fn what_no_url_can_say_is_refused() {
    let new = || DatabaseUrl::new("postgres");
    let mut twice = new();
    twice.options = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
    let mut empty = new();
    empty.database = Some(String::new());
    let mut many = new();
    many.options = (0..300).map(|n| (n.to_string(), String::new())).collect();
    for (url, part) in [
        (new().password("canary"), "no user"),
        (new().host("a b", None), "a host that is none"),
        (new().host("", None), "a host that is none"),
        (new().host("h", Some(0)), "port 0"),
        (new().user("a\0"), "NUL"),
        (new().option("", "x"), "no good name"),
        (new().option("a\n", "x"), "no good name"),
        (new().database("x".repeat(70_000)), "at most 65536"),
        (DatabaseUrl::new("a b"), "scheme"),
        (DatabaseUrl::new("x"), "scheme"),
        (DatabaseUrl::new("sqlite").user("u").password("canary"), "no user, password or host"),
        (twice, "`a` is there twice"),
        (empty, "the database of the URL is empty"),
        (many, "more than 256 options"),
    ] {
        let error = url.to_text().unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("canary"), "{error}");
    }
}
