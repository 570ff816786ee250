//! Databases made for one test, and gone after it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use wellspring_connector::{Command, Connector};
use wellspring_mysql::{Flavor, MySqlConnector, MySqlOptions};
use wellspring_testkit::servers::{Kind, url};

/// Makes databases on one server and removes them when dropped.
pub(crate) struct Databases {
    kind: Kind,
    names: Mutex<Vec<String>>,
}

/// The server the tests of this kind run against.
pub(crate) fn server(kind: Kind) -> MySqlOptions {
    let flavor = if kind == Kind::MariaDb { Flavor::MariaDb } else { Flavor::MySql };
    MySqlOptions::from_url(&url(kind)).expect("a URL of a server").flavor(flavor)
}

impl Databases {
    pub(crate) fn on(kind: Kind) -> Self {
        Self { kind, names: Mutex::default() }
    }

    /// A new database.
    pub(crate) async fn fresh(&self) -> MySqlOptions {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wellspring_test_{}_{number}", std::process::id());
        run(self.kind, &format!("create database {name}")).await;
        self.names.lock().unwrap().push(name.clone());
        server(self.kind).database(name)
    }
}

async fn run(kind: Kind, text: &str) {
    let connector = MySqlConnector::new(server(kind)).expect("sound options");
    let mut connection = connector.connect().await.expect("the server can be connected to");
    connection.execute(Command::new(text, &[])).await.expect(text);
    connection.close().await.expect("closes");
}

impl Drop for Databases {
    fn drop(&mut self) {
        let names = std::mem::take(&mut *self.names.lock().unwrap());
        let kind = self.kind;
        // A test's runtime may be gone, or be this thread's.
        let clean = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for name in names {
                    run(kind, &format!("drop database if exists {name}")).await;
                }
            });
        });
        if clean.join().is_err() && !std::thread::panicking() {
            panic!("the databases of a test could not be removed");
        }
    }
}
