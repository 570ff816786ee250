//! Databases out of configuration: every key takes effect, and what is wrong says where it stands.

use std::time::Duration;

use wellspring::config::{ConfigErrors, Loader};
use wellspring::{Databases, ErrorKind, Result, params};

fn loader(text: &str) -> Loader {
    Loader::new().variable("NOT_OURS", "x").text("wellspring.toml", text)
}

fn load(text: &str) -> Databases {
    Databases::builder().loader(loader(text)).load().unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(text: &str) -> String {
    let error = Databases::builder().loader(loader(text)).load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let source = std::error::Error::source(&error).expect("the problems");
    assert!(source.downcast_ref::<ConfigErrors>().is_some(), "{source:?}");
    error.to_string()
}

#[tokio::test]
async fn every_setting_takes_effect() -> Result<()> {
    let databases = load(
        "[databases.shop]\nurl = 'sqlite::memory:'\nselect_limit = 2\nstatement_timeout = '50ms'\n\
         session_setup = ['insert into visits values (:user)']\nsession_teardown = 'delete from busy'\n\
         pool = { max_size = 3, acquire_timeout = '70ms', when_exhausted = 'fail' }\n\
         options = { foreign_keys = false }\nretry.max_attempts = 1",
    );
    let shop = databases.connect("shop").await?;
    assert_eq!(shop.name(), "shop");
    assert_eq!(shop.pool().options().acquire_timeout, Duration::from_millis(70));
    let foreign_keys: i64 = shop.query("pragma foreign_keys", ()).one().await?;
    assert_eq!(foreign_keys, 0);
    shop.execute_script(
        "create table visits (user text); create table busy (a); insert into busy values (1)",
    )
    .await?;
    for n in 0..3 {
        shop.insert("visits", params! { user: n.to_string() }).execute().await?;
    }
    assert_eq!(shop.select("visits").all::<(String,)>().await?.len(), 2);
    shop.session_with(params! { user: "Ada", not_asked_for: 1 }, async |_| {
        Ok::<_, wellspring::Error>(())
    })
    .await?;
    let visits: i64 =
        shop.query("select count(*) from visits where user = 'Ada'", ()).one().await?;
    let busy: i64 = shop.query("select count(*) from busy", ()).one().await?;
    assert_eq!((visits, busy), (1, 0));
    // A value that the statement names has to be there.
    let error = shop.session(async |_| Ok::<_, wellspring::Error>(())).await.unwrap_err();
    assert!(error.to_string().contains("\"user\""), "{error}");
    let forever =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let error = shop.query(forever, ()).one::<i64>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout);
    let held = (shop.connection().await?, shop.connection().await?, shop.connection().await?);
    assert_eq!(shop.connection().await.unwrap_err().kind(), ErrorKind::PoolExhausted);
    drop(held);
    Ok(())
}

#[tokio::test]
async fn an_unpooled_database_opens_a_connection_for_each_use() -> Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "databases.x = {{ type = 'sqlite', database = '{}/deep/er/x.db', unpooled = true, options.create_dirs = true }}",
        dir.path().display()
    );
    let databases = load(&text);
    let x = databases.connect("x").await?;
    let _: i64 = x.query("select 1", ()).one().await?;
    assert_eq!(x.pool().options().max_uses, Some(1));
    Ok(())
}

#[tokio::test]
async fn shards_are_databases() -> Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let json = format!(
        r#"{{"num_shards": 2, "db_dir": "{}/shards", "max_connections_per_shard": 2, "connection_timeout": 3}}"#,
        dir.path().display()
    );
    let loader = Loader::new().text("shards.json", json);
    let databases = Databases::builder().loader(loader).load()?;
    for (name, result) in databases.connect_all().await {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let busy: i64 = databases.require("shard_1")?.query("pragma busy_timeout", ()).one().await?;
    assert!(dir.path().join("shards/shard_1.db").exists());
    assert!(busy == 3000 || busy == 0, "waits are the connector's own: {busy}");
    assert!(databases.close_all().await.is_complete());
    Ok(())
}

