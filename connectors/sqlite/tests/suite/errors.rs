//! The error table, each row provoked where SQLite can be made to fail.

use wellspring_connector::Connector;
use wellspring_connector::{ErrorKind, Retry};
use wellspring_sqlite::SqliteOptions;

use crate::support::{File, connector, exec, fail, memory, run};

#[tokio::test]
async fn kinds_and_codes() {
    let mut c = memory().await;
    c.execute_script(
        "create table parent (id integer primary key);
         create table t (
             id integer primary key, code text unique, name text not null default 'x',
             age integer constraint grown check (age >= 18),
             parent integer references parent
         );
         create table pair (a int, b int, primary key (a, b)) without rowid;
         create unique index lowered on t (lower(name)) where name <> 'x';
         create table strict_t (n integer) strict;
         create trigger no_delete before delete on t begin select raise(abort, 'kept'); end;
         insert into t (id, code, age) values (1, 'a', 20);
         insert into t (id, name) values (9, 'Ada');
         insert into pair values (1, 1);",
    )
    .await
    .unwrap();
    for (text, kind, code) in [
        ("insert into t (id) values (1)", ErrorKind::UniqueViolation, "1555"),
        ("insert into t (code) values ('a')", ErrorKind::UniqueViolation, "2067"),
        ("insert into pair values (1, 1)", ErrorKind::UniqueViolation, "1555"),
        ("insert into t (name) values ('ADA')", ErrorKind::UniqueViolation, "2067"),
        ("insert into t (name) values (null)", ErrorKind::NotNullViolation, "1299"),
        ("insert into t (age) values (3)", ErrorKind::CheckViolation, "275"),
        ("insert into t (parent) values (3)", ErrorKind::ForeignKeyViolation, "787"),
        ("insert into strict_t values ('x')", ErrorKind::DataOutOfRange, "3091"),
        ("insert into t (id) values ('x')", ErrorKind::DataOutOfRange, "20"),
        ("delete from t where id = 1", ErrorKind::Other, "1811"),
        ("selec 1", ErrorKind::Syntax, "1"),
        ("select", ErrorKind::Syntax, "1"),
        ("select 'open", ErrorKind::Syntax, "1"),
        ("select * from missing", ErrorKind::UndefinedObject, "1"),
        ("select missing from t", ErrorKind::UndefinedObject, "1"),
        ("select missing(1)", ErrorKind::UndefinedObject, "1"),
        ("insert into t (missing) values (1)", ErrorKind::UndefinedObject, "1"),
        ("insert into nowhere.t values (1)", ErrorKind::UndefinedObject, "1"),
        ("release unknown", ErrorKind::UndefinedObject, "1"),
        ("create table t (a)", ErrorKind::Syntax, "1"),
        ("commit", ErrorKind::Usage, "1"),
        ("select abs(-9223372036854775808)", ErrorKind::DataOutOfRange, "1"),
        ("select zeroblob(2000000000)", ErrorKind::DataOutOfRange, "18"),
    ] {
        let error = fail(&mut c, text).await;
        assert_eq!(error.kind(), kind, "{text}: {error:?}");
        let found: i32 = error.code().expect(text).parse().expect("a number");
        let wanted: i32 = code.parse().expect("a number");
        assert!(found == wanted || (found & 0xff) == wanted, "{text}: {error:?}");
        assert_eq!(error.retry(), Retry::Never, "{text}");
        assert!(error.native_ref::<rusqlite::Error>().is_some(), "{text}");
    }
    run(&mut c, "select 1").await;
}

#[tokio::test]
async fn constraints_are_named() {
    let mut c = memory().await;
    run(&mut c, "create table t (a int unique, b int not null, c int check (c > 0))").await;
    run(&mut c, "create table p (x int, y int, constraint pk primary key (x, y))").await;
    run(&mut c, "create unique index low on p (lower(x))").await;
    run(&mut c, "insert into t values (1, 1, 1)").await;
    run(&mut c, "insert into p values (1, 1)").await;

    let unique = fail(&mut c, "insert into t values (1, 1, 1)").await;
    assert_eq!(unique.constraint(), Some("t.a"));
    assert_eq!((unique.table(), unique.column()), (Some("t"), Some("a")));
    let key = fail(&mut c, "insert into p values (1, 1)").await;
    assert!(key.constraint() == Some("p.x, p.y") || key.constraint() == Some("low"), "{key:?}");
    let index = fail(&mut c, "insert into p values (1, 2)").await;
    assert_eq!(index.constraint(), Some("low"));
    let null = fail(&mut c, "insert into t values (2, null, 1)").await;
    assert_eq!((null.table(), null.column()), (Some("t"), Some("b")));
    let check = fail(&mut c, "insert into t values (2, 1, 0)").await;
    assert_eq!(check.constraint(), Some("c > 0"));
    assert_eq!(check.table(), None);
}

#[tokio::test]
async fn a_file_that_cannot_be_attached() {
    let file = File::new();
    let mut c = connector(file.options()).connect().await.unwrap();
    let error = fail(&mut c, "attach '/no/such/directory/x.db' as x").await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::UndefinedObject, Some("14")));
}

#[tokio::test]
async fn a_full_database() {
    let file = File::new();
    let mut c = connector(file.options()).connect().await.unwrap();
    run(&mut c, "create table t (a)").await;
    run(&mut c, "pragma max_page_count = 10").await;
    let error = fail(&mut c, "insert into t values (zeroblob(1000000))").await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::ResourceExhausted, Some("13")));
    run(&mut c, "insert into t values (1)").await;
}

#[tokio::test]
async fn texts_that_are_no_single_statement() {
    let mut c = memory().await;
    for text in ["", "  ", "-- nothing", "/* nothing */"] {
        let error = fail(&mut c, text).await;
        assert_eq!(error.kind(), ErrorKind::Syntax, "{text:?}");
        assert!(error.to_string().contains("empty"), "{error}");
    }
    let error = fail(&mut c, "select 1; select 2").await;
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert!(error.to_string().contains("execute_script"), "{error}");
    let error = fail(&mut c, "select 1\0; drop table t").await;
    assert!(error.to_string().contains("NUL"), "{error}");
    run(&mut c, "select 1; -- and a comment").await;
}

#[tokio::test]
async fn parameters_that_do_not_fit() {
    let mut c = memory().await;
    for (text, values, words) in [
        ("select ?1", &[][..], "takes 1 parameters, 0"),
        ("select ?1", &[1.into(), 2.into()][..], "takes 1 parameters, 2"),
        ("select 1", &[1.into()][..], "takes 0 parameters, 1"),
    ] {
        let error = exec(&mut c, text, values).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameters);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn scripts() {
    let mut c = memory().await;
    c.execute_script("").await.unwrap();
    c.execute_script(
        "-- a script\ncreate table t (a);\ninsert into t values (';');
         create trigger tr after insert on t begin update t set a = 1; select 2; end;
         select * from t;",
    )
    .await
    .unwrap();
    let error =
        c.execute_script("insert into t values (5); nonsense; drop table t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert_eq!(crate::support::one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 2);
    let error = c.execute_script("insert into t values (?1)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}

#[tokio::test]
async fn no_secret_and_no_value_in_errors() {
    let mut c = connector(SqliteOptions::memory()).connect().await.unwrap();
    run(&mut c, "create table t (a text unique)").await;
    let values = ["hunter2".into()];
    exec(&mut c, "insert into t values (?1)", &values).await.unwrap();
    let error = exec(&mut c, "insert into t values (?1)", &values).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
