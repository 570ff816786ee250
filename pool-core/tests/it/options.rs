//! Options: what is refused, and how they are written in files.

use std::time::Duration;

use wellspring_pool_core::{
    BreakerOptions, ConfigError, Pool, PoolOptions, RetryPolicy, Startup, Validate,
};
use wellspring_testkit::fake::Fake;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn wrong_options_are_refused_by_name() {
    let fine = PoolOptions::default;
    let zero = Duration::ZERO;
    let no_failures = BreakerOptions { failures: 0, ..BreakerOptions::default() };
    let no_probes = BreakerOptions { probes: 0, ..BreakerOptions::default() };
    let no_attempts = RetryPolicy { max_attempts: Some(0), ..RetryPolicy::connecting() };
    let no_pause = RetryPolicy { base_pause: zero, ..RetryPolicy::connecting() };
    let cases: Vec<(&str, PoolOptions)> = vec![
        ("max_size", PoolOptions { max_size: 0, ..fine() }),
        ("max_size", PoolOptions { max_size: usize::MAX, ..fine() }),
        ("max_overflow", PoolOptions { max_overflow: usize::MAX, ..fine() }),
        ("max_connecting", PoolOptions { max_connecting: 0, ..fine() }),
        ("max_waiters", PoolOptions { max_waiters: Some(0), ..fine() }),
        ("min_idle", PoolOptions { min_idle: 11, ..fine() }),
        ("initial_size", PoolOptions { initial_size: 11, ..fine() }),
        ("max_idle", PoolOptions { max_idle: Some(11), ..fine() }),
        ("max_idle", PoolOptions { max_idle: Some(1), min_idle: 2, ..fine() }),
        ("acquire_timeout", PoolOptions { acquire_timeout: zero, ..fine() }),
        ("connect_timeout", PoolOptions { connect_timeout: zero, ..fine() }),
        ("validation_timeout", PoolOptions { validation_timeout: zero, ..fine() }),
        ("reset_timeout", PoolOptions { reset_timeout: zero, ..fine() }),
        ("close_timeout", PoolOptions { close_timeout: zero, ..fine() }),
        ("idle_timeout", PoolOptions { idle_timeout: Some(zero), ..fine() }),
        ("max_lifetime", PoolOptions { max_lifetime: Some(zero), ..fine() }),
        ("keepalive", PoolOptions { keepalive: Some(zero), ..fine() }),
        ("leak_threshold", PoolOptions { leak_threshold: Some(zero), ..fine() }),
        ("leak_reclaim", PoolOptions { leak_reclaim: Some(zero), ..fine() }),
        ("leak_reclaim", PoolOptions { leak_reclaim: Some(HOUR), ..fine() }),
        ("leak_reclaim", PoolOptions { leak_reclaim: Some(SECOND), max_abandoned: 1, ..fine() }),
        ("max_uses", PoolOptions { max_uses: Some(0), ..fine() }),
        ("max_queries", PoolOptions { max_queries: Some(0), ..fine() }),
        ("max_errors", PoolOptions { max_errors: Some(0), ..fine() }),
        ("initial_size", PoolOptions { initial_size: 3, max_idle: Some(2), ..fine() }),
        ("breaker.failures", PoolOptions { breaker: Some(no_failures), ..fine() }),
        ("breaker.probes", PoolOptions { breaker: Some(no_probes), ..fine() }),
        ("connect_retry.max_attempts", PoolOptions { connect_retry: no_attempts, ..fine() }),
        ("connect_retry.base_pause", PoolOptions { connect_retry: no_pause, ..fine() }),
        ("max_lifetime_jitter", PoolOptions { max_lifetime_jitter: -0.1, ..fine() }),
        ("max_lifetime_jitter", PoolOptions { max_lifetime_jitter: f64::NAN, ..fine() }),
    ];
    for (option, options) in cases {
        let error: ConfigError = Pool::builder(Fake::new()).options(options).build().unwrap_err();
        assert_eq!(error.option(), option, "{error}");
        assert!(error.to_string().starts_with(option), "{error}");
    }
    PoolOptions::default().check().unwrap();
}

#[cfg(feature = "serde")]
#[test]
fn options_read_from_text_and_refuse_what_they_do_not_know() {
    let text = r#"{"max_size": 3, "acquire_timeout": "2s", "idle_timeout": "off",
                   "validate": {"idle": "500ms"}, "reset": "always", "reuse": "fifo",
                   "breaker": {"failures": 3, "open_for": "1min"}, "startup": "fill",
                   "connect_retry": {"max_attempts": 4, "base_pause": "1s", "max_pause": "1s"}}"#;
    let options: PoolOptions = serde_json::from_str(text).unwrap();
    assert_eq!(options.max_size, 3);
    assert_eq!(options.acquire_timeout, Duration::from_secs(2));
    assert_eq!(options.idle_timeout, None);
    assert_eq!(options.validate, Validate::Idle(Duration::from_millis(500)));
    assert_eq!(options.breaker.unwrap().failures, 3);
    assert_eq!(options.breaker.unwrap().probes, 1, "the others keep their defaults");
    assert_eq!(options.connect_retry.max_attempts, Some(4));
    assert_eq!(options.startup, Startup::Fill);
    let off: PoolOptions = serde_json::from_str(r#"{"breaker": "off"}"#).unwrap();
    assert_eq!(off.breaker, None);
    let written = serde_json::to_string(&off).unwrap();
    assert_eq!(serde_json::from_str::<PoolOptions>(&written).unwrap(), off);
    let again: PoolOptions =
        serde_json::from_str(&serde_json::to_string(&options).unwrap()).unwrap();
    assert_eq!(again, options);
    for wrong in [
        r#"{"max_sise": 3}"#,
        r#"{"acquire_timeout": 5}"#,
        r#"{"acquire_timeout": "5"}"#,
        r#"{"breaker": "on"}"#,
        r#"{"breaker": {"failure": 3}}"#,
    ] {
        assert!(serde_json::from_str::<PoolOptions>(wrong).is_err(), "{wrong}");
    }
}
