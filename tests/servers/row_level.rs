//! Row-level security by the context of sessions.

use wellspring::{Database, Error, ErrorKind, params};
use wellspring_testkit::servers::Kind;

mod postgres {
    use super::*;

    /// Rows of the tenant, whom setup names to the database.
    async fn of_tenant(db: &Database, tenant: &str) -> Vec<String> {
        db.session_with(params! { tenant: tenant }, async |mut s| -> Result<Vec<String>, Error> {
            s.query("select what from orders order by what", ()).all().await
        })
        .await
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_session_sees_the_rows_of_its_tenant() {
        let fresh = crate::databases::fresh(Kind::Postgres).await;
        let db = fresh
            .builder()
            .max_size(1)
            .session_setup(|session| {
                Box::pin(async move {
                    let tenant = session.value("tenant")?;
                    session
                        .query("select set_config('app.tenant', ?, true)", (tenant,))
                        .execute()
                        .await
                        .map(drop)
                })
            })
            .session_setup(|session| {
                Box::pin(async move {
                    // The owner of a server may do anything; policies are for others.
                    let role: String = session.query("select current_database()", ()).one().await?;
                    session.execute(format!("set local role {role}"), ()).await.map(drop)
                })
            })
            .connect()
            .await
            .unwrap();
        let role: String = db.query("select current_database()", ()).one().await.unwrap();
        db.execute_script(&format!(
            "create role {role};
             create table orders (tenant text, what text);
             insert into orders values ('a', 'apples'), ('a', 'pears'), ('b', 'bolts');
             alter table orders enable row level security;
             create policy own on orders
                 using (tenant = current_setting('app.tenant', true))
                 with check (tenant = current_setting('app.tenant', true));
             grant all on orders to {role}"
        ))
        .await
        .unwrap();
        assert_eq!(of_tenant(&db, "a").await, ["apples", "pears"]);
        assert_eq!(of_tenant(&db, "b").await, ["bolts"]);
        // What would be dangerous if it were pasted.
        assert!(of_tenant(&db, "a', false); drop table orders; --").await.is_empty());
        let wrong: Result<(), Error> = db
            .session_with(params! { tenant: "a" }, async |mut s| {
                s.execute("insert into orders values ('b', 'nails')", ()).await.map(drop)
            })
            .await;
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::PermissionDenied);
        // Nothing of it is left in the one connection there is.
        let tenant: Option<String> = db
            .query("select nullif(current_setting('app.tenant', true), '')", ())
            .one()
            .await
            .unwrap();
        assert_eq!(tenant, None);
        let rows: i64 = db.query("select count(*) from orders", ()).one().await.unwrap();
        assert_eq!(rows, 3);
        assert_eq!(db.stats().pool.counters.connected, 1);
        db.execute(format!("drop owned by {role}"), ()).await.unwrap();
        db.execute(format!("drop role {role}"), ()).await.unwrap();
    }
}
