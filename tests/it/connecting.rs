//! Opening a database: clear answers to wrong URLs, paths and options.

use std::error::Error as _;
use std::time::Duration;

use wellspring::{Database, ErrorKind};

use crate::databases::sqlite_memory;

async fn refused(url: &str) -> wellspring::Error {
    Database::connect(url).await.expect_err(url)
}

#[tokio::test]
async fn an_unknown_scheme_names_the_known_ones() {
    let error = refused("postgers://localhost/shop").await;
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    for word in [
        "`postgers`",
        "did you mean `postgres`",
        "sqlite",
        "postgres",
        "mysql",
        "mssql",
        "oracle",
        "spark",
    ] {
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn a_known_scheme_without_driver_says_so() {
    for scheme in ["mssql", "oracle", "db2", "odbc", "sc"] {
        let error = refused(&format!("{scheme}://user:hunter2@localhost/shop")).await;
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = format!("{error} {error:?}");
        assert!(text.contains(&format!("no driver for `{scheme}`")), "{text}");
        assert!(text.contains("drivers at hand: ") && text.contains("sqlite"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn garbage_is_refused_without_being_repeated() {
    for url in ["", "hunter2", "hunter2 hunter2:x", ":", "://", "\u{0}:x"] {
        let error = refused(url).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{url:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let error = refused("sqlite://no/such/directory/shop.db").await;
    assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase, "{error}");
    assert!(error.to_string().contains("no/such/directory"), "{error}");
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(&format!("sqlite:///{}", dir.path().display())).await;
    assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase, "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letter.txt");
    std::fs::write(&path, "Dear Sir or Madam, ".repeat(100)).unwrap();
    let error = refused(&format!("sqlite:///{}", path.display())).await;
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn connecting_fails_at_once_not_after_the_acquire_timeout() {
    let failed = tokio::time::timeout(
        Duration::from_secs(5),
        Database::builder("sqlite://no/such/directory/shop.db")
            .acquire_timeout(Duration::from_secs(600))
            .connect(),
    );
    assert!(failed.await.expect("at once").is_err());
}

#[tokio::test]
async fn wrong_options_are_errors_when_building() {
    let fresh = sqlite_memory();
    for (builder, option) in [
        (fresh.builder().max_size(0), "max_size"),
        (fresh.builder().acquire_timeout(Duration::ZERO), "acquire_timeout"),
        (fresh.builder().pool_with(|p| p.min_idle = 5), "min_idle"),
        (fresh.builder().pool_with(|p| p.initial_size = 5), "initial_size"),
    ] {
        let error = builder.name("orders").build().expect_err(option);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.database(), Some("orders"));
        assert!(error.to_string().contains(option), "{error}");
    }
}
