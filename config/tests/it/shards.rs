//! The sharding library's files.

use std::time::Duration;

use crate::{load, report, without_variables};

#[test]
fn each_shard_is_a_database() {
    let json = r#"{"num_shards": 3, "db_dir": "/srv/shards", "connection_timeout": 7,
        "auto_create_dirs": true, "max_connections_per_shard": 5}"#;
    let config = load(without_variables().text("shards.json", json));
    assert_eq!(config.names().collect::<Vec<_>>(), ["shard_0", "shard_1", "shard_2"]);
    let last = config.require("shard_2").unwrap();
    assert_eq!(last.url.database.as_deref(), Some("/srv/shards/shard_2.db"));
    assert_eq!(last.pool.max_size, 5);
    // Its one number is for two waits.
    assert_eq!(last.pool.acquire_timeout, Duration::from_secs(7));
    let options = &last.url.options;
    assert!(options.contains(&("busy_timeout".to_owned(), "7s".to_owned())), "{options:?}");
    assert!(options.contains(&("create_dirs".to_owned(), "on".to_owned())), "{options:?}");
    #[cfg(feature = "yaml")]
    {
        let yaml = "num_shards: 3\ndb_dir: /srv/shards\nconnection_timeout: 7\nmax_connections_per_shard: 5\n";
        assert_eq!(
            load(without_variables().text("shards.yaml", yaml)).databases(),
            config.databases()
        );
    }
}

#[test]
fn what_is_not_said_is_as_there() {
    let config = load(without_variables().text("shards.json", r#"{"num_shards": 4}"#));
    let first = config.require("shard_0").unwrap();
    assert_eq!(first.url.database.as_deref(), Some("./data/shard_0.db"));
    assert_eq!(first.pool.max_size, 10);
    assert_eq!(first.pool.acquire_timeout, Duration::from_secs(30));
}

#[test]
fn what_is_wrong_is_told() {
    for (json, named) in [
        (r#"{"num_shards": 0}"#, "num_shards: 0: expected at least 1"),
        (r#"{"num_shards": -1}"#, "num_shards"),
        (r#"{"num_shards": 1.5}"#, "1.5"),
        (r#"{"num_shards": 1000000}"#, "at most 10000"),
        (r#"{"num_shards": 2, "connection_timeout": 0.5}"#, "connection_timeout"),
        (r#"{"num_shards": 2, "connection_timeout": 0}"#, "at least 1"),
        (r#"{"num_shards": 2, "db_dri": "x"}"#, "did you mean `db_dir`?"),
    ] {
        let wrong = report(&without_variables().text("shards.json", json));
        assert!(wrong.contains(named) && wrong.contains("shards.json:1"), "{json}: {wrong}");
    }
}
