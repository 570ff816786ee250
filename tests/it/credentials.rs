//! Credentials: refused where a database has none, and shown nowhere.

use wellspring::connector::{Driver as _, OptionKind};
use wellspring::{Database, ErrorKind, Secret, SharedPassword};

#[tokio::test]
async fn a_database_without_credentials_refuses_who_would_give_them() {
    let builder = || {
        Database::builder("sqlite::memory:")
            .name("orders")
            .credentials(SharedPassword::new("canary"))
    };
    for error in [builder().build().unwrap_err(), builder().connect().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert_eq!(error.database(), Some("orders"));
        assert!(error.to_string().contains("sqlite::memory:"), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_url_is_a_secret_and_shown_nowhere() {
    let builder = Database::builder(Secret::from("sqlite::memory:?canary=canary"))
        .credentials(SharedPassword::new("canary"));
    assert!(!format!("{builder:?}").contains("canary"), "{builder:?}");
    let db = Database::builder(Secret::from("sqlite::memory:")).connect().await.unwrap();
    db.ping().await.unwrap();
}

#[test]
fn a_driver_tells_its_options() {
    let options = wellspring::sqlite::SqliteDriver.options();
    let timeout = options.iter().find(|option| option.name == "busy_timeout").unwrap();
    assert_eq!((timeout.kind, timeout.default), (OptionKind::Duration, "5s"));
}