#[test]
fn options_of_drivers_are_checked_with_their_lines() {
    for (text, named) in [
        (
            "[databases.a]\nurl = 'sqlite:a.db'\noptions.buzy_timeout = '5s'",
            "wellspring.toml:3: databases.a.options.buzy_timeout: unknown key, did you mean `busy_timeout`?",
        ),
        (
            "[databases.a]\nurl = 'sqlite:a.db'\noptions.busy_timeout = '5 parsecs'",
            "wellspring.toml:3: databases.a.options.busy_timeout",
        ),
        ("[databases.a]\nurl = 'sqlite:a.db?mode=rx'", "wellspring.toml:2: databases.a.url"),
        ("[databases.a]\nurl = 'sqlite::memory:?mode=ro'", "wellspring.toml:2: databases.a.url"),
        (
            "[databases.a]\nurl = 'sqlite::memory:'\npassword_file = '/dev/null'",
            "wellspring.toml:3",
        ),
        (
            "[databases.a]\nurl = 'sqlite::memory:'\nsession_setup = 'select ? + :a'",
            "session_setup",
        ),
    ] {
        let report = wrong(text);
        assert!(report.contains(named), "{text}: {report}");
    }
}

#[test]
fn a_database_without_a_driver_says_what_would_bring_it() {
    for (url, named) in [
        ("mssql://u@h/d", "no driver for `mssql` URLs"),
        ("oracle+oracledb://u@h/d", "no driver for `oracle` URLs"),
        ("postgers://u@h/d", "postgers"),
    ] {
        let report = wrong(&format!("databases.a.url = '{url}'"));
        assert!(
            report.contains("wellspring.toml:1: databases.a.url") && report.contains(named),
            "{report}"
        );
    }
    #[cfg(not(feature = "postgres"))]
    assert!(wrong("databases.a.url = 'postgres://h/d'").contains("Cargo feature `postgres`"));
    let several = wrong("databases.a.url = 'mssql://h/d'\ndatabases.b.url = 'oracle://h/d'");
    assert!(several.contains("2 problems"), "{several}");
}

#[test]
fn nothing_at_all_is_an_error_that_says_where_it_was_looked_for() {
    let error = Databases::builder().loader(Loader::new()).load().unwrap_err();
    assert!(
        error.to_string().contains("wellspring.toml") && error.to_string().contains("DATABASE_URL"),
        "{error}"
    );
    assert!(Databases::new().reload().is_err());
}

#[tokio::test]
async fn each_builder_can_be_changed_by_name() -> Result<()> {
    let databases = Databases::builder()
        .loader(loader("databases.a.url = 'sqlite::memory:'\ndatabases.b.url = 'sqlite::memory:'"))
        .each(
            |name, builder| if name == "b" { builder.max_size(7).name("renamed") } else { builder },
        )
        .load()?;
    assert_eq!(databases.require("a")?.status().max_size, 10);
    assert_eq!(databases.require("b")?.status().max_size, 7);
    assert_eq!(databases.require("b")?.name(), "b");
    Ok(())
}

mod reloading {
    use std::fs;
    use std::path::Path;

    use wellspring::DatabaseChange;

    use super::*;

    fn from(path: &Path) -> Databases {
        Databases::builder()
            .loader(Loader::new().variable("NOT_OURS", "x").file(path))
            .load()
            .unwrap()
    }

    fn changed(applied: &[&str], needs_restart: &[&str]) -> DatabaseChange {
        let text = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        DatabaseChange::Changed { applied: text(applied), needs_restart: text(needs_restart) }
    }

    #[tokio::test]
    async fn what_can_change_while_connections_live_does() -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wellspring.toml");
        fs::write(&path, "[databases.a]\nurl = 'sqlite::memory:'\npool = { max_size = 2 }\n[databases.gone]\nurl = 'sqlite::memory:'\n[databases.idle]\nurl = 'sqlite::memory:'\n").unwrap();
        let databases = from(&path);
        databases.add("by_hand", wellspring::Database::builder("sqlite::memory:"))?;
        let (a, gone) = (databases.connect("a").await?, databases.connect("gone").await?);
        a.execute("create table t (x integer)", ()).await?;
        let mut held = a.connection().await?;
        assert!(databases.reload()?.databases.is_empty());

