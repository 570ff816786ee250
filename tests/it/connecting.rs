//! Opening a database: clear answers to wrong URLs, paths and options; the unpooled mode.

use std::error::Error as _;
use std::time::Duration;

use wellspring::{Database, ErrorKind};

use crate::support::{Fresh, on_every_database};

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
    for scheme in ["postgres", "postgresql", "mysql", "mariadb", "mssql", "oracle", "db2", "sc"] {
        let error = refused(&format!("{scheme}://user:hunter2@localhost/shop")).await;
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = format!("{error} {error:?}");
        assert!(text.contains(&format!("no driver for `{scheme}`")), "{text}");
        assert!(text.contains("drivers at hand: sqlite"), "{text}");
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
    let fresh = Fresh::sqlite_memory();
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

on_every_database! {
    async fn build_connects_lazily_and_connect_proves(fresh: Fresh) {
        let db = fresh.builder().build().unwrap();
        assert_eq!(db.status().size, 0);
        db.ping().await.unwrap();
        assert_eq!(db.status().size, 1);
        assert_eq!(fresh.connect().await.status().idle, 1);
    }

    async fn initial_size_is_opened_at_the_start(fresh: Fresh) {
        let db = fresh.builder().pool_with(|pool| pool.initial_size = 3).connect().await.unwrap();
        assert_eq!(db.status().idle, 3);
    }

    async fn unpooled_opens_a_connection_per_use(fresh: Fresh) {
        let db = fresh.builder().unpooled().connect().await.unwrap();
        db.execute("create table t (a integer)", ()).await.unwrap();
        let before = db.stats().pool.counters.connected;
        for n in 0..5 {
            db.execute("insert into t values (?)", (n,)).await.unwrap();
        }
        let sum: i64 = db.query("select sum(a) from t", ()).one().await.unwrap();
        assert_eq!(sum, 10);
        let pool = db.stats().pool;
        assert_eq!(pool.counters.connected - before, 6);
        assert_eq!(pool.status.idle, 0, "nothing is kept");
        // More at one time than any pool would give.
        let held = futures_util::future::join_all((0..20).map(|_| db.connection())).await;
        assert!(held.iter().all(Result::is_ok));
    }

    async fn a_connection_can_be_opened_outside_the_pool(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let mut pooled = db.connection().await.unwrap();
        let mut own = db.open_connection().await.unwrap();
        own.ping().await.unwrap();
        pooled.ping().await.unwrap();
        assert_eq!(db.status().size, 1);
        drop(own);
        assert_eq!(db.status().used, 1);
    }
}
