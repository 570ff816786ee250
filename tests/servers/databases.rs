//! Databases on servers, made for one test and gone after it.

use std::sync::atomic::{AtomicU32, Ordering};

use wellspring::Database;
use wellspring_testkit::servers::{Kind, url};

use crate::support::Fresh;

/// A new database on the server of this kind.
pub(crate) async fn fresh(kind: Kind) -> Fresh {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("wellspring_facade_{}_{number}", std::process::id());
    // The server itself: a pooler may not let a database be created.
    let admin = match kind {
        Kind::PgBouncer => url(Kind::Postgres),
        kind => url(kind),
    };
    run(&admin, &format!("create database {name}")).await;
    let options = if kind == Kind::PgBouncer { "?pgbouncer=transaction" } else { "" };
    Fresh {
        url: format!("{}/{name}{options}", server_of(&in_its_own_name(kind))),
        keeper: Some(Box::new(Gone { admin, name })),
    }
}

/// MariaDB says things in its own words where it is asked for by its own name.
fn in_its_own_name(kind: Kind) -> String {
    match kind {
        Kind::MariaDb => url(kind).replacen("mysql://", "mariadb://", 1),
        kind => url(kind),
    }
}

/// A URL without its database.
fn server_of(url: &str) -> &str {
    let host = url.find("://").expect("a URL has a scheme") + 3;
    match url[host..].find('/') {
        Some(slash) => &url[..host + slash],
        None => url,
    }
}

async fn run(admin: &str, text: &str) {
    let db = Database::builder(admin).unpooled().build().expect("a sound URL");
    db.execute(text, ()).await.expect(text);
}

/// Drops the database when it is dropped.
struct Gone {
    admin: String,
    name: String,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let force = if self.admin.starts_with("postgres") { " with (force)" } else { "" };
        let (admin, text) =
            (self.admin.clone(), format!("drop database if exists {}{force}", self.name));
        // The test's runtime is this thread's, or gone.
        let clean = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&admin, &text));
        });
        if clean.join().is_err() && !std::thread::panicking() {
            panic!("the database {} could not be removed", self.name);
        }
    }
}

/// The type of a column whose keys the database generates, if it tells them unasked: PostgreSQL is
/// asked by `returning`.
pub(crate) fn generated_key(dialect: &str) -> Option<&'static str> {
    match dialect {
        "mysql" | "mariadb" => Some("integer primary key auto_increment"),
        _ => None,
    }
}

/// Defines a test that runs on every server.
macro_rules! on_every_database {
    ($($(#[$meta:meta])* async fn $name:ident($fresh:ident: Fresh) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs every name")]
            use super::*;
            use wellspring_testkit::servers::Kind;

            async fn body($fresh: $crate::support::Fresh) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body($crate::databases::fresh(Kind::Postgres).await).await;
            }

            #[tokio::test(flavor = "current_thread")]
            async fn postgres_on_one_thread() {
                body($crate::databases::fresh(Kind::Postgres).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                body($crate::databases::fresh(Kind::MySql).await).await;
            }

            #[tokio::test(flavor = "current_thread")]
            async fn mysql_on_one_thread() {
                body($crate::databases::fresh(Kind::MySql).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                body($crate::databases::fresh(Kind::MariaDb).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn pgbouncer() {
                body($crate::databases::fresh(Kind::PgBouncer).await).await;
            }
        }
    )*};
}
pub(crate) use on_every_database;
