//! The environment.

use wellspring_config::{Config, Loader};
use wellspring_connector::Echo;

use crate::{load, report, toml, without_variables};

fn of(variables: &[(&str, &str)]) -> Loader {
    let set = |loader: Loader, (name, value): &(&str, &str)| loader.variable(*name, *value);
    variables.iter().fold(without_variables(), set)
}

#[test]
fn one_database_comes_from_one_variable() {
    let config = load(of(&[("DATABASE_URL", "postgres://app:pw@pg1/orders")]).environment());
    let database = config.require("default").unwrap();
    assert_eq!(database.url.hosts[0].0, "pg1");
    assert_eq!(config.default_database(), Some("default"));
    assert_eq!(database.origin("url").unwrap().to_string(), "the variable DATABASE_URL");
}

#[test]
fn the_connection_managers_variables_are_read() {
    let config = load(
        of(&[
            ("DATABASE_URL", "postgres://app@pg1/orders"),
            ("DATABASE_FAILOVER_URLS", " postgres://app@pg2/orders, ,postgres://app@pg3/orders,"),
            ("DB_POOL_SIZE", "7"),
            ("DB_MAX_OVERFLOW", "3"),
            ("DB_ECHO", "true"),
        ])
        .environment(),
    );
    let database = config.require("default").unwrap();
    assert_eq!((database.pool.max_size, database.pool.max_overflow), (7, 3));
    assert_eq!(database.echo, Echo::Info);
    let hosts: Vec<_> = database.failover_urls.iter().map(|url| url.hosts[0].0.as_str()).collect();
    assert_eq!(hosts, ["pg2", "pg3"]);
    // It has no effect yet, which nobody is left to find out.
    assert!(config.notes().iter().any(|note| note.key.ends_with("failover_urls")));
}

#[test]
fn the_connection_managers_variables_are_checked() {
    for (name, value, named) in [
        ("DB_POOL_SIZE", "0", "at least 1"),
        ("DB_POOL_SIZE", "many", "many"),
        ("DB_MAX_OVERFLOW", "-1", "-1"),
        ("DB_ECHO", "perhaps", "perhaps"),
        ("DATABASE_FAILOVER_URLS", "pg2", "failover_urls"),
    ] {
        let loader =
            of(&[("DATABASE_URL", "postgres://app@pg1/orders"), (name, value)]).environment();
        let wrong = report(&loader);
        assert!(wrong.contains(name) && wrong.contains(named), "{name}={value}: {wrong}");
    }
    // An empty one is not set.
    let empty = of(&[("DATABASE_URL", ""), ("DB_POOL_SIZE", "")]).environment();
    assert!(load(empty).databases().is_empty());
    // Sizes alone are no database.
    let sizes = load(of(&[("DB_POOL_SIZE", "5")]).environment());
    assert!(sizes.databases().is_empty());
    assert_eq!(sizes.notes()[0].origin.name(), Some("DB_POOL_SIZE"));
}

