//! PostgreSQL through rbatis and its own driver.

use bench_kit::{Job, POOL, PointPeer, PointRow, Result, sql};
use rbdc_pg::driver::PgDriver;

/// Its default pool.
#[derive(Clone)]
pub(crate) struct Rbatis(::rbatis::RBatis);

#[derive(serde::Deserialize)]
struct Row {
    id: i64,
    n: i64,
    name: String,
}

impl Rbatis {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let rbatis = ::rbatis::RBatis::new();
        rbatis.init(PgDriver {}, &job.url)?;
        rbatis.get_pool()?.set_max_open_conns(POOL as u64).await;
        Ok(Self(rbatis))
    }
}

impl PointPeer for Rbatis {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let rows: Vec<Row> = task.0.exec_decode(sql::POINT_PG, vec![rbs::value!(id)]).await?;
        let row = rows.into_iter().next();
        let Row { id, n, name } = row.ok_or("no row")?;
        Ok(PointRow { id, n, name })
    }
}
