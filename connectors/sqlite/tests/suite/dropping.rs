//! Futures dropped after any number of polls: a reset makes the connection usable, and the data
//! is whole.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wellspring_connector::{Command, Connector, Result, SessionState, TransactionOptions};
use wellspring_pool_core::ResetMode;
use wellspring_sqlite::{Execution, SqliteOptions};

use crate::support::{Conn, EXECUTIONS, File, connector, counting, exec, one, run, runtime};

/// Polls `future` at most `polls` times; `None` when it was dropped before it was ready.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Execute,
    Query,
    Script,
    Begin,
    BeginReadOnly,
    Commit,
    Rollback,
    Reset,
    Ping,
}

const CALLS: [Call; 9] = [
    Call::Execute,
    Call::Query,
    Call::Script,
    Call::Begin,
    Call::BeginReadOnly,
    Call::Commit,
    Call::Rollback,
    Call::Reset,
    Call::Ping,
];

async fn call(c: &mut Conn, call: Call) -> Result<()> {
    match call {
        Call::Execute => exec(c, "insert into t values (1)", &[]).await.map(drop),
        Call::Query => {
            let mut rows = c.query(Command::new(&counting(3000), &[])).await?;
            while rows.next().await?.is_some() {}
            Ok(())
        }
        Call::Script => c.execute_script("insert into t values (1); select 1").await.map(drop),
        Call::Begin => c.begin(TransactionOptions::new()).await,
        Call::BeginReadOnly => c.begin(TransactionOptions::new().read_only()).await,
        Call::Commit => c.commit().await,
        Call::Rollback => c.rollback().await,
        Call::Reset => c.reset(ResetMode::Rollback).await,
        Call::Ping => c.ping().await,
    }
}

async fn every_call(options: SqliteOptions, execution: Execution) {
    let connector = connector(options.execution(execution));
    let mut c = connector.connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    for what in CALLS {
        for polls in 0..12 {
            run(&mut c, "delete from t").await;
            let inside = matches!(what, Call::Commit | Call::Rollback | Call::Reset);
            if inside {
                c.begin(TransactionOptions::new()).await.unwrap();
                run(&mut c, "insert into t values (1)").await;
                run(&mut c, "insert into t values (2)").await;
            }
            let finished = polled(call(&mut c, what), polls).await;
            if let Some(result) = &finished {
                result.as_ref().unwrap_or_else(|e| panic!("{execution} {what:?}: {e:?}"));
            } else if matches!(what, Call::Begin | Call::BeginReadOnly) {
                // Nobody heard that it began: the next statement is not inside of it.
                run(&mut c, "select 1").await;
                assert_eq!(c.state(), SessionState::Idle, "{execution} {what:?} {polls}");
            }
            c.reset(ResetMode::Rollback).await.unwrap();
            assert_eq!(c.state(), SessionState::Idle, "{execution} {what:?} {polls}");
            let count = one::<i64>(&mut c, "select count(*) from t").await.unwrap();
            let possible: &[i64] = match (what, finished.is_some()) {
                (Call::Commit, true) => &[2],
                (Call::Commit, false) => &[0, 2],
                (Call::Execute | Call::Script, true) => &[1],
                (Call::Execute | Call::Script, false) => &[0, 1],
                _ => &[0],
            };
            assert!(possible.contains(&count), "{execution} {what:?} {polls}: {count} rows");
            // Nothing keeps the gate.
            let mut other = connector.connect().await.unwrap();
            run(&mut other, "delete from t").await;
        }
    }
}

#[test]
fn at_every_poll() {
    for workers in [0, 2] {
        for execution in EXECUTIONS {
            runtime(workers).block_on(async {
                every_call(SqliteOptions::memory(), execution).await;
                let file = File::new();
                every_call(file.options(), execution).await;
            });
        }
    }
}
