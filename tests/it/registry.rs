//! Several databases by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use wellspring::{Database, Databases, ErrorKind};

fn memory() -> wellspring::DatabaseBuilder {
    Database::builder("sqlite::memory:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pool_is_made_once_however_many_ask_at_the_same_time() {
    let databases = Databases::new();
    databases.add("shop", memory()).unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let databases = databases.clone();
            tokio::spawn(async move {
                let shop = databases.require("shop").unwrap();
                shop.execute("create table if not exists t (a integer)", ()).await.unwrap();
                shop.execute("insert into t values (1)", ()).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // Each pool in memory is a database of its own: there was one.
    let rows: i64 =
        databases.require("shop").unwrap().query("select count(*) from t", ()).one().await.unwrap();
    assert_eq!(rows, 64);
}

#[tokio::test]
async fn nothing_is_connected_before_somebody_asks() {
    let databases = Databases::new();
    databases.add("lazy", memory().pool_with(|pool| pool.min_idle = 2)).unwrap();
    databases.add("missing", Database::builder("sqlite:///nonexistent/dir/x.db?mode=rw")).unwrap();
    assert_eq!(databases.require("lazy").unwrap().name(), "lazy");
    let error = databases.connect("missing").await.unwrap_err();
    assert_eq!(error.database(), Some("missing"));
    databases.connect("lazy").await.unwrap();
    let all = databases.connect_all().await;
    let failed: Vec<_> =
        all.iter().filter(|(_, result)| result.is_err()).map(|(name, _)| name.as_str()).collect();
    assert_eq!((all.len(), failed), (2, vec!["missing"]));
}

#[tokio::test]
async fn names_are_known_and_unknown_ones_are_told_with_them() {
    let databases = Databases::new();
    let error = databases.require("x").unwrap_err();
    assert!(error.to_string().contains("there are none"), "{error}");
    databases.add("orders", memory()).unwrap();
    assert_eq!(databases.default_database().unwrap().name(), "orders", "the only one");
    databases.add("cache", memory()).unwrap();
    assert_eq!(databases.names(), ["orders", "cache"]);
    let error = databases.default_database().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(r#"(there are "orders", "cache")"#), "{error}");
    let error = databases.require("order").unwrap_err();
    assert!(
        error.to_string().contains(r#"no database "order", did you mean "orders"?"#),
        "{error}"
    );
    assert!(databases.get("order").is_none());
    databases.set_default("cache").unwrap();
    assert_eq!(databases.default_database().unwrap().name(), "cache");
    assert!(databases.set_default("nobody").is_err());
    databases.add("default", memory()).unwrap();
    assert_eq!(databases.default_database().unwrap().name(), "cache", "what was said holds");
}

#[tokio::test]
async fn pools_and_connectors_made_elsewhere_are_put_in() {
    let databases = Databases::new();
    let own = memory().name("own").connect().await.unwrap();
    own.execute("create table t (a integer)", ()).await.unwrap();
    databases.insert("own", own.clone()).unwrap();
    let rows: i64 =
        databases.require("own").unwrap().query("select count(*) from t", ()).one().await.unwrap();
    assert_eq!(rows, 0);
    let connector = wellspring::Drivers::compiled_in().connector("sqlite::memory:").unwrap();
    databases.add_connector("by_connector", connector).unwrap();
    assert_eq!(databases.connect("by_connector").await.unwrap().name(), "by_connector");
    // A name is there once.
    for error in
        [databases.insert("own", own).unwrap_err(), databases.add("own", memory()).unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("\"own\" already"), "{error}");
    }
    let error = databases.add("wrong", Database::builder("postgers://h")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(databases.names(), ["own", "by_connector"]);
}

#[tokio::test]
async fn one_that_is_taken_out_stays_with_those_who_have_it() {
    let databases = Databases::new();
    databases.add("a", memory()).unwrap();
    databases.add("never_asked_for", memory()).unwrap();
    let mine = databases.require("a").unwrap();
    assert!(databases.remove("a").is_some());
    assert!(databases.remove("never_asked_for").is_none());
    assert!(databases.remove("a").is_none());
    let one: i64 = mine.query("select 1", ()).one().await.unwrap();
    assert_eq!(one, 1);
    databases.add("a", memory()).unwrap();
}

#[tokio::test]
async fn closing_all_reports_each_and_never_gives_up_half_way() {
    let databases = Databases::new();
    for name in ["a", "b", "c"] {
        databases.add(name, memory()).unwrap();
    }
    let (a, b) = (databases.connect("a").await.unwrap(), databases.connect("b").await.unwrap());
    let held = b.connection().await.unwrap();
    let closing = databases.clone();
    let closing = tokio::spawn(async move { closing.close_all().await });
    // The others are closed while one is still in use.
    while !a.is_closed() || !b.is_closed() {
        tokio::task::yield_now().await;
    }
    drop(held);
    let report = closing.await.unwrap();
    let names: BTreeSet<_> = report.databases.iter().map(|(name, _)| name.as_str()).collect();
    // Nobody had asked for the third.
    assert_eq!(names, ["a", "b"].into());
    assert!(report.is_complete(), "{report}");
    assert_eq!(
        a.query("select 1", ()).one::<i64>().await.unwrap_err().kind(),
        ErrorKind::PoolClosed
    );
    assert!(databases.add("late", memory()).is_err());
}

#[tokio::test(start_paused = true)]
async fn who_holds_on_is_reported() {
    let databases = Databases::new();
    let quick = Arc::new(databases.clone());
    databases.add("held", memory()).unwrap();
    databases.add("free", memory()).unwrap();
    let held = quick.connect("held").await.unwrap().connection().await.unwrap();
    quick.connect("free").await.unwrap();
    let report = databases.close_all().await;
    assert!(!report.is_complete());
    let text = report.to_string();
    assert!(
        text.contains("held: 1 connections are still in use") && text.contains("free: closed"),
        "{text}"
    );
    drop(held);
}

#[tokio::test]
async fn dropping_the_close_leaves_none_open() {
    let databases = Databases::new();
    databases.add("a", memory()).unwrap();
    databases.add("b", memory()).unwrap();
    let (a, b) = (databases.connect("a").await.unwrap(), databases.connect("b").await.unwrap());
    let _held = a.connection().await.unwrap();
    {
        let mut close = Box::pin(databases.close_all());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(close.as_mut().poll(&mut cx).is_pending());
    }
    assert!(a.is_closed() && b.is_closed());
}

/// All of it in one test: it is about the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_databases_of_the_process_reach_every_thread_and_a_test_has_its_own() {
    let named = |name: &str| {
        let databases = Databases::new();
        databases.add(name.to_owned(), memory()).unwrap();
        databases
    };
    let current = || Databases::current().map(|databases| databases.names());
    assert!(named("process").configure().is_none());
    assert_eq!(current().unwrap(), ["process"]);
    assert_eq!(std::thread::spawn(current).join().unwrap().unwrap(), ["process"]);
    assert_eq!(tokio::spawn(async move { current() }).await.unwrap().unwrap(), ["process"]);
    // For a future, and inside another.
    let inner = named("test")
        .using(async {
            let outer = current().unwrap();
            tokio::task::yield_now().await;
            let inner = named("inner").using(async { current().unwrap() }).await;
            (
                outer,
                inner,
                current().unwrap(),
                tokio::spawn(async move { current().unwrap() }).await.unwrap(),
            )
        })
        .await;
    assert_eq!(inner.0, ["test"]);
    assert_eq!(inner.1, ["inner"]);
    assert_eq!(inner.2, ["test"]);
    assert_eq!(inner.3, ["process"], "a task has `using` of its own");
    assert_eq!(named("sync").using_sync(|| current().unwrap()), ["sync"]);
    assert_eq!(named("second").configure().unwrap().names(), ["process"]);
    assert_eq!(Databases::unconfigure().unwrap().names(), ["second"]);
    #[cfg(not(feature = "config"))]
    assert!(current().is_err());
}
