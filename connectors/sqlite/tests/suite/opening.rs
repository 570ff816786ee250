//! Opening: files, directories, modes, settings, memory databases.

use std::time::Duration;

use wellspring_connector::{Connector, ErrorKind, SessionState};
use wellspring_sqlite::{JournalMode, OpenMode, SqliteOptions, Synchronous};

use crate::support::{EXECUTIONS, File, all, connector, exec, fail, memory, one, run};

#[tokio::test]
async fn the_file_profile() {
    let file = File::new();
    for execution in EXECUTIONS {
        let mut c = connector(file.options().execution(execution)).connect().await.unwrap();
        assert_eq!(c.state(), SessionState::Idle);
        assert_eq!(one::<String>(&mut c, "pragma journal_mode").await.unwrap(), "wal");
        assert_eq!(one::<i64>(&mut c, "pragma synchronous").await.unwrap(), 1);
        assert_eq!(one::<i64>(&mut c, "pragma foreign_keys").await.unwrap(), 1);
        assert_eq!(one::<i64>(&mut c, "pragma cache_size").await.unwrap(), -64_000);
        assert_eq!(one::<i64>(&mut c, "pragma busy_timeout").await.unwrap(), 0, "waiting is ours");
        c.ping().await.unwrap();
        c.close().await.unwrap();
    }
}

#[tokio::test]
async fn other_settings() {
    let file = File::new();
    let options = file
        .options()
        .journal_mode(JournalMode::Persist)
        .synchronous(Synchronous::Extra)
        .foreign_keys(false)
        .cache_size(77);
    let mut c = connector(options).connect().await.unwrap();
    assert_eq!(one::<String>(&mut c, "pragma journal_mode").await.unwrap(), "persist");
    assert_eq!(one::<i64>(&mut c, "pragma synchronous").await.unwrap(), 3);
    assert_eq!(one::<i64>(&mut c, "pragma foreign_keys").await.unwrap(), 0);
    assert_eq!(one::<i64>(&mut c, "pragma cache_size").await.unwrap(), 77);
}

#[tokio::test]
async fn a_missing_directory_is_named_and_not_created() {
    let file = File::new();
    let path = file.dir.path().join("no/such/shop.db");
    let error = connector(SqliteOptions::file(&path)).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase);
    assert!(error.to_string().contains("no/such\""), "{error}");
    assert!(!file.dir.path().join("no").exists());
}

#[tokio::test]
async fn missing_directories_are_made_when_asked_for() {
    for execution in EXECUTIONS {
        let file = File::new();
        let path = file.dir.path().join("no/such/shop.db");
        let options = SqliteOptions::file(&path).execution(execution).create_dirs(true);
        run(&mut connector(options.clone()).connect().await.unwrap(), "create table t (a)").await;
        assert!(path.is_file());
        // Again, with everything there.
        let mut c = connector(options).connect().await.unwrap();
        assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0);
    }
    // At the same time.
    let file = File::new();
    let path = file.dir.path().join("at/the/same/time/shop.db");
    let options = SqliteOptions::file(&path).create_dirs(true);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let options = options.clone();
            tokio::spawn(async move { connector(options).connect().await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let file = File::new();
    std::fs::write(&file.path, "not a directory").unwrap();
    for path in [file.path.join("shop.db"), file.path.join("further/down/shop.db")] {
        for create in [false, true] {
            let options = SqliteOptions::file(&path).create_dirs(create);
            let error = connector(options).connect().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase);
            let directory = format!("{:?}", path.parent().unwrap());
            assert!(error.to_string().contains(&directory), "{error}");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }
    assert_eq!(std::fs::read(&file.path).unwrap(), b"not a directory");
}

#[tokio::test]
async fn three_slashes_where_four_were_meant() {
    let file = File::new();
    run(&mut connector(file.options()).connect().await.unwrap(), "create table t (a)").await;
    // As with three slashes: the absolute path without its first.
    let relative = file.path.strip_prefix("/").expect("an absolute path");
    for mode in [OpenMode::ReadWrite, OpenMode::ReadWriteCreate] {
        let options = SqliteOptions::file(relative).mode(mode);
        let error = connector(options).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase);
        let right = format!("sqlite:///{}", file.path.display());
        assert!(error.to_string().contains(&right), "{error}");
    }
}

