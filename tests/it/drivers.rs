//! Drivers: those compiled in, those registered by hand, for the process or for one database.

use std::sync::Arc;

use wellspring::connector::{Connector, Driver};
use wellspring::{Database, Drivers, ErrorKind, Result, register_driver};

/// SQLite under another name.
#[derive(Debug)]
struct Renamed(&'static [&'static str]);

impl Driver for Renamed {
    fn name(&self) -> &'static str {
        self.0[0]
    }

    fn schemes(&self) -> &'static [&'static str] {
        self.0
    }

    fn connector(&self, url: &str) -> Result<Arc<dyn Connector>> {
        let (_, rest) = url.split_once(':').expect("the registry asks with a scheme");
        Drivers::compiled_in().connector(&format!("sqlite:{rest}"))
    }
}

#[tokio::test]
async fn a_driver_registered_by_hand_answers_to_its_schemes() {
    register_driver(Arc::new(Renamed(&["teststore", "ts"])));
    for url in ["teststore::memory:", "ts::memory:", "TS::memory:"] {
        Database::connect(url).await.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_driver_for_one_database_does_not_leak_into_others() {
    let driver = Arc::new(Renamed(&["localstore"]));
    let db = Database::builder("localstore::memory:").driver(driver).connect().await.unwrap();
    db.ping().await.unwrap();
    let error = Database::connect("localstore::memory:").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn the_driver_registered_last_answers_first() {
    let mut drivers = Drivers::compiled_in();
    let compiled_in = drivers.names();
    assert!(compiled_in.contains(&"sqlite"));
    drivers.register(Arc::new(Renamed(&["sqlite"])));
    assert_eq!(drivers.names()[0], "sqlite");
    assert_eq!(drivers.names()[1..], compiled_in);
    Database::builder("sqlite::memory:").drivers(drivers).connect().await.unwrap();
}

#[tokio::test]
async fn without_drivers_nothing_connects() {
    let builder = Database::builder("sqlite::memory:").drivers(Drivers::none());
    let error = builder.connect().await.unwrap_err();
    assert!(error.to_string().contains("Cargo feature `sqlite`"), "{error}");
    assert!(error.to_string().contains("no driver is compiled in"), "{error}");
}

#[tokio::test]
async fn aliases_reach_the_same_driver() {
    for url in ["sqlite::memory:", "sqlite3::memory:", "SQLite::memory:"] {
        Database::connect(url).await.unwrap();
    }
}
