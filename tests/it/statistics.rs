//! The numbers a database keeps about itself.

use wellspring::pool::WorkKind;

use crate::databases::on_every_database;

on_every_database! {
    async fn statements_commits_and_rollbacks_are_counted(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (a integer)", ()).await.unwrap();
        db.execute("insert into nowhere values (1)", ()).await.unwrap_err();
        let kept: wellspring::Result<()> = db
            .transaction(async |mut tx| tx.execute("insert into t values (1)", ()).await.map(drop))
            .await;
        kept.unwrap();
        let undone: Result<(), Box<dyn std::error::Error>> =
            db.transaction(async |_tx| Err("no".into())).await;
        undone.unwrap_err();
        let stats = db.stats();
        let query = stats.pool.work.get(WorkKind::Query);
        assert_eq!((query.count, query.errors), (3, 1));
        assert_eq!(stats.pool.work.get(WorkKind::Transaction).count, 1);
        assert_eq!(stats.pool.work.get(WorkKind::Rollback).count, 1);
        assert_eq!(stats.pool.counters.connected, 1);
        assert_eq!(stats.pool.usage.count, stats.pool.wait.count);
        assert!(stats.cached_statements >= 3);
    }

    async fn statistics_serialise_and_print(fresh: Fresh) {
        let db = fresh.builder().name("orders").connect().await.unwrap();
        db.ping().await.unwrap();
        let json = serde_json::to_value(db.stats()).unwrap();
        assert_eq!(json["database"], "orders");
        let dialect = db.dialect().name;
        assert_eq!(json["dialect"], dialect);
        assert_eq!(json["pool"]["status"]["idle"], 1);
        assert_eq!(json["pool"]["counters"]["connected"], 1);
        let text = db.stats().to_string();
        assert!(text.contains(&format!("orders ({dialect}")), "{text}");
        assert!(text.contains("in use 0, idle 1"), "{text}");
        let prometheus = wellspring::metrics::prometheus::render(&[db.stats().pool]);
        assert!(prometheus.contains(r#"pool_name="orders""#), "{prometheus}");
    }
}
