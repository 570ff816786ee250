//! Futures of the façade dropped at any moment: money is neither lost nor made, and the database
//! serves on.

use std::time::Duration;

use wellspring::{Database, Error};
use wellspring_testkit::polls::poll_then_drop;

use crate::databases::on_every_database;
use crate::support::endless;

async fn transfer(db: &Database) -> Result<(), Error> {
    db.transaction(async |mut tx| {
        tx.execute("update accounts set balance = balance - 1 where id = 1", ()).await?;
        tokio::task::yield_now().await;
        tx.savepoint(async |mut sp| -> Result<(), Error> {
            sp.execute("update accounts set balance = balance + 1 where id = 2", ()).await?;
            tokio::task::yield_now().await;
            Ok(())
        })
        .await
    })
    .await
}

on_every_database! {
    async fn transfers_dropped_at_every_poll_conserve_the_total(fresh: Fresh) {
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        db.execute_script(
            "create table accounts (id integer primary key, balance integer);
             insert into accounts values (1, 1000), (2, 1000)",
        )
        .await
        .unwrap();
        let mut ended = 0;
        for round in 0..400_usize {
            // Now and then one comes to its end, however many polls that takes.
            let polls = if round % 40 == 39 { usize::MAX } else { round % 40 };
            if let Some(result) = poll_then_drop(transfer(&db), polls).await {
                result.unwrap();
                ended += 1;
            }
            if round % 20 == 0 {
                let sum: i64 =
                    db.query("select sum(balance) from accounts", ()).one().await.unwrap();
                assert_eq!(sum, 2_000, "after round {round}");
            }
        }
        assert!(ended > 0, "no transfer came to its end");
        let sum: i64 = db.query("select sum(balance) from accounts", ()).one().await.unwrap();
        assert_eq!(sum, 2_000);
        let held = futures_util::future::join_all([db.connection(), db.connection()]).await;
        assert!(held.iter().all(Result::is_ok), "a connection was lost");
    }

    async fn a_long_statement_given_up_does_not_block_the_next(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let endless = endless(&db);
        for _ in 0..5 {
            let given_up =
                tokio::time::timeout(Duration::from_millis(30), db.query(&endless, ()).one::<i64>());
            assert!(given_up.await.is_err());
            let next = db.query("select 42", ()).one::<i64>();
            let next = tokio::time::timeout(Duration::from_secs(10), next).await;
            assert_eq!(next.expect("the next statement is served").unwrap(), 42);
        }
    }
}
