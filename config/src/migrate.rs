//! A configuration of any shape as a `wellspring.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;
use wellspring_connector::{Echo, RetryPolicy, Secret};
use wellspring_pool_core::PoolOptions;

use crate::dsn::DatabaseUrl;
use crate::{Config, DatabaseConfig};

/// A configuration in our own shape.
///
/// ```
/// use wellspring_config::{Loader, migrate};
///
/// let config = Loader::new()
///     .text("dbinfos.json", r#"{"shop": {"dsn": "mysql+pymysql://app:sesame@my1/shop"}}"#)
///     .load()?;
/// let migrated = migrate(&config)?;
/// assert!(migrated.toml.contains(r#"url = "mysql://app@my1/shop""#));
/// assert!(migrated.toml.contains(r#"password = "${SHOP_PASSWORD}""#));
/// assert_eq!(migrated.secrets["SHOP_PASSWORD"].expose(), "sesame");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The text of a `wellspring.toml`, without any secret: variables stand in their places.
    pub toml: String,
    /// What these variables are to be set to, by their names.
    pub secrets: BTreeMap<String, Secret>,
}

/// Writes `config` as a `wellspring.toml` that means the same: what is as it is by default is left out.
///
/// # Errors
/// [`ErrorKind::Config`](wellspring_connector::ErrorKind::Config) for an address that no URL can hold.
pub fn migrate(config: &Config) -> wellspring_connector::Result<Migrated> {
    let mut migrated = Migrated { toml: String::new(), secrets: BTreeMap::new() };
    if let Some(name) = &config.default_database {
        line(&mut migrated.toml, "default_database", &quoted(name));
    }
    for database in &config.databases {
        migrated.database(database)?;
    }
    Ok(migrated)
}

impl Migrated {
    fn database(&mut self, database: &DatabaseConfig) -> wellspring_connector::Result<()> {
        if !self.toml.is_empty() {
            self.toml.push('\n');
        }
        let name = key(&database.name);
        writeln!(self.toml, "[databases.{name}]").expect("a text takes what is written");
        let url = self.without_password(&database.url, &database.name, "PASSWORD")?;
        line(&mut self.toml, "url", &quoted(&url.text));
        if let Some(variable) = url.password {
            line(&mut self.toml, "password", &format!("\"${{{variable}}}\""));
        }
        if let Some(path) = &database.password_file {
            line(&mut self.toml, "password_file", &quoted(&path.to_string_lossy()));
        }
        if !database.failover_urls.is_empty() {
            let mut urls = Vec::new();
            for (index, url) in database.failover_urls.iter().enumerate() {
                let what = format!("FAILOVER_{}_PASSWORD", index + 1);
                urls.push(self.with_variable(url, &database.name, &what)?);
            }
            line(&mut self.toml, "failover_urls", &format!("[{}]", urls.join(", ")));
        }
        if database.unpooled {
            line(&mut self.toml, "unpooled", "true");
        }
        if let Some(timeout) = database.statement_timeout {
            line(
                &mut self.toml,
                "statement_timeout",
                &quoted(&format!("{}ms", timeout.as_millis())),
            );
        }
        if let Some(rows) = database.select_limit {
            line(&mut self.toml, "select_limit", &rows.to_string());
        }
        if let Some(translations) = database.statement_translations {
            line(&mut self.toml, "statement_translations", &translations.to_string());
        }
        for (key, echo) in [("echo", database.echo), ("echo_pool", database.echo_pool)] {
            if echo != Echo::Off {
                line(&mut self.toml, key, &quoted(&echo.to_string()));
            }
        }
        for (key, statements) in [
            ("session_setup", &database.session_setup),
            ("session_teardown", &database.session_teardown),
        ] {
            if !statements.is_empty() {
                let all: Vec<String> =
                    statements.iter().map(|text| quoted(&escaped(text))).collect();
                line(&mut self.toml, key, &format!("[{}]", all.join(", ")));
            }
        }
        let retry = differing(&database.retry, &RetryPolicy::default());
        let pool = differing(&database.pool, &PoolOptions::default());
        for (table, values) in [("retry", retry), ("pool", pool)] {
            if !values.is_empty() {
                writeln!(self.toml, "\n[databases.{name}.{table}]").expect("as above");
                values.iter().for_each(|(key, json)| line(&mut self.toml, key, &value(json)));
            }
        }
        Ok(())
    }

    /// A URL as it stands in a file, with its password in a variable.
    fn without_password(
        &mut self,
        url: &DatabaseUrl,
        database: &str,
        what: &str,
    ) -> wellspring_connector::Result<Written> {
        let mut plain = url.clone();
        let password = plain.password.take().map(|password| self.secret(database, what, password));
        let text = escaped(plain.to_text()?.expose());
        Ok(Written { text, password })
    }

    /// As [`without_password`](Self::without_password), as one text with the variable in it.
    fn with_variable(
        &mut self,
        url: &DatabaseUrl,
        database: &str,
        what: &str,
    ) -> wellspring_connector::Result<String> {
        if url.password.is_none() {
            return Ok(quoted(&escaped(url.to_text()?.expose())));
        }
        // As a whole: a password has to be encoded in a URL, and a variable is put in as it is.
        let text = url.to_text()?;
        let what = what.replace("_PASSWORD", "_URL");
        Ok(format!("\"${{{}}}\"", self.secret(database, &what, text)))
    }

    /// The variable that holds a secret of a database.
    fn secret(&mut self, database: &str, what: &str, secret: Secret) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let mut name: String = database.chars().map(plain).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        let mut variable = format!("{name}_{what}");
        let mut number = 2;
        while self.secrets.get(&variable).is_some_and(|other| *other != secret) {
            variable = format!("{name}_{number}_{what}");
            number += 1;
        }
        self.secrets.insert(variable.clone(), secret);
        variable
    }
}

/// An address without its password, and the variable that holds it.
struct Written {
    text: String,
    password: Option<String>,
}

/// What differs between two sets of options.
fn differing<T: serde::Serialize>(options: &T, default: &T) -> Vec<(String, Json)> {
    let of = |options: &T| match serde_json::to_value(options) {
        Ok(Json::Object(object)) => object,
        _ => serde_json::Map::new(),
    };
    let default = of(default);
    of(options).into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect()
}

fn line(out: &mut String, key: &str, value: &str) {
    writeln!(out, "{key} = {value}").expect("a text takes what is written");
}

/// `${` is not to be taken for a variable.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A key, in quotes where it needs them.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A text in quotes. JSON's escapes are TOML's as well; the one character more that TOML wants escaped is added.
fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A value of TOML.
pub(crate) fn value(json: &Json) -> String {
    match json {
        Json::Null => quoted("off"),
        Json::Object(object) => {
            let entry = |(name, json): (&String, &Json)| format!("{} = {}", key(name), value(json));
            format!("{{ {} }}", object.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Json::Array(all) => format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(", ")),
        Json::String(text) => quoted(text),
        other => other.to_string(),
    }
}
