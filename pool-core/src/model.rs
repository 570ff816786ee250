//! The runtime and clock of model-checked builds (`--cfg wellspring_loom`, `--cfg
//! wellspring_shuttle`): time stands still until the model advances it, and tasks are the model
//! checker's. Not part of the public interface of any other build.
//!
//! The statics here are plain ones: model checkers run one thread at a time, and no lock here is held
//! across a point where they switch. Each execution begins with [`begin`] and ends with [`end`].

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::shelf::{Seal, Shelf};
use crate::{Manager, Pool};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

static NOW: AtomicU64 = AtomicU64::new(0);
static SLEEPERS: Mutex<Vec<(Instant, u64, Waker)>> = Mutex::new(Vec::new());
static SLEEPS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicU64 = AtomicU64::new(0);
static SPAWNED: Mutex<VecDeque<Task>> = Mutex::new(VecDeque::new());

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins an execution: time is zero, nothing sleeps, nothing is spawned.
pub fn begin() {
    NOW.store(0, Ordering::SeqCst);
    SLEEPS.store(0, Ordering::SeqCst);
    LIVE.store(0, Ordering::SeqCst);
    end();
}

/// Ends an execution: drops what is left over, inside it.
pub fn end() {
    let sleepers = std::mem::take(&mut *lock(&SLEEPERS));
    drop(sleepers);
    let spawned = std::mem::take(&mut *lock(&SPAWNED));
    drop(spawned);
}

/// The model's time.
pub(crate) fn now() -> Instant {
    Instant::from_origin(NOW.load(Ordering::SeqCst))
}

/// How much of it has passed in this execution.
pub fn elapsed() -> Duration {
    Duration::from_nanos(NOW.load(Ordering::SeqCst))
}

/// Lets time pass, and wakes those whose time has come.
pub fn advance(by: Duration) {
    let nanos = u64::try_from(by.as_nanos()).expect("models run for less than 500 years");
    NOW.fetch_add(nanos, Ordering::SeqCst);
    let now = now();
    let all = std::mem::take(&mut *lock(&SLEEPERS));
    let (due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _, _)| *at <= now);
    lock(&SLEEPERS).extend(later);
    for (_, _, waker) in due {
        waker.wake();
    }
}

/// How long until the next sleeper is due, if somebody sleeps.
pub fn next_due() -> Option<Duration> {
    let now = now();
    let soonest = lock(&SLEEPERS).iter().map(|(deadline, _, _)| *deadline).min();
    soonest.map(|deadline| deadline.saturating_duration_since(now))
}

/// A sleep in the model's time.
#[derive(Debug)]
pub(crate) struct Sleep {
    deadline: Instant,
    number: u64,
}

/// Sleeps for some time of the model.
pub async fn sleep(time: Duration) {
    sleep_until(now() + time).await;
}

/// Sleeps until `deadline`.
pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, number: SLEEPS.fetch_add(1, Ordering::SeqCst) }
}

impl Sleep {
    fn forget(&self) -> Vec<(Instant, u64, Waker)> {
        let mut sleepers = lock(&SLEEPERS);
        let (mine, others) =
            std::mem::take(&mut *sleepers).into_iter().partition(|(_, n, _)| *n == self.number);
        *sleepers = others;
        mine
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let old = self.forget();
        drop(old);
        if self.deadline <= now() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        lock(&SLEEPERS).push((self.deadline, self.number, waker));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let old = self.forget();
        drop(old);
    }
}

/// The one runtime of a model.
#[derive(Debug, Clone)]
pub(crate) struct Runtime;

/// Its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuntimeId;

impl Runtime {
    /// Its identity.
    pub(crate) fn id(&self) -> RuntimeId {
        RuntimeId
    }
}

/// Always there.
pub(crate) fn current() -> Option<Runtime> {
    Some(Runtime)
}

/// Always the same.
pub(crate) fn current_id(_: Option<crate::TaskId>, _: &Waker) -> Option<RuntimeId> {
    Some(RuntimeId)
}

/// A task of the model checker.
#[cfg(wellspring_shuttle)]
pub(crate) fn spawn(_: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
    LIVE.fetch_add(1, Ordering::SeqCst);
    drop(shuttle::future::spawn(async move {
        future.await;
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }));
}

/// How many tasks the pools of this execution have running. An execution ends well only without any:
/// shuttle drops them where they cannot wait for a lock.
pub fn live() -> u64 {
    LIVE.load(Ordering::SeqCst)
}

/// A task for [`run_spawned`]: loom bounds the number of threads, so the model says when.
#[cfg(wellspring_loom)]
pub(crate) fn spawn(_: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
    lock(&SPAWNED).push_back(Box::pin(future));
}

/// Polls each spawned task, those they spawn included, once: those of the scripted managers of models
/// come to their end. What is still pending (the housekeeper) is dropped.
pub fn run_spawned() {
    loop {
        let task = lock(&SPAWNED).pop_front();
        let Some(mut task) = task else {
            return;
        };
        let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(task);
    }
}

/// No budget here.
pub(crate) fn budget_is_due() -> bool {
    false
}

/// No budget here.
pub(crate) fn consume_budget(_: &mut Context<'_>) -> Poll<()> {
    Poll::Ready(())
}

/// No tasks with names here.
pub(crate) fn task() -> Option<tokio::task::Id> {
    None
}

/// One round of housekeeping, in the caller's thread.
pub fn housekeep<M: Manager>(pool: &Pool<M>) {
    pool.shared.change(|state, rules, actions| {
        state.housekeep(rules, clock::now(), actions);
    });
}

/// How many idle connections anybody may take without the lock.
pub fn lying<M: Manager>(pool: &Pool<M>) -> usize {
    pool.shared.lying()
}

/// The places by themselves, without a pool.
#[derive(Clone)]
pub struct Places(Arc<Shelf<(u32, u64)>>);

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}

impl Places {
    /// So many slots, made for `first` of them, with something in the place of each in `open`.
    pub fn new(first: u32, open: &[u32]) -> Self {
        let shelf = Shelf::new(first as usize);
        for &slot in open {
            shelf.reach(slot);
            assert!(shelf.open(slot, Box::new((slot, 0))).is_ok());
        }
        Self(Arc::new(shelf))
    }

    /// Takes something, counts that, and puts it back; what could not be put back is returned, and
    /// `None` means that nothing was there.
    pub fn use_one(&self) -> Option<Result<(), Box<(u32, u64)>>> {
        let (place, mut value) = self.0.take_any()?;
        value.1 += 1;
        Some(place.put(value))
    }

    /// Seals a slot; what lay there is returned.
    pub fn seal(&self, slot: u32) -> Option<Box<(u32, u64)>> {
        match self.0.seal(slot) {
            Seal::Lying(value) => Some(value),
            Seal::Out | Seal::Already => None,
        }
    }

    /// Opens a sealed slot again.
    pub fn open(&self, value: Box<(u32, u64)>) {
        assert!(self.0.open(value.0, value).is_ok(), "it is sealed");
    }
}
