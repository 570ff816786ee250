//! URLs of PostgreSQL databases: where the server is, and the options by name.

use wellspring_connector::url::{
    ServerUrl, bad_value, duration, number, switch, unknown_option, word,
};
use wellspring_connector::{Error, ErrorKind, Result};

use crate::options::{
    DEFAULT_PORT, Endpoint, Pooler, PostgresOptions, SslMode, TargetSessionAttrs,
};

/// The schemes a URL may have.
pub(crate) const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// The names options have in a URL's query.
const KEYS: &[&str] = &[
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "statement_timeout",
    "client_encoding",
    "search_path",
    "jit",
    "options",
    "target_session_attrs",
    "pgbouncer",
    "statement_cache",
    "prepare_threshold",
];

const SSL_MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const TARGETS: &[(&str, TargetSessionAttrs)] = &[
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];

const POOLERS: &[(&str, Pooler)] = &[
    ("off", Pooler::None),
    ("false", Pooler::None),
    ("session", Pooler::None),
    ("transaction", Pooler::Transaction),
    ("true", Pooler::Transaction),
];

/// Reads a whole URL.
pub(crate) fn parse(text: &str) -> Result<PostgresOptions> {
    let url = ServerUrl::parse(text)?;
    if !SCHEMES.contains(&url.scheme.as_str()) {
        return Err(config(format!(
            "`{}` is not a PostgreSQL URL: it would begin with `postgres://`",
            url.scheme.chars().take(20).collect::<String>()
        )));
    }
    let mut options = PostgresOptions::new("localhost");
    options.user = url.user;
    options.password = url.password.map(|password| password.expose().to_owned());
    options.database = url.database;
    let mut hosts = url.hosts;
    let mut default_port = DEFAULT_PORT;
    for (key, value) in &url.options {
        match key.as_str() {
            "host" if hosts.is_empty() => {
                hosts = value.split(',').map(|host| (host.to_owned(), None)).collect();
            }
            "host" => return Err(config("the URL has a host and the option `host`".to_owned())),
            "port" => default_port = number(key, value, "a port, from 1 to 65535")?,
            _ => set(&mut options, key, value)?,
        }
    }
    if default_port == 0 {
        return Err(bad_value("port", "0", "a port, from 1 to 65535"));
    }
    if !hosts.is_empty() {
        options.endpoints = hosts
            .iter()
            .map(|(host, port)| Endpoint::new(host, port.unwrap_or(default_port)))
            .collect();
    } else {
        options.endpoints = vec![Endpoint::new("localhost", default_port)];
    }
    Ok(options)
}

