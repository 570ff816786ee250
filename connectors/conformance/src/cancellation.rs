//! Futures dropped at any moment: the state tells the truth, a reset helps, data is whole.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use wellspring_connector::{Command, SavepointOp, SessionState, TransactionOptions};

use crate::{Session, Target};

/// Polls at most `times` and drops. True when the future was ready by then.
async fn poll_then_drop<F: Future>(future: F, times: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..times {
        if poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await.is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

const CALLS: [&str; 11] = [
    "execute",
    "query",
    "begin",
    "commit",
    "rollback",
    "savepoint",
    "ping",
    "reset",
    "script",
    "text",
    "transaction",
];

async fn call(session: &mut Session, what: &str, n: i64) {
    // Errors are expected: several of these make no sense in the state they are called in.
    let connection = &mut session.connection;
    let insert = format!("insert into t values ({n}, 1)");
    let command = Command::new(&insert, &[]);
    let result = match what {
        "execute" => connection.execute(command).await.map(drop),
        "query" => match connection.query(Command::new("select * from t", &[])).await {
            Ok(mut rows) => rows.next().await.map(drop),
            Err(error) => Err(error),
        },
        "begin" => connection.begin(TransactionOptions::new()).await,
        "commit" => connection.commit().await,
        "rollback" => connection.rollback().await,
        "savepoint" => connection.savepoint(SavepointOp::Create, "s").await,
        "ping" => connection.ping().await,
        "reset" => connection.reset(Default::default()).await,
        "script" => connection.execute_script(&insert).await.map(drop),
        "text" => connection.execute_text(&insert).await.map(drop),
        "transaction" => {
            async {
                connection.begin(TransactionOptions::new()).await?;
                connection.execute(command).await?;
                connection.commit().await
            }
            .await
        }
        other => unreachable!("{other}"),
    };
    drop(result);
}

/// Every call may be dropped at every poll, in and out of a transaction.
pub async fn every_call_may_be_dropped_at_every_poll(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let mut n = 0;
    for what in CALLS {
        for in_transaction in [false, true] {
            for polls in 0..20 {
                n += 1;
                if in_transaction {
                    session.connection.begin(TransactionOptions::new()).await.expect("begins");
                }
                let ended = poll_then_drop(call(&mut session, what, n), polls).await;
                let state = session.connection.state();
                assert_ne!(state, SessionState::Closed, "{what} dropped after {polls} polls");
                session
                    .connection
                    .reset(Default::default())
                    .await
                    .unwrap_or_else(|e| panic!("{what} dropped after {polls} polls, reset: {e:?}"));
                assert_eq!(session.connection.state(), SessionState::Idle, "{what}, {polls}");
                // The next one works, and gets its own answer.
                assert_eq!(session.get::<i64>("select 5", ()).await, 5, "{what}, {polls}");
                if ended {
                    break;
                }
            }
        }
    }
}

/// A long statement that is given up stops, and no later statement is stopped in its place.
pub async fn a_long_statement_dropped_harms_no_later_one(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    let endless = target.facts().endless;
    for n in 0..20 {
        let long = session.query(&endless, ()).all::<i64>();
        let given_up = tokio::time::timeout(Duration::from_millis(20), long).await;
        assert!(given_up.is_err(), "the endless query ended: {given_up:?}");
        let next = session.query("insert into t values (?, 0)", (n,)).execute();
        let next = tokio::time::timeout(Duration::from_secs(10), next).await;
        next.expect("is not held up by what was given up").expect("is not stopped in its place");
        for _ in 0..5 {
            assert_eq!(session.count().await, n + 1);
        }
    }
}

/// However a transaction is dropped, it is kept whole or not at all.
pub async fn a_transaction_dropped_half_way_is_all_or_nothing(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    for polls in 0..60 {
        let key = 10 * i64::try_from(polls).expect("small");
        let transaction = async {
            session.connection.begin(TransactionOptions::new()).await?;
            for offset in 0..3 {
                let insert = format!("insert into t values ({}, 1)", key + offset);
                session.connection.execute(Command::new(&insert, &[])).await?;
            }
            session.connection.commit().await
        };
        let ended = poll_then_drop(transaction, polls).await;
        session.connection.reset(Default::default()).await.expect("resets");
        let kept: i64 =
            session.get("select count(*) from t where a >= ? and a < ?", (key, key + 10)).await;
        assert!(kept == 0 || kept == 3, "{kept} of 3 rows kept after {polls} polls");
        if ended {
            assert_eq!(kept, 3);
            break;
        }
    }
}
