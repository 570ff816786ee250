//! `echo`: each statement is logged once, when it has ended, without values.

use std::time::Duration;

use futures_util::stream;
use tracing::Level;
use wellspring::prelude::*;
use wellspring::{DatabaseBuilder, Echo, Operation, PlaceholderStyle, Result, csv};
use wellspring_testkit::logs::{self, Line};
use wellspring_testkit::polls::poll_then_drop;

use crate::databases::on_every_database;
use crate::support::{Fresh, a_million, endless, named_for_logs};

const STATEMENT: &str = "wellspring::statement";

/// What a parameter holds that nobody may read in the log.
const CANARY: &str = "canary-2e91c7";

/// A database with a name of its own, and what it has logged.
struct Logged {
    db: Database,
    seen: usize,
}

impl Logged {
    async fn new(builder: DatabaseBuilder) -> Self {
        Self { db: builder.name(named_for_logs()).connect().await.unwrap(), seen: 0 }
    }

    async fn with_table(fresh: &Fresh) -> Self {
        let mut this = Self::new(fresh.builder().echo(true)).await;
        create(&this.db).await;
        assert_eq!(this.texts().len(), 1);
        this
    }

    /// The statements logged since it was asked last. The pool's own resets come when they come.
    fn statements(&mut self) -> Vec<Line> {
        let mut lines = logs::kept("database", self.db.name());
        lines.retain(|line| line.target == STATEMENT && !line.get("sql").starts_with("reset"));
        let new = lines.split_off(self.seen);
        self.seen += new.len();
        new
    }

    fn texts(&mut self) -> Vec<String> {
        self.statements().iter().map(|line| line.get("sql").to_owned()).collect()
    }

    /// The only statement since it was asked last.
    fn only(&mut self) -> Line {
        let lines = self.statements();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap()
    }
}

async fn create(db: &Database) {
    db.execute("create table t (id integer not null primary key, name varchar(200))", ())
        .await
        .unwrap();
}

/// A row with the canary in it.
fn row(id: i64) -> Record {
    Record::new().set("id", id).set("name", CANARY)
}

fn assert_no_canary() {
    let lines = logs::all();
    let told = lines.iter().find(|line| line.to_string().contains(CANARY));
    assert!(told.is_none(), "{told:?}");
}