#[tokio::test]
async fn modes() {
    let file = File::new();
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        let error = connector(file.options().mode(mode)).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase);
        assert!(error.to_string().contains(&format!("mode={mode}")), "{error}");
    }
    assert!(!file.path.exists());
    run(&mut connector(file.options()).connect().await.unwrap(), "create table t (a)").await;
    let mut rw = connector(file.options().mode(OpenMode::ReadWrite)).connect().await.unwrap();
    run(&mut rw, "insert into t values (1)").await;
    let mut ro = connector(file.options().mode(OpenMode::ReadOnly)).connect().await.unwrap();
    assert_eq!(one::<i64>(&mut ro, "select a from t").await.unwrap(), 1);
    let error = fail(&mut ro, "insert into t values (2)").await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::ReadOnly, Some("8")));
}

#[tokio::test]
async fn what_is_no_database() {
    let file = File::new();
    let error = connector(SqliteOptions::file(file.dir.path())).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase);
    assert!(error.to_string().contains("directory"), "{error}");

    std::fs::write(&file.path, [b'x'; 4096]).unwrap();
    let error = connector(file.options()).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, Some("26")));
}

#[tokio::test]
async fn a_damaged_page() {
    let file = File::new();
    let options = file.options().journal_mode(JournalMode::Delete);
    let mut c = connector(options.clone()).connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    run(&mut c, "insert into t values (zeroblob(100000))").await;
    c.close().await.unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes[4096..8192].fill(0xee);
    std::fs::write(&file.path, bytes).unwrap();
    let mut c = connector(options).connect().await.unwrap();
    let error = all(&mut c, "select * from t", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
}

#[tokio::test]
async fn a_memory_database_belongs_to_its_connector() {
    let mine = connector(SqliteOptions::memory());
    let other = connector(SqliteOptions::memory());
    let mut a = mine.connect().await.unwrap();
    run(&mut a, "create table t (a)").await;
    run(&mut a, "insert into t values (7)").await;
    let mut b = mine.clone().connect().await.unwrap();
    assert_eq!(one::<i64>(&mut b, "select a from t").await.unwrap(), 7);
    a.close().await.unwrap();
    b.close().await.unwrap();
    let mut again = mine.connect().await.unwrap();
    assert_eq!(one::<i64>(&mut again, "select a from t").await.unwrap(), 7, "it outlives them");
    let error = fail(&mut other.connect().await.unwrap(), "select a from t").await;
    assert_eq!(error.kind(), ErrorKind::UndefinedObject);
}

#[tokio::test]
async fn without_a_statement_cache() {
    let options = SqliteOptions::memory().statement_cache(0);
    let mut c = connector(options).connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    for i in 0..10_i64 {
        exec(&mut c, "insert into t values (?1)", &[i.into()]).await.unwrap();
        assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), i + 1);
    }
}

#[tokio::test]
async fn a_cached_statement_follows_the_schema() {
    let mut c = memory().await;
    run(&mut c, "create table t (a integer)").await;
    run(&mut c, "insert into t values (1)").await;
    assert_eq!(all(&mut c, "select * from t", &[]).await.unwrap()[0].len(), 1);
    run(&mut c, "alter table t add column b text").await;
    let rows = c.query(wellspring_connector::Command::new("select * from t", &[])).await.unwrap();
    let columns: Vec<_> =
        rows.columns().iter().map(|c| (c.name.to_string(), c.native_type.to_string())).collect();
    assert_eq!(columns, [("a".into(), "INTEGER".into()), ("b".into(), "TEXT".into())]);
}

#[tokio::test]
async fn opening_at_the_same_time() {
    let file = File::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let options = file.options().busy_timeout(Duration::from_secs(30));
            tokio::spawn(async move {
                let mut c = connector(options).connect().await?;
                exec(&mut c, "create table if not exists t (a)", &[]).await?;
                exec(&mut c, "insert into t values (1)", &[]).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut c = connector(file.options()).connect().await.unwrap();
    assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 8);
}
