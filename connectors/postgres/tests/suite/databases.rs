//! Databases made for one test, and gone after it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use wellspring_connector::{Command, Connector};
use wellspring_postgres::{PostgresConnector, PostgresOptions};

/// Makes databases and removes them when dropped.
#[derive(Default)]
pub(crate) struct Databases(Mutex<Vec<String>>);

/// The server the tests run against.
pub(crate) fn server(kind: &str) -> PostgresOptions {
    let name = format!("WELLSPRING_TEST_{kind}_URL");
    let url = std::env::var(&name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask test`, or `cargo xtask servers up` and what it prints")
    });
    PostgresOptions::from_url(&url).expect("a URL of a server")
}

impl Databases {
    /// A new database, to be reached through the server `kind`.
    pub(crate) async fn fresh(&self, kind: &str) -> PostgresOptions {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wellspring_test_{}_{number}", std::process::id());
        // The server itself: a pooler may not let a database be created.
        run(&format!("create database {name}")).await;
        self.0.lock().unwrap().push(name.clone());
        server(kind).database(name)
    }
}

async fn run(text: &str) {
    let connector = PostgresConnector::new(server("POSTGRES")).expect("sound options");
    let mut connection = connector.connect().await.expect("the server can be connected to");
    connection.execute(Command::new(text, &[])).await.expect(text);
    connection.close().await.expect("closes");
}

impl Drop for Databases {
    fn drop(&mut self) {
        let names = std::mem::take(&mut *self.0.lock().unwrap());
        // A test's runtime may be gone, or be this thread's.
        let clean = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for name in names {
                    run(&format!("drop database if exists {name} with (force)")).await;
                }
            });
        });
        if clean.join().is_err() && !std::thread::panicking() {
            panic!("the databases of a test could not be removed");
        }
    }
}
