//! URLs of PostgreSQL databases: where the server is, and the options by name.

use wellspring_connector::url::{
    ServerUrl, bad_value, duration, known_options, number, switch, unknown_option, word,
};
use wellspring_connector::{DriverOption, Error, ErrorKind, Result};

use crate::endpoint::Endpoint;
use crate::option_list::{BINDINGS, ELSEWHERE, OPTIONS, POOLERS, SSL_MODES, TARGETS};
use crate::options::{DEFAULT_PORT, PostgresOptions};

/// The schemes a URL may have.
pub(crate) const SCHEMES: &[&str] = &["postgres", "postgresql"];

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
    options.password = url.password;
    options.database = url.database;
    let mut hosts = url.hosts;
    let mut default_port = DEFAULT_PORT;
    for (option, value) in known_options(OPTIONS, ELSEWHERE, &url.options)? {
        match option.name {
            "host" if hosts.is_empty() => {
                hosts = value.split(',').map(|host| (host.to_owned(), None)).collect();
            }
            "host" => return Err(config("the URL has a host and the option `host`".to_owned())),
            "port" => {
                option.check(value)?;
                default_port = number("port", value, "a port")?;
            }
            _ => set(&mut options, option, value)?,
        }
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

fn set(options: &mut PostgresOptions, option: &DriverOption, value: &str) -> Result<()> {
    let key = option.name;
    if key == "sslmode" && matches!(value, "prefer" | "allow") {
        return Err(bad_value(
            key,
            value,
            "verify-full, verify-ca, require or disable; whether a connection is safe is not left to \
             the server",
        ));
    }
    option.check(value)?;
    let text = || Some(value.to_owned());
    match key {
        "user" => options.user = text(),
        "password" => options.password = Some(value.into()),
        "dbname" => options.database = text(),
        "sslmode" => options.ssl_mode = Some(word(key, value, &SSL_MODES)?),
        "sslrootcert" => options.tls.ca_file = Some(value.into()),
        "sslcert" => options.tls.client_cert = Some(value.into()),
        "sslkey" => options.tls.client_key = Some(value.into()),
        "channel_binding" => options.channel_binding = word(key, value, &BINDINGS)?,
        "tcp_keepalive" => {
            options.tcp_keepalive =
                Some(duration(key, value)?).filter(|silence| !silence.is_zero());
        }
        "application_name" => options.application_name = text(),
        "statement_timeout" => options.statement_timeout = Some(duration(key, value)?),
        // There is one.
        "client_encoding" => {}
        "search_path" => options.search_path = text(),
        "jit" => options.jit = Some(switch(key, value)?),
        "options" => options.options = text(),
        "target_session_attrs" => options.target_session_attrs = word(key, value, &TARGETS)?,
        "pgbouncer" => options.pooler = word(key, value, &POOLERS)?,
        "statement_cache" => options.statement_cache = number(key, value, "a number")?,
        "prepare_threshold" => options.prepare_threshold = number(key, value, "a number")?,
        _ => return Err(unknown_option(key, &[])),
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
    use crate::options::{ChannelBinding, Pooler, SslMode, TargetSessionAttrs};

    #[test]
    fn every_option_is_read() {
        let options = PostgresOptions::from_url(
            "postgresql://ada:pw@[::1]:6000,db2/shop?sslmode=verify-ca&sslrootcert=ca.pem\
             &sslcert=c.pem&sslkey=k.pem&application_name=till&statement_timeout=1500ms\
             &client_encoding=UTF8&search_path=a%2C%20b&jit=off&options=-c%20geqo%3Doff\
             &target_session_attrs=prefer-standby&pgbouncer=transaction&statement_cache=7\
             &prepare_threshold=3&channel_binding=require&tcp_keepalive=5min",
        )
        .unwrap();
        assert_eq!(options.target(), "postgres://ada@[::1]:6000,db2:5432/shop");
        assert_eq!(options.ssl_mode, Some(SslMode::VerifyCa));
        assert_eq!(options.statement_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(options.target_session_attrs, TargetSessionAttrs::PreferStandby);
        assert_eq!(options.pooler, Pooler::Transaction);
        assert_eq!((options.statement_cache, options.prepare_threshold), (7, 3));
        assert_eq!(options.channel_binding, ChannelBinding::Require);
        assert_eq!(options.tcp_keepalive, Some(Duration::from_secs(300)));
        let never = PostgresOptions::from_url("postgres://h?tcp_keepalive=0s").unwrap();
        assert_eq!(never.tcp_keepalive, None);
        assert_eq!(
            options.native(&options.login()).get_options().unwrap(),
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
            // Who names a certificate wants TLS.
            ("postgres://localhost?sslrootcert=ca.pem", SslMode::VerifyFull),
            ("postgres://localhost?sslcert=c.pem&sslkey=k.pem", SslMode::VerifyFull),
            ("postgres://localhost?channel_binding=require", SslMode::VerifyFull),
            ("postgres://localhost?channel_binding=disable", SslMode::Disable),
            ("postgres://%2Ftmp?sslrootcert=ca.pem", SslMode::Disable),
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
            ("postgres://u:canary@h/d?prepare_threshold=0", "from 1 to"),
            ("postgres://u:canary@h/d?tcp_keepalive=10ms", "at least 1s"),
            ("postgres://u:canary@h/d?connect_timeout=10", "`pool.connect_timeout`"),
            ("postgres://u:canary@h/d?keepalives_idle=10", "`tcp_keepalive`"),
            ("postgres://u:canary@h/d?tcp_user_timeout=10", "`tcp_keepalive`"),
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

    #[test]
    fn options_that_disagree_on_tls_are_refused() {
        for (query, named) in [
            ("sslmode=disable&sslrootcert=ca.pem", "sslmode=disable and sslrootcert"),
            ("sslcert=c&sslkey=k&sslmode=disable", "sslmode=disable and sslcert"),
            ("sslkey=k&sslmode=disable", "sslmode=disable and sslkey"),
            ("sslmode=disable&channel_binding=require", "disable and channel_binding=require"),
            ("sslmode=require&sslrootcert=ca.pem", "verify-ca"),
        ] {
            for host in ["db.example", "localhost", "%2Ftmp"] {
                let url = format!("postgres://u:canary@{host}/d?{query}");
                let error = PostgresOptions::from_url(&url).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config, "{url}");
                assert!(error.to_string().contains(named), "{url}: {error}");
            }
        }
        let built = PostgresOptions::new("h").ssl_mode(SslMode::Disable).ca_file("ca.pem");
        assert_eq!(crate::PostgresConnector::new(built).unwrap_err().kind(), ErrorKind::Config);
        for query in
            ["sslmode=disable&channel_binding=disable", "sslmode=require&sslcert=c&sslkey=k"]
        {
            PostgresOptions::from_url(&format!("postgres://h/d?{query}")).unwrap();
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        for url in ["postgres://u:canary@h/d", "postgres://h/d?user=u&password=canary"] {
            let options = PostgresOptions::from_url(url).unwrap();
            assert_eq!(options.password, Some("canary".into()));
            assert!(!format!("{options:?} {}", options.target()).contains("canary"));
        }
    }
}
