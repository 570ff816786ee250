//! The synchronisation primitives the engine is built on, in one place so that a model checker can
//! take theirs.
//!
//! Everything that guards pool state goes through here; nothing else in the crate names
//! `std::sync::Mutex`.

pub(crate) use std::sync::{Arc, Weak};

#[cfg(wellspring_loom)]
use loom::sync as imp;
#[cfg(wellspring_shuttle)]
use shuttle::sync as imp;
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
use std::sync as imp;

/// The atomics of the lock-free part, which a model checker explores.
pub(crate) mod atomic {
    #[cfg(wellspring_loom)]
    pub(crate) use loom::sync::atomic::AtomicPtr;
    #[cfg(wellspring_shuttle)]
    pub(crate) use shuttle::sync::atomic::AtomicPtr;
    #[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
    pub(crate) use std::sync::atomic::AtomicPtr;
    pub(crate) use std::sync::atomic::Ordering;
}

/// A mutex that ignores poisoning: the state behind it is changed only by code that cannot panic
/// half-way (no user code runs under the lock), so a poisoned lock means nothing here.
#[derive(Debug)]
pub(crate) struct Mutex<T>(imp::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = imp::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
