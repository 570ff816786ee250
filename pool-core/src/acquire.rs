//! The future of an acquire.

mod timer;
mod traits;

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::caller::Wish;
use crate::clock;
use crate::entry::Entry;
use crate::rt::{self, RuntimeId};
use crate::shared::drop_quietly;
use crate::state::{Asker, Claimed, Joiner, Look, Wait};
use crate::waiters::Key;
use crate::{AcquireError, Manager, Pool, Pooled, Priority, Tag, TaskId};

use timer::{RareTimer, is_late};
use traits::Traits;

type Got<M, P> = Result<Pooled<M, P>, AcquireError<<M as Manager>::Error>>;
type Connection<M> = <M as Manager>::Connection;
type Taken<M> = Result<Box<Entry<Connection<M>>>, AcquireError<<M as Manager>::Error>>;

/// Waits for a connection; what [`Pool::get`] and its like return.
///
/// The first poll takes an idle connection if there is one, without waiting. Otherwise the future
/// joins the end of the pool's line and is served in order of arrival. A task that has used up its
/// budget of tokio's cooperative scheduling yields once before that.
///
/// Waits of a second or more are timed by a clock that may be a few milliseconds behind; so that nobody
/// gives up too early, they last up to 8 ms longer.
///
/// # Cancel safety
/// Dropping the future leaves the line; a connection it was given but had not picked up goes to
/// the next in line. Nothing is lost, and no connection is closed for it.
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<M: Manager, P: Borrow<Pool<M>>> {
    /// `None` once it was ready.
    pool: Option<P>,
    location: &'static Location<'static>,
    /// In nanoseconds; [`USUAL`] for the pool's.
    timeout: u64,
    tag: u64,
    /// Where the housekeeper does not look after the deadline.
    timer: RareTimer,
    /// The place in line.
    key: Option<Key>,
    traits: Traits,
    _manager: PhantomData<fn() -> M>,
}

/// From here on a millisecond more or less is no matter.
const LONG_TIMEOUT: u64 = 1_000_000_000;

/// For ever, in nanoseconds.
const MOST: u64 = clock::FAR.as_nanos() as u64;

/// No timeout of its own.
const USUAL: u64 = u64::MAX;

/// What joining the line came to.
enum Joined<C, E> {
    /// An idle connection was there. It may have died since.
    Idle {
        entry: Box<Entry<C>>,
        poke: bool,
    },
    /// There was one for it at once.
    Served(Claimed<C, E>),
    Failed(AcquireError<E>),
    /// Its deadline is not looked after by anybody here: a timer first.
    NeedsTimer,
    InLine(Key),
}

