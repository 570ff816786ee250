//! The read lease of a file with a write-ahead log: one lock for all quick reads of the process.
//!
//! Every read of SQLite's takes a shared lock on the log and gives it back, two calls into the kernel
//! that cost as much as the read itself, made while holding a mutex that other threads wait for. Neither
//! is needed while another connection of the process holds the same shared lock. So while reads come
//! quickly, a thread keeps a read transaction open on a connection of its own, renewed every few
//! milliseconds.
//!
//! It shares the lock and not the snapshot: each read still begins at the newest commit, of whatever
//! process. What it holds up is the log starting over, for [`HELD`] at a time. It ends when this process
//! writes, when reads become rare, and when a connection is closed. It also ends, and stays away for
//! [`AWAY`], when another process has written: that one's checkpoints would meet an old snapshot nearly
//! each time, and its log would grow without end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::errors::is_busy;

/// How many reads are counted before the time they took is looked at: a power of two.
const WINDOW: u32 = 512;

/// Reads are quick when this many of them, a window, take less than this: 5,000 a second.
const QUICK: Duration = Duration::from_millis(100);

/// How long the transaction stays open at a time.
const HELD: Duration = Duration::from_millis(5);

/// How long the lock is free in between, for other processes that want it for themselves.
const FREE: Duration = Duration::from_micros(500);

/// Fewer reads than this while it was held, and it ends: 2,000 a second.
const FEW: u32 = 10;

/// How long it is not taken after another process has been seen to write.
const AWAY: Duration = Duration::from_secs(1);

/// The lease of one file.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    desk: Arc<Desk>,
    /// When the last window was full, and how many writes there had been.
    window: Mutex<(Instant, u32)>,
}

/// What the readers and the thread share.
#[derive(Debug, Default)]
struct Desk {
    reads: AtomicU32,
    /// Writes, and whatever else ends the lease.
    writes: AtomicU32,
    /// The thread runs.
    held: AtomicBool,
    /// It could not be had, and is not tried again.
    refused: AtomicBool,
    /// Another process writes: it is not taken before then.
    away: Mutex<Option<Instant>>,
    thread: Mutex<Option<Thread>>,
    ended: Condvar,
}

impl Lease {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, desk: Arc::default(), window: Mutex::new((Instant::now(), 0)) }
    }

    /// True while it is held.
    pub(crate) fn is_held(&self) -> bool {
        self.desk.held.load(Ordering::Acquire)
    }

    /// Takes note of a read that takes the lock by itself.
    pub(crate) fn note_read(&self) {
        let reads = self.desk.reads.fetch_add(1, Ordering::Relaxed);
        if reads % WINDOW == WINDOW - 1 {
            self.consider();
        }
    }

    /// Takes note of a write: the lease ends, and is not taken up while others follow.
    pub(crate) fn note_write(&self) {
        self.desk.writes.fetch_add(1, Ordering::Release);
        if self.is_held() {
            self.desk.wake();
        }
    }

    /// Ends it, and waits for that, at most `limit`. Blocks the thread.
    pub(crate) fn end(&self, limit: Duration) {
        self.note_write();
        let thread = self.desk.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.desk.ended.wait_timeout_while(thread, limit, |thread| thread.is_some());
        if waited.is_ok_and(|(_, timeout)| timeout.timed_out()) {
            tracing::debug!("the read lease is still held");
        }
    }

    /// A window is full: were its reads quick, and without a write among them?
    fn consider(&self) {
        let (now, writes) = (Instant::now(), self.desk.writes.load(Ordering::Acquire));
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, then) = std::mem::replace(&mut *window, (now, writes));
        drop(window);
        if now.saturating_duration_since(before) < QUICK
            && then == writes
            && !self.is_held()
            && !self.desk.is_away(now)
        {
            self.take(writes);
        }
    }

    fn take(&self, writes: u32) {
        let desk = &self.desk;
        let mut thread = desk.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_some() || desk.refused.load(Ordering::Relaxed) {
            return;
        }
        let (path, holder) = (self.path.clone(), Arc::clone(desk));
        desk.held.store(true, Ordering::Release);
        let spawned =
            std::thread::Builder::new().name("wellspring-lease".to_owned()).spawn(move || {
                // Made here: a thread that never ran would drop it under the lock that it takes.
                let holding = Holding(holder);
                hold(&path, &holding.0, writes);
            });
        match spawned {
            Ok(handle) => *thread = Some(handle.thread().clone()),
            Err(error) => {
                desk.held.store(false, Ordering::Release);
                tracing::debug!(%error, "no thread for the read lease");
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.note_write();
    }
}

impl Desk {
    fn wake(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = &*thread {
            thread.unpark();
        }
    }

    fn is_away(&self, now: Instant) -> bool {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.is_some_and(|until| now < until)
    }

    /// Another process has written.
    fn stay_away(&self) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + AWAY);
    }
}

/// Says that the thread has ended, however it did.
struct Holding(Arc<Desk>);

impl Drop for Holding {
    fn drop(&mut self) {
        *self.0.thread.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.held.store(false, Ordering::Release);
        self.0.ended.notify_all();
    }
}

fn hold(path: &Path, desk: &Desk, writes: u32) {
    match try_hold(path, desk, writes) {
        Ok(()) => {}
        Err(error) if is_busy(&error) => {}
        Err(error) => {
            desk.refused.store(true, Ordering::Relaxed);
            tracing::debug!(%error, "no read lease can be had; reads take their locks");
        }
    }
}

fn try_hold(path: &Path, desk: &Desk, writes: u32) -> rusqlite::Result<()> {
    // Not read-only: whoever closes the file last takes the log along.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    let mut begin = connection.prepare("begin")?;
    // Reads the file, and so takes the lock; the answer changes with each commit of anybody else's.
    let mut look = connection.prepare("pragma data_version")?;
    let mut commit = connection.prepare("commit")?;
    let mut version = None;
    loop {
        let before = desk.reads.load(Ordering::Relaxed);
        begin.execute([])?;
        let seen = look.query_row([], |row| row.get::<_, i64>(0))?;
        if version.replace(seen).is_some_and(|known| known != seen)
            && desk.writes.load(Ordering::Acquire) == writes
        {
            desk.stay_away();
            return Ok(());
        }
        if desk.writes.load(Ordering::Acquire) == writes {
            std::thread::park_timeout(HELD);
        }
        commit.execute([])?;
        let reads = desk.reads.load(Ordering::Relaxed).wrapping_sub(before);
        if reads < FEW || desk.writes.load(Ordering::Acquire) != writes {
            return Ok(());
        }
        std::thread::park_timeout(FREE);
    }
}
