//! `echo_pool`: what a pool does is logged, once and as severely as it must be; others may listen, too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tracing::Level;
use wellspring::connector::{Connection, Connector};
use wellspring::{Database, Dialect, Echo, Error, ErrorKind, Event, Listener, Result};
use wellspring_testkit::logs::{self, Line};

use crate::databases::on_every_database;
use crate::support::named_for_logs;

const POOL: &str = "wellspring::pool";

/// Everything that was logged of a pool under these targets.
fn told(db: &Database, target: &str) -> Vec<Line> {
    let mut lines = logs::kept("pool", db.name());
    lines.retain(|line| line.target.starts_with(target));
    lines
}

fn labels(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.get("event")).collect()
}

/// A listener of one's own.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<Vec<&'static str>>>);

impl Listener for Own {
    fn on_event(&self, _: &str, event: &Event<'_>) {
        self.0.lock().unwrap().push(event.label());
    }
}

/// Asks for a connection and gives it back clean.
async fn use_one(db: &Database) {
    drop(db.connection().await.unwrap());
}

on_every_database! {
    async fn the_pool_and_a_listener_of_ones_own_hear_the_same(fresh: Fresh) {
        let own = Own::default();
        let builder = fresh.builder().max_size(1).listener(own.clone()).echo_pool(Echo::Debug);
        let db = builder.name(named_for_logs()).connect().await.unwrap();
        use_one(&db).await;
        db.pool().resize(2).unwrap();
        db.pool().pause();
        db.pool().resume();
        db.pool().invalidate_all();
        db.close().await;
        let lines = told(&db, POOL);
        let labels = labels(&lines);
        assert_eq!(labels, *own.0.lock().unwrap());
        for label in [
            "connected", "acquired", "released", "resized", "paused", "resumed", "invalidated",
            "closed", "pool_closed",
        ] {
            assert!(labels.contains(&label), "{label} in {labels:?}");
        }
        let line = |label: &str| lines.iter().find(|line| line.get("event") == label).unwrap();
        assert_eq!(line("connected").get("connection"), "1");
        assert!(!line("connected").get("took").is_empty());
        assert_eq!(line("closed").get("reason"), "invalidated");
        assert_eq!((line("resized").get("max_size"), line("resized").get("min_idle")), ("2", "0"));
        assert_eq!(line("acquired").level, Level::DEBUG);
        // As severe as it would be without.
        assert_eq!(line("paused").level, Level::INFO);
        // And once.
        let severe = |line: &Line| line.level <= Level::INFO;
        assert!(!told(&db, "wellspring_pool_core").iter().any(severe));
    }

    async fn a_leak_is_a_warning_with_and_without(fresh: Fresh) {
        for echo in [Echo::Off, Echo::Trace] {
            let builder = fresh.builder().echo_pool(echo);
            let builder = builder.pool_with(|pool| pool.leak_threshold = Some(Duration::from_millis(5)));
            let db = builder.name(named_for_logs()).connect().await.unwrap();
            let held = db.connection().await.unwrap();
            let of_engine = || told(&db, "wellspring_pool_core");
            let warned = |lines: Vec<Line>| {
                let mut warnings = lines.into_iter().filter(|line| line.level == Level::WARN);
                let warning = warnings.next()?;
                assert_eq!(warnings.next(), None);
                assert_eq!(warning.get("message"), "connection held for too long");
                assert!(warning.get("holder").contains("echo_pool.rs"), "{warning}");
                Some(())
            };
            let all = || told(&db, "wellspring");
            while warned(all()).is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(warned(of_engine()).is_some(), echo == Echo::Off);
            drop(held);
        }
    }
}

/// Its connects are refused.
#[derive(Debug)]
struct Refuses;

#[async_trait]
impl Connector for Refuses {
    fn dialect(&self) -> &'static Dialect {
        static DIALECT: Dialect = Dialect::STANDARD;
        &DIALECT
    }

    fn target(&self) -> String {
        "nowhere".to_owned()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let error = Error::new(ErrorKind::ConnectAuth, "no such user");
        Err(error.with_sqlstate("28P01").with_code("7"))
    }
}

#[tokio::test]
async fn a_failed_connect_tells_why() {
    let builder = Database::with_connector(Arc::new(Refuses)).echo(true).echo_pool(true);
    let db = builder.name(named_for_logs()).build().unwrap();
    db.execute("select 1", ()).await.unwrap_err();
    let lines = told(&db, POOL);
    let line = lines.iter().find(|line| line.get("event") == "connect_failed").unwrap();
    assert_eq!(line.get("error_kind"), "connect_auth");
    assert_eq!((line.get("sqlstate"), line.get("code")), ("28P01", "7"));
    assert_eq!((line.get("error"), line.get("failures")), ("no such user (28P01)", "1"));
    // No statement was sent.
    assert!(logs::kept("database", db.name()).is_empty());
}