on_every_database! {
    async fn a_statement_tells_its_text_its_rows_and_how_it_ended(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        db.execute("insert into t values (?, ?), (?, ?)", (1, CANARY, 2, CANARY)).await.unwrap();
        let line = log.only();
        assert_eq!((line.level, line.target.as_str()), (Level::INFO, STATEMENT));
        assert_eq!(line.get("message"), "statement");
        assert_eq!(line.get("sql"), "insert into t values (?, ?), (?, ?)");
        assert_eq!((line.get("outcome"), line.get("rows")), ("ok", "2"));
        assert!(!line.get("took").is_empty());
        for absent in ["error_kind", "sqlstate", "code"] {
            assert!(!line.fields.contains_key(absent), "{line}");
        }
        let all: Vec<(i64, String)> = db.query("select id, name from t", ()).all().await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(log.only().get("rows"), "2");
        let none: Option<i64> =
            db.query("select id from t where name = :name", params! { name: "x" }).optional().await.unwrap();
        assert_eq!(none, None);
        let line = log.only();
        assert_eq!(line.get("sql"), "select id from t where name = :name");
        assert_eq!((line.get("outcome"), line.get("rows")), ("ok", "0"));
        assert_no_canary();
    }

    async fn the_text_is_as_it_was_written(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        for turn in 0..2 {
            let ids: Vec<i64> = (turn..turn + 3).collect();
            db.query("select id from t where id in (:ids) and name <> :name", params! { ids: ids, name: CANARY })
                .all::<i64>()
                .await
                .unwrap();
            assert_eq!(log.only().get("sql"), "select id from t where id in (:ids) and name <> :name");
        }
        let dollars = Sql::new("select id from t where name = $1").style(PlaceholderStyle::Dollar);
        db.query(dollars, (CANARY,)).tag("nightly").all::<i64>().await.unwrap();
        assert_eq!(log.only().get("sql"), "/* nightly */ select id from t where name = $1");
        db.query("select id from t", ()).tag("nightly").all::<i64>().await.unwrap();
        assert_eq!(log.only().get("sql"), "/* nightly */ select id from t");
        let mut rows = db.query("select id from t where id < ?", (9,)).fetch_size(1).stream();
        assert!(rows.next().await.unwrap().is_none());
        assert_eq!(log.only().get("sql"), "select id from t where id < ?");
        db.query("select id from t where id < ?", (9,)).results().await.unwrap();
        assert_eq!(log.only().get("sql"), "select id from t where id < ?");
        db.batch([
            Operation::execute("delete from t where name = ?", (CANARY,)),
            Operation::query("select id from t where name = :a", params! { a: CANARY }),
        ])
        .execute()
        .await
        .unwrap();
        assert_eq!(
            log.texts(),
            ["begin", "delete from t where name = ?", "select id from t where name = :a", "commit"]
        );
        assert_no_canary();
    }

    async fn statements_that_write_themselves_are_logged(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        db.insert("t", row(1)).execute().await.unwrap();
        assert!(log.only().get("sql").starts_with("insert into "));
        db.update("t", params! { name: CANARY }).filter(col("id").eq(1)).execute().await.unwrap();
        assert!(log.only().get("sql").starts_with("update "));
        db.select("t").filter(col("name").eq(CANARY)).all::<(i64, String)>().await.unwrap();
        assert!(log.only().get("sql").starts_with("select "));
        db.delete("t").filter(col("name").eq(CANARY)).execute().await.unwrap();
        assert!(log.only().get("sql").starts_with("delete from "));
        db.insert_many("t", [row(1), row(2), row(3)]).execute().await.unwrap();
        let line = log.only();
        assert_eq!((line.get("sql"), line.get("rows")), ("bulk insert into t (id, name)", "3"));
        db.bulk_update("t", [row(1), row(2)], ["id"]).execute().await.unwrap();
        let texts = log.texts();
        assert_eq!((texts.first().unwrap().as_str(), texts.last().unwrap().as_str()), ("begin", "commit"));
        assert!(texts.len() >= 3, "{texts:?}");
        let rows = stream::iter([Ok(row(4)), Ok(row(5))]);
        db.stream_insert("t", rows).execute().await.unwrap();
        assert_eq!(
            log.texts(),
            [
                "begin",
                "savepoint wellspring_1",
                "bulk insert into t (id, name)",
                "release savepoint wellspring_1",
                "commit",
            ]
        );
        assert_no_canary();
    }

    async fn bulk_work_and_scripts_are_logged(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        db.bulk_insert("t", ["id", "name"], (0..100).map(|id| (id, CANARY))).await.unwrap();
        let line = log.only();
        assert_eq!((line.get("sql"), line.get("rows")), ("bulk insert into t (id, name)", "100"));
        let lines = format!("id,name\n1000,{CANARY}\n1001,{CANARY}\n");
        db.bulk_load("t").from_reader(lines.as_bytes()).run().await.unwrap();
        let loaded = log.statements();
        // How the columns read text is asked before.
        let [asked, line] = &loaded[..] else { panic!("{loaded:?}") };
        assert!(asked.get("sql").starts_with("select "), "{asked}");
        assert_eq!((line.get("sql"), line.get("rows")), ("bulk insert into t (id, name)", "2"));
        let mut text = Vec::new();
        let export = db.to_csv("select name from t where id < ?", (2,)).options(csv::CsvOptions::new());
        export.to_writer(&mut text).await.unwrap();
        assert!(String::from_utf8(text).unwrap().contains(CANARY));
        assert_eq!(log.only().get("rows"), "2");
        let script = "delete from t where id = 0; delete from t where id < 10";
        db.execute_script(script).await.unwrap();
        let line = log.only();
        assert_eq!((line.get("sql"), line.get("rows")), (script, "10"));
        db.script(script).run().await.unwrap();
        assert_eq!(
            log.texts(),
            ["begin", "delete from t where id = 0", "delete from t where id < 10", "commit"]
        );
        db.script(script).each().run().await.unwrap();
        assert_eq!(log.texts(), ["delete from t where id = 0", "delete from t where id < 10"]);
        assert_no_canary();
    }

    async fn transactions_and_savepoints_are_logged(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        let insert = "insert into t values (?, ?)";
        db.transaction(async |mut tx| -> Result<()> {
            tx.execute(insert, (1, CANARY)).await?;
            let undone: Result<()> = tx
                .savepoint(async |mut inner| {
                    inner.execute(insert, (2, CANARY)).await?;
                    Err(Error::new(ErrorKind::Other, "no"))
                })
                .await;
            assert!(undone.is_err());
            tx.savepoint_named("mine", async |mut inner| inner.execute(insert, (3, CANARY)).await.map(drop))
                .await
        })
        .await
        .unwrap();
        let lines = log.statements();
        assert!(lines.iter().all(|line| line.get("outcome") == "ok"), "{lines:?}");
        let texts: Vec<&str> = lines.iter().map(|line| line.get("sql")).collect();
        assert_eq!(
            texts,
            [
                "begin",
                insert,
                "savepoint wellspring_1",
                insert,
                "rollback to savepoint wellspring_1",
                "release savepoint wellspring_1",
                "savepoint mine",
                insert,
                "release savepoint mine",
                "commit",
            ]
        );
        // By hand, with options; rolled back.
        let mut tx = db
            .begin_with(wellspring::TransactionOptions::new().isolation(IsolationLevel::Serializable))
            .await
            .unwrap();
        tx.create_savepoint("a").await.unwrap();
        tx.bulk_insert("t", ["id", "name"], [(7, CANARY)]).await.unwrap();
        tx.rollback_to_savepoint("a").await.unwrap();
        tx.execute_script("delete from t").await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(
            log.texts(),
            [
                "begin isolation level serializable",
                "savepoint a",
                "bulk insert into t (id, name)",
                "rollback to savepoint a",
                "delete from t",
                "rollback",
            ]
        );
        assert_no_canary();
    }

    async fn a_transaction_that_is_dropped_is_seen_to_be_undone(fresh: Fresh) {
        let log = Logged::with_table(&fresh).await;
        let mut tx = log.db.begin().await.unwrap();
        tx.execute("insert into t values (?, ?)", (1, CANARY)).await.unwrap();
        drop(tx);
        let undone = |line: &Line| line.get("sql") == "reset, rollback" && line.get("outcome") == "ok";
        while !logs::kept("database", log.db.name()).iter().any(undone) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn sessions_and_connections_are_logged(fresh: Fresh) {
        let builder = fresh.builder().echo(Echo::Debug);
        let builder = builder
            .session_setup(|session| {
                Box::pin(async move {
                    let who = session.value("who")?;
                    session.execute("insert into t values (1, ?)", (who,)).await.map(drop)
                })
            })
            .session_teardown(|session| {
                Box::pin(async move { session.execute("delete from t where id > ?", (5,)).await.map(drop) })
            });
        let mut log = Logged::new(builder).await;
        create(&log.db).await;
        assert_eq!(log.only().level, Level::DEBUG);
        let db = log.db.clone();
        db.session_with(params! { who: CANARY }, async |mut s| -> Result<i64> {
            s.query("select id from t where name = ?", (CANARY,)).one().await
        })
        .await
        .unwrap();
        assert_eq!(
            log.texts(),
            [
                "begin",
                "insert into t values (1, ?)",
                "select id from t where name = ?",
                "commit",
                "delete from t where id > ?",
            ]
        );
        let mut connection = db.connection().await.unwrap();
        connection.execute("delete from t where name = ?", (CANARY,)).await.unwrap();
        connection.ping().await.unwrap();
        connection.set_autocommit(false).unwrap();
        connection.execute("delete from t where name = ?", (CANARY,)).await.unwrap();
        connection.commit().await.unwrap();
        connection.execute_script("delete from t").await.unwrap();
        connection.rollback().await.unwrap();
        drop(connection);
        assert_eq!(
            log.texts(),
            [
                "delete from t where name = ?",
                "begin",
                "delete from t where name = ?",
                "commit",
                "begin",
                "delete from t",
                "rollback",
            ]
        );
        let mut own = db.open_connection().await.unwrap();
        own.query("select id from t where name = ?", (CANARY,)).all::<i64>().await.unwrap();
        assert_eq!(log.only().get("sql"), "select id from t where name = ?");
        assert_no_canary();
    }

    async fn a_failure_tells_its_kind_and_code_and_not_its_message(fresh: Fresh) {
        let mut log = Logged::new(fresh.builder().echo(Echo::Warn)).await;
        let db = log.db.clone();
        db.execute("create table u (name varchar(100) not null primary key)", ()).await.unwrap();
        db.execute("insert into u values (?)", (CANARY,)).await.unwrap();
        log.statements();
        let error = db.execute("insert into u values (?)", (CANARY,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation);
        let line = log.only();
        assert_eq!((line.level, line.get("outcome")), (Level::WARN, "failed"));
        assert_eq!(line.get("error_kind"), "unique_violation");
        assert_eq!(line.get("sqlstate"), error.sqlstate().unwrap_or(""));
        assert_eq!(line.get("code"), error.code().unwrap_or(""));
        assert!(error.sqlstate().or(error.code()).is_some(), "{error:?}");
        assert!(!line.fields.contains_key("rows"));
        // One that fails when its rows are asked for, in a bulk insert, and in a script.
        db.query("selekt ?", (CANARY,)).all::<i64>().await.unwrap_err();
        assert_eq!(log.only().get("error_kind"), "syntax");
        db.bulk_insert("u", ["name"], [("a",), (CANARY,)]).await.unwrap_err();
        let line = log.only();
        assert_eq!((line.get("sql"), line.get("error_kind")), ("bulk insert into u (name)", "unique_violation"));
        db.execute_script("selekt 1").await.unwrap_err();
        assert_eq!(log.only().get("outcome"), "failed");
        // What was never sent is not logged.
        db.execute("insert into u values (?)", ()).await.unwrap_err();
        assert!(log.statements().is_empty());
        assert_no_canary();
    }

    async fn a_statement_that_is_given_up_says_so(fresh: Fresh) {
        let mut log = Logged::new(fresh.builder().echo(true)).await;
        let db = log.db.clone();
        let endless = endless(&db);
        let soon = Duration::from_millis(30);
        let error = db.query(&*endless, ()).timeout(soon).all::<i64>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout);
        let line = log.only();
        assert_eq!((line.get("outcome"), line.get("error_kind")), ("dropped", "statement_timeout"));
        let stop = tokio::time::sleep(soon);
        let error = db.query(&*endless, ()).cancel_when(stop).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Canceled);
        let line = log.only();
        assert_eq!((line.get("outcome"), line.get("error_kind")), ("dropped", "canceled"));
        let error = db.query(&*endless, ()).timeout(soon).stream().next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementTimeout);
        let line = log.only();
        assert_eq!((line.get("outcome"), line.get("error_kind")), ("dropped", "statement_timeout"));
        // Its caller went away, and nobody knows why: the reason of the one before is not this one's.
        // It has its connection already, so that it is sent within that time.
        let mut connection = db.connection().await.unwrap();
        assert!(tokio::time::timeout(soon, connection.execute(&*endless, ())).await.is_err());
        drop(connection);
        let line = log.only();
        assert_eq!((line.get("outcome"), line.get("error_kind")), ("dropped", ""));
        let mut rows = db.query(a_million(), ()).stream();
        rows.next().await.unwrap().unwrap();
        assert!(log.statements().is_empty());
        drop(rows);
        let line = log.only();
        let seen: u64 = line.get("rows").parse().unwrap();
        assert!(line.get("outcome") == "dropped" && (1..1_000_000).contains(&seen), "{line}");
        // Rows that are not what the caller wanted are no failure of the statement.
        db.query("select 'x'", ()).one::<i64>().await.unwrap_err();
        assert_eq!(log.only().get("outcome"), "ok");
    }

    async fn dropped_at_every_poll_each_statement_is_logged_once(fresh: Fresh) {
        let mut log = Logged::with_table(&fresh).await;
        let db = log.db.clone();
        let work = async || {
            db.transaction(async |mut tx| -> Result<()> {
                tx.execute("update t set id = id where id = ?", (1,)).await?;
                tokio::task::yield_now().await;
                tx.query("select id from t", ()).all::<i64>().await.map(drop)
            })
            .await
        };
        let all = ["begin", "update t set id = id where id = ?", "select id from t", "commit"];
        for polls in 0.. {
            let ended = poll_then_drop(work(), polls).await;
            let lines = log.statements();
            let texts: Vec<&str> = lines.iter().map(|line| line.get("sql")).collect();
            assert!(all.starts_with(&texts), "after {polls} polls: {texts:?}");
            let dropped = lines.iter().position(|line| line.get("outcome") != "ok");
            assert!(dropped.is_none_or(|at| at + 1 == lines.len()), "after {polls} polls: {lines:?}");
            if let Some(result) = ended {
                result.unwrap();
                assert_eq!((texts.len(), dropped), (all.len(), None));
                break;
            }
        }
    }

    async fn a_long_text_is_cut(fresh: Fresh) {
        let mut log = Logged::new(fresh.builder().echo(true)).await;
        let db = log.db.clone();
        let long = format!("select length('{}')", "é".repeat(1_000_000));
        let length: i64 = db.query(&*long, ()).one().await.unwrap();
        assert!(length >= 1_000_000);
        let line = log.only();
        let told: String = long.chars().take(2_000).collect();
        assert_eq!(line.get("sql"), format!("{told}… ({} bytes in all)", long.len()));
        // With a placeholder, in a script, and one that is too long to be remembered.
        create(&db).await;
        log.statements();
        let long = format!("select id from t where name = '{}' and id = ?", "x".repeat(100_000));
        db.query(&*long, (1,)).all::<i64>().await.unwrap();
        assert!(log.only().get("sql").ends_with(&format!("… ({} bytes in all)", long.len())));
        let long = format!("select length('{}')", "x".repeat(10_000));
        db.execute_script(&long).await.unwrap();
        assert!(log.only().get("sql").ends_with(&format!("… ({} bytes in all)", long.len())));
    }

    async fn nothing_is_logged_unless_it_is_asked_for_and_wanted(fresh: Fresh) {
        let mut off = Logged::new(fresh.builder()).await;
        create(&off.db).await;
        off.db.execute("insert into t values (?, ?)", (1, CANARY)).await.unwrap();
        assert!(off.statements().is_empty());
        let mut log = Logged::new(fresh.builder().echo(Echo::Debug)).await;
        {
            // This thread's filter lets nothing below `info` pass.
            let _filter = logs::only("wellspring", Level::INFO);
            log.db.execute("select 1", ()).await.unwrap();
            assert!(log.statements().is_empty());
        }
        log.db.execute("select 2", ()).await.unwrap();
        assert_eq!(log.only().get("sql"), "select 2");
    }
}
