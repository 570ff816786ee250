//! URLs of MySQL and MariaDB databases: where the server is, and the options by name.

use wellspring_connector::url::{
    ServerUrl, bad_value, duration, known_options, number, unknown_option, word,
};
use wellspring_connector::{DriverOption, Error, ErrorKind, Result};

use crate::option_list::{ELSEWHERE, OPTIONS, SSL_MODES};
use crate::options::{DEFAULT_PORT, Flavor, MySqlOptions};

/// The schemes a URL may have.
pub(crate) const SCHEMES: &[&str] = &["mysql", "mariadb"];

/// Reads a whole URL.
pub(crate) fn parse(text: &str) -> Result<MySqlOptions> {
    let url = ServerUrl::parse(text)?;
    let flavor = match url.scheme.as_str() {
        "mysql" => Flavor::MySql,
        "mariadb" => Flavor::MariaDb,
        other => {
            return Err(config(format!(
                "`{}` is not a MySQL URL: it would begin with `mysql://` or `mariadb://`",
                other.chars().take(20).collect::<String>()
            )));
        }
    };
    let (host, port) = match url.hosts.as_slice() {
        [] => ("localhost".to_owned(), None),
        [one] => one.clone(),
        _ => return Err(config("a MySQL URL has one host; several are for failover".to_owned())),
    };
    let mut options = MySqlOptions::new(host).port(port.unwrap_or(DEFAULT_PORT));
    options.flavor = flavor;
    options.user = url.user;
    options.password = url.password;
    options.database = url.database;
    for (option, value) in known_options(OPTIONS, ELSEWHERE, &url.options)? {
        set(&mut options, option, value)?;
    }
    Ok(options)
}

fn set(options: &mut MySqlOptions, option: &DriverOption, value: &str) -> Result<()> {
    let key = option.name;
    if key == "sslmode" && value.to_ascii_lowercase().starts_with("prefer") {
        return Err(bad_value(
            key,
            value,
            "verify-full, verify-ca, require or disable; whether a connection is safe is not left to \
             the server",
        ));
    }
    option.check(value)?;
    match key {
        "socket" => options.socket = Some(value.into()),
        "sslmode" => options.ssl_mode = Some(word(key, value, &SSL_MODES)?),
        "sslrootcert" => options.ca_file = Some(value.into()),
        "sslcert" => options.client_cert = Some(value.into()),
        "sslkey" => options.client_key = Some(value.into()),
        "tcp_keepalive" => {
            options.tcp_keepalive =
                Some(duration(key, value)?).filter(|silence| !silence.is_zero());
        }
        "application_name" => options.application_name = Some(value.to_owned()),
        "sql_mode" => options.sql_mode = Some(value.to_owned()),
        // There is one.
        "charset" => {}
        "read_timeout" => options.read_timeout = Some(duration(key, value)?),
        "write_timeout" => options.write_timeout = Some(duration(key, value)?),
        "statement_cache" => options.statement_cache = number(key, value, "a number")?,
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
    use crate::options::SslMode;

    #[test]
    fn every_option_is_read() {
        let options = MySqlOptions::from_url(
            "mariadb://ada:p%40w@[::1]:4000/shop?sslmode=verify-ca&sslrootcert=ca.pem&sslcert=c.pem\
             &sslkey=k.pem&application_name=till&sql_mode=ANSI%2CTRADITIONAL&charset=utf8mb4\
             &read_timeout=30s&write_timeout=1min&statement_cache=7&socket=/run/x.sock\
             &tcp_keepalive=5min",
        )
        .unwrap();
        assert_eq!(options.target(), "mariadb://ada@/run/x.sock/shop");
        assert_eq!((options.host.as_str(), options.port), ("::1", 4000));
        assert_eq!(options.password, Some("p@w".into()));
        assert!(!format!("{options:?}").contains("p@w"));
        assert_eq!(options.tcp_keepalive, Some(Duration::from_secs(300)));
        let never = MySqlOptions::from_url("mysql://h?tcp_keepalive=0s").unwrap();
        assert_eq!(never.tcp_keepalive, None);
        assert_eq!(options.ssl_mode, Some(SslMode::VerifyCa));
        assert_eq!(options.statement_cache, 7);
        assert_eq!(
            options.setup(),
            "set time_zone = '+00:00', autocommit = 1, sql_mode = 'ANSI,TRADITIONAL', net_read_timeout = 30, \
             net_write_timeout = 60"
        );
    }

    #[test]
    fn this_machine_needs_no_tls_and_others_are_verified() {
        for (url, mode) in [
            ("mysql://localhost", SslMode::Disable),
            ("mysql://127.0.0.1", SslMode::Disable),
            ("mysql://127.0.0.1?sslmode=required", SslMode::Require),
            ("mysql://db.example", SslMode::VerifyFull),
            ("mysql://db.example?socket=/run/s.sock", SslMode::Disable),
            // Who names a certificate wants TLS.
            ("mysql://localhost?sslrootcert=ca.pem", SslMode::VerifyFull),
            ("mysql://localhost?sslcert=c.pem&sslkey=k.pem", SslMode::VerifyFull),
            ("mysql://localhost?socket=/run/s.sock&sslrootcert=ca.pem", SslMode::Disable),
        ] {
            let options = MySqlOptions::from_url(url).unwrap();
            assert_eq!(options.effective_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, named) in [
            ("postgres://h", "`postgres` is not"),
            ("mysql://u:canary@a,b/d", "one host"),
            ("mysql://u:canary@h/d?sslmode=preferred", "verify-full"),
            ("mysql://u:canary@h/d?sql_mod=x", "did you mean `sql_mode`"),
            ("mysql://u:canary@h/d?charset=latin1", "utf8mb4"),
            ("mysql://u:canary@h/d?read_timeout=10ms", "whole seconds"),
            ("mysql://u:canary@h/d?sslcert=x", "sslkey"),
            ("mysql://u:canary@h/d?sslmode=require&ssl-mode=required", "are one option"),
            ("mysql://u:canary@h/d?sslmode=DISABLED&sslrootcert=x", "contradict"),
            ("mysql://u:canary@h/d?sslmode=disable&sslcert=x&sslkey=x", "sslcert contradict"),
            ("mysql://u:canary@h/d?sslmode=disable&sslkey=x", "sslkey contradict"),
            ("mysql://u:canary@localhost/d?ssl-mode=require&sslrootcert=x", "verify-ca"),
            ("mysql://u:canary@h/d?tcp_keepalive=10ms", "at least 1s"),
            ("mysql://u:canary@h/d?connect_timeout=10", "`pool.connect_timeout`"),
            ("mysql://u:canary@h/d?autocommit=off", "`set_autocommit`"),
            ("mysql://u:canary@h/d?ssl_ca=x", "`sslrootcert`"),
        ] {
            let error = MySqlOptions::from_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.to_string().contains(named), "{url}: {error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
