//! LongJRM's files and variables.

use std::fs;
use std::time::Duration;

use wellspring_config::{Config, Loader, Shape};
use wellspring_pool_core::PoolOptions;

use crate::{load, report, without_variables};

const CONFIG: &str = r#"{
    "default_db": "pg-main",
    "jrm_connect_timeout": 20,
    "jrm_data_fetch_limit": 500,
    "jrm_min_conn_pool_size": 2,
    "jrm_max_conn_pool_size": 20,
    "jrm_max_cached_conn": 8,
    "jrm_pool_timeout": 45,
    "databases": {
        "pg-main": {
            "type": "postgres",
            "host": "db.example.com",
            "port": "5432",
            "user": "app_user",
            "password": "${PG_PASSWORD}",
            "database": "production",
            "options": {"sslmode": "require", "connect_timeout": "10", "statement_timeout": "30000",
                        "application_name": "longjrm-app"},
            "session_setup": "SELECT set_config('app.user_id', '{user_id}', true)",
            "session_teardown": "SELECT end_of_work({user_id})"
        }
    }
}"#;

const DBINFOS: &str = r#"{
    "pg-main": {"type": "mysql", "host": "wrong"},
    "shop": {"type": "mysql", "host": "mysql.example.com", "port": 3306, "user": "app_user",
             "password": "pw", "database": "production",
             "options": {"charset": "utf8mb4", "autocommit": true, "sql_mode": "STRICT_TRANS_TABLES",
                         "connect_timeout": 10, "read_timeout": 30, "write_timeout": 30}},
    "analytics": {"dsn": "postgresql+psycopg://u:p%40w@host:5432/db"},
    "local": {"type": "sqlite", "database": "local.db"},
    "file": {"dsn": "data/x.db"}
}"#;

fn both() -> Config {
    let dir = tempfile::tempdir().unwrap();
    let (config, dbinfos) = (dir.path().join("jrm.config.json"), dir.path().join("dbinfos.json"));
    fs::write(&config, CONFIG).unwrap();
    fs::write(&dbinfos, DBINFOS).unwrap();
    let variables = || without_variables().variable("PG_PASSWORD", "from outside");
    let read = load(variables().files([&config, &dbinfos]));
    assert_eq!(read, load(variables().files([&dbinfos, &config])), "whichever comes first");
    read
}

#[test]
fn both_files_are_read_and_the_first_goes_before_the_second() {
    let config = both();
    let names: Vec<_> = config.names().collect();
    assert_eq!(names, ["pg-main", "shop", "analytics", "local", "file"]);
    assert_eq!(config.default_database(), Some("pg-main"));
    let main = config.require("pg-main").unwrap();
    // The whole entry takes the place of the other.
    assert_eq!(main.url.scheme, "postgres");
    assert_eq!(main.url.hosts, [("db.example.com".to_owned(), Some(5432))]);
    assert_eq!(main.url.password.as_ref().unwrap().expose(), "from outside");
    assert_eq!(main.select_limit, Some(500));
    assert_eq!((main.pool.min_idle, main.pool.max_size, main.pool.max_idle), (2, 20, Some(8)));
    assert_eq!(main.pool.acquire_timeout, Duration::from_secs(45));
    let option =
        |name: &str| main.url.options.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    assert_eq!(option("sslmode"), Some("require"));
    assert_eq!(option("statement_timeout"), Some("30000ms"));
    assert_eq!(option("application_name"), Some("longjrm-app"));
    // That of one database goes before that of all.
    assert_eq!(main.pool.connect_timeout, Duration::from_secs(10));
    assert_eq!(option("connect_timeout"), None);
    // What was pasted is bound.
    assert_eq!(main.session_setup, ["SELECT set_config('app.user_id', :user_id, true)"]);
    assert_eq!(main.session_teardown, ["SELECT end_of_work(:user_id)"]);
}

#[test]
fn options_of_mysql_all_take_effect() {
    let config = both();
    let shop = config.require("shop").unwrap();
    let option =
        |name: &str| shop.url.options.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    assert_eq!(shop.url.hosts, [("mysql.example.com".to_owned(), Some(3306))]);
    assert_eq!(option("read_timeout"), Some("30s"));
    assert_eq!(option("write_timeout"), Some("30s"));
    assert_eq!(option("sql_mode"), Some("STRICT_TRANS_TABLES"));
    assert_eq!(shop.pool.connect_timeout, Duration::from_secs(10));
    assert!(config.notes().iter().any(|note| note.key == "databases.shop.options.autocommit"));
}

