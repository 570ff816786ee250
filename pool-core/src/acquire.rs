//! The future of an acquire.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::caller::{Caller, Wish};
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::rt::{self, RuntimeId, Sleep};
use crate::shared::drop_quietly;
use crate::state::{Asker, Look};
use crate::waiters::Key;
use crate::{AcquireError, Manager, Pool, Pooled, Priority, Tag};

type Taken<M> = Result<Box<Entry<<M as Manager>::Connection>>, AcquireError<<M as Manager>::Error>>;

/// Waits for a connection; what [`Pool::get`] and its like return.
///
/// The first poll takes an idle connection if there is one, without waiting. Otherwise the future
/// joins the end of the pool's line and is served in order of arrival. A task that has used up its
/// budget of tokio's cooperative scheduling yields once before that.
///
/// # Cancel safety
/// Dropping the future leaves the line; a connection it was given but had not picked up goes to
/// the next in line. Nothing is lost, and no connection is closed for it.
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<M: Manager, P: Borrow<Pool<M>>> {
    pool: Option<P>,
    timeout: Option<Duration>,
    location: &'static Location<'static>,
    wish: Wish,
    waiting: Option<Waiting>,
    _manager: std::marker::PhantomData<fn() -> M>,
}

struct Waiting {
    key: Key,
    since: Instant,
    deadline: Instant,
    /// Where the housekeeper does not look after the deadline; with the runtime it belongs to.
    timer: Option<(RuntimeId, Pin<Box<Sleep>>)>,
}

/// Who waits where no housekeeper is looks by itself so often whether there is one at all: the runtime
/// of the last one may stand still.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the first look came to.
enum Attempt<M: Manager> {
    Idle { entry: Box<Entry<M::Connection>>, poke: bool },
    Failed(AcquireError<M::Error>),
    Queued,
}

impl Waiting {
    /// True when the time is up; else it will be polled when it is, unless that cannot be had here.
    fn is_late(&mut self, mut now: Instant, watched: bool, cx: &mut Context<'_>) -> bool {
        if self.deadline <= now {
            return true;
        }
        let Some(runtime) = rt::current().map(|runtime| runtime.id()).filter(|_| !watched) else {
            return false;
        };
        // A timer of a runtime that has shut down panics when it is polled.
        if self.timer.as_ref().is_some_and(|(home, _)| *home != runtime) {
            self.timer = None;
        }
        loop {
            let step = clock::after(now, LOOK_AGAIN).min(self.deadline);
            let (_, timer) =
                self.timer.get_or_insert_with(|| (runtime, Box::pin(rt::sleep_until(step))));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            now = clock::now();
            if self.deadline <= now {
                return true;
            }
            self.timer = None;
        }
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> Acquire<M, P> {
    pub(crate) fn new(
        pool: P,
        timeout: Option<Duration>,
        location: &'static Location<'static>,
    ) -> Self {
        let _manager = std::marker::PhantomData;
        Self { pool: Some(pool), timeout, location, wish: Wish::default(), waiting: None, _manager }
    }

    /// Names another place as the holder of the connection, for layers that acquire on behalf of
    /// their callers. The default is where [`Pool::get`] or its like was called.
    pub fn called_from(mut self, location: &'static Location<'static>) -> Self {
        self.location = location;
        self
    }

    /// Waits at most this long, instead of `acquire_timeout`. With zero it does not wait; a connection
    /// that is idle is still had.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How urgent it is among those who wait. Default [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.wish.priority = priority;
        self
    }

    /// Prefers an idle connection that carries `tag`, then one that carries none. Any other is had
    /// rather than waiting: look at [`Pooled::tag`].
    ///
    /// ```
    /// # use wellspring_pool_core::{AcquireError, Manager, Pool, Tag};
    /// # async fn demo<M: Manager>(pool: Pool<M>) -> Result<(), AcquireError<M::Error>> {
    /// let tenant = Tag::named("tenant 7");
    /// let mut connection = pool.get().tag(tenant).await?;
    /// if connection.tag() != Some(tenant) {
    ///     // … set it up for the tenant, then:
    ///     connection.set_tag(Some(tenant));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn tag(mut self, tag: Tag) -> Self {
        self.wish.tag = Some(tag);
        self
    }

    fn pool(&self) -> &Pool<M> {
        self.pool.as_ref().expect("Acquire polled after it was ready").borrow()
    }

    /// The free path, else into the line.
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<Taken<M>> {
        let caller = self.pool().shared.caller(self.location);
        loop {
            match self.attempt(&caller, cx) {
                Attempt::Idle { entry, poke } => {
                    // It may have died while it was idle; the next one then.
                    let shared = &self.pool().shared;
                    if let Some(entry) = shared.unless_broken(entry, false) {
                        shared.served_directly(&entry, poke);
                        return Poll::Ready(Ok(entry));
                    }
                }
                Attempt::Failed(error) => return Poll::Ready(Err(error)),
                Attempt::Queued => return self.look_after(cx),
            }
        }
    }

