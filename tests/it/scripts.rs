//! Scripts: whole or statement by statement, with routines, from files, errors with their place.

use std::sync::Mutex;

use wellspring::{Database, Error, ErrorKind};

use crate::databases::on_every_database;

async fn count(db: &Database) -> i64 {
    db.query("select count(*) from t", ()).one().await.unwrap()
}

/// True where `create table` commits what was done before it.
fn commits_itself(db: &Database) -> bool {
    matches!(db.dialect().name, "mysql" | "mariadb")
}

on_every_database! {
    async fn a_script_is_kept_whole_or_not_at_all(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key, b text)", ()).await.unwrap();
        let told = Mutex::new(Vec::new());
        let report = db
            .script("insert into t values (1, 'a;b'); -- no; statement\n\n  update t set b = '--' ;; delete from t where a = 9;")
            .progress(|so_far| told.lock().unwrap().push((so_far.statements, so_far.total, so_far.line)))
            .run()
            .await
            .unwrap();
        assert_eq!(report.statements.len(), 3);
        assert_eq!(report.rows_affected, 2);
        assert_eq!((report.statements[1].line, report.statements[1].column), (3, 3));
        assert_eq!(*told.lock().unwrap(), [(1, 3, 1), (2, 3, 3), (3, 3, 3)]);

        let error = db
            .script("insert into t values (2, 'x');\n/* é */ insert into t values (1, 'again'); select 1")
            .progress(|_| panic!("somebody's callback"))
            .run()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        assert_eq!(error.operation(), Some(1));
        assert!(error.message().starts_with("statement 1: line 2, column 9: "), "{error}");
        assert_eq!(count(&db).await, 1);

        // It is the transaction, and cannot end it.
        for text in ["insert into t values (3, ''); commit", "begin; insert into t values (3, '')"]
        {
            let error = db.script(text).run().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        }
        assert_eq!(count(&db).await, 1);
        assert!(db.script(" -- nothing\n;").run().await.unwrap().statements.is_empty());
        assert_eq!(db.status().used, 0);
    }

    async fn statement_by_statement_the_earlier_ones_are_kept(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key)", ()).await.unwrap();
        let script =
            "insert into t values (1); insert into t values (1);\ninsert into t values (2)";
        let error = db.script(script).each().run().await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(1)));
        assert_eq!(count(&db).await, 1);
        let report = db.script(script).continue_on_error().run().await.unwrap();
        let kinds: Vec<ErrorKind> = report.errors().map(Error::kind).collect();
        assert_eq!(kinds, [ErrorKind::UniqueViolation; 2]);
        assert!(report.statements[2].result.is_ok());
        assert_eq!(count(&db).await, 2);
        // With transactions of its own, of which the last is left open.
        let script = "begin; insert into t values (5); commit; begin; insert into t values (6)";
        db.script(script).each().run().await.unwrap();
        assert_eq!(count(&db).await, 3);
    }

    async fn a_script_that_goes_on_may_have_its_own_transaction_and_savepoints(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key)", ()).await.unwrap();
        let mut connection = db.connection().await.unwrap();
        let script = "begin; insert into t values (1); insert into t values (1); savepoint a;\
                      insert into t values (2); rollback to savepoint a; insert into t values (3);\
                      commit; insert into t values (4); begin; insert into t values (5); rollback";
        let report = connection.script(script).continue_on_error().run().await.unwrap();
        let failed: Vec<_> = report.errors().filter_map(|error| error.operation()).collect();
        assert_eq!(failed, [2], "{report:?}");
        drop(connection);
        let rows: Vec<i64> = db.query("select a from t order by a", ()).all().await.unwrap();
        assert_eq!(rows, [1, 3, 4]);
    }

    async fn inside_a_transaction_a_script_is_a_part_of_it(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key)", ()).await.unwrap();
        let kept: Result<(), Error> = db
            .transaction(async |mut tx| {
                tx.script("insert into t values (1); insert into t values (2)").run().await?;
                let failed = tx.script("insert into t values (3); insert into t values (1)").run().await;
                assert_eq!(failed.unwrap_err().operation(), Some(1));
                let report = tx
                    .script("insert into t values (4); insert into t values (1); insert into t values (5)")
                    .continue_on_error()
                    .run()
                    .await?;
                assert_eq!(report.errors().count(), 1);
                Ok(())
            })
            .await;
        kept.unwrap();
        let kept: Vec<i64> = db.query("select a from t order by a", ()).all().await.unwrap();
        assert_eq!(kept, [1, 2, 4, 5]);
        let mut connection = db.connection().await.unwrap();
        connection
            .script("insert into t values (6); delete from t where a < 5")
            .run()
            .await
            .unwrap();
        drop(connection);
        assert_eq!(count(&db).await, 2);
    }

    async fn a_dropped_script_leaves_nothing(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key)", ()).await.unwrap();
        let script = format!("insert into t values (1); {}", crate::support::endless(&db));
        let limit = std::time::Duration::from_millis(100);
        assert!(tokio::time::timeout(limit, db.script(script.as_str()).run()).await.is_err());
        while db.status().used + db.status().resetting > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert_eq!(count(&db).await, 0);
    }

    async fn what_the_database_commits_by_itself_is_told(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer primary key)", ()).await.unwrap();
        let script = "insert into t values (1); create table u (a integer);\n\
                      insert into t values (2); insert into t values (2)";
        let error = db.script(script).run().await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(3)));
        // What comes after the commit is all or nothing again.
        let left = i64::from(commits_itself(&db));
        assert_eq!(count(&db).await, left);
        assert_eq!(
            error.message().contains("the statements before 2 are kept"),
            left == 1,
            "{error}"
        );
        let script = "create table v (a integer); create table w (a integer)";
        assert_eq!(db.script(script).run().await.unwrap().statements.len(), 2);
        if commits_itself(&db) {
            let ended: Result<(), Error> = db
                .transaction(async |mut tx| {
                    tx.script("drop table v; select 1").run().await.map(drop)
                })
                .await;
            let ended = ended.unwrap_err();
            assert_eq!((ended.kind(), ended.operation()), (ErrorKind::Usage, Some(0)), "{ended:?}");
        }
    }

    async fn routines_keep_their_bodies(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer, b text)", ()).await.unwrap();
        let script = match db.dialect().name {
            "sqlite" => {
                "create trigger g after insert on t when new.a = 1 begin\n\
                   insert into t values (new.a + case when 1 then 1 end, ';'); insert into t values (3, 'end');\n\
                 end; insert into t values (1, '')"
            }
            "postgres" => {
                "create function g() returns trigger language plpgsql as $body$\n\
                 begin insert into t values (2, ';'), (3, '$$'); return null; end; $body$;\n\
                 create trigger g after insert on t for each row when (new.a = 1) execute function g();\n\
                 create procedure p() begin atomic insert into t values (1, ''); select 1; end; call p();"
            }
            _ => {
                "delimiter //\n\
                 create procedure p(n int) if n > 0 then insert into t values (n, ';'); call q(n - 1); end if; //\n\
                 create procedure q(n int) begin set max_sp_recursion_depth = 9;\n\
                   if n > 0 then insert into t values (n, 'x'); end if; end//\n\
                 Delimiter ;\n\
                 create trigger g before insert on t for each row begin set new.b = concat(new.b, '/'); end;\n\
                 call p(2); insert into t values (3, ''); /*!40101 update t set b = 'version' where a = 3 */;"
            }
        };
        db.script(script).run().await.unwrap();
        assert_eq!(count(&db).await, 3, "{:?}", db.dialect().name);
        let numbers: Vec<i64> = db.query("select a from t order by a", ()).all().await.unwrap();
        assert_eq!(numbers, [1, 2, 3]);
    }

    async fn scripts_and_queries_are_read_from_files(fresh: Fresh) {
        let db = fresh.connect().await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made é.sql");
        std::fs::write(
            &path,
            "\u{feff}create table t (a integer, b text);\r\ninsert into t values (1, 'é')",
        )
        .unwrap();
        let report = db.script_file(&path).run().await.unwrap();
        assert_eq!((report.statements[0].column, report.statements[1].line), (1, 2));
        std::fs::write(&path, "-- one\nselect b from t where a = :a;\n").unwrap();
        let query = db.query_file(&path, wellspring::params! { a: 1 }).await.unwrap();
        assert_eq!(query.one::<String>().await.unwrap(), "é");
        let mut tx = db.begin().await.unwrap();
        let query = tx.query_file(&path, wellspring::params! { a: 2 }).await.unwrap();
        assert_eq!(query.optional::<String>().await.unwrap(), None);
        tx.rollback().await.unwrap();
        for (text, word) in [("select 1;\nselect 2", "line 2"), ("-- none", "no statement")] {
            std::fs::write(&path, text).unwrap();
            let error = db.query_file(&path, ()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(
                error.message().contains(word) && error.message().contains("made é.sql"),
                "{error}"
            );
        }
        std::fs::write(&path, b"select '\xff'").unwrap();
        assert_eq!(db.script_file(&path).run().await.unwrap_err().kind(), ErrorKind::Decode);
        let error = db.script_file(dir.path().join("nowhere.sql")).run().await.unwrap_err();
        assert!(error.message().contains("nowhere.sql"), "{error}");
    }
}
