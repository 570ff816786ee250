//! The table of SQLSTATEs, each provoked where a server can be made to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use wellspring_connector::{
    ErrorKind, IsolationLevel, Retry, SavepointOp, SessionState, TransactionOptions,
};

use crate::support::{connect, connect_with, fresh};

/// One statement each; the others have tests of their own here, in `connecting`, `cancelling` and
/// `dying`.
#[tokio::test]
async fn statements_provoke_their_codes() {
    let (mut session, _, _databases) = fresh().await;
    session
        .connection
        .execute_script(
            "create table p (id int primary key, c int constraint positive check (c > 0), \
               n text not null, r int references p, x int4range, exclude using gist (x with &&));
             insert into p values (1, 1, 'x', 1, '[1,5]');
             create table r (id int primary key references p on delete restrict);
             insert into r values (1);
             create table s (v varchar(2));
             drop role if exists nobody;
             create role nobody;",
        )
        .await
        .unwrap();
    use ErrorKind as Kind;
    for (code, kind, sql) in [
        ("23505", Kind::UniqueViolation, "insert into p values (1, 1, 'x')"),
        ("23503", Kind::ForeignKeyViolation, "insert into p values (2, 1, 'x', 9)"),
        ("23502", Kind::NotNullViolation, "insert into p values (2, 1, null)"),
        ("23514", Kind::CheckViolation, "insert into p values (2, 0, 'x')"),
        ("23P01", Kind::ExclusionViolation, "insert into p values (2, 1, 'x', 1, '[5,6]')"),
        ("22003", Kind::DataOutOfRange, "select 2147483647 + 1"),
        ("22012", Kind::DataOutOfRange, "select 1 / 0"),
        ("22P02", Kind::DataOutOfRange, "select 'x'::int"),
        ("22001", Kind::DataOutOfRange, "insert into s values ('long')"),
        ("22007", Kind::DataOutOfRange, "select 'x'::date"),
        ("42601", Kind::Syntax, "selekt"),
        ("42P01", Kind::UndefinedObject, "select * from nowhere"),
        ("42703", Kind::UndefinedObject, "select nothing from p"),
        ("42883", Kind::UndefinedObject, "select nothing(1)"),
        ("42704", Kind::UndefinedObject, "select 1::nothing"),
        ("3F000", Kind::UndefinedObject, "create table nowhere.t (a int)"),
        ("42P07", Kind::Syntax, "create table p (a int)"),
        ("42P18", Kind::Parameters, "select json_build_object(?::text, ?)"),
        ("42804", Kind::Syntax, "select case when true then 1 else 'x'::bytea end"),
        ("25P01", Kind::Usage, "savepoint outside"),
        ("25001", Kind::Usage, "vacuum"),
        ("0A000", Kind::Unsupported, "alter table p alter column id type int using (select 1)"),
        ("54000", Kind::ResourceExhausted, "select repeat('x', 1 << 30)"),
        ("P0001", Kind::Other, "do $$ begin raise exception 'ours'; end $$"),
        ("53400", Kind::ResourceExhausted, "do $$ begin raise sqlstate '53400'; end $$"),
        ("53100", Kind::ResourceExhausted, "do $$ begin raise sqlstate '53100'; end $$"),
        ("53200", Kind::ResourceExhausted, "do $$ begin raise sqlstate '53200'; end $$"),
        ("23001", Kind::ForeignKeyViolation, "do $$ begin raise sqlstate '23001'; end $$"),
        ("40003", Kind::OutcomeUnknown, "do $$ begin raise sqlstate '40003'; end $$"),
        ("XX001", Kind::Corrupt, "do $$ begin raise sqlstate 'XX001'; end $$"),
        ("XX002", Kind::Corrupt, "do $$ begin raise sqlstate 'XX002'; end $$"),
        ("58030", Kind::ResourceExhausted, "do $$ begin raise sqlstate '58030'; end $$"),
    ] {
        if code == "25001" {
            session.connection.begin(TransactionOptions::new()).await.unwrap();
        }
        let error = match sql.matches('?').count() {
            2 => session.query(sql, ("a", None::<i32>)).execute().await,
            _ => session.query(sql, ()).execute().await,
        };
        session.connection.rollback().await.unwrap();
        let error = error.expect_err(sql);
        assert_eq!(error.sqlstate(), Some(code), "{sql}: {error:?}");
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
        assert!(error.native_ref::<wellspring_postgres::tokio_postgres::Error>().is_some());
    }
    // Deleting what is referred to with `restrict`.
    let error = session.query("delete from p where id = 1", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), Kind::ForeignKeyViolation, "{error:?}");
    assert_eq!(error.table(), Some("r"));
    // Somebody without rights.
    session.run("set role nobody", ()).await;
    let error = session.query("select * from p", ()).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::PermissionDenied, Some("42501")));
    session.run("reset role", ()).await;
    session.run("drop role nobody", ()).await;
    // A savepoint that is not there.
    session.connection.begin(TransactionOptions::new()).await.unwrap();
    let error = session.connection.savepoint(SavepointOp::Release, "none").await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::UndefinedObject, Some("3B001")));
    let error = session.query("select 1", ()).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::TransactionAborted, Some("25P02")));
}

