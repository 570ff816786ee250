//! SQLite through tokio-rusqlite, deadpool and r2d2.

use std::sync::Arc;

use bench_kit::data::Sums;
use bench_kit::{
    FetchPeer, InsertPeer, Job, MixPeer, POOL, PointPeer, PointRow, Result, ScanPeer, Scratch,
    Write,
};
use deadpool_sqlite::{Config, Hook, HookError, Runtime};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::sqlite_raw as raw;

/// Somewhere else to run closures with a connection.
pub(crate) trait Elsewhere: Clone + Send + Sync + 'static {
    /// Runs `work` there.
    fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> impl Future<Output = Result<R>> + Send;

    /// The file.
    fn path(&self) -> &str;
}

/// Does everybody's work through an [`Elsewhere`]: each operation is one closure.
#[derive(Clone)]
pub(crate) struct Through<E>(pub(crate) E);

impl<E: Elsewhere> PointPeer for Through<E> {
    type Task = E;

    async fn task(&self) -> Result<E> {
        Ok(self.0.clone())
    }

    async fn read(task: &mut E, id: i64) -> Result<PointRow> {
        task.with(move |connection| raw::read(connection, id)).await
    }
}

impl<E: Elsewhere> MixPeer for Through<E> {
    async fn bump(task: &mut E, id: i64) -> Result<Write> {
        task.with(move |connection| raw::bump(connection, id)).await
    }
}

impl<E: Elsewhere> ScanPeer for Through<E> {
    async fn scan(task: &mut E, id: i64) -> Result<i64> {
        task.with(move |connection| raw::scan(connection, id)).await
    }
}

impl<E: Elsewhere> FetchPeer for Through<E> {
    async fn fetch(&self, rows: u64, _: usize) -> Result<Sums> {
        let rows = i64::try_from(rows)?;
        let all = self.0.with(move |connection| raw::fetch_vec(connection, rows)).await?;
        let mut sums = Sums::default();
        all.iter().for_each(|row| row.add_to(&mut sums));
        Ok(sums)
    }
}

impl<E: Elsewhere> InsertPeer for Through<E> {
    async fn empty(&self) -> Result<()> {
        raw::empty(self.0.path())
    }

    async fn insert(&self, rows: u64) -> Result<()> {
        let rows = i64::try_from(rows)?;
        self.0.with(move |connection| raw::insert(connection, rows)).await
    }

    async fn count(&self) -> Result<(i64, i64)> {
        raw::count(self.0.path())
    }
}

/// rusqlite on the runtime's blocking threads, one connection for each call under way.
#[derive(Clone)]
pub(crate) struct Blocking(Arc<(Scratch, std::sync::Mutex<Vec<Connection>>)>);

pub(crate) fn blocking(job: &Job) -> Result<Through<Blocking>> {
    Ok(Through(Blocking(Arc::new((Scratch::of(&job.url)?, Default::default())))))
}

impl Elsewhere for Blocking {
    async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R> {
        let shared = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            let idle = shared.1.lock().expect("nothing panics under it").pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => raw::connect(shared.0.text())?,
            };
            let result = work(&mut connection);
            shared.1.lock().expect("nothing panics under it").push(connection);
            result
        });
        Ok(worked.await??)
    }

    fn path(&self) -> &str {
        self.0.0.text()
    }
}

/// tokio-rusqlite: one connection on one thread.
#[derive(Clone)]
pub(crate) struct TokioRusqlite(tokio_rusqlite::Connection, Arc<Scratch>);

pub(crate) async fn tokio_rusqlite(job: &Job) -> Result<Through<TokioRusqlite>> {
    let file = Arc::new(Scratch::of(&job.url)?);
    let connection = tokio_rusqlite::Connection::open(file.path()).await?;
    connection.call(|connection| connection.execute_batch(raw::SETTINGS)).await?;
    Ok(Through(TokioRusqlite(connection, file)))
}

impl Elsewhere for TokioRusqlite {
    async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R> {
        Ok(self.0.call(work).await?)
    }

    fn path(&self) -> &str {
        self.1.text()
    }
}

/// deadpool-sqlite: each connection behind a mutex, on the runtime's blocking threads.
#[derive(Clone)]
pub(crate) struct Deadpool(deadpool_sqlite::Pool, Arc<Scratch>);

pub(crate) fn deadpool(job: &Job) -> Result<Through<Deadpool>> {
    let file = Arc::new(Scratch::of(&job.url)?);
    let settings = Hook::async_fn(|connection, _| {
        Box::pin(async move {
            connection
                .interact(|connection| connection.execute_batch(raw::SETTINGS))
                .await
                .map_err(|error| HookError::message(error.to_string()))?
                .map_err(HookError::Backend)
        })
    });
    let pool = Config::new(file.path())
        .builder(Runtime::Tokio1)?
        .max_size(POOL)
        .post_create(settings)
        .build()?;
    Ok(Through(Deadpool(pool, file)))
}

impl Elsewhere for Deadpool {
    async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R> {
        let lent = self.0.get().await?;
        // Its error holds a panic, which is not `Sync`.
        Ok(lent.interact(work).await.map_err(|error| error.to_string())??)
    }

    fn path(&self) -> &str {
        self.1.text()
    }
}

/// r2d2 on the runtime's blocking threads.
#[derive(Clone)]
pub(crate) struct R2d2(r2d2::Pool<SqliteConnectionManager>, Arc<Scratch>);

/// `check`: whether a connection is tested when it is taken, as it is by default.
pub(crate) fn r2d2(job: &Job, check: bool) -> Result<Through<R2d2>> {
    let file = Arc::new(Scratch::of(&job.url)?);
    let manager = SqliteConnectionManager::file(file.path())
        .with_init(|connection| connection.execute_batch(raw::SETTINGS));
    let pool =
        r2d2::Pool::builder().max_size(POOL as u32).test_on_check_out(check).build(manager)?;
    Ok(Through(R2d2(pool, file)))
}

impl Elsewhere for R2d2 {
    async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R> {
        let pool = self.0.clone();
        let worked = tokio::task::spawn_blocking(move || {
            let mut lent = pool.get()?;
            bench_kit::Result::Ok(work(&mut lent)?)
        });
        worked.await?
    }

    fn path(&self) -> &str {
        self.1.text()
    }
}
