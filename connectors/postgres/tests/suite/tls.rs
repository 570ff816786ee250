//! TLS: whom it trusts, and that passwords are bound to it.

use wellspring_connector::ErrorKind;
use wellspring_postgres::{ChannelBinding, PostgresOptions, SslMode};
use wellspring_testkit::servers::Postgres;

use crate::support::{ask, connector};

const ENCRYPTED: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

#[tokio::test]
async fn each_mode_checks_what_it_says() {
    let server = Postgres::options()
        .tls(true)
        .access("hostnossl all app 127.0.0.1/32 reject")
        .start()
        .expect("a server of our own");
    let tls = server.tls().expect("it was asked for").clone();
    // The password goes over SCRAM, bound to the certificate.
    let base = PostgresOptions::from_url(&server.app_url()).unwrap();
    let by_name =
        base.clone().endpoints([wellspring_postgres::Endpoint::new("localhost", server.port())]);
    // A name the certificate does not have.
    let by_other_name =
        base.clone().endpoints([wellspring_postgres::Endpoint::new("127.0.0.2", server.port())]);

    for (options, mode, ca, refused) in [
        (&base, SslMode::VerifyFull, Some(tls.ca_file()), None),
        (&by_name, SslMode::VerifyFull, Some(tls.ca_file()), None),
        (&base, SslMode::VerifyCa, Some(tls.ca_file()), None),
        (&base, SslMode::Require, None, None),
        (&base, SslMode::VerifyFull, Some(tls.wrong_ca_file()), Some("certificate")),
        (&base, SslMode::VerifyCa, Some(tls.wrong_ca_file()), Some("certificate")),
        // The authorities of the machine did not sign it.
        (&base, SslMode::VerifyFull, None, Some("sslrootcert")),
    ] {
        let mut options = options.clone().ssl_mode(mode);
        if let Some(ca) = &ca {
            options = options.ca_file(ca);
        }
        match refused {
            None => assert!(ask::<bool>(&options, ENCRYPTED).await.unwrap(), "{mode:?}"),
            Some(named) => {
                let error = connector(options).connect().await.expect_err("not trusted");
                assert_eq!(error.kind(), ErrorKind::ConnectTls, "{mode:?} {ca:?}: {error:?}");
                assert!(error.to_string().contains(named), "{error}");
            }
        }
    }
    let full = by_other_name.clone().ca_file(tls.ca_file()).ssl_mode(SslMode::VerifyFull);
    if let Err(error) = connector(full).connect().await {
        // 127.0.0.2 reaches a server on 127.0.0.1 only where it listens on all of them.
        let kinds = [ErrorKind::ConnectTls, ErrorKind::ConnectRefused];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
    // Without TLS the server refuses the user.
    let plain = base.clone().ssl_mode(SslMode::Disable);
    let error = connector(plain).connect().await.expect_err("only with TLS");
    assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
    // A cancellation goes through TLS too.
    let options = base.ca_file(tls.ca_file()).ssl_mode(SslMode::VerifyFull);
    let mut session = crate::support::connect_with(options).await;
    let sleeping = session.query("select pg_sleep(60)", ()).execute();
    let limit = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(limit, sleeping).await.is_err());
    let next = session.query("select 1", ()).execute();
    tokio::time::timeout(crate::support::LONG, next).await.expect("is not held up").unwrap();
}

#[tokio::test]
async fn logging_in_is_bound_to_the_certificate_when_asked_for() {
    let server = Postgres::options().tls(true).start().expect("a server of our own");
    let tls = server.tls().expect("it was asked for").clone();
    let base = PostgresOptions::from_url(&server.app_url()).unwrap();
    for binding in [ChannelBinding::Disable, ChannelBinding::Prefer, ChannelBinding::Require] {
        // The server is on this machine: naming its authority asks for TLS.
        let options = base.clone().ca_file(tls.ca_file()).channel_binding(binding);
        assert!(ask::<bool>(&options, ENCRYPTED).await.unwrap(), "{binding:?}");
    }
    // Who is trusted without a password proves nothing.
    let trusted = PostgresOptions::from_url(&server.url()).unwrap().ca_file(tls.ca_file());
    let bound = trusted.clone().channel_binding(ChannelBinding::Require);
    assert!(ask::<bool>(&trusted, ENCRYPTED).await.unwrap());
    let error = connector(bound).connect().await.expect_err("nothing is bound");
    assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
    assert!(error.to_string().contains("channel binding"), "{error}");
}

#[test]
fn files_that_are_missing_are_named() {
    let options = PostgresOptions::new("db.example").ca_file("no/such/ca.pem");
    let error = wellspring_postgres::PostgresConnector::new(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("no/such/ca.pem"), "{error}");
}
