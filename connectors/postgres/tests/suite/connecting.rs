//! Connecting: what is set, which host is taken, and how each failure is told.

use std::time::Duration;

use wellspring_connector::{ErrorKind, Retry};
use wellspring_postgres::{Endpoint, PostgresOptions, TargetSessionAttrs};
use wellspring_testkit::servers::{Postgres, PostgresPair};

use crate::databases::server;
use crate::support::{ask, connect_with, connector};

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::from_url(url).expect("a sound URL")
}

#[tokio::test]
async fn settings_of_the_url_are_those_of_the_session() {
    let mut session = connect_with(
        server("POSTGRES")
            .application_name("the tests")
            .statement_timeout(Duration::from_millis(12_345))
            .search_path("pg_catalog, \"odd name\"")
            .jit(false)
            .server_options("-c geqo=off"),
    )
    .await;
    for (setting, expected) in [
        ("application_name", "the tests"),
        ("statement_timeout", "12345ms"),
        ("search_path", "pg_catalog, \"odd name\""),
        ("jit", "off"),
        ("geqo", "off"),
        ("client_encoding", "UTF8"),
    ] {
        let found: String = session.get("select current_setting(?)", (setting,)).await;
        assert_eq!(found, expected, "{setting}");
    }
    // They survive a reset, which undoes others.
    session.run("set geqo = on", ()).await;
    session.run("set statement_timeout = 0", ()).await;
    session.connection.reset(Default::default()).await.unwrap();
    assert_eq!(session.get::<String>("show geqo", ()).await, "off");
    assert_eq!(session.get::<String>("show statement_timeout", ()).await, "12345ms");
}

/// Each way to fail has a kind of its own, names the place, and keeps the password.
#[tokio::test]
async fn each_failure_to_connect_has_its_kind() {
    let server = Postgres::options()
        .set("max_connections", "6")
        .set("superuser_reserved_connections", "0")
        .start()
        .expect("a server of our own");
    let port = server.port();
    let at = |rest: &str| format!("postgres://{rest}");
    let place = format!("127.0.0.1:{port}");
    for (url, kind, retry) in [
        (at(&format!("app:canary@{place}/postgres")), ErrorKind::ConnectAuth, Retry::Never),
        (
            at(&format!("postgres:canary@{place}/nowhere")),
            ErrorKind::ConnectUnknownDatabase,
            Retry::Never,
        ),
        (at("ada:canary@127.0.0.1:1/x"), ErrorKind::ConnectRefused, Retry::NewConnection),
        (
            at("ada:canary@no-such-host.invalid/x?sslmode=disable"),
            ErrorKind::ConnectDns,
            Retry::NewConnection,
        ),
        (
            at(&format!("postgres:canary@{place}/postgres?sslmode=require")),
            ErrorKind::ConnectTls,
            Retry::Never,
        ),
        (
            at("ada:canary@%2Fno%2Fsuch%2Fdirectory/x"),
            ErrorKind::ConnectRefused,
            Retry::NewConnection,
        ),
        (
            at(&format!(
                "postgres:canary@{place}/postgres?options=-c%20no.such%3Dx%20-c%20geqo%3Dmaybe"
            )),
            ErrorKind::Config,
            Retry::Never,
        ),
    ] {
        let error = connector(options(&url)).connect().await.expect_err(&url);
        assert_eq!(error.kind(), kind, "{url}: {error:?}");
        assert_eq!(error.retry(), retry, "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        let host = if url.contains(&place) { place.as_str() } else { "" };
        assert!(error.to_string().contains(host), "{error}");
    }
    // A user without a password where one is wanted.
    let url = format!("postgres://app@{place}/postgres");
    let error = connector(options(&url)).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
    // No connection left.
    let crowded = connector(options(&server.url()));
    let mut held = Vec::new();
    let error = loop {
        match crowded.connect().await {
            Ok(connection) => held.push(connection),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectTooMany, "{error:?}");
    assert!(error.to_string().contains(&place), "{error}");
    drop(held);
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let server = Postgres::start().expect("a server of our own");
    let socket = PostgresOptions::new("localhost")
        .endpoints([Endpoint::new(
            server.unix_socket_dir().to_str().expect("a readable path"),
            server.port(),
        )])
        .user("postgres")
        .database("postgres");
    assert!(ask::<bool>(&socket, "select inet_server_addr() is null").await.unwrap());
}

#[tokio::test]
async fn the_first_host_that_will_do_is_taken() {
    let pair = PostgresPair::start().expect("a pair of our own");
    let endpoint = |port| Endpoint::new("127.0.0.1", port);
    let (primary, replica) = (endpoint(pair.primary().port()), endpoint(pair.replica().port()));
    let dead = endpoint(1);
    let base = options(&pair.primary().url());
    let recovering = "select pg_is_in_recovery()";
    for (attrs, order, expected) in [
        (TargetSessionAttrs::Any, [&dead, &replica, &primary], Some(true)),
        (TargetSessionAttrs::ReadWrite, [&dead, &replica, &primary], Some(false)),
        (TargetSessionAttrs::Primary, [&replica, &dead, &primary], Some(false)),
        (TargetSessionAttrs::Standby, [&primary, &dead, &replica], Some(true)),
        (TargetSessionAttrs::ReadOnly, [&primary, &dead, &replica], Some(true)),
        (TargetSessionAttrs::PreferStandby, [&primary, &dead, &replica], Some(true)),
        (TargetSessionAttrs::PreferStandby, [&dead, &dead, &primary], Some(false)),
        (TargetSessionAttrs::Standby, [&dead, &dead, &primary], None),
        (TargetSessionAttrs::ReadWrite, [&dead, &dead, &replica], None),
    ] {
        let options =
            base.clone().endpoints(order.into_iter().cloned()).target_session_attrs(attrs);
        let found = ask::<bool>(&options, recovering).await;
        match expected {
            Some(expected) => assert_eq!(found.unwrap(), expected, "{attrs:?} {order:?}"),
            None => {
                let error = found.expect_err("none will do");
                assert_eq!(error.kind(), ErrorKind::ConnectRefused, "{error:?}");
                assert!(error.to_string().contains("target_session_attrs"), "{error}");
                assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
            }
        }
    }
    // A replica's refusal to write is a reason to look elsewhere.
    let mut session = connect_with(options(&pair.replica().url())).await;
    let error = session.query("create table x (a int)", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error:?}");
    assert_eq!(error.retry(), Retry::NewConnection);
}
