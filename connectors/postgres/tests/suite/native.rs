//! Pools of native clients.

use std::time::Duration;

use wellspring_connector::{ErrorKind, SharedPassword};
use wellspring_pool_core::{ConnectError, ResetPolicy};
use wellspring_postgres::{Pool, PostgresManager, PostgresOptions};
use wellspring_testkit::servers::{APP_PASSWORD, Postgres};

use crate::databases::server;

#[tokio::test]
async fn a_native_pool_hands_out_clients_and_cleans_up_after_them() {
    let manager = PostgresManager::new(server("POSTGRES")).unwrap();
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    {
        let client = pool.get().await.unwrap();
        let row = client.query_one("select $1::int8 * 6", &[&7_i64]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 42);
        client.batch_execute("begin; create table never_made (a int)").await.unwrap();
        assert!(client.is_in_transaction());
    }
    {
        let client = pool.get().await.unwrap();
        assert!(!client.is_in_transaction());
        let sleeping = client.batch_execute("select pg_sleep(600)");
        assert!(tokio::time::timeout(Duration::from_millis(30), sleeping).await.is_err());
    }
    let client = tokio::time::timeout(crate::support::LONG, pool.get()).await.unwrap().unwrap();
    let row = client.query_one("select to_regclass('never_made') is null", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    drop(client);
    let counters = pool.stats().counters;
    assert_eq!((counters.connected, counters.resets), (1, 2));
}

#[tokio::test]
async fn a_native_pool_that_always_resets_hands_on_no_settings() {
    let manager = PostgresManager::new(server("POSTGRES")).unwrap();
    let pool = Pool::builder(manager).max_size(1).reset(ResetPolicy::Always).build().unwrap();
    pool.get().await.unwrap().batch_execute("set search_path = nowhere").await.unwrap();
    let client = pool.get().await.unwrap();
    let row = client.query_one("show search_path", &[]).await.unwrap();
    assert_ne!(row.get::<_, &str>(0), "nowhere");
}

#[tokio::test]
async fn a_native_pool_asks_for_the_password_of_each_connection() {
    let server = Postgres::start().expect("a server of our own");
    let options = PostgresOptions::from_url(&server.app_url()).unwrap();
    let password = SharedPassword::new("canary");
    let manager = PostgresManager::new(options.password("canary")).unwrap();
    let manager = manager.credentials(password.clone());
    assert!(!format!("{manager:?}").contains("canary"), "{manager:?}");
    let pool = Pool::builder(manager).max_size(2).build().unwrap();
    match pool.start().await.unwrap_err() {
        ConnectError::Failed(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectAuth, "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    password.set(APP_PASSWORD);
    let old = pool.get().await.unwrap();
    old.batch_execute("alter role app password 'another'").await.unwrap();
    password.set("another");
    let new = pool.get().await.unwrap();
    for client in [&old, &new] {
        client.batch_execute("select 1").await.unwrap();
        assert!(!format!("{client:?}").contains("another"));
    }
}

#[tokio::test]
async fn a_wrong_database_is_permanent() {
    let manager = PostgresManager::new(server("POSTGRES").database("no_such")).unwrap();
    let pool = Pool::builder(manager).build().unwrap();
    match pool.start().await.unwrap_err() {
        ConnectError::Failed(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectUnknownDatabase, "{error:?}");
        }
        other => panic!("{other:?}"),
    }
}
