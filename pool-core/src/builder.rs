//! Building a pool: options, hooks, a listener.

use std::fmt;
use std::time::Duration;

use crate::hooks::{BoxFuture, Hooks};
use crate::rt;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::{
    BreakerOptions, ConfigError, ConnectionInfo, Fairness, Listener, Manager, Pool, PoolGroup,
    PoolOptions, ResetMode, ResetPolicy, RetryPolicy, Reuse, Startup, Validate, WhenExhausted,
};

/// Builds a [`Pool`]. Every option is described at its field of [`PoolOptions`].
///
/// ```
/// # use std::time::Duration;
/// # use wellspring_pool_core::{Manager, Pool, Validate};
/// # fn demo<M: Manager>(manager: M) -> Result<(), wellspring_pool_core::ConfigError> {
/// let pool = Pool::builder(manager)
///     .name("orders")
///     .max_size(20)
///     .min_idle(2)
///     .acquire_timeout(Duration::from_secs(5))
///     .validate(Validate::Always)
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until built"]
pub struct Builder<M: Manager> {
    name: Arc<str>,
    manager: M,
    options: PoolOptions,
    hooks: Hooks<M::Connection, M::Error>,
    listener: Option<Arc<dyn Listener>>,
    group: Option<(PoolGroup, usize)>,
}

macro_rules! setters {
    ($($option:ident: $type:ty),* $(,)?) => {
        impl<M: Manager> Builder<M> {
            $(
                #[doc = concat!("Sets [`", stringify!($option), "`](PoolOptions::", stringify!($option), ").")]
                pub fn $option(mut self, $option: $type) -> Self {
                    self.options.$option = $option;
                    self
                }
            )*
        }
    };
}

setters! {
    max_size: usize,
    max_overflow: usize,
    min_idle: usize,
    max_idle: Option<usize>,
    initial_size: usize,
    startup: Startup,
    max_waiters: Option<usize>,
    when_exhausted: WhenExhausted,
    max_connecting: usize,
    acquire_timeout: Duration,
    connect_timeout: Duration,
    connect_retry: RetryPolicy,
    breaker: Option<BreakerOptions>,
    outage_tolerance: Duration,
    validation_timeout: Duration,
    reset_timeout: Duration,
    close_timeout: Duration,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    max_lifetime_jitter: f64,
    max_uses: Option<u64>,
    max_queries: Option<u64>,
    max_errors: Option<u64>,
    keepalive: Option<Duration>,
    leak_threshold: Option<Duration>,
    leak_backtrace: bool,
    leak_reclaim: Option<Duration>,
    max_abandoned: usize,
    validate: Validate,
    reset: ResetPolicy,
    reset_mode: ResetMode,
    reuse: Reuse,
    fairness: Fairness,
}

impl<M: Manager> Builder<M> {
    pub(crate) fn new(manager: M) -> Self {
        Self {
            name: "pool".into(),
            manager,
            options: PoolOptions::default(),
            hooks: Hooks::default(),
            listener: None,
            group: None,
        }
    }

    /// The pool's name in logs, events and stats. Default `pool`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces all options at once.
    pub fn options(mut self, options: PoolOptions) -> Self {
        self.options = options;
        self
    }

    /// Runs on every connection right after it was opened, within `connect_timeout`. An error is
    /// a failure to connect.
    ///
    /// ```
    /// # use wellspring_pool_core::{Manager, Pool};
    /// # struct Numbers;
    /// # impl Manager for Numbers {
    /// #     type Connection = u32;
    /// #     type Error = std::io::Error;
    /// #     async fn connect(&self) -> Result<u32, std::io::Error> { Ok(7) }
    /// #     async fn validate(&self, _: &mut u32) -> Result<(), std::io::Error> { Ok(()) }
    /// # }
    /// let builder = Pool::builder(Numbers).after_connect(|number, info| {
    ///     Box::pin(async move {
    ///         println!("{} is {number}", info.id);
    ///         Ok(())
    ///     })
    /// });
    /// ```
    pub fn after_connect<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Connection, ConnectionInfo) -> BoxFuture<'c, Result<(), M::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.hooks.after_connect = Some(Box::new(hook));
        self
    }

    /// Runs on an idle or returned connection before it is handed out, within
    /// `validation_timeout`. An error closes the connection; the caller gets another. With this
    /// hook every hand-out costs a task switch.
    pub fn before_acquire<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Connection, ConnectionInfo) -> BoxFuture<'c, Result<(), M::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.hooks.before_acquire = Some(Box::new(hook));
        self
    }

    /// Runs on a connection when it comes back, after its reset, within `reset_timeout`. An error
    /// closes the connection. With this hook every return costs a background task.
    pub fn after_release<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Connection, ConnectionInfo) -> BoxFuture<'c, Result<(), M::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.hooks.after_release = Some(Box::new(hook));
        self
    }

    /// Retires a returned connection of which `predicate` says so, beside what
    /// [`max_uses`](PoolOptions::max_uses) and its like say. Called with each return, synchronously:
    /// it must be quick. A panic retires the connection.
    ///
    /// ```
    /// # use wellspring_pool_core::{Builder, Manager, WorkKind};
    /// # fn demo<M: Manager>(builder: Builder<M>) -> Builder<M> {
    /// builder.retire_when(|info| info.work.get(WorkKind::Rollback).count > 100)
    /// # }
    /// ```
    pub fn retire_when(
        mut self,
        predicate: impl Fn(&ConnectionInfo) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.hooks.retire_when = Some(Box::new(predicate));
        self
    }

    /// Puts the pool under a cap that it shares with others; `share` connections of it are always
    /// there for this pool.
    pub fn group(mut self, group: &PoolGroup, share: usize) -> Self {
        self.group = Some((group.clone(), share));
        self
    }

    /// Who is told of events.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Builds the pool. No I/O: connections are opened when they are needed, or by
    /// [`Pool::start`]. Inside a tokio runtime the pool begins to keep `min_idle` connections at
    /// once, else with its first use.
    ///
    /// # Errors
    /// The first option that is wrong; a share of a group that the other pools do not leave.
    pub fn build(self) -> Result<Pool<M>, ConfigError> {
        self.options.check()?;
        let Self { name, manager, options, hooks, listener, group } = self;
        if let Some((_, share)) = &group
            && *share > options.limit()
        {
            let expected = format!("at most max_size + max_overflow = {}", options.limit());
            return Err(ConfigError::new("group.share", share, expected));
        }
        let shared = Shared::new(name, manager, options, hooks, listener, group)?;
        if rt::current().is_some() {
            shared.change(|state, rules, actions| {
                state.housekeep(rules, crate::clock::now(), actions);
            });
        }
        Ok(Pool { shared })
    }
}

impl<M: Manager> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("options", &self.options)
            .field("hooks", &self.hooks)
            .finish_non_exhaustive()
    }
}
