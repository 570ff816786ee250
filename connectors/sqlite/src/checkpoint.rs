//! Checkpoints of a write-ahead log, on a thread of their own, so that no commit pays for one.
//!
//! SQLite's automatic checkpoint runs inside the commit that fills the log, with its writes to
//! disk, while all other writers wait. Here a commit only reports how long the log has become;
//! past a mark the file's thread copies the log back with a connection of its own, which blocks
//! nobody. Only when readers have kept the log from starting over for very long does it take the
//! writers' gate for a moment.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::execute::wait::block_on_until;
use crate::gate::{Gate, Share};

/// Pages in the log that call for a checkpoint, as in SQLite's own default.
const MARK: u32 = 1000;

/// Pages in the log past which writers are held up to let it start over.
const TOO_LONG: u32 = 16_000;

/// How long the checkpointer waits for the gate, then for readers, when the log is too long.
const HOLD: Duration = Duration::from_millis(100);

/// The checkpoints of one file.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    path: PathBuf,
    gate: Gate,
    /// The length of the log that calls for the next checkpoint.
    next: AtomicU32,
    thread: Mutex<Option<SyncSender<u32>>>,
    work: Arc<Work>,
}

/// How many checkpoints are asked for or running: one may be asked for while another runs.
#[derive(Debug, Default)]
struct Work {
    open: Mutex<u32>,
    done: Condvar,
}

impl Work {
    fn begin(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn end(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open = open.saturating_sub(1);
        if *open == 0 {
            self.done.notify_all();
        }
    }
}

impl Checkpointer {
    pub(crate) fn new(path: PathBuf, gate: Gate) -> Self {
        Self {
            path,
            gate,
            next: AtomicU32::new(MARK),
            thread: Mutex::new(None),
            work: Arc::default(),
        }
    }

    /// Takes note that the log has `pages` pages after a commit.
    pub(crate) fn note(&self, pages: u32) {
        if pages < MARK {
            // The log has started over.
            self.next.store(MARK, Ordering::Relaxed);
            return;
        }
        if pages < self.next.load(Ordering::Relaxed) {
            return;
        }
        self.next.store(pages.saturating_add(MARK), Ordering::Relaxed);
        self.ask(pages);
    }

    fn ask(&self, pages: u32) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (sender, receiver) = sync_channel(1);
            let (path, gate, work) = (self.path.clone(), self.gate.clone(), self.work.clone());
            let spawned = std::thread::Builder::new()
                .name("wellspring-checkpoint".to_owned())
                .spawn(move || run(&receiver, &path, &gate, &work));
            match spawned {
                Ok(_) => *thread = Some(sender),
                Err(error) => {
                    tracing::warn!(%error, "no thread for checkpoints; the log keeps growing");
                    return;
                }
            }
        }
        let sender = thread.as_ref().expect("the thread was just started");
        self.work.begin();
        match sender.try_send(pages) {
            Ok(()) => {}
            // A full queue is a checkpoint that has yet to begin.
            Err(TrySendError::Full(_)) => self.work.end(),
            Err(TrySendError::Disconnected(_)) => {
                *thread = None;
                self.work.end();
                tracing::warn!("the checkpoint thread ended; the next long log starts another");
            }
        }
    }

    /// Waits until no checkpoint is running, at most `limit`. Blocks the thread.
    pub(crate) fn wait_idle(&self, limit: Duration) {
        let open = self.work.open.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.work.done.wait_timeout_while(open, limit, |open| *open > 0);
        if waited.is_ok_and(|(_, timeout)| timeout.timed_out()) {
            tracing::debug!("a checkpoint is still running");
        }
    }
}

/// The checkpoint thread. It ends when the file's [`Checkpointer`] is dropped, and keeps the file
/// open only while it works.
fn run(requests: &Receiver<u32>, path: &Path, gate: &Gate, work: &Work) {
    /// Marks the work as done also when a checkpoint panics.
    struct Done<'a>(&'a Work);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.end();
        }
    }

    while let Ok(pages) = requests.recv() {
        let _done = Done(work);
        if let Err(error) = checkpoint(path, gate, pages) {
            // The next commit past the next mark asks again.
            tracing::debug!(%error, "checkpoint failed");
        }
    }
}

fn checkpoint(path: &Path, gate: &Gate, pages: u32) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    // A new connection does not know that there is a log before it has read something.
    connection.query_row("pragma schema_version", [], |_| Ok(()))?;
    connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))?;
    if pages < TOO_LONG {
        return Ok(());
    }
    // With writers held up, readers soon all read from the newest state, and the log can start
    // over.
    if let Some(_pass) = block_on_until(Instant::now() + HOLD, gate.pass(Share::Write)) {
        connection.busy_timeout(HOLD)?;
        connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    }
    Ok(())
}
