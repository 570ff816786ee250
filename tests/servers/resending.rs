//! Connections that die while idle: nobody sees it.

use wellspring::Database;
use wellspring_testkit::servers::{Kind, url};

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_connection_that_died_while_idle_is_replaced_unseen() {
        let fresh = crate::databases::fresh(Kind::Postgres).await;
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        let admin = Database::connect(&url(Kind::Postgres)).await.unwrap();
        for _ in 0..20 {
            let pid: i32 = db.query("select pg_backend_pid()", ()).one().await.unwrap();
            let killed: bool =
                admin.query("select pg_terminate_backend(?, 5000)", (pid,)).one().await.unwrap();
            assert!(killed);
            let other: i32 = db.query("select pg_backend_pid()", ()).one().await.unwrap();
            assert_ne!(other, pid);
        }
        assert!(db.stats().pool.counters.closed.total() >= 20);
    }
}
