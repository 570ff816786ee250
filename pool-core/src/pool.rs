//! The pool: the handle everybody holds.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::shared::{Permit, Shared};
use crate::state::Look;
use crate::sync::Arc;
use crate::{
    Acquire, Builder, ConnectError, Holder, Manager, PoolOptions, Pooled, PooledRef, Stats, Status,
    TryGetError, clock, connect,
};

/// A pool of connections. Cheap to clone; all clones are the same pool.
///
/// When the last handle is dropped (guards that own one count), idle connections are dropped
/// without a polite close; [`drain`](Self::drain) is the orderly end.
///
/// ```
/// use wellspring_pool_core::{Manager, Pool};
///
/// # struct Numbers;
/// # impl Manager for Numbers {
/// #     type Connection = u32;
/// #     type Error = std::io::Error;
/// #     async fn connect(&self) -> Result<u32, std::io::Error> { Ok(7) }
/// #     async fn validate(&self, _: &mut u32) -> Result<(), std::io::Error> { Ok(()) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder(Numbers).max_size(4).build()?;
/// let connection = pool.get().await?;
/// assert_eq!(*connection, 7);
/// drop(connection);
/// assert_eq!(pool.status().idle, 1);
/// # Ok(()) }
/// ```
pub struct Pool<M: Manager> {
    pub(crate) shared: Arc<Shared<M>>,
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M: Manager> Pool<M> {
    /// Starts building a pool of what `manager` makes.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    /// Waits for a connection, at most `acquire_timeout` in all.
    ///
    /// # Errors
    /// [`AcquireError`](crate::AcquireError): the deadline passed, the pool is closed, connecting
    /// fails for good, or the pool is told not to queue.
    ///
    /// # Cancel safety
    /// See [`Acquire`].
    #[track_caller]
    pub fn get(&self) -> Acquire<M, &Self> {
        Acquire::new(self, None, Location::caller())
    }

    /// As [`get`](Self::get), waiting at most `timeout`. With zero it does not wait; a connection
    /// that is idle is still had.
    #[track_caller]
    pub fn get_timeout(&self, timeout: Duration) -> Acquire<M, &Self> {
        Acquire::new(self, Some(timeout), Location::caller())
    }

    /// As [`get`](Self::get), for a guard that owns a handle of the pool and can go anywhere.
    #[track_caller]
    pub fn get_owned(&self) -> Acquire<M, Self> {
        Acquire::new(self.clone(), None, Location::caller())
    }

    /// As [`get_owned`](Self::get_owned), waiting at most `timeout`.
    #[track_caller]
    pub fn get_owned_timeout(&self, timeout: Duration) -> Acquire<M, Self> {
        Acquire::new(self.clone(), Some(timeout), Location::caller())
    }

    /// Takes an idle connection if one is fit to be handed out as it is. Never waits, never opens
    /// one, needs no runtime, and does not overtake those who wait.
    ///
    /// # Errors
    /// [`TryGetError`].
    #[track_caller]
    pub fn try_get(&self) -> Result<PooledRef<'_, M>, TryGetError> {
        let location = Location::caller();
        loop {
            match self.shared.peek(|state, rules| state.look(rules, location, clock::now())) {
                Look::Found { entry, refill } => {
                    self.shared.served_directly(&entry, refill);
                    if let Some(entry) = self.shared.unless_broken(entry) {
                        return Ok(Pooled::new(self, entry));
                    }
                }
                Look::Nothing => return Err(TryGetError::NoneIdle),
                Look::Closed => return Err(TryGetError::Closed),
            }
        }
    }

    /// Proves that connections can be opened: opens `initial_size` of them, at least one, unless
    /// there are as many already. What the application does first, to fail early and clearly.
    ///
    /// # Errors
    /// The first failure to connect, without trying again; connections that were opened stay.
    ///
    /// # Cancel safety
    /// Connects under way go on when the future is dropped.
    pub async fn start(&self) -> Result<(), ConnectError<M::Error>> {
        let options = &self.shared.options;
        let deadline = clock::after(clock::now(), options.connect_timeout);
        loop {
            self.warm_up(options.initial_size.max(1)).await?;
            if self.shared.peek(|state, _| state.living()) > 0 {
                return Ok(());
            }
            // Every place is taken by connects the pool began by itself: how do they end?
            if self.is_closed() {
                return Err(ConnectError::Closed);
            }
            if clock::now() >= deadline {
                return Err(ConnectError::TimedOut { limit: options.connect_timeout });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Opens connections until the pool has `size` of them (at most `max_size`).
    ///
    /// # Errors
    /// The first failure to connect, without trying again; connections that were opened stay.
    ///
    /// # Cancel safety
    /// Connects under way go on when the future is dropped.
    pub async fn warm_up(&self, size: usize) -> Result<(), ConnectError<M::Error>> {
        let shared = &self.shared;
        if self.is_closed() {
            return Err(ConnectError::Closed);
        }
        let slots = shared.peek(|state, rules| state.reserve(rules, size, clock::now()));
        let permits: Vec<Permit<M>> =
            slots.into_iter().map(|(slot, id)| shared.permit(slot, id)).collect();
        let mut failed = None;
        let mut left = permits.into_iter();
        loop {
            let some: Vec<_> = left.by_ref().take(shared.options.max_connecting).collect();
            if some.is_empty() {
                break;
            }
            let started: Vec<_> = some
                .into_iter()
                .map(|permit| {
                    let (tell, told) = tokio::sync::oneshot::channel();
                    shared.spawn(async move {
                        // The receiver may have lost interest; the connection is the pool's anyway.
                        let _ = tell.send(connect::once(permit).await);
                    });
                    told
                })
                .collect();
            for told in started {
                if let Err(error) = told.await.unwrap_or(Err(ConnectError::Closed)) {
                    failed.get_or_insert(error);
                }
            }
            if failed.is_some() {
                break;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The sizes of the moment: one look, consistent in itself.
    pub fn status(&self) -> Status {
        self.shared.peek(|state, rules| state.status(rules.options))
    }

    /// Everything the pool can tell.
    pub fn stats(&self) -> Stats {
        let (status, counters, work) = self
            .shared
            .peek(|state, rules| (state.status(rules.options), state.counters, state.work));
        let recorders = &self.shared.recorders;
        Stats {
            name: self.name().to_owned(),
            status,
            counters,
            work,
            wait: recorders.wait.snapshot(),
            connect: recorders.connect.snapshot(),
            validate: recorders.validate.snapshot(),
            reset: recorders.reset.snapshot(),
            usage: recorders.usage.snapshot(),
        }
    }

    /// Who holds connections now, longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.shared.peek(|state, _| state.holders(clock::now()))
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The options it was built with.
    pub fn options(&self) -> &PoolOptions {
        &self.shared.options
    }

    /// The manager that opens its connections.
    pub fn manager(&self) -> &M {
        &self.shared.manager
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
