//! Opening a database: lazily or not, several connections at the start, none kept, one outside.

use std::time::Duration;

use wellspring::Startup;

use crate::databases::on_every_database;

on_every_database! {
    async fn build_connects_lazily_and_connect_proves(fresh: Fresh) {
        let db = fresh.builder().build().unwrap();
        assert_eq!(db.status().size, 0);
        db.ping().await.unwrap();
        assert_eq!(db.status().size, 1);
        assert_eq!(fresh.connect().await.status().idle, 1);
    }

    async fn initial_size_is_opened_at_the_start(fresh: Fresh) {
        let of_three = || fresh.builder().pool_with(|pool| pool.initial_size = 3);
        let filled = of_three().pool_with(|pool| pool.startup = Startup::Fill).connect().await;
        assert_eq!(filled.unwrap().status().idle, 3);
        // By default one is proved, and the others follow.
        let proved = of_three().connect().await.unwrap();
        assert!(proved.status().idle >= 1);
        while proved.status().idle < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let lazy = of_three().pool_with(|pool| pool.startup = Startup::Lazy).connect().await;
        assert_eq!(lazy.unwrap().status().size, 0);
    }

    async fn unpooled_opens_a_connection_per_use(fresh: Fresh) {
        let db = fresh.builder().unpooled().connect().await.unwrap();
        db.execute("create table t (a integer)", ()).await.unwrap();
        let before = db.stats().pool.counters.connected;
        for n in 0..5 {
            db.execute("insert into t values (?)", (n,)).await.unwrap();
        }
        let sum: i64 = db.query("select sum(a) from t", ()).one().await.unwrap();
        assert_eq!(sum, 10);
        let pool = db.stats().pool;
        assert_eq!(pool.counters.connected - before, 6);
        assert_eq!(pool.status.idle, 0, "nothing is kept");
        // More at one time than any pool would give.
        let held = futures_util::future::join_all((0..20).map(|_| db.connection())).await;
        assert!(held.iter().all(Result::is_ok));
    }

    async fn a_connection_can_be_opened_outside_the_pool(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let mut pooled = db.connection().await.unwrap();
        let mut own = db.open_connection().await.unwrap();
        own.ping().await.unwrap();
        pooled.ping().await.unwrap();
        assert_eq!(db.status().size, 1);
        drop(own);
        assert_eq!(db.status().used, 1);
    }
}
