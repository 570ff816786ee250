//! Every shape becomes a `wellspring.toml` that means the same.

use wellspring_config::{Config, Loader, migrate};

use crate::{load, toml, without_variables};

/// The same configuration, but for notes, out of the file it was migrated to.
fn again(config: &Config) -> Config {
    let migrated = migrate(config).unwrap();
    for secret in migrated.secrets.values() {
        assert!(!migrated.toml.contains(secret.expose()), "{}", migrated.toml);
    }
    let loader = without_variables().text("wellspring.toml", migrated.toml.clone());
    let set = |loader: Loader, (name, secret): (&String, &wellspring_connector::Secret)| {
        loader.variable(name, secret.expose())
    };
    let loader = migrated.secrets.iter().fold(loader, set);
    loader.load().unwrap_or_else(|errors| panic!("{errors}\n{}", migrated.toml))
}

fn same(loader: Loader) {
    let config = load(loader);
    let migrated = again(&config);
    assert_eq!(migrated.databases(), config.databases());
    assert_eq!(migrated.default_database(), config.default_database());
    assert!(
        migrated.notes().iter().all(|note| note.key.ends_with("failover_urls")),
        "{:?}",
        migrated.notes()
    );
}

#[test]
fn all_shapes_are_migrated() {
    same(toml(
        r#"
        default_database = "a b"
        [databases."a b"]
        url = "postgres://app:p%40ss$${w%2Frd@[::1]:5433,pg2/d%20b?sslmode=require"
        failover_urls = ["postgres://app:other@pg3/d", "postgres://pg4/d"]
        statement_timeout = "1500ms"
        select_limit = 100
        statement_translations = 5
        unpooled = true
        echo = true
        echo_pool = "trace"
        session_setup = ["select '$${x}', :a", "select \"\u007f\n\\\""]
        retry = { max_attempts = "off", base_pause = "20ms" }
        [databases."a b".pool]
        validate = { idle = "3s" }
        fairness = { bounded = { max_bypass = 4 } }
        breaker = "off"
        max_lifetime = "off"
        max_uses = 10
        connect_retry = { max_attempts = 3 }
        [databases.file]
        type = "sqlite"
        database = "/srv/a b%?#.db"
        "#,
    ));
    same(without_variables().text(
        "jrm.config.json",
        r#"{"default_db": "m", "jrm_pool_timeout": 7, "databases": {
            "m": {"type": "mysql", "host": "h", "port": "1", "user": "u", "password": "p@:/", "database": "d",
                  "options": {"read_timeout": 5}, "session_setup": "select {x}"}}}"#,
    ));
    same(without_variables().text("shards.json", r#"{"num_shards": 2, "db_dir": "/srv"}"#));
    same(toml(
        "databases.x = { url = 'postgres://h/d', pool = { style = 'uno', min_size = 1, initial_size = 2 } }",
    ));
    same(toml("databases.x = { url = 'postgres://h/d', pool = { style = 'dbutils' } }"));
    let env = without_variables()
        .variable("DATABASE_URL", "mysql://u:sesame@h/d")
        .variable("DB_POOL_SIZE", "3")
        .environment();
    same(env);
}

#[test]
fn variables_of_secrets_have_names_of_their_own() {
    let config = load(toml(
        "databases.a-b.url = 'postgres://u:one@h/d'\ndatabases.a_b.url = 'postgres://u:two@h/d'\n\
         databases.2.url = 'postgres://u:three@h/d'",
    ));
    let migrated = migrate(&config).unwrap();
    let names: Vec<&str> = migrated.secrets.keys().map(String::as_str).collect();
    assert_eq!(names, ["A_B_2_PASSWORD", "A_B_PASSWORD", "_2_PASSWORD"]);
    assert_eq!(again(&config).databases(), config.databases());
}
