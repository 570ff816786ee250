//! Databases of servers out of configuration: by connection strings people have, with passwords that change.

use std::fs;

use wellspring::config::Loader;
use wellspring::{DatabaseChange, Databases, ErrorKind, Result};
use wellspring_testkit::servers::{Kind, Postgres, url};

/// `postgres://user:password@host:port/database`, taken apart.
struct Parts {
    user: String,
    password: String,
    host: String,
    port: String,
    database: String,
}

impl Parts {
    fn of(url: &str) -> Self {
        let url = wellspring::connector::url::ServerUrl::parse(url).unwrap();
        let (host, port) = url.hosts[0].clone();
        Self {
            user: url.user.unwrap(),
            password: url.password.map(|password| password.expose().to_owned()).unwrap_or_default(),
            host,
            port: port.unwrap().to_string(),
            database: url.database.unwrap_or_default(),
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{u}", &self.user)
            .replace("{p}", &self.password)
            .replace("{h}", &self.host)
            .replace("{port}", &self.port)
            .replace("{d}", &self.database)
    }
}

fn load(loader: Loader) -> Databases {
    Databases::builder().loader(loader).load().unwrap_or_else(|error| panic!("{error}"))
}

async fn answers(what: &str, databases: &Databases, name: &str) {
    let database = databases.require(name).unwrap();
    let one: i64 = database
        .query("select 1", ())
        .one()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(one, 1, "{what}");
    databases.close_all().await;
}

#[tokio::test]
async fn connection_strings_of_others_reach_the_server() {
    let of_postgres = [
        "postgresql+psycopg://{u}:{p}@{h}:{port}/{d}",
        "host={h} port={port} dbname={d} user={u} password='{p}'",
        "jdbc:postgresql://{h}:{port}/{d}?user={u}&password={p}&sslmode=disable",
        "Host={h};Port={port};Username={u};Password={p};Database={d}",
    ];
    let of_mysql = [
        "mysql+pymysql://{u}:{p}@{h}:{port}/{d}",
        "jdbc:mysql://{h}:{port}/{d}?user={u}&password={p}",
        "Server={h};Port={port};Uid={u};Pwd={p};Database={d}",
    ];
    for (kind, texts) in [
        (Kind::Postgres, &of_postgres[..]),
        (Kind::MySql, &of_mysql[..]),
        (Kind::MariaDb, &of_mysql[..]),
    ] {
        let parts = Parts::of(&url(kind));
        for text in texts {
            let text = parts.fill(text);
            // Without a password there is none to be named.
            let text = match parts.password.is_empty() {
                true => text
                    .replace(" password=''", "")
                    .replace("&password=", "")
                    .replace("Password=;", "")
                    .replace("Pwd=;", "")
                    .replace(":@", "@"),
                false => text,
            };
            // Npgsql's and MySQL's keys are alike: the type says whose they are.
            let kind = if kind == Kind::Postgres { "postgres" } else { "mysql" };
            let loader = Loader::new().set("databases.x.url", &text).set("databases.x.type", kind);
            let databases = load(loader);
            answers(&text, &databases, "x").await;
        }
        // LongJRM's file, as its users have it.
        let password = if parts.password.is_empty() { "" } else { r#""password": "{p}","# };
        let scheme = if kind == Kind::Postgres { "postgres" } else { "mysql" };
        let json = parts.fill(&format!(
            r#"{{"x": {{"type": "{scheme}", "host": "{{h}}", "port": "{{port}}", "user": "{{u}}", {password} "database": "{{d}}"}}}}"#
        ));
        answers(&json, &load(Loader::new().text("dbinfos.json", json.clone())), "x").await;
    }
}

#[tokio::test]
async fn one_variable_is_enough() {
    for kind in [Kind::Postgres, Kind::MySql, Kind::MariaDb] {
        let loader = Loader::new().variable("DATABASE_URL", url(kind)).environment();
        answers(kind.name(), &load(loader), "default").await;
    }
}

#[tokio::test]
async fn a_new_password_holds_for_new_connections_and_drops_none() -> Result<()> {
    let server = Postgres::start().expect("a server of our own");
    let parts = Parts::of(&server.url());
    let admin = wellspring::Database::connect(&server.url()).await?;
    let app = wellspring_testkit::servers::APP_USER;
    admin.execute(format!("alter role {app} password 'one'"), ()).await?;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wellspring.toml");
    let write = |password: &str| {
        let text = parts.fill(&format!(
            "[databases.x]\nurl = 'postgres://{app}@{{h}}:{{port}}/{{d}}'\npassword = '{password}'\npool.max_size = 4"
        ));
        fs::write(&path, text).unwrap();
    };
    write("one");
    let databases = load(Loader::new().file(&path));
    let x = databases.connect("x").await?;
    let mut held = x.connection().await?;
    let before: i32 = held.query("select pg_backend_pid()", ()).one().await?;

    admin.execute(format!("alter role {app} password 'two'"), ()).await?;
    write("two");
    let report = databases.reload()?;
    let applied =
        DatabaseChange::Changed { applied: vec!["password".into()], needs_restart: Vec::new() };
    assert_eq!(report.databases, [("x".to_owned(), applied)]);
    // The connection that was there is the same; a new one needs the new password.
    let after: i32 = held.query("select pg_backend_pid()", ()).one().await?;
    assert_eq!(before, after);
    let second: i32 = x.query("select pg_backend_pid()", ()).one().await?;
    assert_ne!(second, before);
    // A wrong one is told by name, and mended by the next.
    write("three");
    databases.reload()?;
    x.pool().invalidate_all();
    drop(held);
    let error = x.query("select 1", ()).one::<i64>().await.unwrap_err();
    assert_eq!((error.kind(), error.database()), (ErrorKind::ConnectAuth, Some("x")));
    write("two");
    databases.reload()?;
    let _: i64 = x.query("select 1", ()).one().await?;
    Ok(())
}