impl<M: Manager, P: Borrow<Pool<M>>> Acquire<M, P> {
    #[inline]
    pub(crate) fn new(
        pool: P,
        timeout: Option<Duration>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            pool: Some(pool),
            location,
            timeout: timeout.map_or(USUAL, |timeout| clock::nanos(timeout).min(USUAL - 1)),
            tag: 0,
            timer: RareTimer::default(),
            key: None,
            traits: Traits::NONE,
            _manager: PhantomData,
        }
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
        self.timeout = clock::nanos(timeout).min(USUAL - 1);
        self
    }

    /// How urgent it is among those who wait. Default [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.traits.set(Traits::LOW, priority == Priority::Low);
        self.traits.set(Traits::HIGH, priority == Priority::High);
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
        self.tag = tag.get();
        self.traits.set(Traits::TAGGED, true);
        self
    }

    #[inline]
    fn pool(&self) -> &Pool<M> {
        self.pool.as_ref().expect("Acquire polled after it was ready").borrow()
    }

    fn wish(&self) -> Wish {
        let tagged = self.traits.has(Traits::TAGGED);
        Wish { priority: self.traits.priority(), tag: tagged.then(|| Tag::new(self.tag)) }
    }

    /// In nanoseconds.
    #[inline]
    fn timeout_nanos(&self) -> u64 {
        self.timeout_or(self.pool().shared.acquire_timeout())
    }

    #[inline]
    fn timeout_or(&self, usual: u64) -> u64 {
        if self.timeout == USUAL { usual } else { self.timeout.min(MOST) }
    }

    #[inline]
    fn wait(&self) -> Wait {
        Wait::new(self.timeout_nanos(), self.traits.has(Traits::TIMED))
    }

    #[inline]
    fn guard(&mut self, entry: Box<Entry<Connection<M>>>) -> Pooled<M, P> {
        Pooled::new(self.pool.take().expect("Acquire polled after it was ready"), entry)
    }

    /// What goes through the lock. Small, so that the rest of a poll is part of the caller's code.
    #[inline(never)]
    fn poll_slowly(&mut self, cx: &mut Context<'_>) -> Poll<Got<M, P>> {
        if self.key.is_none() { self.join(cx) } else { self.pick_up(cx) }
    }

    #[inline(never)]
    fn join(&mut self, cx: &mut Context<'_>) -> Poll<Got<M, P>> {
        if self.join_steady_line(cx) { Poll::Pending } else { self.poll_carefully(cx) }
    }

    #[inline(never)]
    fn poll_carefully(&mut self, cx: &mut Context<'_>) -> Poll<Got<M, P>> {
        let taken = if self.key.is_none() {
            ready!(self.begin(cx))
        } else {
            // What came just now is found there, too.
            ready!(self.look_after(cx))
        };
        let taken = taken.map(|entry| self.guard(entry));
        // Nothing is polled after this, whatever it came to.
        self.pool = None;
        Poll::Ready(taken)
    }

    // ---- joining the line ---------------------------------------------------------------------

    /// Joins the line where nothing but the line decides. `false` when there is more to it.
    #[inline(always)]
    fn join_steady_line(&mut self, cx: &mut Context<'_>) -> bool {
        let shared = &self.pool().shared;
        if !shared.is_steady() || !self.traits.wishes_nothing() {
            return false;
        }
        let task = TaskId::current();
        let Some(runtime) = rt::current_id(task, cx.waker()) else {
            return false;
        };
        // The coarse clock will do for long timeouts.
        let timeout = self.timeout_nanos();
        let (since, timed) = shared.begin_wait(timeout < LONG_TIMEOUT);
        let deadline = since.plus_nanos(Wait::new(timeout, timed).timeout);
        // Cloning a waker is foreign code, and so is dropping it: not under the lock.
        let waker = cx.waker().clone();
        let joiner = Joiner { location: self.location, task, since, deadline };
        let joined = shared.lock().join_line(waker, &joiner, runtime);
        self.traits.set(Traits::TIMED, timed);
        match joined {
            Ok(key) => {
                self.key = Some(key);
                true
            }
            Err(waker) => {
                drop(waker);
                false
            }
        }
    }

    /// Through the lock: what is idle, else into the line.
    #[inline(never)]
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<Taken<M>> {
        let shared = &self.pool().shared;
        let caller = shared.caller(self.location);
        if shared.is_plain()
            && let Some(entry) = shared.look(&caller, self.wish().tag)
        {
            return Poll::Ready(Ok(entry));
        }
        let (since, timed) = shared.begin_wait(self.timeout_nanos() < LONG_TIMEOUT);
        let deadline = since.plus_nanos(Wait::new(self.timeout_nanos(), timed).timeout);
        let asker = Asker { caller: &caller, wish: self.wish(), since, deadline };
        let waker = Some(cx.waker().clone());
        self.traits.set(Traits::TIMED, timed);
        self.join_or_take(&asker, waker, cx)
    }

    #[inline(never)]
    fn join_or_take(
        &mut self,
        asker: &Asker<'_>,
        mut waker: Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Taken<M>> {
        // Anew: a task of a `LocalSet` goes wherever that is driven.
        let runtime = rt::current().map(|runtime| runtime.id());
        let (since, deadline) = (asker.since, asker.deadline);
        loop {
            let shared = &self.pool().shared;
            match self.join_or_look(asker, runtime, &mut waker) {
                Joined::Idle { entry, poke } => {
                    // It may have died while it was idle; the next one then.
                    if let Some(entry) = shared.unless_broken(entry, false) {
                        shared.served_directly(&entry, poke);
                        return Poll::Ready(Ok(entry));
                    }
                }
                Joined::Served(claimed) => {
                    let taken = self.take(claimed, cx);
                    return taken.map_or_else(|| self.look_after(cx), Poll::Ready);
                }
                Joined::Failed(error) => return Poll::Ready(Err(error)),
                Joined::NeedsTimer => {
                    // Panics where the runtime has no timers: before joining the line, not after.
                    if let Some(runtime) = runtime {
                        self.timer.set(runtime, since, deadline);
                    }
                }
                Joined::InLine(key) => {
                    self.key = Some(key);
                    // Without a timer the housekeeper looks after it.
                    if !self.timer.is_set() && deadline > since {
                        return Poll::Pending;
                    }
                    return self.look_after(cx);
                }
            }
        }
    }

    /// Takes what is idle, or joins the line: one decision.
    fn join_or_look(
        &self,
        asker: &Asker<'_>,
        runtime: Option<RuntimeId>,
        waker: &mut Option<Waker>,
    ) -> Joined<Connection<M>, M::Error> {
        let shared = &self.pool().shared;
        let (wait, now) = (self.wait(), clock::now());
        shared.change(|state, rules, actions| {
            match state.look(rules, asker.caller, asker.wish.tag, now) {
                Look::Found { entry, poke } => return Joined::Idle { entry, poke },
                Look::Closed => return Joined::Failed(AcquireError::Closed),
                Look::Nothing | Look::Paused => {}
            }
            if runtime.is_none() {
                return Joined::Failed(AcquireError::NoRuntime);
            }
            if !self.timer.is_set() && state.watcher() != runtime {
                return Joined::NeedsTimer;
            }
            let mut key = match state.enqueue(rules, waker, asker, now, actions) {
                Ok(key) => Some(key),
                Err(error) => return Joined::Failed(error),
            };
            let claimed = state.claim_in_place(rules, &mut key, wait, now, actions);
            match (claimed, key) {
                (Some(mut claimed), _) => {
                    // Not needed, and not to be dropped here.
                    *waker = claimed.waker.take();
                    Joined::Served(claimed)
                }
                (None, Some(key)) => Joined::InLine(key),
                (None, None) => unreachable!("it is in line, or served"),
            }
        })
    }

    // ---- being served -------------------------------------------------------------------------

    /// In line, and woken: mostly because the turn has come, and there is no more to it than to take
    /// what was given.
    #[inline(never)]
    fn pick_up(&mut self, cx: &mut Context<'_>) -> Poll<Got<M, P>> {
        let shared = &self.pool.as_ref().expect("polled after it was ready").borrow().shared;
        let Some(entry) = shared.collect(&mut self.key) else {
            return self.poll_carefully(cx);
        };
        let usual = shared.acquire_timeout();
        let wait = Wait::new(self.timeout_or(usual), self.traits.has(Traits::TIMED));
        if shared.served_plainly(&entry, wait, self.location) {
            return Poll::Ready(Ok(self.guard(entry)));
        }
        let taken = ready!(self.pick_up_carefully(entry, cx));
        let taken = taken.map(|entry| self.guard(entry));
        self.pool = None;
        Poll::Ready(taken)
    }

    #[inline(never)]
    fn pick_up_carefully(
        &mut self,
        entry: Box<Entry<Connection<M>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Taken<M>> {
        let (wait, now) = (self.wait(), clock::now());
        let shared = &self.pool.as_ref().expect("polled after it was ready").borrow().shared;
        let deadline = entry.awaited_until;
        let since = wait.began(deadline);
        if !self.traits.has(Traits::CAME_LATE) && shared.is_stale(&entry, now) {
            self.traits.set(Traits::CAME_LATE, true);
            let caller = shared.caller(self.location);
            let asker = Asker { caller: &caller, wish: self.wish(), since, deadline };
            let waker = cx.waker().clone();
            self.key = Some(shared.change(|state, rules, actions| {
                state.give_back_stale(rules, entry, waker, &asker, now, actions)
            }));
            return self.look_after(cx);
        }
        let mut waited = now.saturating_duration_since(since);
        if !entry.was_idle {
            waited = shared.book_wait(&entry, since, wait.timed, now);
        }
        if !shared.is_steady() {
            shared.change(|state, rules, actions| state.pass_by(rules, now, actions));
        }
        let claimed = Claimed { served: Ok(entry), since, deadline, waited, waker: None };
        match self.take(claimed, cx) {
            Some(taken) => Poll::Ready(taken),
            None => self.look_after(cx),
        }
    }

    /// In line: has the turn come, or the time run out?
    #[inline(never)]
    fn look_after(&mut self, cx: &mut Context<'_>) -> Poll<Taken<M>> {
        loop {
            let claimed = ready!(self.look_once(cx));
            if let Some(taken) = self.take(claimed, cx) {
                return Poll::Ready(taken);
            }
        }
    }

    /// Takes what it was served, unless that was idle and has died meanwhile: then it is back at the
    /// head of the line.
    fn take(
        &mut self,
        claimed: Claimed<Connection<M>, M::Error>,
        cx: &mut Context<'_>,
    ) -> Option<Taken<M>> {
        self.timer.clear();
        let Claimed { served, since, deadline, waited, waker } = claimed;
        let shared = &self.pool().shared;
        if waker.is_some() {
            // Other people's code, while a connection is in nobody's care.
            drop_quietly(&shared.name, waker);
        }
        let entry = match served {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let was_idle = entry.was_idle;
        let entry = if was_idle { shared.unless_broken(entry, true) } else { Some(entry) };
        if let Some(mut entry) = entry {
            let mut waited = waited;
            if was_idle {
                // Only now is it known that it was served.
                let timed = self.traits.has(Traits::TIMED);
                waited = shared.book_wait(&entry, since, timed, clock::now());
            }
            shared.lend(&entry, self.location);
            shared.served_late(&mut entry, waited);
            return Some(Ok(entry));
        }
        let caller = shared.caller(self.location);
        let waker = cx.waker().clone();
        let asker = Asker { caller: &caller, wish: self.wish(), since, deadline };
        let now = clock::now();
        let key =
            shared.change(|state, rules, actions| state.rejoin(rules, waker, &asker, now, actions));
        self.key = Some(key);
        None
    }

    fn look_once(&mut self, cx: &mut Context<'_>) -> Poll<Claimed<Connection<M>, M::Error>> {
        let wait = self.wait();
        let shared = &self.pool.as_ref().expect("polled after it was ready").borrow().shared;
        let slot = &mut self.key;
        let now = clock::now();
        let waker = cx.waker().clone();
        // It may have been moved to another runtime since it was polled last.
        let runtime = rt::current().map(|runtime| runtime.id());
        // Looking and taking are one decision: in between, a late grant could be taken back.
        let (claimed, leftover, deadline, watched) = shared.change(|state, rules, actions| {
            let key = slot.as_ref().expect("only called while waiting");
            let deadline = state.deadline(key);
            let (ready, leftover) = state.poll_waiter(rules, key, waker, now, actions);
            let claimed =
                if ready { state.claim_in_place(rules, slot, wait, now, actions) } else { None };
            (claimed, leftover, deadline, runtime.is_some() && state.watcher() == runtime)
        });
        drop_quietly(&shared.name, leftover);
        if let Some(claimed) = claimed {
            return Poll::Ready(claimed);
        }
        // Anew: whoever took this one out of line for being late did so before now.
        let now = clock::now();
        if !is_late(&mut self.timer, deadline, now, runtime.filter(|_| !watched), cx) {
            return Poll::Pending;
        }
        let key = self.key.take().expect("it is in line");
        let expire =
            shared.change(|state, rules, actions| state.expire(rules, key, wait, now, actions));
        Poll::Ready(expire)
    }
}

impl<M: Manager, P: Borrow<Pool<M>> + Unpin> Future for Acquire<M, P> {
    type Output = Got<M, P>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.key.is_none() {
            // A task whose connections never make it wait yields here now and then, while it
            // holds none: yielding with one in its hands would make others wait for it.
            if rt::budget_is_due() {
                ready!(rt::consume_budget(cx));
            }
            if !this.traits.has(Traits::TAGGED)
                && let Some(entry) = this.pool().shared.pick_up(this.location)
            {
                return Poll::Ready(Ok(this.guard(entry)));
            }
        }
        this.poll_slowly(cx)
    }
}

impl<M: Manager, P: Borrow<Pool<M>>> Drop for Acquire<M, P> {
    fn drop(&mut self) {
        if let (Some(pool), Some(key)) = (&self.pool, self.key.take()) {
            leave(pool.borrow(), key);
        }
    }
}

#[cold]
fn leave<M: Manager>(pool: &Pool<M>, key: Key) {
    let now = clock::now();
    let leftover =
        pool.shared.change(|state, rules, actions| state.leave(rules, key, now, actions));
    drop(leftover);
}

impl<M: Manager, P: Borrow<Pool<M>>> fmt::Debug for Acquire<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("location", &self.location)
            .field("waiting", &self.key.is_some())
            .finish_non_exhaustive()
    }
}
