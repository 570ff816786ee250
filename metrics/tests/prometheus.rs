//! The Prometheus text, over a real pool of fakes.

use std::collections::BTreeMap;
use std::time::Duration;

use wellspring_metrics::prometheus::render;
use wellspring_pool_core::{Pool, WorkKind};
use wellspring_testkit::fake::Fake;

/// Every sample line as name-with-labels and value; panics on a line that is none.
fn samples(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("name and value");
            assert!(name.contains('{') && name.ends_with('}'), "{line}");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_family_has_a_head_and_consistent_samples() {
    let pool = Pool::builder(Fake::new()).name("or\"ders\n").max_size(3).build().unwrap();
    let mut held = pool.get().await.unwrap();
    held.record(WorkKind::Query, Duration::from_millis(2), false);
    tokio::time::advance(Duration::from_millis(20)).await;
    drop(held);
    let _held = pool.get().await.unwrap();

    let text = render(&[pool.stats()]);
    let samples = samples(&text);
    let pool_label = r#"db_client_connection_pool_name="or\"ders\n""#;
    let get = |name: &str, labels: &str| {
        let key = format!("{name}{{{pool_label}{labels}}}");
        *samples.get(&key).unwrap_or_else(|| panic!("no {key} in\n{text}"))
    };
    assert_eq!(get("db_client_connection_count", r#",db_client_connection_state="used""#), 1.0);
    assert_eq!(get("db_client_connection_count", r#",db_client_connection_state="idle""#), 0.0);
    assert_eq!(get("db_client_connection_max", ""), 3.0);
    assert_eq!(get("wellspring_connection_opened_total", ""), 1.0);
    assert_eq!(get("wellspring_work_total", r#",kind="query",outcome="error""#), 1.0);
    assert_eq!(get("db_client_connection_use_time_seconds_count", ""), 1.0);
    assert_eq!(get("db_client_connection_use_time_seconds_bucket", r#",le="0.01""#), 0.0);
    assert_eq!(get("db_client_connection_use_time_seconds_bucket", r#",le="0.05""#), 1.0);
    assert_eq!(get("db_client_connection_use_time_seconds_bucket", r#",le="+Inf""#), 1.0);
    assert_eq!(get("db_client_connection_wait_time_seconds_count", ""), 2.0);

    for key in samples.keys() {
        let family = key.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|s| family.strip_suffix(s).filter(|f| f.ends_with("_seconds")))
            .unwrap_or(family);
        assert!(text.contains(&format!("# TYPE {family} ")), "{family} has no head");
        assert!(text.contains(&format!("# HELP {family} ")), "{family} has no help");
    }
}

#[test]
fn no_pools_is_an_exposition_without_samples() {
    let text = render(&[]);
    assert!(samples(&text).is_empty());
}