#[test]
fn every_key_can_be_reached() {
    let config = load(
        toml("databases.my-shop.url = 'postgres://app@pg1/shop'")
            .variable("WELLSPRING_DEFAULT_DATABASE", "my-shop")
            .variable("WELLSPRING_DATABASES__MY_SHOP__PASSWORD", "0123")
            .variable("WELLSPRING_DATABASES__MY_SHOP__PORT", "5433")
            .variable("WELLSPRING_DATABASES__MY_SHOP__POOL__CONNECT_RETRY__MAX_ATTEMPTS", "3")
            .variable("WELLSPRING_DATABASES__MY_SHOP__POOL__LEAK_BACKTRACE", "on")
            .variable("WELLSPRING_DATABASES__MY_SHOP__POOL__VALIDATE", r#"{"idle": "3s"}"#)
            .variable("WELLSPRING_DATABASES__MY_SHOP__POOL__MAX_LIFETIME", "off")
            .variable("WELLSPRING_DATABASES__MY_SHOP__OPTIONS__STATEMENT_CACHE", "5")
            .variable("WELLSPRING_DATABASES__MY_SHOP__ECHO", "trace")
            .variable("WELLSPRING_DATABASES__MY_SHOP__SESSION_SETUP", r#"["select 1", "select 2"]"#)
            .environment(),
    );
    let shop = config.require("my-shop").unwrap();
    // A password that looks like a number is a text.
    assert_eq!(shop.url.password.as_ref().unwrap().expose(), "0123");
    assert_eq!(shop.url.hosts[0].1, Some(5433));
    assert_eq!(shop.pool.connect_retry.max_attempts, Some(3));
    assert!(shop.pool.leak_backtrace);
    assert_eq!(shop.pool.max_lifetime, None);
    assert_eq!(shop.echo, Echo::Trace);
    assert_eq!(shop.session_setup.len(), 2);
    assert_eq!(config.default_database(), Some("my-shop"));
}

#[test]
fn what_a_variable_misspells_is_told_and_what_is_not_ours_is_left_alone() {
    for name in
        ["WELLSPRING_DATABSES__X__URL", "WELLSPRING_DEFAULT_DATABSE", "WELLSPRING_POOL__MAX_SIZE"]
    {
        let wrong = report(&of(&[(name, "x")]).environment());
        assert!(wrong.contains(name) && wrong.contains("unknown key"), "{wrong}");
    }
    let typo = of(&[
        ("WELLSPRING_DATABASES__ORDERS__URL", "postgres://pg1/orders"),
        ("WELLSPRING_DATABASES__ORDERS__POOL__MAX_SISE", "5"),
    ]);
    let wrong = report(&typo.environment());
    assert_eq!(
        wrong,
        "the variable WELLSPRING_DATABASES__ORDERS__POOL__MAX_SISE: databases.orders.pool.max_sise: unknown key, \
         did you mean `max_size`?"
    );
    let kubernetes =
        of(&[("WELLSPRING_SERVICE_HOST", "10.0.0.1"), ("WELLSPRING_PORT_5432_TCP", "x")]);
    assert!(load(kubernetes.environment()).databases().is_empty());
}

#[test]
fn a_name_that_two_databases_may_have_is_an_error() {
    let two = toml("databases.my-shop.url = 'sqlite:a.db'\ndatabases.my_shop.url = 'sqlite:b.db'");
    let wrong = report(&two.variable("WELLSPRING_DATABASES__MY_SHOP__PORT", "1").environment());
    assert!(wrong.contains("may be \"my-shop\" or \"my_shop\""), "{wrong}");
}

#[test]
fn parts_under_any_prefix_make_a_database() {
    let loader = of(&[
        ("SHOP_HOST", "pg1"),
        ("SHOP_PORT", "5433"),
        ("SHOP_NAME", "shop"),
        ("SHOP_USER", "app"),
        ("SHOP_PASSWORD", "p@ss w%rd"),
        ("SHOP_POOL_SIZE", "4"),
    ]);
    for prefix in ["SHOP_", "SHOP"] {
        let config = load(loader.clone().environment_of(prefix));
        let database = config.require("default").unwrap();
        assert_eq!(database.url.scheme, "postgres");
        assert_eq!(database.url.hosts, [("pg1".to_owned(), Some(5433))]);
        assert_eq!(database.url.password.as_ref().unwrap().expose(), "p@ss w%rd");
        assert_eq!(database.pool.max_size, 4);
    }
    // Where nothing else is said, what SQLSpec takes.
    let config = load(of(&[("DB_USER", "app")]).environment_of("DB_"));
    let url = &config.require("default").unwrap().url;
    assert_eq!((url.hosts[0].0.as_str(), url.database.as_deref()), ("localhost", Some("postgres")));
    let mysql = load(of(&[("DB_TYPE", "mysql"), ("DB_HOST", "my1")]).environment_of("DB_"));
    assert_eq!(mysql.require("default").unwrap().url.scheme, "mysql");
    for (name, value) in [("DB_PORT", "70000"), ("DB_PORT", "x"), ("DB_PORT", "0")] {
        let wrong = report(&of(&[("DB_HOST", "pg1"), (name, value)]).environment_of("DB_"));
        assert!(wrong.contains(name) && wrong.contains(value), "{wrong}");
    }
    let wrong = report(&of(&[("DB_PASSWORD", "canary")]).environment_of("DB_"));
    assert!(wrong.contains("no user") && !wrong.contains("canary"), "{wrong}");
}

#[test]
fn the_environment_of_the_process_is_read_where_no_other_is_given() {
    let wrong = Config::from_env("NOBODY_SETS_THESE").unwrap_err().to_string();
    assert!(wrong.contains("no database is configured"), "{wrong}");
}

#[test]
#[cfg(unix)]
fn a_variable_that_is_not_utf8_is_told() {
    use std::os::unix::ffi::OsStringExt;
    /// Says that this is the process with the bad variable.
    const CHILD: &str = "CONFIG_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        println!("{}", report(&Loader::new().environment()));
        return;
    }
    // In a process of its own, whose environment is its own too.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "environment::a_variable_that_is_not_utf8_is_told", "--nocapture"])
        .env(CHILD, "1")
        .env("DATABASE_URL", std::ffi::OsString::from_vec(b"postgres://\xff".to_vec()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("the variable DATABASE_URL: is not UTF-8"), "{text}");
}
