//! Statements that are given up: they stop at the server, and harm no later one.

use std::time::Duration;

use tokio::time::timeout;
use wellspring_connector::{Command, ErrorKind, SessionState, TransactionOptions};
use wellspring_testkit::servers::Kind;

use crate::support::{LONG, a_million, ask, connect_with, endless, fresh, on_both};

on_both! {
    async fn a_dropped_statement_stops_at_the_server_at_once(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        let id: i64 = session.get("select connection_id()", ()).await;
        let text = endless();
        let long = session.query(&text, ()).execute();
        assert!(timeout(Duration::from_millis(100), long).await.is_err());
        assert_eq!(session.connection.state(), SessionState::Busy);
        // Nobody has touched the connection since.
        let mut watcher = connect_with(options).await;
        let running = "select count(*) from information_schema.processlist \
                       where id = ? and command <> 'Sleep' and info like '%count%'";
        let quiet = async {
            while watcher.get::<i64>(running, (id,)).await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, quiet).await.expect("it goes on for ever");
        assert_eq!(session.get::<i64>("select 7", ()).await, 7);
        assert_eq!(session.connection.state(), SessionState::Idle);
    }

    async fn no_later_statement_is_stopped_in_place_of_another(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        for round in 0..100 {
            let dropped = session.query("select sleep(0.002)", ()).execute();
            let _perhaps = timeout(Duration::from_micros(round * 61 % 4_000), dropped).await;
            for n in 0..3_i64 {
                assert_eq!(session.get::<i64>("select ?", (n,)).await, n, "round {round}");
            }
        }
    }

    async fn a_million_rows_dropped_after_the_first_leave_the_session_usable(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let text = a_million();
        for _ in 0..3 {
            let mut rows = session.connection.query(Command::new(&text, &[])).await.unwrap();
            rows.next().await.unwrap().expect("a first row");
            drop(rows);
            let next = timeout(LONG, session.get::<i64>("select 3", ())).await;
            assert_eq!(next.expect("not held up"), 3);
        }
    }

    async fn a_timeout_is_told_and_the_transaction_goes_on(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.run("insert into t values (1)", ()).await;
        let text = endless();
        let limit = Duration::from_millis(50);
        let error = session.query(&text, ()).timeout(limit).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error:?}");
        session.run("insert into t values (2)", ()).await;
        session.connection.commit().await.unwrap();
        assert_eq!(ask::<i64>(&options, "select count(*) from t").await.unwrap(), 2);
    }

    async fn a_cancelled_begin_leaves_no_transaction_and_a_cancelled_commit_all_or_nothing(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        for micros in (0..1_500).step_by(57) {
            let limit = Duration::from_micros(micros);
            let begun = timeout(limit, session.connection.begin(TransactionOptions::new())).await;
            if begun.is_err() {
                session.run("select 1", ()).await;
                assert_eq!(session.connection.state(), SessionState::Idle, "{micros}");
            } else {
                session.run("insert into t values (?), (?)", (1, 2)).await;
                let _perhaps = timeout(limit, session.connection.commit()).await;
                session.connection.reset(Default::default()).await.unwrap();
            }
            let rows: i64 = ask(&options, "select count(*) from t").await.unwrap();
            assert!(rows % 2 == 0, "half a transaction was kept");
        }
    }
}