    fn attempt(&mut self, caller: &Caller, cx: &mut Context<'_>) -> Attempt<M> {
        let wish = self.wish;
        let shared = &self.pool().shared;
        let now = clock::now();
        let (look, watcher) =
            shared.peek(|state, rules| (state.look(rules, caller, wish.tag, now), state.watcher()));
        match look {
            Look::Found { entry, poke } => return Attempt::Idle { entry, poke },
            Look::Closed => return Attempt::Failed(AcquireError::Closed),
            Look::Nothing | Look::Paused => {}
        }
        let Some(runtime) = rt::current() else {
            return Attempt::Failed(AcquireError::NoRuntime);
        };
        let deadline = clock::after(now, self.timeout.unwrap_or(shared.options.acquire_timeout));
        // Panics where the runtime has no timers: before joining the line, not after.
        let watched = watcher == Some(runtime.id());
        let step = clock::after(now, LOOK_AGAIN).min(deadline);
        let timer = (!watched).then(|| (runtime.id(), Box::pin(rt::sleep_until(step))));
        // Cloning a waker is foreign code: not under the lock. So look again inside.
        let mut waker = Some(cx.waker().clone());
        let asker = Asker { caller, wish, since: now, deadline };
        let key = shared.change(|state, rules, actions| {
            match state.look(rules, caller, wish.tag, now) {
                Look::Found { entry, poke } => return Err(Attempt::Idle { entry, poke }),
                Look::Closed => return Err(Attempt::Failed(AcquireError::Closed)),
                Look::Nothing | Look::Paused => {}
            }
            let key = state.enqueue(rules, &mut waker, &asker, now, actions);
            key.map_err(Attempt::Failed)
        });
        match key {
            Ok(key) => {
                self.waiting = Some(Waiting { key, since: now, deadline, timer });
                Attempt::Queued
            }
            Err(other) => other,
        }
    }

    /// In line: has the turn come, or the time run out?
    fn look_after(&mut self, cx: &mut Context<'_>) -> Poll<Taken<M>> {
        loop {
            match self.look_once(cx) {
                Poll::Ready((Ok(entry), since, deadline)) => {
                    let shared = &self.pool().shared;
                    // One that was idle may have died meanwhile; back to the head of the line then.
                    let entry = if entry.was_idle {
                        shared.unless_broken(entry, true)
                    } else {
                        Some(entry)
                    };
                    if let Some(entry) = entry {
                        let waited = clock::now().saturating_duration_since(since);
                        return Poll::Ready(Ok(shared.served_late(entry, waited)));
                    }
                    self.rejoin(since, deadline, cx);
                }
                Poll::Ready((Err(error), ..)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn rejoin(&mut self, since: Instant, deadline: Instant, cx: &mut Context<'_>) {
        let wish = self.wish;
        let shared = &self.pool().shared;
        let caller = shared.caller(self.location);
        let waker = cx.waker().clone();
        let asker = Asker { caller: &caller, wish, since, deadline };
        let now = clock::now();
        let key =
            shared.change(|state, rules, actions| state.rejoin(rules, waker, &asker, now, actions));
        self.waiting = Some(Waiting { key, since, deadline, timer: None });
    }

    fn look_once(&mut self, cx: &mut Context<'_>) -> Poll<(Taken<M>, Instant, Instant)> {
        let shared = &self.pool.as_ref().expect("polled after it was ready").borrow().shared;
        let slot = &mut self.waiting;
        let now = clock::now();
        let waker = cx.waker().clone();
        // It may have been moved to another runtime since it was polled last.
        let runtime = rt::current().map(|runtime| runtime.id());
        // Looking and taking are one decision: in between, a late grant could be taken back.
        let (taken, leftover, watcher) = shared.change(|state, rules, actions| {
            let waiting = slot.as_ref().expect("only called while waiting");
            let (ready, leftover) = state.poll_waiter(rules, &waiting.key, waker, now, actions);
            let taken = ready.then(|| {
                let waiting = slot.take().expect("just seen");
                let Waiting { key, since, deadline, timer } = waiting;
                (state.claim(key), since, deadline, timer)
            });
            (taken, leftover, state.watcher())
        });
        // Other people's code, while a connection is in nobody's care.
        drop_quietly(&shared.name, leftover);
        if let Some((taken, since, deadline, timer)) = taken {
            drop(timer);
            return Poll::Ready((taken, since, deadline));
        }
        let watched = runtime.is_some() && watcher == runtime;
        // Anew: whoever took this one out of line for being late did so before now.
        let now = clock::now();
        if !self.waiting.as_mut().is_some_and(|waiting| waiting.is_late(now, watched, cx)) {
            return Poll::Pending;
        }
        let Waiting { key, since, deadline, timer } = self.waiting.take().expect("just seen");
        drop(timer);
        let waited = now.saturating_duration_since(since);
        let (taken, leftover) =
            shared.change(|state, rules, actions| state.expire(rules, key, waited, now, actions));
        drop_quietly(&shared.name, leftover);
        Poll::Ready((taken, since, deadline))
    }
}

impl<M: Manager, P: Borrow<Pool<M>> + Unpin> Future for Acquire<M, P> {
    type Output = Result<Pooled<M, P>, AcquireError<M::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let taken = match this.waiting {
            Some(_) => this.look_after(cx),
            None => {
                // A task whose connections never make it wait yields here now and then, while it
                // holds none: yielding with one in its hands would make others wait for it.
                ready!(rt::consume_budget(cx));
                this.begin(cx)
            }
        };
        taken.map(|taken| {
            let pool = this.pool.take().expect("Acquire polled after it was ready");
            taken.map(|entry| Pooled::new(pool, entry))
        })
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> Drop for Acquire<M, P> {
    fn drop(&mut self) {
        if let (Some(pool), Some(waiting)) = (&self.pool, self.waiting.take()) {
            let now = clock::now();
            let leftover = pool
                .borrow()
                .shared
                .change(|state, rules, actions| state.leave(rules, waiting.key, now, actions));
            drop(leftover);
        }
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> fmt::Debug for Acquire<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("location", &self.location)
            .field("waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}
