//! MariaDB through mysql_async: alone, and through its own pool.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bench_kit::{Job, POOL, PointPeer, PointRow, Result, sql};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, PoolConstraints, PoolOpts, Statement};
use tokio::sync::Semaphore;

/// Over TCP, whatever the server says of a socket: all peers go the same way.
pub(crate) fn options(url: &str) -> Result<OptsBuilder> {
    Ok(OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false))
}

/// A connection.
pub(crate) async fn connect(url: &str) -> Result<Conn> {
    Ok(Conn::new(options(url)?).await?)
}

fn row(id: i64, found: Option<(i64, i64, String)>) -> Result<PointRow> {
    let (id, n, name) = found.ok_or_else(|| format!("no row {id}"))?;
    Ok(PointRow { id, n, name })
}

/// A connection with the point read prepared.
pub(crate) struct Prepared {
    conn: Conn,
    statement: Statement,
}

impl Prepared {
    async fn connect(url: &str) -> Result<Self> {
        let mut conn = connect(url).await?;
        let statement = conn.prep(sql::POINT).await?;
        Ok(Self { conn, statement })
    }

    async fn read(&mut self, id: i64) -> Result<PointRow> {
        row(id, self.conn.exec_first(&self.statement, (id,)).await?)
    }
}

/// A connection for each task.
pub(crate) struct PerTask(String);

impl PerTask {
    pub(crate) fn open(job: &Job) -> Self {
        Self(job.url.clone())
    }
}

impl PointPeer for PerTask {
    type Task = Prepared;

    async fn task(&self) -> Result<Prepared> {
        Prepared::connect(&self.0).await
    }

    async fn read(task: &mut Prepared, id: i64) -> Result<PointRow> {
        task.read(id).await
    }
}

/// The floor: connections lent to one caller at a time, in order of arrival.
#[derive(Clone)]
pub(crate) struct Leased(Arc<Shelf>);

struct Shelf {
    permits: Semaphore,
    idle: Mutex<VecDeque<Prepared>>,
}

impl Leased {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let mut idle = VecDeque::with_capacity(POOL);
        for _ in 0..POOL {
            idle.push_back(Prepared::connect(&job.url).await?);
        }
        Ok(Self(Arc::new(Shelf { permits: Semaphore::new(POOL), idle: Mutex::new(idle) })))
    }
}

impl PointPeer for Leased {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let _permit = task.0.permits.acquire().await?;
        let lent = task.0.idle.lock().expect("nothing panics under it").pop_front();
        let mut lent = lent.expect("one for each permit");
        let row = lent.read(id).await;
        task.0.idle.lock().expect("nothing panics under it").push_back(lent);
        row
    }
}

/// mysql_async's pool; its statement cache in use.
#[derive(Clone)]
pub(crate) struct Pool(mysql_async::Pool);

impl Pool {
    /// `reset`: whether a connection is reset when it comes back, as it is by default.
    pub(crate) fn open(job: &Job, reset: bool) -> Result<Self> {
        let size = PoolConstraints::new(POOL, POOL).ok_or("a pool of no connections")?;
        let pool = PoolOpts::new().with_constraints(size).with_reset_connection(reset);
        Ok(Self(mysql_async::Pool::new(options(&job.url)?.pool_opts(pool))))
    }
}

impl PointPeer for Pool {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        let mut conn = task.0.get_conn().await?;
        row(id, conn.exec_first(sql::POINT, (id,)).await?)
    }
}