fn set(options: &mut PostgresOptions, key: &str, value: &str) -> Result<()> {
    let text = || Some(value.to_owned());
    match key {
        "user" => options.user = text(),
        "password" => options.password = text(),
        "dbname" => options.database = text(),
        "sslmode" => {
            if matches!(value, "prefer" | "allow") {
                return Err(bad_value(
                    key,
                    value,
                    "verify-full, verify-ca, require or disable; whether a connection is safe is \
                     not left to the server",
                ));
            }
            options.ssl_mode = Some(word(key, value, SSL_MODES)?);
        }
        "sslrootcert" => options.tls.ca_file = Some(value.into()),
        "sslcert" => options.tls.client_cert = Some(value.into()),
        "sslkey" => options.tls.client_key = Some(value.into()),
        "application_name" => options.application_name = text(),
        "statement_timeout" => options.statement_timeout = Some(duration(key, value)?),
        "client_encoding" => {
            if !["utf8", "utf-8", "unicode"].contains(&value.to_ascii_lowercase().as_str()) {
                return Err(bad_value(key, value, "UTF8, the only encoding text has here"));
            }
        }
        "search_path" => options.search_path = text(),
        "jit" => options.jit = Some(switch(key, value)?),
        "options" => options.options = text(),
        "target_session_attrs" => options.target_session_attrs = word(key, value, TARGETS)?,
        "pgbouncer" => options.pooler = word(key, value, POOLERS)?,
        "statement_cache" => {
            options.statement_cache = number(key, value, "a number of statements: 100, 0 for off")?;
        }
        "prepare_threshold" => {
            options.prepare_threshold = number(key, value, "a number of uses: 1 is the first")?;
        }
        _ => return Err(unknown_option(key, KEYS)),
    }
    Ok(())
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_option_is_read() {
        let options = PostgresOptions::from_url(
            "postgresql://ada:pw@[::1]:6000,db2/shop?sslmode=verify-ca&sslrootcert=ca.pem\
             &sslcert=c.pem&sslkey=k.pem&application_name=till&statement_timeout=1500ms\
             &client_encoding=UTF8&search_path=a%2C%20b&jit=off&options=-c%20geqo%3Doff\
             &target_session_attrs=prefer-standby&pgbouncer=transaction&statement_cache=7\
             &prepare_threshold=3",
        )
        .unwrap();
        assert_eq!(options.target(), "postgres://ada@[::1]:6000,db2:5432/shop");
        assert_eq!(options.ssl_mode, Some(SslMode::VerifyCa));
        assert_eq!(options.statement_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(options.target_session_attrs, TargetSessionAttrs::PreferStandby);
        assert_eq!(options.pooler, Pooler::Transaction);
        assert_eq!((options.statement_cache, options.prepare_threshold), (7, 3));
        assert_eq!(
            options.native().get_options().unwrap(),
            "-c geqo=off -c statement_timeout=1500 -c search_path=a,\\ b -c jit=off"
        );
    }

    #[test]
    fn hosts_are_names_addresses_and_directories() {
        for (url, target) in [
            ("postgres://", "postgres://localhost:5432/"),
            ("postgres://%2Frun%2Fpg/x", "postgres:///run/pg:5432/x"),
            ("postgres:///x?host=/run/pg&port=6000", "postgres:///run/pg:6000/x"),
            ("postgres:///x?host=a,b&user=u&dbname=y", "postgres://u@a:5432,b:5432/y"),
        ] {
            assert_eq!(PostgresOptions::from_url(url).unwrap().target(), target, "{url}");
        }
    }

    #[test]
    fn this_machine_needs_no_tls_and_others_are_verified() {
        for (url, mode) in [
            ("postgres://localhost", SslMode::Disable),
            ("postgres://127.0.0.1", SslMode::Disable),
            ("postgres://%2Ftmp", SslMode::Disable),
            ("postgres://%2Ftmp?sslmode=require", SslMode::Disable),
            ("postgres://localhost?sslmode=require", SslMode::Require),
            ("postgres://db.example", SslMode::VerifyFull),
            ("postgres://db.example?sslmode=disable", SslMode::Disable),
        ] {
            let options = PostgresOptions::from_url(url).unwrap();
            assert_eq!(options.ssl_mode_for(&options.endpoints[0]), mode, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, named) in [
            ("mysql://h", "`mysql` is not"),
            ("postgres://u:canary@h/d?sslmode=prefer", "verify-full"),
            ("postgres://u:canary@h/d?sslmode=on", "verify-ca"),
            ("postgres://u:canary@h/d?statement_timout=1s", "did you mean `statement_timeout`"),
            ("postgres://u:canary@h/d?statement_timeout=5", "unit"),
            ("postgres://u:canary@h/d?client_encoding=latin1", "UTF8"),
            ("postgres://u:canary@h/d?prepare_threshold=0", "at least 1"),
            ("postgres://u:canary@h/d?sslcert=x", "sslkey"),
            ("postgres://u:canary@h/d?host=x", "option `host`"),
            ("postgres://u:canary@h/d?port=0", "65535"),
        ] {
            let error = PostgresOptions::from_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.to_string().contains(named), "{url}: {error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
