//! Files: formats, shapes of our own, secrets in files, where they are looked for.

use std::fs;
use std::time::Duration;

use wellspring_config::{Config, Loader};
use wellspring_connector::Echo;
use wellspring_pool_core::{PoolOptions, Reuse, Validate};

use crate::{load, report, toml, without_variables};

const TOML: &str = r#"
default_database = "orders"

[defaults]
statement_timeout = "30s"
echo = "debug"

[defaults.pool]
acquire_timeout = "5s"
breaker = "off"

[databases.orders]
url = "postgres://app@pg1,pg2:5433/orders?application_name=till"
password = "open sesame"
options = { sslmode = "verify-full", statement_cache = 50, jit = false }
pool = { max_size = 20, validate = { idle = "10s" }, reuse = "fifo" }
select_limit = 1000
session_setup = "select set_config('app.tenant', :tenant, true)"
retry.max_attempts = 3

[databases.cache]
type = "sqlite"
database = "cache.db"
echo = false
unpooled = true
"#;

const YAML: &str = r#"
default_database: orders
defaults:
  statement_timeout: 30s
  echo: debug
  pool: { acquire_timeout: 5s, breaker: "off" }
databases:
  orders:
    url: postgres://app@pg1,pg2:5433/orders?application_name=till
    password: open sesame
    options: { sslmode: verify-full, statement_cache: 50, jit: false }
    pool:
      max_size: 20
      validate: { idle: 10s }
      reuse: fifo
    select_limit: 1000
    session_setup: ["select set_config('app.tenant', :tenant, true)"]
    retry: { max_attempts: 3 }
  cache:
    type: sqlite
    database: cache.db
    echo: no
    unpooled: true
"#;

const JSON: &str = r#"{
    "default_database": "orders",
    "defaults": {
        "statement_timeout": "30s", "echo": "debug",
        "pool": { "acquire_timeout": "5s", "breaker": "off" }
    },
    "databases": {
        "orders": {
            "url": "postgres://app@pg1,pg2:5433/orders?application_name=till",
            "password": "open sesame",
            "options": { "sslmode": "verify-full", "statement_cache": 50, "jit": false },
            "pool": { "max_size": 20, "validate": { "idle": "10s" }, "reuse": "fifo" },
            "select_limit": 1000,
            "session_setup": ["select set_config('app.tenant', :tenant, true)"],
            "retry": { "max_attempts": 3 }
        },
        "cache": { "type": "sqlite", "database": "cache.db", "echo": false, "unpooled": true }
    }
}"#;

#[test]
fn one_configuration_in_three_formats() {
    let of_toml = load(toml(TOML));
    let of_json = load(without_variables().text("wellspring.json", JSON));
    assert_eq!(of_toml, of_json);
    #[cfg(feature = "yaml")]
    {
        // `no` is a text in YAML 1.2.
        let yaml = YAML.replace("echo: no", "echo: false");
        assert_eq!(of_toml, load(without_variables().text("wellspring.yml", yaml)));
    }
    let orders = of_toml.require("orders").unwrap();
    assert_eq!(orders.url.hosts, [("pg1".to_owned(), None), ("pg2".to_owned(), Some(5433))]);
    assert_eq!(orders.url.password.as_ref().unwrap().expose(), "open sesame");
    let option =
        |name: &str| orders.url.options.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(option("application_name"), "till");
    assert_eq!(option("sslmode"), "verify-full");
    assert_eq!(option("statement_cache"), "50");
    assert_eq!(option("jit"), "off");
    assert_eq!(orders.pool.max_size, 20);
    assert_eq!(orders.pool.acquire_timeout, Duration::from_secs(5));
    assert_eq!(orders.pool.validate, Validate::Idle(Duration::from_secs(10)));
    assert_eq!(orders.pool.reuse, Reuse::Fifo);
    assert_eq!(orders.pool.breaker, None);
    assert_eq!(orders.statement_timeout, Some(Duration::from_secs(30)));
    assert_eq!(orders.select_limit, Some(1000));
    assert_eq!(orders.retry.max_attempts, Some(3));
    assert_eq!(orders.echo, Echo::Debug);
    assert_eq!(orders.session_setup.len(), 1);
    let cache = of_toml.require("cache").unwrap();
    assert_eq!(
        (cache.url.scheme.as_str(), cache.url.database.as_deref()),
        ("sqlite", Some("cache.db"))
    );
    assert_eq!(cache.echo, Echo::Off);
    assert!(cache.unpooled);
    assert_eq!(of_toml.default_database(), Some("orders"));
    assert_eq!(of_toml.names().collect::<Vec<_>>(), ["orders", "cache"]);
}

