//! Wellspring's native pools: the engine with a driver's own client, and nothing portable.

use bench_kit::{Job, POOL, PointPeer, PointRow, Result, sql};

/// `wellspring_postgres::Pool`.
#[cfg(feature = "ours-postgres")]
#[derive(Clone)]
pub(crate) struct Postgres(wellspring_postgres::Pool);

#[cfg(feature = "ours-postgres")]
impl Postgres {
    pub(crate) fn open(job: &Job) -> Result<Self> {
        let manager = wellspring_postgres::PostgresManager::from_url(&job.url)?;
        Ok(Self(wellspring_postgres::Pool::builder(manager).max_size(POOL).build()?))
    }
}

#[cfg(feature = "ours-postgres")]
impl PointPeer for Postgres {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let mut client = task.0.get().await?;
        let statement = client.prepare_cached(sql::POINT_PG).await?;
        super::pg_raw::point_row(&client.query_one(&statement, &[&id]).await?)
    }
}

/// `wellspring_mysql::Pool`.
#[cfg(feature = "ours-mariadb")]
#[derive(Clone)]
pub(crate) struct MariaDb(wellspring_mysql::Pool);

#[cfg(feature = "ours-mariadb")]
impl MariaDb {
    pub(crate) fn open(job: &Job) -> Result<Self> {
        let manager = wellspring_mysql::MySqlManager::from_url(&job.url)?;
        Ok(Self(wellspring_mysql::Pool::builder(manager).max_size(POOL).build()?))
    }
}

#[cfg(feature = "ours-mariadb")]
impl PointPeer for MariaDb {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        use mysql_async::prelude::Queryable as _;
        let mut conn = task.0.get().await?;
        let found: Option<(i64, i64, String)> = conn.exec_first(sql::POINT, (id,)).await?;
        let (id, n, name) = found.ok_or_else(|| format!("no row {id}"))?;
        Ok(PointRow { id, n, name })
    }
}
