//! Pools by the names other libraries have for their options.

use std::time::Duration;

use wellspring_config::Note;
use wellspring_connector::{Echo, ResetMode};
use wellspring_pool_core::{PoolOptions, ResetPolicy, Reuse, Validate, WhenExhausted};

use crate::{load, report, toml};

fn pool(text: &str) -> (PoolOptions, Echo, Vec<Note>) {
    let config =
        load(toml(&format!("[databases.x]\nurl = 'postgres://pg1/x'\n[databases.x.pool]\n{text}")));
    let x = config.require("x").unwrap();
    (x.pool.clone(), x.echo_pool, config.notes().to_vec())
}

#[test]
fn the_connection_managers_options_take_effect() {
    let (options, echo_pool, notes) = pool(
        "style = 'connection_manager'\npool_size = 6\nmax_overflow = 11\npool_timeout = 31\npool_recycle = 1800\n\
         pool_pre_ping = false\necho_pool = true\nleak_detection_enabled = true\nleak_threshold_seconds = 120.5\n\
         health_check_interval = 60\nfailover_retry_attempts = 3",
    );
    assert_eq!((options.max_size, options.max_overflow), (6, 11));
    assert_eq!(options.acquire_timeout, Duration::from_secs(31));
    assert_eq!(options.max_lifetime, Some(Duration::from_secs(1800)));
    assert_eq!(options.validate, Validate::Never);
    assert_eq!(options.leak_threshold, Some(Duration::from_millis(120_500)));
    assert_eq!(echo_pool, Echo::Info);
    // What has no effect yet is told.
    let keys: Vec<_> = notes.iter().map(|note| note.key.as_str()).collect();
    assert_eq!(
        keys,
        ["databases.x.pool.health_check_interval", "databases.x.pool.failover_retry_attempts"]
    );

    let (options, ..) = pool("style = 'connection_manager'");
    assert_eq!((options.max_size, options.max_overflow), (5, 10));
    assert_eq!(options.acquire_timeout, Duration::from_secs(30));
    assert_eq!(options.max_lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(options.validate, Validate::Always);
    assert_eq!(options.leak_threshold, Some(Duration::from_secs(300)));
    let (options, ..) = pool("style = 'connection_manager'\nleak_detection_enabled = false");
    assert_eq!(options.leak_threshold, None);
}

#[test]
fn unos_options_take_effect() {
    let (options, echo_pool, _) = pool(
        "style = 'uno'\ninitial_size = 10\nmin_size = 4\nmax_size = 50\nmax_overflow = 6\nidle_timeout = 300.0\n\
         max_lifetime = 1800.0\nconnection_timeout = 7\nvalidation_interval = 90\ncircuit_breaker_threshold = 8\n\
         circuit_breaker_recovery = 12.5\nretry_attempts = 4\nretry_backoff = 0.5\nlog_connections = true\n\
         strategy = 'high_throughput'\nscale_up_threshold = 0.7",
    );
    assert_eq!(
        (options.initial_size, options.min_idle, options.max_size, options.max_overflow),
        (10, 4, 50, 6)
    );
    assert_eq!(options.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(options.max_lifetime, Some(Duration::from_secs(1800)));
    assert_eq!(options.connect_timeout, Duration::from_secs(7));
    assert_eq!(options.keepalive, Some(Duration::from_secs(90)));
    let breaker = options.breaker.unwrap();
    assert_eq!((breaker.failures, breaker.open_for), (8, Duration::from_millis(12_500)));
    assert_eq!(options.connect_retry.max_attempts, Some(4));
    assert_eq!(options.connect_retry.base_pause, Duration::from_millis(500));
    assert_eq!(echo_pool, Echo::Info);

    let (options, ..) = pool("style = 'uno'");
    assert_eq!(
        (options.initial_size, options.min_idle, options.max_size, options.max_overflow),
        (5, 2, 20, 5)
    );
    assert_eq!(options.breaker.unwrap().failures, 5);
    assert_eq!(options.connect_retry.base_pause, Duration::from_secs(1));
    let (options, ..) = pool("style = 'uno'\nmax_overflow = 5\nallow_overflow = false");
    assert_eq!(options.max_overflow, 0);
}

#[test]
fn unos_session_pool_is_the_pool_that_sessions_borrow_from() {
    let (options, _, notes) = pool(
        "style = 'uno_sessions'\nmin_sessions = 10\nmax_sessions = 100\nidle_timeout = 120.0\nmax_lifetime = 1800.0\n\
         use_enhanced_connection_pool = true",
    );
    assert_eq!((options.min_idle, options.max_size), (10, 100));
    assert_eq!(options.idle_timeout, Some(Duration::from_secs(120)));
    assert_eq!(options.validate, Validate::Always);
    assert_eq!(notes.len(), 1);
    let (options, ..) = pool("style = 'uno_sessions'");
    assert_eq!((options.min_idle, options.max_size), (5, 50));
    assert_eq!(options.idle_timeout, Some(Duration::from_secs(60)));
    // What is said of the pool below goes before what is said of sessions: there is one pool.
    let (options, ..) = pool(
        "style = 'uno_sessions'\nmax_sessions = 100\nidle_timeout = 120\n\
         connection_pool_config = { max_size = 30, circuit_breaker_threshold = 9 }",
    );
    assert_eq!((options.max_size, options.min_idle), (30, 5));
    assert_eq!(options.idle_timeout, Some(Duration::from_secs(120)));
    assert_eq!(options.breaker.unwrap().failures, 9);
}

#[test]
fn sqlalchemys_options_take_effect() {
    let (options, echo_pool, _) = pool(
        "style = 'sqlalchemy'\npool_size = 15\nmax_overflow = 25\npool_timeout = 30\npool_recycle = 3600\n\
         pool_pre_ping = true\npool_reset_on_return = 'commit'\npool_use_lifo = true\necho_pool = 'debug'",
    );
    assert_eq!((options.max_size, options.max_overflow), (15, 25));
    assert_eq!(options.max_lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(options.validate, Validate::Always);
    assert_eq!(options.reset_mode, ResetMode::Commit);
    assert_eq!(options.reuse, Reuse::Lifo);
    assert_eq!(echo_pool, Echo::Debug);
    let (options, ..) = pool("style = 'sqlalchemy'\npool_recycle = -1");
    assert_eq!((options.max_size, options.max_overflow), (5, 10));
    assert_eq!(options.max_lifetime, None);
    assert_eq!(options.reuse, Reuse::Fifo);
}

#[test]
fn dbutils_options_take_effect() {
    let (options, _, notes) = pool(
        "style = 'dbutils'\nmaxconnections = 50\nmincached = 5\nmaxcached = 20\nblocking = false\nping = 0\n\
         reset = false\nmaxusage = 1000\nmaxshared = 0",
    );
    assert_eq!((options.max_size, options.min_idle, options.initial_size), (50, 5, 5));
    assert_eq!((options.max_idle, options.max_uses), (Some(20), Some(1000)));
    assert_eq!(options.when_exhausted, WhenExhausted::Fail);
    assert_eq!(options.validate, Validate::Never);
    assert_eq!(options.reset, ResetPolicy::OnDirty);
    assert_eq!(notes.len(), 1);
    let (options, ..) = pool("style = 'dbutils'\nmaxcached = 0\nmaxusage = 0\nping = 7");
    assert_eq!((options.max_idle, options.max_uses), (None, None));
    assert_eq!(options.validate, Validate::Always);
}

#[test]
fn what_is_wrong_is_told_by_the_names_it_was_given() {
    for (text, named) in [
        (
            "style = 'connection_manager'\npool_sise = 5",
            "pool_sise: unknown key, did you mean `pool_size`?",
        ),
        ("style = 'connection_manager'\nmax_size = 5", "max_size: unknown key"),
        ("style = 'uno'\nidle_timeout = true", "idle_timeout"),
        ("style = 'uno'\nconnection_timeout = -1", "-1: expected a number of seconds"),
        ("style = 'uno'\nmin_size = 30", "wellspring.toml:5"),
        ("style = 'dbutils'\nping = 9", "9: expected a number from 0 to 7"),
        ("style = 'dbutils'\nmaxconnections = 0", "at least 1"),
        (
            "style = 'sqlalchemy'\npool_reset_on_return = 'maybe'",
            "expected `rollback`, `commit` or `none`",
        ),
        ("style = 'sqlalchmy'", "did you mean `sqlalchemy`?"),
    ] {
        let wrong = report(&toml(&format!(
            "[databases.x]\nurl = 'postgres://pg1/x'\n[databases.x.pool]\n{text}"
        )));
        assert!(wrong.contains(named) && wrong.contains("wellspring.toml:"), "{text}: {wrong}");
    }
}

#[test]
fn without_a_style_the_names_are_ours() {
    let wrong = report(&toml("[databases.x]\nurl = 'postgres://pg1/x'\npool.pool_size = 5"));
    assert!(wrong.contains("pool_size: unknown key"), "{wrong}");
}
