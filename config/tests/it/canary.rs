//! A secret is never shown, wherever it came in and whatever is wrong beside it.

use std::fs;
use std::path::Path;

use wellspring_config::{Config, ConfigErrors, Loader, json_schema, migrate, reference};

use crate::without_variables;

/// It is in each place where a secret can be, and looks like a number, a text and a path at once.
const CANARY: &str = "c4naryS3cret";

/// Every way in, each with a right document that has the canary in it.
fn ways(dir: &Path) -> Vec<(&'static str, Loader)> {
    let file = |name: &str, text: String| {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let base = || without_variables();
    let url = format!("postgres://app:{CANARY}@pg1/orders");
    let json = |text: String| base().text("x.json", text);
    let variable = |name: &str, value: String| base().variable(name, value);
    vec![
        (
            "url in a file",
            base().text("wellspring.toml", format!("databases.default.url = '{url}'")),
        ),
        (
            "password in a file",
            base().text(
                "wellspring.toml",
                format!("[databases.default]\nurl = 'postgres://app@pg1/d'\npassword = '{CANARY}'"),
            ),
        ),
        (
            "expanded",
            base()
                .variable("PW", CANARY)
                .text("wellspring.toml", "databases.default.url = 'postgres://app:${PW}@pg1/d'"),
        ),
        (
            "password_file",
            base()
                .set("databases.default.url", "postgres://app@pg1/d")
                .set("databases.default.password_file", file("password", CANARY.to_owned())),
        ),
        (
            "options",
            base()
                .set("databases.default.url", "postgres://app@pg1/d")
                .set("databases.default.options.password", CANARY),
        ),
        ("url_file", base().set("databases.default.url_file", file("url", url.clone()))),
        (
            "failover",
            base()
                .set("databases.default.url", "postgres://app@pg1/d")
                .set("databases.default.failover_urls", [&url]),
        ),
        ("DATABASE_URL", variable("DATABASE_URL", url.clone()).environment()),
        (
            "failover variable",
            variable("DATABASE_URL", "postgres://app@pg1/d".into())
                .variable("DATABASE_FAILOVER_URLS", &url)
                .environment(),
        ),
        ("nested url", variable("WELLSPRING_DATABASES__DEFAULT__URL", url.clone()).environment()),
        (
            "nested password",
            variable("WELLSPRING_DATABASES__DEFAULT__PASSWORD", CANARY.into())
                .variable("DATABASE_URL", "postgres://app@pg1/d")
                .environment(),
        ),
        (
            "parts",
            variable("DB_PASSWORD", CANARY.into()).variable("DB_USER", "app").environment_of("DB"),
        ),
        (
            "sqlalchemy",
            base().set("databases.default.url", format!("postgresql+psycopg://app:{CANARY}@pg1/d")),
        ),
        (
            "libpq",
            base().set(
                "databases.default.url",
                format!("host=pg1 dbname=d user=app password='{CANARY}'"),
            ),
        ),
        (
            "jdbc",
            base().set(
                "databases.default.url",
                format!("jdbc:postgresql://pg1/d?user=app&password={CANARY}"),
            ),
        ),
        (
            "jdbc of SQL Server",
            base().set(
                "databases.default.url",
                format!("jdbc:sqlserver://h;databaseName=d;user=u;password={{{CANARY}}}"),
            ),
        ),
        (
            "ado",
            base().set(
                "databases.default.url",
                format!("Host=pg1;Username=app;Password={CANARY};Database=d"),
            ),
        ),
        (
            "jrm dsn",
            json(format!(r#"{{"default": {{"dsn": "mysql+pymysql://app:{CANARY}@my1/d"}}}}"#)),
        ),
        (
            "jrm password",
            json(format!(
                r#"{{"default_db": "default", "databases": {{"default": {{"type": "postgres", "host": "pg1", "user": "app", "password": "{CANARY}"}}}}}}"#
            )),
        ),
        (
            "jrm variables",
            variable("JRM_DB_PASSWORD", CANARY.into())
                .variable("JRM_DB_KEY", "default")
                .variable("JRM_DB_TYPE", "postgres")
                .variable("JRM_DB_HOST", "h")
                .variable("JRM_DB_USER", "u")
                .directory("/nonexistent")
                .search(),
        ),
        (
            "jrm dsn variable",
            variable("JRM_DB_DSN", url.clone())
                .variable("JRM_DB_KEY", "default")
                .directory("/nonexistent")
                .search(),
        ),
        (
            "jrm json variable",
            variable("JRM_DATABASES_JSON", format!(r#"{{"default": {{"dsn": "{url}"}}}}"#))
                .directory("/nonexistent")
                .search(),
        ),
    ]
}

fn no_canary(what: &str, text: &str) {
    assert!(!text.contains(CANARY), "{what}: {text}");
}

fn check_config(what: &str, loader: &Loader, config: &Config) {
    no_canary(what, &format!("{config:?} {config:#?} {loader:?}"));
    for database in config.databases() {
        no_canary(what, &format!("{} {:?}", database.url, database.url));
        no_canary(what, &format!("{:?}", database.origins().collect::<Vec<_>>()));
        for url in &database.failover_urls {
            no_canary(what, &format!("{url} {url:?}"));
        }
    }
    for note in config.notes() {
        no_canary(what, &format!("{note} {note:?}"));
    }
    let migrated = migrate(config).unwrap();
    no_canary(what, &migrated.toml);
    no_canary(what, &format!("{migrated:?}"));
}

fn check_errors(what: &str, errors: &ConfigErrors) {
    no_canary(what, &format!("{errors} {errors:?} {errors:#?}"));
    let error = wellspring_connector::Error::from(errors.clone());
    no_canary(what, &format!("{error} {error:?} {error:#}"));
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        no_canary(what, &format!("{inner} {inner:?}"));
        source = inner.source();
    }
}

#[test]
fn no_way_in_lets_it_out() {
    let dir = tempfile::tempdir().unwrap();
    for (way, loader) in ways(dir.path()) {
        let config = loader.load().unwrap_or_else(|errors| panic!("{way}: {errors}"));
        check_config(way, &loader, &config);
    }
    no_canary("the schema", &json_schema().to_string());
    no_canary("the reference", &reference(&[]));
}

#[test]
fn nothing_that_is_wrong_beside_it_lets_it_out() {
    let dir = tempfile::tempdir().unwrap();
    for (way, loader) in ways(dir.path()) {
        for (key, value) in [
            ("databases.default.pool.max_size", "0"),
            ("databases.default.port", "x"),
            ("databases.default.host", "other"),
            ("databases.default.user", "other"),
            ("databases.default.passwrd", CANARY),
            ("databases.default.echo", "loud"),
            ("databases.default.options.sslmode", "disable"),
            ("nonsense", "x"),
        ] {
            let broken = loader.clone().set(key, value);
            match broken.load() {
                Ok(config) => check_config(way, &broken, &config),
                Err(errors) => check_errors(way, &errors),
            }
        }
    }
}

#[test]
fn a_document_that_is_cut_anywhere_does_not_let_it_out() {
    for (name, text) in [
        (
            "x.toml",
            format!(
                "[databases.a]\nurl = \"postgres://app:{CANARY}@pg1/d\"\npassword = \"{CANARY}\"\n"
            ),
        ),
        (
            "x.json",
            format!(
                r#"{{"databases": {{"a": {{"url": "postgres://app:{CANARY}@pg1/d", "password": "{CANARY}"}}}}}}"#
            ),
        ),
        (
            "x.yaml",
            format!(
                "databases:\n  a:\n    url: 'postgres://app:{CANARY}@pg1/d'\n    password: \"{CANARY}\"\n"
            ),
        ),
    ] {
        for cut in 0..text.len() {
            for put in ["", "'", "\"", "\\", "{", "}", "\n", "=", "${", "%", "\u{0}"] {
                // What is left of the canary at a cut may be shown, if it is no secret any more: whole it is not.
                let changed = format!("{}{put}{}", &text[..cut], &text[cut..]);
                if !changed.contains(CANARY) {
                    continue;
                }
                let loader = without_variables().text(name, changed);
                match loader.load() {
                    Ok(config) => check_config(name, &loader, &config),
                    Err(errors) => check_errors(name, &errors),
                }
            }
        }
    }
}

#[test]
fn secrets_in_the_wrong_place_are_not_shown() {
    for (key, value) in [
        ("url", format!("\"{CANARY}\"")),
        ("url", format!("\"{CANARY}@pg1\"")),
        ("url", format!("\"postgres://app:{CANARY}%zz@pg1/d\"")),
        ("url", format!("\"postgres://app:{CANARY}@pg1:x/d\"")),
        ("url", format!("\"postgers://app:{CANARY}@pg1/d\"")),
        ("url", format!("\"host=pg1 password={CANARY} user\"")),
        ("url", format!("\"Server=h;Password={CANARY};Unknown\"")),
        ("password", format!("[\"{CANARY}\"]")),
        ("password", format!("{{ a = \"{CANARY}\" }}")),
    ] {
        let loader = without_variables()
            .text("x.toml", format!("[databases.a]\ntype = 'postgres'\n{key} = {value}"));
        match loader.load() {
            Ok(config) => check_config(key, &loader, &config),
            Err(errors) => check_errors(key, &errors),
        }
    }
}
