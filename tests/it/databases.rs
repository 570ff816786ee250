//! The databases that need no server: what the promises are tested on everywhere.

use crate::support::Fresh;

pub(crate) fn sqlite_file() -> Fresh {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:///{}/test.db", dir.path().display());
    Fresh { url, keeper: Some(Box::new(dir)) }
}

pub(crate) fn sqlite_memory() -> Fresh {
    Fresh { url: "sqlite::memory:".to_owned(), keeper: None }
}

/// The type of a column whose keys the database generates, if it tells them unasked.
pub(crate) fn generated_key(_dialect: &str) -> Option<&'static str> {
    Some("integer primary key")
}

/// Defines a test that runs on every database, each on two kinds of runtime.
macro_rules! on_every_database {
    ($($(#[$meta:meta])* async fn $name:ident($fresh:ident: Fresh) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs every name")]
            use super::*;

            async fn body($fresh: $crate::support::Fresh) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_file() {
                body($crate::databases::sqlite_file()).await;
            }

            #[tokio::test(flavor = "current_thread")]
            async fn sqlite_file_on_one_thread() {
                body($crate::databases::sqlite_file()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_memory() {
                body($crate::databases::sqlite_memory()).await;
            }
        }
    )*};
}
pub(crate) use on_every_database;
