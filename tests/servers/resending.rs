//! Connections that die while idle: nobody sees it.

use wellspring::{Database, Error, Operation, Tx};
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn transactions_and_sessions_begin_on_a_living_connection() {
        let fresh = crate::databases::fresh(Kind::Postgres).await;
        let db = fresh
            .builder()
            .max_size(1)
            .session_teardown(|session| {
                Box::pin(async move { session.query("select 1", ()).execute().await.map(drop) })
            })
            .connect()
            .await
            .unwrap();
        let admin = Database::connect(&url(Kind::Postgres)).await.unwrap();
        for round in 0..15 {
            let pid: i32 = db.query("select pg_backend_pid()", ()).one().await.unwrap();
            let killed: bool =
                admin.query("select pg_terminate_backend(?, 5000)", (pid,)).one().await.unwrap();
            assert!(killed);
            let asks = async |mut tx: Tx| -> Result<i32, Error> {
                tx.query("select pg_backend_pid()", ()).one().await
            };
            let other = match round % 5 {
                0 => db.transaction(asks).await.unwrap(),
                1 => db.transaction_once(asks).await.unwrap(),
                2 => db.session(asks).await.unwrap(),
                3 => {
                    let asks = [Operation::query("select pg_backend_pid()", ())];
                    let outcomes = db.batch(asks).execute().await.unwrap();
                    outcomes[0].rows()[0].try_get(0).unwrap()
                }
                _ => {
                    let mut tx = db.begin().await.unwrap();
                    let pid = tx.query("select pg_backend_pid()", ()).one().await.unwrap();
                    tx.commit().await.unwrap();
                    pid
                }
            };
            assert_ne!(other, pid, "round {round}");
        }
        assert_eq!(db.stats().transactions.retries, 0);
    }
}
