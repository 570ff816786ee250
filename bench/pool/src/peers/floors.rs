//! Floors: the least that hands out connections. No limits of time, no checks, no numbers, no end.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::{Mutex, PoisonError};

use crossbeam_queue::ArrayQueue;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::Result;
use crate::conn::Conn;
use crate::peer::{Peer, Setup};

/// A vector behind a lock, and tokio's semaphore for those who wait.
pub(crate) struct MutexSem {
    idle: Mutex<Vec<Conn>>,
    permits: Semaphore,
}

pub(crate) struct MutexSemGuard {
    conn: Option<Conn>,
    pool: &'static MutexSem,
    /// Released after the connection is back: fields are dropped after `drop` has run.
    _permit: SemaphorePermit<'static>,
}

impl Drop for MutexSemGuard {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.conn.take());
    }
}

impl MutexSem {
    async fn take(&'static self) -> Result<MutexSemGuard, AcquireError> {
        let permit = self.permits.acquire().await?;
        let conn = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(MutexSemGuard { conn, pool: self, _permit: permit })
    }
}

impl Peer for MutexSem {
    type Guard = MutexSemGuard;
    type Error = AcquireError;

    async fn open(setup: &Setup) -> Result<Self> {
        let idle = Mutex::new((0..setup.size).map(|_| Conn::new()).collect());
        Ok(Self { idle, permits: Semaphore::new(setup.size) })
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        self.take()
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.conn.as_ref().map_or(0, Conn::serial)
    }
}

/// A queue without locks; nobody can wait.
pub(crate) struct Queue(ArrayQueue<Conn>);

pub(crate) struct QueueGuard {
    conn: Option<Conn>,
    pool: &'static Queue,
}

impl Drop for QueueGuard {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // There is room for all that there are.
            drop(self.pool.0.push(conn));
        }
    }
}

impl Peer for Queue {
    type Guard = QueueGuard;
    type Error = Infallible;

    async fn open(setup: &Setup) -> Result<Self> {
        let queue = ArrayQueue::new(setup.size);
        for _ in 0..setup.size {
            drop(queue.push(Conn::new()));
        }
        Ok(Self(queue))
    }

    fn get(&'static self) -> impl Future<Output = Result<Self::Guard, Self::Error>> + Send {
        ready(Ok(QueueGuard { conn: self.0.pop(), pool: self }))
    }

    fn serial(guard: &Self::Guard) -> u64 {
        guard.conn.as_ref().map_or(0, Conn::serial)
    }
}
