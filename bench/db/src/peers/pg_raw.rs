//! PostgreSQL through tokio-postgres alone: what every pool is measured against.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bench_kit::{Job, POOL, PointPeer, PointRow, Result, sql};
use tokio::sync::Semaphore;
use tokio_postgres::{Client, NoTls, Row, Statement};

/// A connection, its driver task running.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its end is the client's error, too, which somebody looks at.
    tokio::spawn(connection);
    Ok(client)
}

/// The row of a point read.
pub(crate) fn point_row(row: &Row) -> Result<PointRow> {
    Ok(PointRow { id: row.try_get(0)?, n: row.try_get(1)?, name: row.try_get(2)? })
}

/// A connection with the point read prepared.
pub(crate) struct Prepared {
    /// The connection.
    pub(crate) client: Client,
    /// The statement.
    pub(crate) statement: Statement,
}

impl Prepared {
    /// Connects and prepares.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let client = connect(url).await?;
        let statement = client.prepare(sql::POINT_PG).await?;
        Ok(Self { client, statement })
    }

    async fn read(&self, id: i64) -> Result<PointRow> {
        point_row(&self.client.query_one(&self.statement, &[&id]).await?)
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
        let lent = lent.expect("one for each permit");
        let row = lent.read(id).await;
        task.0.idle.lock().expect("nothing panics under it").push_back(lent);
        row
    }
}

/// Eight connections that everybody writes to at once: no exclusive use, as a bound from above.
#[derive(Clone)]
pub(crate) struct Pipelined {
    all: Arc<Vec<Prepared>>,
    next: usize,
}

impl Pipelined {
    pub(crate) async fn open(job: &Job) -> Result<Self> {
        let mut all = Vec::with_capacity(POOL);
        for _ in 0..POOL {
            all.push(Prepared::connect(&job.url).await?);
        }
        Ok(Self { all: Arc::new(all), next: 0 })
    }
}

impl PointPeer for Pipelined {
    type Task = Self;

    async fn task(&self) -> Result<Self> {
        Ok(self.clone())
    }

    async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
        task.next = (task.next + 1) % POOL;
        task.all[task.next].read(id).await
    }
}
