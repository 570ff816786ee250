//! A living database under control: its pool paused, resized, invalidated, its breaker opened; leaks
//! that name the user's code; several databases under one cap.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring::{BreakerState, Error, ErrorKind, Event, Listener, PoolGroup, RetryPolicy};

use crate::databases::on_every_database;

/// Notes where leaks were taken.
#[derive(Clone, Default)]
struct Leaks(Arc<Mutex<Vec<(String, u32)>>>);

impl Listener for Leaks {
    fn on_event(&self, _: &str, event: &Event<'_>) {
        if let Event::Leak { holder } = event {
            let location = holder.location;
            self.0.lock().unwrap().push((location.file().to_owned(), location.line()));
        }
    }
}

on_every_database! {
    async fn a_leak_names_the_place_in_the_users_code(fresh: Fresh) {
        let leaks = Leaks::default();
        let db = fresh
            .builder()
            .pool_with(|pool| pool.leak_threshold = Some(Duration::from_millis(20)))
            .listener(leaks.clone())
            .connect()
            .await
            .unwrap();
        let _held = db.connection().await.unwrap();
        let line = line!() - 1;
        while leaks.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(*leaks.0.lock().unwrap(), [(file!().to_owned(), line)]);
        assert_eq!(db.pool().leaks().len(), 1);
    }

    async fn an_open_breaker_refuses_in_portable_words(fresh: Fresh) {
        let db = fresh.builder().build().unwrap();
        db.pool().open_breaker();
        assert_eq!(db.status().breaker, BreakerState::Open);
        let error: Error = db.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PoolExhausted);
        assert!(error.to_string().contains("breaker open"), "{error}");
        db.pool().reset_breaker();
        db.ping().await.unwrap();
    }

    async fn statements_wait_while_the_pool_is_paused(fresh: Fresh) {
        let db = fresh.connect().await;
        db.pool().pause();
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.query("select 1", ()).one::<i64>().await }
        });
        while db.status().waiting == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        db.pool().resume();
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
    }

    async fn invalidated_connections_are_replaced_under_way(fresh: Fresh) {
        let db = fresh.builder().max_size(2).connect().await.unwrap();
        db.ping().await.unwrap();
        let before = db.stats().pool.counters.connected;
        db.pool().invalidate_all();
        db.ping().await.unwrap();
        let counters = db.stats().pool.counters;
        assert_eq!(counters.connected, before + 1);
        assert_eq!(counters.closed.invalidated, before);
    }

    async fn two_databases_share_a_cap(fresh: Fresh) {
        let group = PoolGroup::new(2).unwrap();
        let build = |share| fresh.builder().max_size(2).group(&group, share).build();
        let (one, two) = (build(1).unwrap(), build(0).unwrap());
        let _first = one.connection().await.unwrap();
        let _second = two.connection().await.unwrap();
        assert_eq!(group.status().used, 2);
        let error = two
            .pool()
            .get_timeout(Duration::from_millis(20))
            .await
            .map(drop)
            .unwrap_err();
        assert!(error.to_string().contains("cap shared with other pools"), "{error}");
        let error = build(2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("group.share"), "{error}");
    }
}

#[test]
fn a_retry_policy_that_never_tries_is_refused() {
    let never = RetryPolicy { max_attempts: Some(0), ..RetryPolicy::default() };
    let error = wellspring::Database::builder("sqlite::memory:").retry(never).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("max_attempts = 0"), "{error}");
}
