//! What goes before what.

use crate::{load, report, toml, without_variables};

const FILE: &str = r#"
[databases.orders]
url = "postgres://app@pg1/orders"
pool.max_size = 1
pool.min_idle = 1

[profile.test.databases.orders]
pool.max_size = 2
"#;

#[test]
fn defaults_then_files_then_profiles_then_the_environment_then_code() {
    let size = |loader: wellspring_config::Loader| {
        let pool = load(loader).require("orders").unwrap().pool.clone();
        assert_eq!(pool.min_idle, 1);
        pool.max_size
    };
    assert_eq!(size(toml(FILE)), 1);
    assert_eq!(size(toml(FILE).profile("test")), 2);
    assert_eq!(size(toml(FILE).variable("WELLSPRING_PROFILE", "test")), 2);
    let second = "databases.orders.pool.max_size = 3";
    assert_eq!(size(toml(FILE).profile("test").text("local.toml", second)), 3);
    let variable = |loader: wellspring_config::Loader| {
        loader.variable("WELLSPRING_DATABASES__ORDERS__POOL__MAX_SIZE", "4").environment()
    };
    assert_eq!(size(variable(toml(FILE).profile("test"))), 4);
    assert_eq!(size(variable(toml(FILE)).set("databases.orders.pool.max_size", 5)), 5);
}

#[test]
fn a_profile_that_is_not_there_is_told() {
    let wrong = report(&toml(FILE).profile("prod"));
    assert!(wrong.contains("there is no profile \"prod\", there are test"), "{wrong}");
}

#[test]
fn keys_of_other_profiles_are_checked_too() {
    let wrong = report(&toml("[profile.prod.databases.orders]\nurll = 'x'"));
    assert_eq!(
        wrong,
        "wellspring.toml:2: profile.prod.databases.orders.urll: unknown key, did you mean `url`?"
    );
}

#[test]
fn the_url_goes_before_parts_of_earlier_sources_and_not_before_later_ones() {
    let parts = toml(
        "[databases.default]\ntype = 'postgres'\nhost = 'pg1'\nport = 5433\nuser = 'app'\ndatabase = 'orders'",
    );
    let with_url = parts.variable("DATABASE_URL", "postgres://other@pg2/stock").environment();
    let url = &load(with_url.clone()).require("default").unwrap().url.clone();
    assert_eq!(url.hosts, [("pg2".to_owned(), Some(5433))]);
    assert_eq!((url.user.as_deref(), url.database.as_deref()), (Some("other"), Some("stock")));
    let over = with_url.set("databases.default.host", "pg3");
    assert_eq!(load(over).require("default").unwrap().url.hosts[0].0, "pg3");
}

#[test]
fn two_places_of_one_source_that_disagree_are_an_error() {
    for (text, named) in [
        ("url = 'postgres://a@pg1/orders'\nhost = 'pg2'", "another host"),
        ("url = 'postgres://a@pg1:1/orders'\nport = 2", "another port"),
        ("url = 'postgres://a@pg1/orders'\nuser = 'b'", "another user"),
        ("url = 'postgres://a@pg1/orders'\ndatabase = 'stock'", "another database"),
        ("url = 'postgres://a:x@pg1/orders'\npassword = 'y'", "another password"),
        ("url = 'postgres://a:x@pg1/orders'\npassword_file = '/p'", "a password in the URL"),
        ("url = 'postgres://a@pg1/orders'\npassword = 'x'\npassword_file = '/p'", "`password`"),
        ("url = 'postgres://a@pg1/orders'\nurl_file = '/p'", "there is a `url` as well"),
        ("url = 'postgres://a@pg1/orders'\ntype = 'mysql'", "another type"),
        (
            "url = 'postgres://a@pg1/orders?sslmode=require'\noptions.sslmode = 'disable'",
            "expected one of them",
        ),
    ] {
        let wrong = report(&toml(&format!("[databases.orders]\n{text}")));
        assert!(wrong.contains(named) && wrong.contains("wellspring.toml:"), "{text}: {wrong}");
    }
    // The same said twice is none.
    let same = "[databases.orders]\nurl = 'postgres://a:x@pg1:1/orders'\nhost = 'pg1'\nport = 1\nuser = 'a'\n\
                password = 'x'\ndatabase = 'orders'\ntype = 'postgresql'";
    load(toml(same));
}

#[test]
fn sources_that_disagree_on_tls_are_an_error_wherever_they_are() {
    let file = toml("databases.orders.options.sslmode = 'verify-full'");
    let loader = file
        .variable("WELLSPRING_DATABASES__ORDERS__URL", "postgres://a@pg1/orders?sslmode=disable")
        .environment();
    let wrong = report(&loader);
    assert!(
        wrong.contains("wellspring.toml:1") && wrong.contains("WELLSPRING_DATABASES__ORDERS__URL"),
        "{wrong}"
    );
}

#[test]
fn a_password_of_a_later_source_takes_the_place_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "old").unwrap();
    let below = without_variables()
        .set("databases.orders.url", "postgres://app@pg1/orders")
        .set("databases.orders.password_file", &file);
    let config = load(below.set("databases.orders.password", "new"));
    let orders = config.require("orders").unwrap();
    assert_eq!(orders.url.password.as_ref().unwrap().expose(), "new");
    assert_eq!(orders.password_file, None);
}

#[test]
fn a_string_that_several_databases_have_alike_is_of_the_type_that_is_said() {
    let text = "Server=h;Port=3307;Uid=u;Pwd=pw;Database=d";
    let alone = toml(&format!("databases.x.url = '{text}'"));
    assert!(report(&alone).contains("PostgreSQL or MySQL"), "{}", report(&alone));
    let said = load(toml(&format!("databases.x = {{ url = '{text}', type = 'mysql' }}")));
    let url = &said.require("x").unwrap().url;
    assert_eq!((url.scheme.as_str(), url.hosts[0].1), ("mysql", Some(3307)));
}
