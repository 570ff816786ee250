//! PostgreSQL through deadpool and bb8.

use bb8_postgres::PostgresConnectionManager;
use bench_kit::{Error, Job, POOL, PointPeer, PointRow, Result, sql};
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use tokio_postgres::NoTls;

use super::pg_raw::{Prepared, point_row};

/// deadpool-postgres; its statement cache in use.
#[derive(Clone)]
pub(crate) struct Deadpool(deadpool_postgres::Pool);

impl Deadpool {
    pub(crate) fn open(job: &Job, recycling_method: RecyclingMethod) -> Result<Self> {
        let config = job.url.parse()?;
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        Ok(Self(deadpool_postgres::Pool::builder(manager).max_size(POOL).build()?))
    }
}

impl PointPeer for Deadpool {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let client = task.0.get().await?;
        let statement = client.prepare_cached(sql::POINT_PG).await?;
        point_row(&client.query_one(&statement, &[&id]).await?)
    }
}

/// bb8-postgres with its defaults: no statement cache, a query as a check before each use.
#[derive(Clone)]
pub(crate) struct Bb8(bb8::Pool<PostgresConnectionManager<NoTls>>);

impl Bb8 {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let manager = PostgresConnectionManager::new_from_stringlike(&job.url, NoTls)?;
        Ok(Self(bb8::Pool::builder().max_size(POOL as u32).build(manager).await?))
    }
}

impl PointPeer for Bb8 {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let client = task.0.get().await?;
        point_row(&client.query_one(sql::POINT_PG, &[&id]).await?)
    }
}

/// bb8 with a manager that keeps the statement, and without the check.
#[derive(Clone)]
pub(crate) struct Bb8Prepared(bb8::Pool<Keeper>);

/// Makes connections with the statement prepared.
pub(crate) struct Keeper(String);

impl bb8::ManageConnection for Keeper {
    type Connection = Prepared;
    type Error = Failure;

    async fn connect(&self) -> Result<Prepared, Failure> {
        Prepared::connect(&self.0).await.map_err(Failure)
    }

    async fn is_valid(&self, _: &mut Prepared) -> Result<(), Failure> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Prepared) -> bool {
        connection.client.is_closed()
    }
}

/// An error of one type, as bb8 wants it.
#[derive(Debug)]
pub(crate) struct Failure(Error);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl Bb8Prepared {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let pool = bb8::Pool::builder()
            .max_size(POOL as u32)
            .test_on_check_out(false)
            .build(Keeper(job.url.clone()))
            .await?;
        Ok(Self(pool))
    }
}

impl PointPeer for Bb8Prepared {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let lent = task.0.get().await?;
        point_row(&lent.client.query_one(&lent.statement, &[&id]).await?)
    }
}