#[test]
fn dsns_keep_their_credentials_and_paths() {
    let config = both();
    let analytics = &config.require("analytics").unwrap().url;
    assert_eq!((analytics.scheme.as_str(), analytics.user.as_deref()), ("postgres", Some("u")));
    assert_eq!(analytics.password.as_ref().unwrap().expose(), "p@w");
    assert_eq!(config.require("file").unwrap().url.database.as_deref(), Some("data/x.db"));
    let of = |dsn: &str| {
        let text = format!(r#"{{"x": {{"dsn": "{dsn}"}}}}"#);
        load(without_variables().text("dbinfos.json", text)).require("x").unwrap().url.clone()
    };
    // The original lost the slash of one and the directory of the other.
    assert_eq!(of("sqlite:////abs/x.db").database.as_deref(), Some("/abs/x.db"));
    assert_eq!(of("sqlite://relative/path.db").database.as_deref(), Some("relative/path.db"));
    assert_eq!(of("sqlite:///rel.db").database.as_deref(), Some("rel.db"));
    assert_eq!(of("file:./x.db").database.as_deref(), Some("./x.db"));
    assert_eq!(of("mysql+pymysql://u:p@h:3307/d").hosts, [("h".to_owned(), Some(3307))]);
}

#[test]
fn what_is_not_said_is_as_there() {
    let text = r#"{"one": {"type": "sqlite", "database": "a.db"}, "two": {"type": "sqlite", "database": "b.db"}}"#;
    let config = load(without_variables().text("dbinfos.json", text));
    let pool = &config.require("one").unwrap().pool;
    let expected = PoolOptions {
        connect_timeout: Duration::from_secs(40),
        acquire_timeout: Duration::from_secs(60),
        min_idle: 1,
        max_size: 10,
        max_idle: Some(5),
        ..PoolOptions::default()
    };
    assert_eq!(*pool, expected);
    assert_eq!(config.require("two").unwrap().select_limit, Some(1000));
    // The first is the default one.
    assert_eq!(config.default_database(), Some("one"));
}

#[test]
fn the_default_has_two_names() {
    let with = |keys: &str| {
        let text = format!(
            r#"{{{keys} "databases": {{"a": {{"dsn": "sqlite:///a.db"}}, "b": {{"dsn": "sqlite:///b.db"}}}}}}"#
        );
        without_variables().text("jrm.config.json", text)
    };
    assert_eq!(load(with(r#""db_default": "b","#)).default_database(), Some("b"));
    assert_eq!(load(with("")).default_database(), Some("a"));
    let wrong = report(&with(r#""default_db": "a", "db_default": "b","#));
    assert!(wrong.contains("says another one"), "{wrong}");
    let wrong = report(&with(r#""default_db": "c","#));
    assert!(wrong.contains(r#"there is no database "c""#), "{wrong}");
}

#[test]
fn keys_that_were_ignored_there_are_refused_here() {
    for (key, meant) in [
        ("jrm_db_default", "db_default"),
        ("jrm_min_pool_size", "jrm_min_conn_pool_size"),
        ("jrm_max_pool_size", "jrm_max_conn_pool_size"),
        ("max_conn_pool_size", "jrm_max_conn_pool_size"),
        ("jrm_db_key", ""),
    ] {
        let text = format!(
            r#"{{"default_db": "a", "{key}": 5, "databases": {{"a": {{"type": "sqlite"}}}}}}"#
        );
        let wrong = report(&without_variables().text("jrm.config.json", text));
        assert!(wrong.contains(&format!("{key}: unknown key")), "{wrong}");
        assert!(wrong.contains(meant), "{wrong}");
    }
    let wrong = report(
        &without_variables()
            .text("dbinfos.json", r#"{"a": {"type": "sqlite", "pasword": "canary"}}"#),
    );
    assert!(
        wrong.contains("databases.a.pasword: unknown key, did you mean `password`?"),
        "{wrong}"
    );
    assert!(!wrong.contains("canary"), "{wrong}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, named) in [
        (
            "{\n\"jrm_pool_timeout\": \"soon\",\n\"databases\": {}}",
            "jrm.config.json:2: jrm_pool_timeout",
        ),
        ("{\"jrm_pool_timeout\": -5,\n\"databases\": {}}", "jrm.config.json:1: jrm_pool_timeout"),
        (
            "{\"default_db\": \"a\",\n\"databases\": {\"a\": 5}}",
            "jrm.config.json:2: databases.a: expected a table",
        ),
        ("{\"default_db\": \"a\",\n\"databases\": {\"a\": {}}}", "nothing says where it is"),
        (
            "{\"default_db\": \"a\", \"databases\": {\"a\": {\"type\": \"mysql\",\n\"port\": \"x\"}}}",
            "jrm.config.json:2: databases.a.port",
        ),
        (
            "{\"default_db\": \"a\", \"databases\": {\"a\": {\"type\": \"postgres\", \"host\": \"h\",\n\"password\": \"${NOT_SET}\"}}}",
            "jrm.config.json:2: databases.a.password: the variable NOT_SET is not set",
        ),
        (
            "{\"default_db\": \"a\", \"databases\": {\"a\": {\"type\": \"sqlite\",\n\"session_setup\": \"select '{x\"}}}",
            "jrm.config.json:2: databases.a.session_setup",
        ),
        (
            "{\"default_db\": \"a\", \"databases\": {\"a\": {\"type\": \"sqlite\",\n\"session_setup\": \"select 'x {y} z'\"}}}",
            "stands inside a text",
        ),
        (
            "{\"default_db\": \"a\", \"databases\": {\"a\": {\"type\": \"mysql\", \"host\": \"h\", \"options\": {\n\"autocommit\": false}}}}",
            "commits by itself",
        ),
    ] {
        let wrong = report(&without_variables().text("jrm.config.json", text));
        assert!(wrong.contains(named), "{text}: {wrong}");
    }
}

#[test]
fn the_sharp_edge_of_one_missing_file_is_none_here() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/dbinfos.json"), DBINFOS).unwrap();
    let loader = without_variables().directory(dir.path()).search();
    assert_eq!(load(loader).names().count(), 5);
}

fn variables(given: &[(&str, &str)]) -> Loader {
    let dir = std::path::Path::new("/nonexistent");
    let loader = without_variables().directory(dir);
    given.iter().fold(loader, |loader, (name, value)| loader.variable(*name, *value)).search()
}

#[test]
fn every_variable_is_read() {
    let config = load(variables(&[
        ("JRM_DB_KEY", "main"),
        ("JRM_DB_TYPE", "postgres"),
        ("JRM_DB_HOST", "pg1"),
        ("JRM_DB_PORT", "5433"),
        ("JRM_DB_USER", "app"),
        ("JRM_DB_PASSWORD", "0123"),
        ("JRM_DB_NAME", "orders"),
        ("JRM_DB_OPTIONS", r#"{"sslmode": "require", "statement_timeout": 500}"#),
        ("JRM_CONNECT_TIMEOUT", "11"),
        ("JRM_DATA_FETCH_LIMIT", "12"),
        ("JRM_MIN_CONN_POOL_SIZE", "3"),
        ("JRM_MAX_CONN_POOL_SIZE", "14"),
        ("JRM_MAX_CACHED_CONN", "5"),
        ("JRM_POOL_TIMEOUT", "16"),
        ("JRM_SESSION_SETUP", "select {a}"),
        ("JRM_SESSION_TEARDOWN", "select {b}"),
        ("JRM_DB_DEFAULT", "main"),
        ("JRM_SOURCE", "env"),
    ]));
    let main = config.require("main").unwrap();
    assert_eq!(main.url.hosts, [("pg1".to_owned(), Some(5433))]);
    assert_eq!(
        (main.url.user.as_deref(), main.url.database.as_deref()),
        (Some("app"), Some("orders"))
    );
    assert_eq!(main.url.password.as_ref().unwrap().expose(), "0123");
    assert_eq!(main.url.options.len(), 2);
    assert_eq!(main.pool.connect_timeout, Duration::from_secs(11));
    assert_eq!(main.select_limit, Some(12));
    assert_eq!((main.pool.min_idle, main.pool.max_size, main.pool.max_idle), (3, 14, Some(5)));
    assert_eq!(main.pool.acquire_timeout, Duration::from_secs(16));
    assert_eq!(
        (&main.session_setup[0][..], &main.session_teardown[0][..]),
        ("select :a", "select :b")
    );
    assert_eq!(main.origin("host").unwrap().to_string(), "the variable JRM_DB_HOST");
}

#[test]
fn databases_in_variables_merge_in_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dbinfos.json");
    fs::write(&file, r#"{"from_file": {"dsn": "sqlite:///f.db"}}"#).unwrap();
    let json = r#"{"a": {"dsn": "sqlite:///json.db"}, "b": {"dsn": "sqlite:///b.db"}}"#;
    let path = file.to_str().unwrap();
    let names = |given: &[(&str, &str)]| {
        load(variables(given)).names().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&[("JRM_DBINFOS_PATH", path)]), ["from_file"]);
    // The text goes before the file, and the one of its own variables before both.
    assert_eq!(names(&[("JRM_DBINFOS_PATH", path), ("JRM_DATABASES_JSON", json)]), ["a", "b"]);
    let over =
        [("JRM_DATABASES_JSON", json), ("JRM_DB_KEY", "a"), ("JRM_DB_DSN", "sqlite:///flat.db")];
    let config = load(variables(&over));
    assert_eq!(config.require("a").unwrap().url.database.as_deref(), Some("flat.db"));
    assert_eq!(config.default_database(), Some("a"));
    let default = [("JRM_DATABASES_JSON", json), ("JRM_DB_DEFAULT", "b")];
    assert_eq!(load(variables(&default)).default_database(), Some("b"));
}

#[test]
fn the_source_is_what_it_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/dbinfos.json"), r#"{"file": {"dsn": "sqlite:///f.db"}}"#)
        .unwrap();
    let named = dir.path().join("named.json");
    fs::write(
        &named,
        r#"{"default_db": "named", "databases": {"named": {"dsn": "sqlite:///n.db"}}}"#,
    )
    .unwrap();
    let first = |given: &[(&str, &str)]| {
        let loader = without_variables().directory(dir.path());
        let loader =
            given.iter().fold(loader, |loader, (name, value)| loader.variable(*name, *value));
        loader.search().load().map(|config| config.names().next().unwrap().to_owned())
    };
    let env = [("JRM_DB_KEY", "env"), ("JRM_DB_DSN", "sqlite:///e.db")];
    assert_eq!(first(&[]).unwrap(), "file");
    assert_eq!(first(&env).unwrap(), "env");
    assert_eq!(first(&[&env[..], &[("JRM_SOURCE", "files")]].concat()).unwrap(), "file");
    assert_eq!(
        first(&[&env[..], &[("JRM_CONFIG_PATH", named.to_str().unwrap())]].concat()).unwrap(),
        "file"
    );
    assert_eq!(
        first(&[("MY_DB_KEY", "mine"), ("MY_DB_DSN", "sqlite:///m.db"), ("JRM_PREFIX", "MY")])
            .unwrap(),
        "mine"
    );
    // What is wrong with the variables is not hidden behind the files.
    let wrong =
        first(&[&env[..], &[("JRM_POOL_TIMEOUT", "soon")]].concat()).unwrap_err().to_string();
    assert!(wrong.contains("JRM_POOL_TIMEOUT") && wrong.contains("soon"), "{wrong}");
    let wrong =
        first(&[("JRM_SOURCE", "environment"), ("JRM_DB_KEY", "x")]).unwrap_err().to_string();
    assert!(wrong.contains("expected `auto`, `env` or `files`"), "{wrong}");
}

#[test]
fn variables_are_checked() {
    let base = [("JRM_DB_KEY", "a"), ("JRM_DB_TYPE", "postgres"), ("JRM_DB_HOST", "h")];
    for (name, value, named) in [
        ("JRM_DB_PORT", "x", "JRM_DB_PORT"),
        ("JRM_MAX_CONN_POOL_SIZE", "many", "many"),
        ("JRM_MIN_CONN_POOL_SIZE", "20", "min_idle"),
        ("JRM_DB_OPTIONS", "{", "JRM_DB_OPTIONS"),
        ("JRM_DATABASES_JSON", "[]", "JRM_DATABASES_JSON"),
        ("JRM_DB_PASSWRD", "canary", "did you mean JRM_DB_PASSWORD?"),
        ("JRM_DBINFOS_PATH", "/nonexistent.json", "/nonexistent.json"),
    ] {
        let wrong = report(&variables(&[&base[..], &[(name, value)]].concat()));
        assert!(wrong.contains(named) && !wrong.contains("canary"), "{name}: {wrong}");
    }
    let wrong = report(&variables(&[("JRM_DB_HOST", "h")]));
    assert!(wrong.contains("JRM_DB_KEY is not set"), "{wrong}");
}

#[test]
fn under_any_prefix_they_are_read_by_it() {
    let loader = without_variables()
        .variable("SHOP_DB_KEY", "main")
        .variable("SHOP_DB_DSN", "postgres://app:pw@pg1/shop")
        .variable("SHOP_POOL_TIMEOUT", "7")
        .environment_of("SHOP");
    let config = load(loader);
    assert_eq!(config.require("main").unwrap().pool.acquire_timeout, Duration::from_secs(7));
}

#[test]
fn a_shape_can_be_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.json");
    fs::write(&file, r#"{"databases": {"a": {"type": "sqlite", "database": "a.db"}}}"#).unwrap();
    let ours = load(without_variables().file(&file));
    assert_eq!(ours.require("a").unwrap().select_limit, None);
    let theirs = load(without_variables().file_as(Shape::JrmConfig, &file));
    assert_eq!(theirs.require("a").unwrap().select_limit, Some(1000));
}
