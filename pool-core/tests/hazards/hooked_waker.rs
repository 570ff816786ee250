//! A waker that runs what a test gives it when it is cloned or dropped: there a thread may lose its
//! processor for as long as it takes.
//!
//! [`std::task::Wake`] has no say in either, so the waker is built by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{RawWaker, RawWakerVTable, Waker};

type Hook = Mutex<Option<Box<dyn FnOnce() + Send>>>;

/// What the clones of one waker share.
#[derive(Default)]
pub(crate) struct Hooks {
    on_clone: Hook,
    on_drop: Hook,
    woken: AtomicBool,
}

impl Hooks {
    /// Runs at the next clone, once.
    pub(crate) fn at_the_next_clone(&self, run: impl FnOnce() + Send + 'static) {
        *self.on_clone.lock().unwrap() = Some(Box::new(run));
    }

    /// Runs at the next drop, once.
    pub(crate) fn at_the_next_drop(&self, run: impl FnOnce() + Send + 'static) {
        *self.on_drop.lock().unwrap() = Some(Box::new(run));
    }

    /// Whether it was woken since this was asked last.
    pub(crate) fn was_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }
}

/// A waker with hooks.
pub(crate) fn hooked_waker() -> (Waker, Arc<Hooks>) {
    let hooks = Arc::<Hooks>::default();
    let mut all = ALL.lock().unwrap();
    let number = all.len();
    all.push(Arc::clone(&hooks));
    let raw = RawWaker::new(std::ptr::without_provenance(number), &VTABLE);
    // SAFETY: the functions of `VTABLE` may be called from any thread and at any time. The pointer
    // is a number to them, which stays valid for ever, and is never read through; so there is
    // nothing that a clone would have to keep or a drop to release.
    (unsafe { Waker::from_raw(raw) }, hooks)
}

/// The hooks of all wakers ever made, by number: a handful in a run of the tests.
static ALL: Mutex<Vec<Arc<Hooks>>> = Mutex::new(Vec::new());

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, release);

fn hooks(number: *const ()) -> Arc<Hooks> {
    Arc::clone(&ALL.lock().unwrap()[number.addr()])
}

fn clone(number: *const ()) -> RawWaker {
    run(&hooks(number).on_clone);
    RawWaker::new(number, &VTABLE)
}

fn wake(number: *const ()) {
    hooks(number).woken.store(true, Ordering::SeqCst);
}

fn release(number: *const ()) {
    run(&hooks(number).on_drop);
}

fn run(hook: &Hook) {
    // No lock is held while it runs.
    let hook = hook.lock().unwrap().take();
    if let Some(hook) = hook {
        hook();
    }
}
