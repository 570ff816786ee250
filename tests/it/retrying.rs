//! Transactions that are run again: how often, told to whom, counted where.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wellspring::{AttemptOutcome, Database, Error, ErrorKind, IsolationLevel, RetryPolicy};

use crate::databases::on_every_database;
use crate::support::faulty;

type Seen = (u32, AttemptOutcome, Option<ErrorKind>, bool);

on_every_database! {
    async fn hooks_see_each_attempt(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).max_size(2).connect().await.unwrap();
        db.execute("create table t (a integer)", ()).await.unwrap();
        faults.statements.store(1, Ordering::SeqCst);
        faults.commits.store(1, Ordering::SeqCst);
        let seen = Mutex::new(Vec::<Seen>::new());
        let clone = db.clone();
        let calls: usize = clone
            .transaction_builder()
            .isolation(IsolationLevel::Serializable)
            .on_attempt(|_| panic!("a hook that panics is nobody's business"))
            .on_attempt(|attempt| {
                seen.lock().unwrap().push((
                    attempt.number,
                    attempt.outcome,
                    attempt.error.map(Error::kind),
                    attempt.is_last(),
                ));
            })
            .run({
                let calls = AtomicUsize::new(0);
                move |mut tx| {
                    let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
                    async move {
                        tx.execute("insert into t values (1)", ()).await?;
                        Ok::<_, Error>(call)
                    }
                }
            })
            .await
            .unwrap();
        assert_eq!(calls, 3);
        let conflict = Some(ErrorKind::SerializationFailure);
        assert_eq!(*seen.lock().unwrap(), [
            (1, AttemptOutcome::Failed, conflict, false),
            (2, AttemptOutcome::Failed, conflict, false),
            (3, AttemptOutcome::Committed, None, true),
        ]);
        let rows: i64 = db.query("select count(*) from t", ()).one().await.unwrap();
        assert_eq!(rows, 1);
        let stats = db.stats();
        assert_eq!(stats.transactions.retries, 2);
        assert_eq!(stats.transactions.commits, 1);
        assert_eq!(stats.transactions.failed_commits, 1);
        assert_eq!(stats.transactions.rollbacks, 1);
        assert_eq!(serde_json::to_value(&stats).unwrap()["transactions"]["retries"], 2);
        assert!(stats.to_string().contains("retries              2"), "{stats}");
    }

    async fn attempts_and_time_are_bounded(fresh: Fresh) {
        let (connector, faults) = faulty(&fresh).await;
        let db = Database::with_connector(connector).connect().await.unwrap();
        db.execute("create table t (a integer)", ()).await.unwrap();
        faults.commits.store(1_000, Ordering::SeqCst);
        let run = async |policy: RetryPolicy| {
            let calls = AtomicUsize::new(0);
            let result: Result<(), Error> = db
                .transaction_builder()
                .retry(policy)
                .run(async |mut tx| {
                    calls.fetch_add(1, Ordering::SeqCst);
                    tx.execute("insert into t values (1)", ()).await.map(drop)
                })
                .await;
            (calls.into_inner(), result.unwrap_err().kind())
        };
        let conflict = ErrorKind::SerializationFailure;
        let twice = RetryPolicy { max_attempts: Some(2), ..RetryPolicy::default() };
        assert_eq!(run(twice).await, (2, conflict));
        assert_eq!(run(RetryPolicy::never()).await, (1, conflict));
        let shortly = RetryPolicy {
            max_attempts: None,
            max_elapsed: Some(Duration::from_millis(60)),
            ..RetryPolicy::default()
        };
        let (calls, kind) = run(shortly).await;
        assert!(calls > 1 && kind == conflict, "{calls}");
        let never = RetryPolicy { max_attempts: Some(0), ..RetryPolicy::default() };
        assert_eq!(run(never).await, (0, ErrorKind::Config));
    }

    async fn what_is_of_unknown_outcome_is_run_again_only_when_that_is_harmless(fresh: Fresh) {
        for idempotent in [false, true] {
            let (connector, faults) = faulty(&fresh).await;
            let db = Database::with_connector(connector).connect().await.unwrap();
            db.execute("drop table if exists t", ()).await.unwrap();
            db.execute("create table t (a integer)", ()).await.unwrap();
            faults.unknown.store(1, Ordering::SeqCst);
            let outcomes = Mutex::new(Vec::new());
            let mut run = db.transaction_builder().on_attempt(|attempt| {
                outcomes.lock().unwrap().push(attempt.outcome);
            });
            if idempotent {
                run = run.idempotent();
            }
            let result: Result<(), Error> = run
                .run(async |mut tx| {
                    tx.execute("delete from t", ()).await?;
                    tx.execute("insert into t values (1)", ()).await.map(drop)
                })
                .await;
            let mut expected = vec![AttemptOutcome::Unknown];
            if idempotent {
                result.unwrap();
                expected.push(AttemptOutcome::Committed);
            } else {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
            }
            assert_eq!(outcomes.into_inner().unwrap(), expected);
            let rows: i64 = db.query("select count(*) from t", ()).one().await.unwrap();
            assert_eq!(rows, 1, "it had been committed");
        }
    }

    async fn an_error_of_the_closures_own_is_told_without_the_databases(fresh: Fresh) {
        let db = fresh.connect().await;
        let seen = Mutex::new(Vec::<Seen>::new());
        let result: Result<(), Box<dyn std::error::Error>> = db
            .transaction_builder()
            .on_attempt(|attempt| {
                let kind = attempt.error.map(Error::kind);
                seen.lock().unwrap().push((attempt.number, attempt.outcome, kind, attempt.is_last()));
            })
            .run(async |_tx| Err("mine".into()))
            .await;
        assert_eq!(result.unwrap_err().to_string(), "mine");
        let kept: Result<(), Error> = db
            .transaction_builder()
            .on_attempt(|attempt| {
                seen.lock().unwrap().push((attempt.number, attempt.outcome, None, attempt.is_last()));
            })
            .run(async |mut tx| {
                tx.set_rollback_only();
                Ok(())
            })
            .await;
        kept.unwrap();
        assert_eq!(*seen.lock().unwrap(), [
            (1, AttemptOutcome::Failed, None, true),
            (1, AttemptOutcome::RolledBack, None, true),
        ]);
        assert_eq!(db.stats().transactions.retries, 0);
    }
}
