//! Control of a living pool: sizes, pause, invalidation, the breaker.

use crate::{BreakerState, ConfigError, Manager, Pool, clock};

impl<M: Manager> Pool<M> {
    /// Keeps at most `max_size` connections from now on. Growing serves those who wait at once;
    /// shrinking closes idle connections that are too many, and those in use when they come back:
    /// nobody loses a connection under his hands, and once they are back there are no more than
    /// that.
    ///
    /// # Errors
    /// [`ConfigError`] for 0, for more than can be, and for less than `min_idle` is now
    /// ([`set_min_idle`](Self::set_min_idle) first).
    ///
    /// ```
    /// # use wellspring_pool_core::{Manager, Pool};
    /// # fn demo<M: Manager>(pool: Pool<M>) -> Result<(), wellspring_pool_core::ConfigError> {
    /// pool.resize(20)?;
    /// assert_eq!(pool.status().max_size, 20);
    /// # Ok(()) }
    /// ```
    pub fn resize(&self, max_size: usize) -> Result<(), ConfigError> {
        self.change_sizes(Some(max_size), None)
    }

    /// Keeps at least this many connections idle from now on, as far as `max_size` allows.
    ///
    /// # Errors
    /// [`ConfigError`] for more than `max_size` is now, or than `max_idle`.
    pub fn set_min_idle(&self, min_idle: usize) -> Result<(), ConfigError> {
        self.change_sizes(None, Some(min_idle))
    }

    fn change_sizes(
        &self,
        max_size: Option<usize>,
        min_idle: Option<usize>,
    ) -> Result<(), ConfigError> {
        self.shared.change(|state, rules, actions| {
            let max_size = max_size.unwrap_or(state.max_size());
            let min_idle = min_idle.unwrap_or(state.min_idle());
            rules.options.check_sizes(max_size, min_idle)?;
            state.resize(rules, max_size, min_idle, clock::now(), actions);
            Ok(())
        })
    }

    /// Stops handing out connections: who asks waits until [`resume`](Self::resume), or his deadline.
    /// Connections in use stay with their holders and are kept when they come back; nothing is
    /// opened but by [`warm_up`](Self::warm_up). For a moment in which nobody should begin anything:
    /// a switch of servers, a backup.
    ///
    /// `true` when it was not paused before. To wait until nothing is in use any more, see
    /// [`quiesce`](Self::quiesce).
    pub fn pause(&self) -> bool {
        self.shared.change(|state, rules, actions| state.pause(rules, true, clock::now(), actions))
    }

    /// Goes on handing out. `true` when it was paused.
    pub fn resume(&self) -> bool {
        self.shared.change(|state, rules, actions| state.pause(rules, false, clock::now(), actions))
    }

    /// True while it is paused.
    pub fn is_paused(&self) -> bool {
        self.shared.peek(|state, _| state.is_paused())
    }

    /// Pauses and waits until no connection is in use, at most `timeout`. `true` when none is.
    ///
    /// # Cancel safety
    /// The pool stays paused.
    pub async fn quiesce(&self, timeout: std::time::Duration) -> bool {
        let deadline = clock::after(clock::now(), timeout);
        self.pause();
        loop {
            let status = self.status();
            // Those whose connections were reclaimed work on, too.
            if status.used == 0 && status.resetting == 0 && self.holders().is_empty() {
                return true;
            }
            let now = clock::now();
            if now >= deadline {
                return false;
            }
            // Returns are synchronous and tell nobody: looked for in short steps.
            let step = std::time::Duration::from_millis(5);
            crate::rt::sleep_until(clock::after(now, step).min(deadline)).await;
        }
    }

    /// Retires every connection of today: those idle are closed now, those in use when they come
    /// back, those being opened when they are there. The pool goes on serving, with new ones. For
    /// changed credentials, or after a switch of servers.
    pub fn invalidate_all(&self) {
        self.shared.change(|state, rules, actions| {
            state.invalidate_all(rules, clock::now(), actions);
        });
    }

    /// The state of the breaker around connecting ([`PoolOptions::breaker`](crate::PoolOptions)).
    pub fn breaker(&self) -> BreakerState {
        self.shared.peek(|state, _| state.circuit.state(clock::now()))
    }

    /// Opens the breaker by hand: who would need a new connection is refused for `open_for`, whatever
    /// connects that are under way come to, or until [`reset_breaker`](Self::reset_breaker); then
    /// probes decide. Connections that exist go on serving.
    pub fn open_breaker(&self) {
        self.shared.change(|state, _, actions| state.open_breaker(clock::now(), actions));
    }

    /// Closes the breaker by hand, forgets the failures and tries again at once if somebody waits.
    pub fn reset_breaker(&self) {
        self.shared.change(|state, rules, actions| {
            state.reset_breaker(rules, clock::now(), actions);
        });
    }
}
