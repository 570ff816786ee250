//! What one borrower does to a session, and what the next one sees of it: nothing.

use std::time::Duration;

use wellspring_connector::{
    ErrorKind, IsolationLevel, SessionState, SharedPassword, TransactionMode, TransactionOptions,
};
use wellspring_mysql::mysql_async::Conn;
use wellspring_mysql::mysql_async::prelude::{Query as _, Queryable};
use wellspring_mysql::{MySqlManager, Pool};
use wellspring_pool_core::ConnectError;
use wellspring_testkit::polls::poll_then_drop;
use wellspring_testkit::servers::Kind;

use crate::databases::server;
use crate::support::{fresh, on_both};

on_both! {
    async fn nothing_a_borrower_leaves_behind_is_seen_by_the_next(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        for leave in [
            "set @x = 1",
            "set time_zone = '+03:00'",
            "set sql_mode = ''",
            "set autocommit = 0",
            "create temporary table t (b text)",
            "select get_lock('wellspring', 1)",
            "lock tables t write",
            "begin",
            "prepare p from 'select 1'",
            "use information_schema",
        ] {
            session.run(leave, ()).await;
            assert_ne!(session.connection.state(), SessionState::Idle, "{leave}");
            session.connection.reset(Default::default()).await.unwrap();
            assert_eq!(session.connection.state(), SessionState::Idle, "{leave}");
            let clean: i64 = session
                .get(
                    "select @x is null and @@time_zone = '+00:00' and @@sql_mode <> '' \
                     and @@autocommit = 1 and is_free_lock('wellspring')",
                    (),
                )
                .await;
            assert_eq!(clean, 1, "{leave}");
            if leave != "use information_schema" {
                session.run("select a from t", ()).await;
            }
        }
    }

    async fn a_limit_on_lock_waits_ends_with_its_transaction(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let waits = "select concat(@@innodb_lock_wait_timeout, ' ', @@lock_wait_timeout)";
        session.run("set session innodb_lock_wait_timeout = 33", ()).await;
        let before: String = session.get(waits, ()).await;
        assert!(before.starts_with("33 "), "{before}");
        let limited = TransactionOptions::new().lock_timeout(Duration::from_millis(1500));
        for end in ["commit", "rollback", "definition"] {
            session.connection.begin(limited).await.unwrap();
            assert_eq!(session.get::<String>(waits, ()).await, "2 2");
            match end {
                "commit" => session.connection.commit().await.unwrap(),
                "rollback" => session.connection.rollback().await.unwrap(),
                _ => {
                    // It commits by itself.
                    session.run("create table t (a int)", ()).await;
                    session.connection.commit().await.unwrap_err();
                }
            }
            assert_eq!(session.get::<String>(waits, ()).await, before, "after {end}");
            // Nor does the next transaction see any of it.
            session.connection.begin(TransactionOptions::new()).await.unwrap();
            assert_eq!(session.get::<String>(waits, ()).await, before, "after {end}");
            session.connection.rollback().await.unwrap();
        }
        // One that cannot be begun changes nothing either.
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.connection.begin(limited).await.unwrap_err();
        assert_eq!(session.get::<String>(waits, ()).await, before);
        session.connection.rollback().await.unwrap();
        // Left open, it is cleaned up by the reset.
        session.connection.begin(limited).await.unwrap();
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.connection.state(), SessionState::Idle);
        let after: String = session.get(waits, ()).await;
        assert!(!after.starts_with("2 "), "{after}");
        for options in [
            limited.deferrable(),
            limited.mode(TransactionMode::Immediate),
            limited.isolation(IsolationLevel::Snapshot),
        ] {
            let error = session.connection.begin(options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
        assert_eq!(session.connection.state(), SessionState::Idle);
        let longest = TransactionOptions::new().lock_timeout(Duration::MAX);
        session.connection.begin(longest).await.unwrap();
        session.connection.commit().await.unwrap();
        assert_eq!(session.connection.state(), SessionState::Idle);
    }

    async fn a_beginning_given_up_leaves_no_level_to_the_next_transaction(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        let options = TransactionOptions::new().isolation(IsolationLevel::ReadUncommitted);
        let begin = session.connection.begin(options);
        assert!(poll_then_drop(begin, 1).await.is_none());
        session.connection.ping().await.unwrap();
        // Whether the server was told of the level is not known.
        assert_eq!(session.connection.state(), SessionState::Tainted);
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.connection.state(), SessionState::Idle);
        session.connection.begin(options).await.unwrap();
        session.connection.commit().await.unwrap();
        assert_eq!(session.connection.state(), SessionState::Idle);
    }

    async fn a_transaction_begun_natively_is_seen_and_undone(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table t (a int)", ()).await;
        let conn = session.connection.native_mut::<Conn>().unwrap();
        conn.query_drop("begin").await.unwrap();
        conn.query_drop("insert into t values (1)").await.unwrap();
        conn.query_drop("nonsense").await.unwrap_err();
        assert_ne!(session.connection.state(), SessionState::Idle);
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.count().await, 0);
    }

    async fn a_native_pool_hands_out_connections_and_cleans_up_after_them(kind: Kind) {
        let manager = MySqlManager::new(server(kind)).unwrap();
        let pool = Pool::builder(manager).max_size(1).build().unwrap();
        {
            let mut conn = pool.get().await.unwrap();
            let answer: Option<i64> = conn.exec_first("select 6 * ?", (7,)).await.unwrap();
            assert_eq!(answer, Some(42));
            conn.query_drop("begin").await.unwrap();
        }
        let mut conn = tokio::time::timeout(Duration::from_secs(20), pool.get())
            .await
            .expect("it is cleaned")
            .unwrap();
        let ok: Option<i64> = conn.query_first("select 1").await.unwrap();
        assert_eq!(ok, Some(1));
        drop(conn);
        let counters = pool.stats().counters;
        assert_eq!((counters.connected, counters.resets), (1, 1));
    }

    async fn a_native_pool_asks_for_the_password_of_each_connection_and_shows_it_nowhere(kind: Kind) {
        let (mut admin, options, _databases) = fresh(kind).await;
        let user: String = admin.get("select concat(database(), '_user')", ()).await;
        let alter = |password: &str| format!("alter user '{user}'@'%' identified by '{password}'");
        admin.run(&format!("create user '{user}'@'%' identified by 'canary-1'"), ()).await;
        admin.run(&format!("grant all on {}.* to '{user}'@'%'", &user[..user.len() - 5]), ()).await;
        let password = SharedPassword::new("canary-0");
        let manager = MySqlManager::new(options.user(&user).password("canary-url")).unwrap();
        let manager = manager.credentials(password.clone());
        assert!(!format!("{manager:?}").contains("canary"), "{manager:?}");
        let pool = Pool::builder(manager).max_size(2).build().unwrap();
        match pool.start().await.unwrap_err() {
            ConnectError::Failed(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
        password.set("canary-1");
        let mut old = pool.get().await.unwrap();
        admin.run(&alter("canary-2"), ()).await;
        password.set("canary-2");
        let mut new = pool.get().await.unwrap();
        for conn in [&mut old, &mut new] {
            // As a method, and where the driver takes a connection.
            let one: Option<i64> = conn.query_first("select 1").await.unwrap();
            let two: Option<i64> = "select 2".first(&mut **conn).await.unwrap();
            assert_eq!((one, two), (Some(1), Some(2)));
            // The driver's own connection would print it.
            assert!(!format!("{conn:?}").contains("canary"), "{conn:?}");
        }
        drop((old, new));
        pool.close();
        admin.run(&format!("drop user '{user}'@'%'"), ()).await;
    }
}
