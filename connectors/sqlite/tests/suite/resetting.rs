//! Reset: what the next borrower finds.

use rusqlite::Connection as Native;
use wellspring_connector::{Command, Connector, ErrorKind, SessionState, TransactionOptions};
use wellspring_pool_core::ResetMode;

use crate::support::{EXECUTIONS, File, all, connector, fail, memory, one, run};

#[tokio::test(flavor = "multi_thread")]
async fn open_transactions_end_by_mode() {
    let file = File::new();
    for execution in EXECUTIONS {
        let mut c = connector(file.options().execution(execution)).connect().await.unwrap();
        run(&mut c, "create table t (a)").await;
        for (mode, kept) in [(ResetMode::Rollback, 0), (ResetMode::Commit, 1)] {
            c.begin(TransactionOptions::new()).await.unwrap();
            run(&mut c, "insert into t values (1)").await;
            c.reset(mode).await.unwrap();
            assert_eq!(c.state(), SessionState::Idle);
            assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), kept);
        }
        c.begin(TransactionOptions::new()).await.unwrap();
        c.reset(ResetMode::None).await.unwrap();
        assert_eq!(c.state(), SessionState::InTransaction);
        c.rollback().await.unwrap();
        run(&mut c, "drop table t").await;
        c.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_commit_that_fails_in_a_reset_is_reported_and_rolled_back() {
    let mut c = memory().await;
    run(&mut c, "create table p (id integer primary key)").await;
    run(&mut c, "create table t (p references p deferrable initially deferred)").await;
    c.begin(TransactionOptions::new()).await.unwrap();
    run(&mut c, "insert into t values (1)").await;
    let error = c.reset(ResetMode::Commit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    assert_eq!(c.state(), SessionState::Idle);
}

#[tokio::test]
async fn changed_settings_are_undone() {
    let file = File::new();
    let other = File::new();
    let mut c = connector(file.options()).connect().await.unwrap();
    let attach = format!("attach '{}' as other", other.path.display());
    for change in [
        "pragma foreign_keys = off",
        "pragma synchronous = off",
        "pragma query_only = on",
        "pragma busy_timeout = 100",
        attach.as_str(),
        "create temp table scratch (a)",
        "create temporary view seen as select 1",
    ] {
        run(&mut c, change).await;
        assert_eq!(c.state(), SessionState::Tainted, "{change}");
        c.reset(ResetMode::Rollback).await.unwrap();
        assert_eq!(c.state(), SessionState::Idle, "{change}");
    }
    assert_eq!(one::<i64>(&mut c, "pragma foreign_keys").await.unwrap(), 1);
    assert_eq!(one::<i64>(&mut c, "pragma synchronous").await.unwrap(), 1);
    assert_eq!(one::<i64>(&mut c, "pragma query_only").await.unwrap(), 0);
    assert_eq!(one::<i64>(&mut c, "pragma busy_timeout").await.unwrap(), 0);
    let names = all(&mut c, "select name from pragma_database_list", &[]).await.unwrap();
    assert!(names.len() <= 2, "{names:?}");
    assert_eq!(fail(&mut c, "select * from scratch").await.kind(), ErrorKind::UndefinedObject);
    assert_eq!(fail(&mut c, "select * from seen").await.kind(), ErrorKind::UndefinedObject);
    run(&mut c, "create table t (a)").await;
}

#[tokio::test]
async fn native_access_taints() {
    let mut c = memory().await;
    let native = c.native_mut::<Native>().unwrap();
    native.execute_batch("pragma foreign_keys = off; create table t (a); begin").unwrap();
    assert_eq!(c.state(), SessionState::InTransaction);
    c.reset(ResetMode::Rollback).await.unwrap();
    assert_eq!(c.state(), SessionState::Idle);
    assert_eq!(one::<i64>(&mut c, "pragma foreign_keys").await.unwrap(), 1);
    let error = c.native_mut::<String>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn native_access_ends_a_forgotten_cursor() {
    let mut c = memory().await;
    let text = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 9999) \
                select i from n";
    let mut rows = c.query(Command::new(text, &[])).await.unwrap();
    rows.next().await.unwrap().unwrap();
    #[expect(clippy::mem_forget, reason = "a cursor that is leaked is the subject")]
    std::mem::forget(rows);
    let native = c.native_mut::<Native>().unwrap();
    assert!(!native.is_busy());
}
