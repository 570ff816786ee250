//! A manager of fake connections that does what its script says.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wellspring_pool_core::{Abandoned, FailureClass, Hygiene, Manager, ResetMode};

/// What one call of one operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Succeeds at once.
    Ok,
    /// Yields this many times, then succeeds.
    Yield(usize),
    /// Takes this long, then succeeds.
    Slow(Duration),
    /// Fails, in a way that may pass.
    Fail,
    /// Fails for good.
    FailForGood,
    /// Never ends.
    Never,
    /// Panics.
    Panic,
}

/// The steps of one operation: a queue, then the same for ever.
#[derive(Debug)]
pub struct Script {
    next: Mutex<VecDeque<Step>>,
    always: Mutex<Step>,
    calls: AtomicUsize,
}

impl Default for Script {
    fn default() -> Self {
        Self { next: Mutex::default(), always: Mutex::new(Step::Ok), calls: AtomicUsize::new(0) }
    }
}

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// In the time of the model checker.
#[cfg(any(wellspring_loom, wellspring_shuttle))]
async fn sleep(time: Duration) {
    use wellspring_pool_core::model;
    model::sleep(time).await;
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    /// The coming calls do these, one after another.
    pub fn next(&self, steps: impl IntoIterator<Item = Step>) {
        lock(&self.next).extend(steps);
    }

    /// All calls without a step of their own do this.
    pub fn always(&self, step: Step) {
        *lock(&self.always) = step;
    }

    /// How often the operation was called.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn run(&self, what: &'static str) -> Result<(), FakeError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let step = lock(&self.next).pop_front().unwrap_or(*lock(&self.always));
        match step {
            Step::Ok => {}
            Step::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Step::Slow(time) => sleep(time).await,
            Step::Fail => {
                return Err(FakeError { what, for_good: false });
            }
            Step::FailForGood => {
                return Err(FakeError { what, for_good: true });
            }
            Step::Never => std::future::pending().await,
            Step::Panic => panic!("scripted panic in {what}"),
        }
        Ok(())
    }
}

/// What the script told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FakeError {
    what: &'static str,
    for_good: bool,
}

impl fmt::Display for FakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.for_good { " for good" } else { "" };
        write!(f, "scripted failure{how} in {}", self.what)
    }
}

impl std::error::Error for FakeError {}

/// The script and the counts, shared by a [`Fake`] and its connections.
#[derive(Debug, Default)]
pub struct World {
    /// Steps of `connect`.
    pub connect: Script,
    /// Steps of `validate`.
    pub validate: Script,
    /// Steps of `reset`.
    pub reset: Script,
    /// Steps of `close`.
    pub close: Script,
    abandoned: Mutex<Vec<(FakeConnection, Abandoned)>>,
    created: AtomicUsize,
    alive: AtomicUsize,
    most_alive: AtomicUsize,
}

impl World {
    /// How many connections were ever opened.
    pub fn created(&self) -> usize {
        self.created.load(Ordering::SeqCst)
    }

    /// The calls of abandoned connections end, and the connections with them.
    pub fn unstick(&self) {
        let abandoned = std::mem::take(&mut *lock(&self.abandoned));
        drop(abandoned);
    }

    /// How many connections exist now.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// How many connections existed at one time, at most.
    pub fn most_alive(&self) -> usize {
        self.most_alive.load(Ordering::SeqCst)
    }
}

/// A manager that follows its script.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    /// The script and the counts.
    pub world: Arc<World>,
}

impl Fake {
    /// A manager with an empty script: everything succeeds.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A fake connection.
#[derive(Debug)]
pub struct FakeConnection {
    /// Counted from 0 in order of birth.
    pub number: usize,
    /// Set by a test: needs a reset.
    pub dirty: bool,
    /// Set by a test: beyond repair.
    pub broken: bool,
    /// Set by a test: in a call that cannot be interrupted, until [`World::unstick`].
    pub stuck: bool,
    /// Set by a test: as long as it is dirty, it is stuck once a reset was tried.
    pub stuck_when_dirty: bool,
    /// Set by a test: the hygiene check panics.
    pub hygiene_panics: bool,
    /// Set by a test: the destructor panics.
    pub drop_panics: bool,
    /// How the last reset treated what was open.
    pub last_reset: Option<ResetMode>,
    world: Arc<World>,
}

impl Drop for FakeConnection {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.drop_panics || std::thread::panicking(), "scripted panic in drop");
    }
}

impl Manager for Fake {
    type Connection = FakeConnection;
    type Error = FakeError;

    async fn connect(&self) -> Result<FakeConnection, FakeError> {
        self.world.connect.run("connect").await?;
        let alive = self.world.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.world.most_alive.fetch_max(alive, Ordering::SeqCst);
        Ok(FakeConnection {
            number: self.world.created.fetch_add(1, Ordering::SeqCst),
            dirty: false,
            broken: false,
            stuck: false,
            stuck_when_dirty: false,
            hygiene_panics: false,
            drop_panics: false,
            last_reset: None,
            world: Arc::clone(&self.world),
        })
    }

    async fn validate(&self, _: &mut FakeConnection) -> Result<(), FakeError> {
        self.world.validate.run("validate").await
    }

    async fn reset(
        &self,
        connection: &mut FakeConnection,
        mode: ResetMode,
    ) -> Result<(), FakeError> {
        self.world.reset.run("reset").await?;
        connection.dirty = false;
        connection.last_reset = Some(mode);
        Ok(())
    }

    async fn close(&self, connection: FakeConnection) {
        // A failing close still drops the connection, as a real one does.
        let _ = self.world.close.run("close").await;
        drop(connection);
    }

    fn hygiene(&self, connection: &mut FakeConnection) -> Hygiene {
        assert!(!connection.hygiene_panics, "scripted panic in hygiene");
        let tried = self.world.reset.calls() > 0;
        match connection {
            FakeConnection { stuck: true, .. } => Hygiene::Stuck,
            FakeConnection { stuck_when_dirty: true, dirty: true, .. } if tried => Hygiene::Stuck,
            FakeConnection { broken: true, .. } => Hygiene::Broken,
            FakeConnection { dirty: true, .. } => Hygiene::NeedsReset,
            _ => Hygiene::Clean,
        }
    }

    fn abandon(&self, connection: FakeConnection, place: Abandoned) {
        lock(&self.world.abandoned).push((connection, place));
    }

    fn classify(&self, error: &FakeError) -> FailureClass {
        if error.for_good { FailureClass::Permanent } else { FailureClass::Transient }
    }
}
