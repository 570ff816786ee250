//! The pool: the handle everybody holds.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::rules::Rules;
use crate::shared::Shared;
use crate::state::{Look, State};
use crate::sync::Arc;
use crate::{
    Acquire, Builder, Holder, Manager, PoolOptions, Pooled, PooledRef, Stats, Status, TryGetError,
    clock,
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
        if let Some(entry) = self.shared.pick_up(location) {
            return Ok(Pooled::new(self, entry));
        }
        let caller = self.shared.caller(location);
        loop {
            let now = clock::now();
            let look = |state: &mut State<_, _>, rules: &Rules<'_>| {
                state.look_for_any(rules, &caller, now)
            };
            match self.shared.change(|state, rules, _| look(state, rules)) {
                Look::Found { entry, poke } => {
                    if let Some(entry) = self.shared.unless_broken(entry, false) {
                        self.shared.served_directly(&entry, poke);
                        return Ok(Pooled::new(self, entry));
                    }
                }
                Look::Nothing => return Err(TryGetError::NoneIdle),
                Look::Paused => return Err(TryGetError::Paused),
                Look::Closed => return Err(TryGetError::Closed),
            }
        }
    }

    /// The sizes of the moment: one look, consistent in itself.
    pub fn status(&self) -> Status {
        self.shared.peek(|state, _| state.status(clock::now()))
    }

    /// Everything the pool can tell.
    pub fn stats(&self) -> Stats {
        let recorders = &self.shared.recorders;
        // What was only counted is in the slots' own books.
        let flushes = (recorders.wait.hold_flushes(), recorders.usage.hold_flushes());
        let (wait, usage) = (recorders.wait.snapshot(), recorders.usage.snapshot());
        let lent = self.shared.lent();
        drop(flushes);
        let (status, mut counters) =
            self.shared.peek(|state, _| (state.status(clock::now()), state.counters));
        let wait = lent.waits.complete(wait);
        counters.acquired_directly = lent.acquired;
        counters.acquired_after_wait = wait.count;
        Stats {
            name: self.name().to_owned(),
            status,
            counters,
            work: lent.work,
            wait: wait.with(Duration::ZERO, counters.acquired_directly),
            connect: recorders.connect.snapshot(),
            validate: recorders.validate.snapshot(),
            reset: recorders.reset.snapshot(),
            usage: lent.uses.complete(usage),
        }
    }

    /// Who holds connections now, longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.shared.peek(|state, _| state.holders(clock::now()))
    }

    /// Who has held a connection for longer than [`leak_threshold`](PoolOptions::leak_threshold),
    /// longest first, whether or not it has been reported yet.
    pub fn leaks(&self) -> Vec<Holder> {
        self.shared.peek(|state, rules| state.leaks(rules, clock::now()))
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The options it was built with. [`resize`](Self::resize) does not change them; the sizes in
    /// force are in [`status`](Self::status).
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