/// Whatever cannot be caused on demand can be raised: every row of the table, through the server.
#[tokio::test]
async fn every_code_in_the_book_is_told_as_it_says() {
    let (mut session, options, _databases) = fresh().await;
    let book = include_str!("../../../../docs/src/errors.md");
    let chapter = book.split("\n## PostgreSQL's codes\n").nth(1).expect("the chapter is there");
    let chapter = chapter.split("\n## ").next().expect("it has an end");
    let mut lines = 0;
    for line in chapter.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('`').collect();
        let (code, kind) = (cells[1], cells[3]);
        // A class is met by a code of it that no row names.
        let code = if code.len() == 2 { format!("{code}Z99") } else { code.to_owned() };
        let raise = format!("do $$ begin raise sqlstate '{code}'; end $$");
        let error = session.query(&raise, ()).execute().await.expect_err(&raise);
        assert_eq!(error.sqlstate(), Some(code.as_str()), "{error:?}");
        assert_eq!(format!("{:?}", error.kind()), kind, "{code}: {error:?}");
        if session.connection.state() == SessionState::Closed {
            session = connect_with(options.clone()).await;
        }
        lines += 1;
    }
    assert!(lines > 50, "{lines} lines were found");
}

/// Two transactions in each other's way: a deadlock's victim, a serialization failure, a lock that
/// is not granted. Each may be run again whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_say_that_the_transaction_may_be_run_again() {
    let (mut session, options, _databases) = fresh().await;
    session.run("create table t (a int primary key, b int)", ()).await;
    session.run("insert into t values (1, 0), (2, 0)", ()).await;

    let barrier = Arc::new(Barrier::new(2));
    let mut tasks = Vec::new();
    for (first, second) in [(1, 2), (2, 1)] {
        let (options, barrier) = (options.clone(), Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            let mut session = connect_with(options).await;
            session.connection.begin(TransactionOptions::new()).await.unwrap();
            session.run("update t set b = b + 1 where a = ?", (first,)).await;
            barrier.wait().await;
            let result =
                session.query("update t set b = b + 1 where a = ?", (second,)).execute().await;
            session.connection.rollback().await.unwrap();
            result.err()
        }));
    }
    let mut victims = Vec::new();
    for task in tasks {
        victims.extend(task.await.unwrap());
    }
    assert_eq!(victims.len(), 1, "{victims:?}");
    assert_eq!(victims[0].kind(), ErrorKind::Deadlock);
    assert_eq!(victims[0].retry(), Retry::Transaction);

    let repeatable = TransactionOptions::new().isolation(IsolationLevel::RepeatableRead);
    let mut other = connect_with(options.clone()).await;
    session.connection.begin(repeatable).await.unwrap();
    session.run("select * from t", ()).await;
    other.run("update t set b = 9 where a = 1", ()).await;
    let error = session.query("update t set b = 8 where a = 1", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SerializationFailure, "{error:?}");
    assert_eq!(error.retry(), Retry::Transaction);
    session.connection.rollback().await.unwrap();

    session.connection.begin(TransactionOptions::new()).await.unwrap();
    session.run("update t set b = 7 where a = 1", ()).await;
    let error = other.query("select * from t for update nowait", ()).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error:?}");
    assert_eq!(error.retry(), Retry::Transaction);
    session.connection.rollback().await.unwrap();
}

/// Limits the server sets on idle sessions end them; the client sees a lost connection.
#[tokio::test]
async fn a_session_ended_for_its_idleness_is_lost() {
    for (setting, begin) in
        [("idle_session_timeout", false), ("idle_in_transaction_session_timeout", true)]
    {
        let mut session = connect().await;
        session.run(&format!("set {setting} = 30"), ()).await;
        if begin {
            session.connection.begin(TransactionOptions::new()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let error = session.query("select 1", ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{setting}: {error:?}");
    }
}