#[test]
fn every_value_says_where_it_came_from() {
    let config = load(toml(TOML).set("databases.orders.pool.min_idle", 2));
    let orders = config.require("orders").unwrap();
    for (key, place) in [
        ("url", "wellspring.toml:13"),
        ("pool.max_size", "wellspring.toml:16"),
        ("pool.acquire_timeout", "wellspring.toml:9"),
        ("pool.min_idle", "code"),
        ("statement_timeout", "wellspring.toml:5"),
    ] {
        assert_eq!(orders.origin(key).unwrap().to_string(), place, "{key}");
    }
    assert!(orders.origin("pool.max_overflow").is_none());
}

#[test]
fn what_is_not_said_is_the_default() {
    let config = load(toml("databases.one.url = 'sqlite::memory:'"));
    let one = config.require("one").unwrap();
    assert_eq!(one.pool, PoolOptions::default());
    assert_eq!(one.statement_timeout, None);
    assert_eq!(config.default_database(), Some("one"));
    let two =
        load(toml("databases.one.url = 'sqlite::memory:'\ndatabases.two.url = 'sqlite::memory:'"));
    assert_eq!(two.default_database(), None);
    let called = load(toml(
        "databases.one.url = 'sqlite::memory:'\ndatabases.default.url = 'sqlite::memory:'",
    ));
    assert_eq!(called.default_database(), Some("default"));
}

#[test]
fn an_unknown_name_is_told_with_the_known_ones() {
    let config = load(toml(TOML));
    let error = config.require("order").unwrap_err().to_string();
    assert_eq!(
        error,
        r#"there is no database "order", did you mean "orders"? (there are "orders", "cache")"#
    );
}

#[test]
fn secrets_stand_in_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    let url = dir.path().join("url");
    fs::write(&password, "  with spaces \n").unwrap();
    fs::write(&url, "postgres://app:canary@pg1/orders\r\n").unwrap();
    let loader = without_variables()
        .set("databases.a.url", "postgres://app@pg1/orders")
        .set("databases.a.password_file", &password)
        .set("databases.b.url_file", &url);
    let config = load(loader);
    let a = config.require("a").unwrap();
    // It is read anew at each connect.
    assert_eq!(a.password_file.as_deref(), Some(password.as_path()));
    assert!(a.url.password.is_none());
    let b = config.require("b").unwrap();
    assert_eq!(b.url.password.as_ref().unwrap().expose(), "canary");
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn files_are_looked_for_in_a_documented_order() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let loader = without_variables().directory(dir.path()).search();
    assert!(loader.load().unwrap().databases().is_empty());

    fs::create_dir(at("config")).unwrap();
    fs::write(at("config/dbinfos.json"), r#"{"jrm": {"type": "sqlite", "database": "a.db"}}"#)
        .unwrap();
    assert_eq!(loader.load().unwrap().names().collect::<Vec<_>>(), ["jrm"]);

    fs::write(at("wellspring.json"), r#"{"databases": {"json": {"url": "sqlite:b.db"}}}"#).unwrap();
    assert_eq!(loader.load().unwrap().names().collect::<Vec<_>>(), ["json"]);

    fs::write(at("wellspring.toml"), "databases.toml.url = 'sqlite:c.db'").unwrap();
    let wrong = report(&loader);
    assert!(wrong.contains("wellspring.json as well"), "{wrong}");

    fs::write(at("other.toml"), "databases.named.url = 'sqlite:d.db'").unwrap();
    let named = loader.variable("WELLSPRING_CONFIG", at("other.toml").to_str().unwrap());
    assert_eq!(named.load().unwrap().names().collect::<Vec<_>>(), ["named"]);
}

#[test]
fn nothing_to_read_is_told() {
    let errors = Config::from_files::<&str>([]).unwrap_err().to_string();
    assert!(errors.contains("no database is configured"), "{errors}");
}

#[test]
fn providers_of_figment_are_read_and_say_where_they_are_from() {
    use figment::providers::Serialized;
    let defaults = Serialized::default("databases.orders.pool.max_size", 7);
    let config = load(toml("databases.orders.url = 'postgres://pg1/orders'").merge(defaults));
    let orders = config.require("orders").unwrap();
    assert_eq!(orders.pool.max_size, 7);
    assert!(orders.origin("pool.max_size").unwrap().path().is_none());
    let wrong = Serialized::default("databases.orders.pool.max_sise", 7);
    let report = report(&Loader::new().merge(wrong));
    assert!(report.contains("did you mean `max_size`"), "{report}");
}