        fs::write(&path, "default_database = 'new'\n[databases.a]\nurl = 'sqlite::memory:'\nstatement_timeout = '5s'\npool = { max_size = 5, min_idle = 1, leak_backtrace = true }\n[databases.new]\nurl = 'sqlite::memory:'\n[databases.idle]\nurl = 'sqlite::memory:'\npool.max_size = 4\n").unwrap();
        let report = databases.reload()?;
        assert_eq!(
            report.databases,
            [
                (
                    "a".to_owned(),
                    changed(
                        &["pool.max_size", "pool.min_idle"],
                        &["pool.leak_backtrace", "statement_timeout"]
                    )
                ),
                ("new".to_owned(), DatabaseChange::Added),
                ("idle".to_owned(), DatabaseChange::Replaced),
                ("gone".to_owned(), DatabaseChange::Removed),
            ]
        );
        assert_eq!(report.needs_restart().collect::<Vec<_>>(), ["a"]);
        assert!(
            report
                .to_string()
                .contains("a: applied pool.max_size, pool.min_idle; needs a restart for"),
            "{report}"
        );
        // The same pool, with the same data, and the connection that was in use.
        held.execute("insert into t values (1)", ()).await?;
        assert_eq!(databases.require("a")?.status().max_size, 5);
        assert_eq!(databases.require("idle")?.status().max_size, 4);
        assert_eq!(databases.default_database()?.name(), "new");
        assert!(databases.get("gone").is_none());
        let _: i64 = gone.query("select 1", ()).one().await?;
        assert!(databases.get("by_hand").is_some());
        // Smaller again, in the order that never contradicts itself.
        fs::write(&path, "[databases.a]\nurl = 'sqlite::memory:'\npool.max_size = 1\n").unwrap();
        databases.reload()?;
        assert_eq!(databases.require("a")?.status().max_size, 1);
        Ok(())
    }

    #[tokio::test]
    async fn a_configuration_that_is_wrong_changes_nothing() -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wellspring.toml");
        fs::write(&path, "databases.a = { url = 'sqlite::memory:', pool.max_size = 2 }").unwrap();
        let databases = from(&path);
        let a = databases.connect("a").await?;
        for text in [
            "databases.a = { url = 'sqlite::memory:', pool.max_size = 0 }",
            "",
            "databases.b.url = 'nonsense'",
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(databases.reload().unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
        fs::remove_file(&path).unwrap();
        assert!(databases.reload().unwrap_err().to_string().contains("wellspring.toml"));
        assert_eq!((a.status().max_size, databases.names()), (2, vec!["a".to_owned()]));
        Ok(())
    }

    #[tokio::test]
    async fn a_restart_brings_the_rest() -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wellspring.toml");
        let file = dir.path().join("a.db");
        let text = |more: &str| {
            format!("databases.a = {{ type = 'sqlite', database = '{}' {more} }}", file.display())
        };
        fs::write(&path, text("")).unwrap();
        let databases = from(&path);
        let old = databases.connect("a").await?;
        old.execute("create table t (x integer)", ()).await?;
        fs::write(&path, text(", pool.reuse = 'fifo'")).unwrap();
        let report = databases.restart("a").await?.expect("it was made");
        assert!(report.complete && old.is_closed());
        let new = databases.require("a")?;
        assert_eq!(new.pool().options().reuse, wellspring::Reuse::Fifo);
        let _: i64 = new.query("select count(*) from t", ()).one().await?;
        assert!(databases.reload()?.databases.is_empty());
        assert!(databases.restart("b").await.unwrap_err().to_string().contains("\"b\""));
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn reloading_beside_work_and_beside_itself() -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wellspring.toml");
        let text = |size: usize| {
            format!("databases.a = {{ url = 'sqlite::memory:', pool.max_size = {size} }}")
        };
        fs::write(&path, text(2)).unwrap();
        let databases = from(&path);
        let a = databases.connect("a").await?;
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let a = a.clone();
                tokio::spawn(async move {
                    for _ in 0..200 {
                        let _: i64 = a.query("select 1", ()).one().await.unwrap();
                    }
                })
            })
            .collect();
        for size in 1..40 {
            // Whole at any time: another reload reads beside.
            let next = dir.path().join("next.toml");
            fs::write(&next, text(size)).unwrap();
            fs::rename(&next, &path).unwrap();
            let both = [databases.clone(), databases.clone()]
                .map(|databases| tokio::task::spawn_blocking(move || databases.reload().unwrap()));
            for one in both {
                one.await.unwrap();
            }
            assert_eq!(a.status().max_size, size);
        }
        for worker in workers {
            worker.await.unwrap();
        }
        Ok(())
    }
}
