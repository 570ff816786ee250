//! The guard of a connection that was handed out.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::clock;
use crate::entry::{Entry, Special};
use crate::{ConnectionId, ConnectionInfo, Manager, Pool, Tag, WorkKind};

/// A connection on loan from a pool. It derefs to the connection; dropping it gives the connection
/// back, synchronously and without I/O. What cleaning it needs happens in the background.
///
/// [`Pool::get`] returns one that borrows the pool ([`PooledRef`]), [`Pool::get_owned`] one that
/// owns a handle of it and is `'static`.
///
/// Leaking the guard (`mem::forget`) keeps its place in the pool occupied for ever.
pub struct Pooled<M: Manager, P: Borrow<Pool<M>> = Pool<M>> {
    pool: P,
    entry: Option<Box<Entry<M::Connection>>>,
}

/// A guard that borrows its pool.
pub type PooledRef<'p, M> = Pooled<M, &'p Pool<M>>;

impl<M: Manager, P: Borrow<Pool<M>>> Pooled<M, P> {
    pub(crate) fn new(pool: P, entry: Box<Entry<M::Connection>>) -> Self {
        Self { pool, entry: Some(entry) }
    }

    fn entry(&self) -> &Entry<M::Connection> {
        self.entry.as_ref().expect("present until the guard is consumed")
    }

    fn entry_mut(&mut self) -> &mut Entry<M::Connection> {
        self.entry.as_mut().expect("present until the guard is consumed")
    }

    /// The pool it came from.
    pub fn pool(&self) -> &Pool<M> {
        self.pool.borrow()
    }

    /// The connection's number.
    pub fn id(&self) -> ConnectionId {
        self.entry().id
    }

    /// What is known about the connection.
    pub fn info(&self) -> ConnectionInfo {
        self.entry().info()
    }

    /// Reports work done on the connection: it shows in [`ConnectionInfo::work`] at once and in
    /// [`Stats::work`](crate::Stats::work) when the connection comes back.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wellspring_pool_core::{Manager, PooledRef, WorkKind};
    /// # fn demo<M: Manager>(mut guard: PooledRef<'_, M>) {
    /// guard.record(WorkKind::Query, Duration::from_micros(180), true);
    /// assert_eq!(guard.info().work.get(WorkKind::Query).count, 1);
    /// # }
    /// ```
    pub fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.entry_mut().record(kind, took, ok);
    }

    /// The mark on the connection, if its holders put one there since it was last reset.
    pub fn tag(&self) -> Option<Tag> {
        self.entry().tag
    }

    /// Puts a mark on the connection, or takes it away: acquires that wish for it prefer this one
    /// from now on ([`Acquire::tag`](crate::Acquire::tag)). A reset takes it away.
    pub fn set_tag(&mut self, tag: Option<Tag>) {
        self.entry_mut().tag = tag;
    }

    /// Takes the connection out of the pool for good; its place becomes free at once.
    pub fn detach(mut self) -> M::Connection {
        let entry = self.entry.take().expect("present until the guard is consumed");
        let shared = &self.pool.borrow().shared;
        let Entry { connection, slot, recent, .. } = *entry;
        shared.add_work(slot, &recent);
        shared.change(|state, rules, actions| {
            let now = clock::now();
            state.counters.detached += 1;
            state.taken_from_holder(slot, now, actions);
            state.free(rules, slot, now, actions);
        });
        connection
    }

    /// Gives the connection back to be closed, not reused: it is known to be bad.
    pub fn discard(mut self) {
        self.entry_mut().special.set(Special::DISCARDED, true);
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> Deref for Pooled<M, P> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.entry().connection
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> DerefMut for Pooled<M, P> {
    fn deref_mut(&mut self) -> &mut M::Connection {
        &mut self.entry_mut().connection
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> Drop for Pooled<M, P> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.pool.borrow().shared.release(entry);
        }
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> fmt::Debug for Pooled<M, P>
where
    M::Connection: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => f
                .debug_struct("Pooled")
                .field("id", &entry.id)
                .field("connection", &entry.connection)
                .finish_non_exhaustive(),
            None => f.write_str("Pooled(returned)"),
        }
    }
}
