//! The table of numbers, each provoked where a server can be made to.

use std::sync::Arc;

use tokio::sync::Barrier;
use wellspring_connector::{
    BulkTarget, ErrorKind, Retry, SavepointOp, SessionState, TransactionOptions, bulk_rows,
};
use wellspring_testkit::servers::Kind;

use crate::support::{connect_with, fresh, on_both};

on_both! {
    async fn statements_provoke_their_numbers(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session
            .connection
            .execute_script(
                "create table p (id int primary key, n text not null, r int,
                   constraint p_r foreign key (r) references p (id));
                 insert into p values (1, 'x', 1);
                 create table d (n tinyint not null, t varchar(2), d date, c int check (c > 0));
                 create procedure stop() signal sqlstate '45000' set message_text = 'ours'",
            )
            .await
            .unwrap();
        use ErrorKind as Kind;
        let mariadb = kind == wellspring_testkit::servers::Kind::MariaDb;
        for (code, kind, sql) in [
            (1062, Kind::UniqueViolation, "insert into p values (1, 'x', null)"),
            (1452, Kind::ForeignKeyViolation, "insert into p values (2, 'x', 9)"),
            (1451, Kind::ForeignKeyViolation, "update p set id = 9 where id = 1"),
            (1048, Kind::NotNullViolation, "insert into p values (2, null, null)"),
            (1364, Kind::NotNullViolation, "insert into d (t) values ('x')"),
            (if mariadb { 4025 } else { 3819 }, Kind::CheckViolation, "insert into d values (1, 'x', null, 0)"),
            (1264, Kind::DataOutOfRange, "insert into d (n) values (1000)"),
            (1406, Kind::DataOutOfRange, "insert into d (n, t) values (1, 'long')"),
            (1292, Kind::DataOutOfRange, "insert into d (n, d) values (1, 'x')"),
            (1366, Kind::DataOutOfRange, "insert into d (n) values ('x')"),
            (1690, Kind::DataOutOfRange, "select 9223372036854775807 + 1"),
            (1365, Kind::DataOutOfRange, "insert into d (n) values (1 / 0)"),
            (1064, Kind::Syntax, "selekt"),
            (1050, Kind::Syntax, "create table p (a int)"),
            (1146, Kind::UndefinedObject, "select * from nowhere"),
            (1054, Kind::UndefinedObject, "select nothing from p"),
            (1051, Kind::UndefinedObject, "drop table nowhere"),
            (1091, Kind::UndefinedObject, "alter table p drop column nothing"),
            (1176, Kind::UndefinedObject, "select * from p force index (nothing)"),
            (1193, Kind::UndefinedObject, "set session no_such_variable = 1"),
            (1305, Kind::UndefinedObject, "call nothing()"),
            (1044, Kind::PermissionDenied, "create table mysql_nothing.t (a int)"),
            (1644, Kind::Other, "call stop()"),
        ] {
            if code == 1044 {
                continue; // the tests' user may do everything: below
            }
            let error = session.query(sql, ()).execute().await.expect_err(sql);
            assert_eq!(error.code(), Some(code.to_string().as_str()), "{sql}: {error:?}");
            assert_eq!(error.kind(), kind, "{sql}: {error:?}");
            assert!(error.native_ref::<wellspring_mysql::mysql_async::Error>().is_some());
        }
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        let error = session.connection.savepoint(SavepointOp::Release, "none").await.unwrap_err();
        assert_eq!(error.kind(), Kind::UndefinedObject, "{error:?}");
        session.connection.rollback().await.unwrap();
        // Somebody without rights.
        session.run("create user if not exists 'poor'@'%' identified by 'poor-secret'", ()).await;
        let poor = options.clone().user("poor").password("poor-secret");
        let error = crate::support::connector(poor).connect().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::ConnectAuth, Some("1044")), "{error:?}");
        session.run("drop user 'poor'@'%'", ()).await;
        // A limit of the server's own.
        let limit = if mariadb { "set max_statement_time = 0.05" } else { "set max_execution_time = 50" };
        session.run(limit, ()).await;
        // A stopped `benchmark` is no error to MariaDB; a product is.
        let text = crate::support::a_million();
        let text = format!("select count(*) from ({text}) a, ({text}) b");
        let error = session.query(&text, ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), Kind::StatementTimeout, "{error:?}");
    }

    /// Whatever cannot be caused on demand can be raised: every row of the table, through the server.
    async fn every_number_in_the_book_is_told_as_it_says(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        let book = include_str!("../../../../docs/src/errors.md");
        let chapter = book.split("\n## MySQL's and MariaDB's numbers\n").nth(1);
        let chapter = chapter.expect("the chapter is there").split("\n## ").next();
        let mut lines = 0;
        for line in chapter.expect("it has an end").lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split('`').collect();
            let (number, kind) = (cells[1], cells[3]);
            let raise = format!("signal sqlstate '45000' set mysql_errno = {number}");
            let error = session.connection.execute_script(&raise).await.expect_err(&raise);
            assert_eq!(error.code(), Some(number), "{error:?}");
            assert_eq!(format!("{:?}", error.kind()), kind, "{number}: {error:?}");
            if session.connection.state() == SessionState::Closed {
                session = connect_with(options.clone()).await;
            }
            lines += 1;
        }
        assert!(lines > 80, "{lines} lines were found");
    }

    async fn a_deadlock_undoes_the_transaction_and_says_so_until_it_is_rolled_back(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
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
                if let Err(error) = &result {
                    assert_eq!(error.kind(), ErrorKind::Deadlock, "{error:?}");
                    assert_eq!(error.retry(), Retry::Transaction);
                    assert_eq!(session.connection.state(), SessionState::Failed);
                    let more = session.query("insert into t values (9, 9)", ()).execute().await;
                    assert_eq!(more.unwrap_err().kind(), ErrorKind::TransactionAborted);
                    let commit = session.connection.commit().await.unwrap_err();
                    assert_eq!(commit.kind(), ErrorKind::TransactionAborted);
                }
                session.connection.rollback().await.unwrap();
                assert_eq!(session.connection.state(), SessionState::Idle);
                u32::from(result.is_err())
            }));
        }
        let mut victims = 0;
        for task in tasks {
            victims += task.await.unwrap();
        }
        assert_eq!(victims, 1);
        assert_eq!(session.count().await, 2);
    }

    async fn a_deadlock_is_seen_whatever_ran_into_it(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session.run("create table t (a int primary key, b text)", ()).await;
        for what in ["rows", "a load"] {
            session.run("delete from t", ()).await;
            // More than the server keeps back before it sends the first.
            let filler = (1..=500_i64).map(|a| (a, "x".repeat(200)));
            let into = || BulkTarget::new("t", ["a", "b"]);
            session.connection.bulk_insert(&into(), &mut bulk_rows(filler)).await.unwrap();
            session.run("insert into t values (1001, ''), (1002, '')", ()).await;
            let barrier = Arc::new(Barrier::new(2));
            let mut tasks = Vec::new();
            for (first, second) in [(1, 2), (2, 1)] {
                let (options, barrier) = (options.clone(), Arc::clone(&barrier));
                tasks.push(tokio::spawn(async move {
                    let mut session = connect_with(options).await;
                    session.connection.begin(TransactionOptions::new()).await.unwrap();
                    session.run("update t set b = 'x' where a = ?", (1_000 + first,)).await;
                    session.run("insert into t values (?, '')", (2_000 + first,)).await;
                    barrier.wait().await;
                    let result = if what == "rows" {
                        let locks = "select b from t where a <= 500 or a = ? order by a \
                                     lock in share mode";
                        session.query(locks, (1_000 + second,)).all::<String>().await.map(drop)
                    } else {
                        let mut rows = bulk_rows([(2_000 + second, "")]);
                        session.connection.bulk_insert(&into(), &mut rows).await.map(drop)
                    };
                    if let Err(error) = &result {
                        assert_eq!(error.kind(), ErrorKind::Deadlock, "{what}: {error:?}");
                        assert_eq!(session.connection.state(), SessionState::Failed, "{what}");
                        let more = session.query("insert into t values (9999, '')", ()).execute();
                        let more = more.await.expect_err(what);
                        assert_eq!(more.kind(), ErrorKind::TransactionAborted, "{what}");
                    }
                    session.connection.rollback().await.unwrap();
                    u32::from(result.is_err())
                }));
            }
            let mut victims = 0;
            for task in tasks {
                victims += task.await.unwrap();
            }
            assert_eq!(victims, 1, "{what}");
            assert_eq!(session.count().await, 502, "{what}");
        }
    }

    async fn a_lock_that_is_not_granted_undoes_its_statement_only(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session.run("create table t (a int primary key, b int)", ()).await;
        session.run("insert into t values (1, 0)", ()).await;
        let mut other = connect_with(options).await;
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.run("update t set b = 1 where a = 1", ()).await;
        other.run("set innodb_lock_wait_timeout = 1", ()).await;
        other.connection.begin(TransactionOptions::new()).await.unwrap();
        other.run("insert into t values (2, 0)", ()).await;
        let error = other.query("update t set b = 2 where a = 1", ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error:?}");
        assert_eq!(error.retry(), Retry::Transaction);
        assert_eq!(other.connection.state(), SessionState::InTransaction);
        other.connection.commit().await.unwrap();
        session.connection.rollback().await.unwrap();
        assert_eq!(session.count().await, 2);
    }

    async fn a_definition_commits_and_the_commit_after_it_says_so(kind: Kind) {
        let (mut session, options, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.run("insert into t values (1)", ()).await;
        session.run("create table u (a int)", ()).await;
        assert_eq!(session.connection.state(), SessionState::Idle);
        let error = session.connection.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        assert!(error.to_string().contains("has committed it"), "{error}");
        assert_eq!(crate::support::ask::<i64>(&options, "select count(*) from t").await.unwrap(), 1);
    }
}
