//! The gate of one database inside this process: writers, and readers where they must, pass in
//! the order they came.
//!
//! SQLite's own waiting is a sleep that favours nobody in particular, so writers of one process
//! queue here first. With a write-ahead log only writers take the gate; with any other journal,
//! and in memory, a writer also excludes readers, so they take a share of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::checkpoint::Checkpointer;
use crate::lease::Lease;

/// How much of the gate a statement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Share {
    /// Nothing.
    Nothing,
    /// With other readers.
    Read,
    /// Alone.
    Write,
}

/// All of the gate. A reader takes one share, a writer all of them.
const WHOLE: u32 = 1 << 16;

/// A fair gate: shares for readers, the whole for a writer.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

/// The right to read or write, until dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    permit: OwnedSemaphorePermit,
}

impl Pass {
    pub(crate) fn share(&self) -> Share {
        if self.permit.num_permits() == WHOLE as usize { Share::Write } else { Share::Read }
    }
}

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(WHOLE as usize)))
    }

    /// Passes if nobody is in the way and nobody waits.
    pub(crate) fn try_pass(&self, share: Share) -> Option<Pass> {
        let permit = Arc::clone(&self.0).try_acquire_many_owned(weight(share)).ok()?;
        Some(Pass { permit })
    }

    /// Waits for its turn.
    pub(crate) async fn pass(&self, share: Share) -> Pass {
        let permit = Arc::clone(&self.0)
            .acquire_many_owned(weight(share))
            .await
            .expect("the gate's semaphore is never closed");
        Pass { permit }
    }

    /// Makes a reader the writer, if it is the only reader and nobody waits. It cannot wait: two
    /// readers that both want to write would wait for each other.
    pub(crate) fn try_upgrade(&self, pass: &mut Pass) -> bool {
        let held = u32::try_from(pass.permit.num_permits()).unwrap_or(WHOLE);
        match Arc::clone(&self.0).try_acquire_many_owned(WHOLE - held) {
            Ok(rest) => {
                pass.permit.merge(rest);
                true
            }
            Err(_) => false,
        }
    }
}

fn weight(share: Share) -> u32 {
    match share {
        Share::Nothing => 0,
        Share::Read => 1,
        Share::Write => WHOLE,
    }
}

/// What all connections of this process to one database share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    /// Only for files.
    pub(crate) checkpointer: Option<Checkpointer>,
    /// Only for files; of use where they have a write-ahead log.
    pub(crate) lease: Option<Lease>,
}

impl Shared {
    /// For a memory database of one connector.
    pub(crate) fn memory() -> Arc<Self> {
        Arc::new(Self { gate: Gate::new(), checkpointer: None, lease: None })
    }

    /// For the file `path`, which exists. Whoever names the same file shares.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Arc<Self>> {
        static FILES: LazyLock<Mutex<HashMap<PathBuf, Weak<Shared>>>> =
            LazyLock::new(Mutex::default);

        let path = path.canonicalize()?;
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = files.get(&path).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        files.retain(|_, shared| shared.strong_count() > 0);
        let gate = Gate::new();
        let checkpointer = Some(Checkpointer::new(path.clone(), gate.clone()));
        let lease = Some(Lease::new(path.clone()));
        let shared = Arc::new(Self { gate, checkpointer, lease });
        files.insert(path, Arc::downgrade(&shared));
        Ok(shared)
    }
}
