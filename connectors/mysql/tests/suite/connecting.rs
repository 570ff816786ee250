//! Connecting: what is set, TLS, and how each failure is told.

use wellspring_connector::{ErrorKind, Retry};
use wellspring_mysql::{MySqlOptions, SslMode};
use wellspring_testkit::servers::{Kind, MariaDb, MySql};

use crate::databases::server;
use crate::support::{ask, connect_with, connector, on_both};

fn options(url: &str) -> MySqlOptions {
    MySqlOptions::from_url(url).expect("a sound URL")
}

/// Each way to fail has a kind of its own, names the place, and keeps the password.
async fn failures(port: u16, url: String, offers_tls: bool) {
    let place = format!("127.0.0.1:{port}");
    for (url, kind, retry) in [
        (format!("app:canary@{place}/test"), ErrorKind::ConnectAuth, Retry::Never),
        (format!("nobody:canary@{place}/test"), ErrorKind::ConnectAuth, Retry::Never),
        ("ada:canary@127.0.0.1:1/x".to_owned(), ErrorKind::ConnectRefused, Retry::NewConnection),
        (
            "ada:canary@no-such-host.invalid/x?sslmode=disable".to_owned(),
            ErrorKind::ConnectDns,
            Retry::NewConnection,
        ),
        (
            "ada:canary@h/x?socket=/no/such/socket".to_owned(),
            ErrorKind::ConnectRefused,
            Retry::NewConnection,
        ),
    ] {
        let error = connector(options(&format!("mysql://{url}"))).connect().await.expect_err(&url);
        assert_eq!(error.kind(), kind, "{url}: {error:?}");
        assert_eq!(error.retry(), retry, "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        if url.contains(&place) {
            assert!(error.to_string().contains(&place), "{error}");
        }
    }
    let missing = options(&url).database("nowhere");
    let error = connector(missing).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase, "{error:?}");
    let wrong = options(&url).sql_mode("NO_SUCH_MODE");
    let error = connector(wrong).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    if !offers_tls {
        let secure = options(&url).ssl_mode(SslMode::Require);
        let error = connector(secure).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectTls, "{error:?}");
    }
    // No connection left; one more is kept for the administrator.
    let crowded = connector(options(&url));
    let mut held = Vec::new();
    let error = loop {
        match crowded.connect().await {
            Ok(connection) => held.push(connection),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectTooMany, "{error:?}");
    assert!(!held.is_empty());
}

/// Certificates are checked as the mode says.
async fn modes(app_url: &str, ca: std::path::PathBuf, wrong_ca: std::path::PathBuf) {
    let base = options(app_url);
    for (mode, ca, trusted) in [
        (SslMode::VerifyFull, Some(&ca), true),
        (SslMode::VerifyCa, Some(&ca), true),
        (SslMode::Require, None, true),
        (SslMode::VerifyFull, Some(&wrong_ca), false),
        (SslMode::VerifyCa, Some(&wrong_ca), false),
        (SslMode::VerifyFull, None, false),
    ] {
        let mut options = base.clone().ssl_mode(mode);
        if let Some(ca) = ca {
            options = options.ca_file(ca);
        }
        if trusted {
            let mut session = connect_with(options).await;
            let cipher: wellspring_connector::Row =
                session.get("show session status like 'Ssl_cipher'", ()).await;
            assert!(!cipher.try_get::<&str>(1).unwrap().is_empty(), "{mode:?} is not encrypted");
        } else {
            let error = connector(options).connect().await.expect_err("not trusted");
            assert_eq!(error.kind(), ErrorKind::ConnectTls, "{mode:?} {ca:?}: {error:?}");
        }
    }
}

mod mysql {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_failure_to_connect_has_its_kind() {
        let server =
            MySql::options().arg("--max-connections=5").tls(false).start().expect("a server");
        failures(server.port(), server.url(), false).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_mode_checks_what_it_says() {
        let server = MySql::options().tls(true).start().expect("a server");
        let tls = server.tls().expect("it was asked for");
        modes(&server.app_url(), tls.ca_file(), tls.wrong_ca_file()).await;
    }

    /// `caching_sha2_password`, without TLS and through a socket.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_password_is_enough_over_tcp_and_through_a_socket() {
        let server = MySql::start().expect("a server");
        let user: String = ask(&options(&server.app_url()), "select current_user()").await.unwrap();
        assert!(user.starts_with("app@"), "{user}");
        let socket = options(&server.app_url()).socket(server.unix_socket());
        assert!(ask::<String>(&socket, "select current_user()").await.is_ok());
    }
}

mod mariadb {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_failure_to_connect_has_its_kind() {
        let server = MariaDb::options().arg("--max-connections=10").start().expect("a server");
        failures(server.port(), server.url(), false).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_mode_checks_what_it_says() {
        let server = MariaDb::options().tls(true).start().expect("a server");
        let tls = server.tls().expect("it was asked for");
        modes(&server.app_url(), tls.ca_file(), tls.wrong_ca_file()).await;
    }
}

on_both! {
    async fn settings_of_the_url_are_those_of_the_session_and_survive_a_reset(kind: Kind) {
        let options = server(kind)
            .sql_mode("ANSI_QUOTES")
            .read_timeout(std::time::Duration::from_secs(77))
            .application_name("the tests");
        let mut session = connect_with(options).await;
        for round in 0..2 {
            let settings: (String, String, i64, String) = session
                .get(
                    "select @@time_zone, @@sql_mode, @@net_read_timeout, @@character_set_client",
                    (),
                )
                .await;
            assert_eq!(
                settings,
                ("+00:00".to_owned(), "ANSI_QUOTES".to_owned(), 77, "utf8mb4".to_owned()),
                "round {round}"
            );
            session.run("set time_zone = '+05:00', sql_mode = ''", ()).await;
            session.connection.reset(Default::default()).await.unwrap();
        }
        assert_eq!(session.connection.dialect().name, kind.name());
    }

    async fn statements_commit_by_themselves_whatever_the_server_begins_with(kind: Kind) {
        let (mut mysql, mut mariadb) = (None, None);
        let url = if kind == Kind::MariaDb {
            let server = MariaDb::options().arg("--autocommit=0").start().expect("a server");
            mariadb.insert(server).url()
        } else {
            let server = MySql::options().arg("--autocommit=0").start().expect("a server");
            mysql.insert(server).url()
        };
        let mut session = connect_with(options(&url)).await;
        session.run("create table t (a int)", ()).await;
        for round in 1..=2 {
            session.run("insert into t values (1)", ()).await;
            assert_eq!(ask::<i64>(&options(&url), "select count(*) from t").await.unwrap(), round);
            session.run("set @x = 1", ()).await;
            session.connection.reset(Default::default()).await.unwrap();
        }
    }
}
