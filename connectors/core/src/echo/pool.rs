//! Logging what happens in a pool.

use std::error::Error as StdError;
use std::panic::Location;
use std::time::Duration;

use tracing::Level;
use wellspring_pool_core::{ConnectError, Event, Holder, Listener};

use super::{Echo, POOL, at_level};
use crate::{Error, ErrorKind};

/// A listener that logs every event of a pool, under the target `wellspring::pool`.
///
/// The builder of `wellspring::Database` gives it to its pool when `echo_pool` is on; here it is for those
/// who build pools themselves. What is logged, each where it is known:
///
/// | field | |
/// | --- | --- |
/// | `pool` | the pool's name |
/// | `event` | [`Event::label`]: `connected`, `acquired`, `closed`, … |
/// | `connection` | the number of the connection |
/// | `reason` | why it is closed: [`CloseReason::label`](wellspring_pool_core::CloseReason::label) |
/// | `took`, `waited`, `held` | how long the connect, the acquire, the use took |
/// | `error_kind`, `sqlstate`, `code`, `error` | why connecting failed; the text only where it is about connecting |
/// | `failures`, `retry_in`, `open_for` | of a failed connect, and of the breaker |
/// | `max_size`, `min_idle` | the new sizes |
/// | `holder`, `waiting_at`, `backtrace` | of leaks, and of tasks that hold a connection and wait for another |
///
/// Events that the pool logs by itself where nobody does, such as leaks at `warn` and changes of the whole
/// pool at `info`, are logged once, here, and at no lower level than that.
///
/// ```
/// use wellspring_connector::{Echo, EchoListener};
/// # use wellspring_pool_core::{Manager, Pool};
/// # fn build<M: Manager>(manager: M) -> Result<(), wellspring_pool_core::ConfigError> {
/// let pool = Pool::builder(manager).listener(EchoListener::new(Echo::Debug)).build()?;
/// # drop(pool); Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EchoListener {
    level: Option<Level>,
}

impl EchoListener {
    /// Logs at the level of `echo`; nothing if that is [`Echo::Off`].
    pub fn new(echo: Echo) -> Self {
        Self { level: echo.level() }
    }
}

impl Listener for EchoListener {
    fn on_event(&self, pool: &str, event: &Event<'_>) {
        let Some(level) = self.level else { return };
        // The more severe of the two.
        let level = level.min(severity(event));
        if at_level!(level, event_enabled, POOL) {
            write(level, pool, event);
        }
    }

    fn logs(&self) -> bool {
        self.level.is_some()
    }
}

/// At which level the pool logs it, where nobody else does; the lowest for what it does not log.
fn severity(event: &Event<'_>) -> Level {
    match event {
        Event::Leak { .. }
        | Event::Reclaimed { .. }
        | Event::Abandoned { .. }
        | Event::HeldWhileWaiting { .. }
        | Event::BreakerOpened { .. } => Level::WARN,
        Event::LeakEnded { .. }
        | Event::BreakerClosed
        | Event::Resized { .. }
        | Event::Invalidated
        | Event::Paused
        | Event::Resumed => Level::INFO,
        _ => Level::TRACE,
    }
}

/// What is told of an event beside its name, its connection and its reason.
#[derive(Default)]
struct Fields<'e> {
    message: &'static str,
    took: Option<Duration>,
    waited: Option<Duration>,
    held: Option<Duration>,
    error: Option<&'e (dyn StdError + 'static)>,
    failures: Option<u32>,
    retry_in: Option<Duration>,
    open_for: Option<Duration>,
    sizes: Option<(usize, usize)>,
    holder: Option<&'e Holder>,
    waiting_at: Option<&'static Location<'static>>,
}

fn fields<'e>(event: &Event<'e>) -> Fields<'e> {
    let say = |message| Fields { message, ..Fields::default() };
    match *event {
        Event::Connected { took, .. } => Fields { took: Some(took), ..say("connected") },
        Event::ConnectFailed { error, failures, retry_in } => Fields {
            error: Some(error),
            failures: Some(failures),
            retry_in,
            ..say("connect failed")
        },
        Event::Acquired { waited, .. } => Fields { waited: Some(waited), ..say("acquired") },
        Event::Released { held, .. } => Fields { held: Some(held), ..say("released") },
        // Its message may be a database's, with values in it.
        Event::PreparationFailed { .. } => say("connection unfit"),
        Event::Closed { .. } => say("closed"),
        Event::Leak { holder } => {
            Fields { holder: Some(holder), ..say("connection held for too long") }
        }
        Event::LeakEnded { holder } => {
            Fields { holder: Some(holder), ..say("connection held for too long came back") }
        }
        Event::Reclaimed { holder } => {
            Fields { holder: Some(holder), ..say("connection given up, its place serves others") }
        }
        Event::Abandoned { .. } => {
            say("connection abandoned: it is stuck in a call that cannot be interrupted")
        }
        Event::HeldWhileWaiting { holder, waiting_at } => Fields {
            holder: Some(holder),
            waiting_at: Some(waiting_at),
            ..say("a task holds a connection and waits for another, and all are in use")
        },
        Event::BreakerOpened { failures, open_for } => {
            Fields { failures: Some(failures), open_for: Some(open_for), ..say("breaker opened") }
        }
        Event::BreakerClosed => say("breaker closed"),
        Event::Resized { max_size, min_idle } => {
            Fields { sizes: Some((max_size, min_idle)), ..say("pool resized") }
        }
        Event::Invalidated => say("all connections invalidated"),
        Event::Paused => say("pool paused"),
        Event::Resumed => say("pool resumed"),
        Event::PoolClosed => say("pool closed"),
        _ => say("pool event"),
    }
}

fn write(level: Level, pool: &str, event: &Event<'_>) {
    let Fields {
        message,
        took,
        waited,
        held,
        error,
        failures,
        retry_in,
        open_for,
        sizes,
        holder,
        waiting_at,
    } = fields(event);
    let Cause { kind, error, text } = error.map(Cause::of).unwrap_or_default();
    let backtrace = holder.and_then(|holder| holder.backtrace.as_deref());
    at_level!(
        level,
        event,
        POOL,
        pool,
        event = event.label(),
        connection = event.connection().map(|id| id.get()),
        reason = event.reason().map(|reason| reason.label()),
        took = took.map(tracing::field::debug),
        waited = waited.map(tracing::field::debug),
        held = held.map(tracing::field::debug),
        error_kind = kind.map(ErrorKind::label),
        sqlstate = error.and_then(Error::sqlstate),
        code = error.and_then(Error::code),
        error = text.map(tracing::field::display),
        failures,
        retry_in = retry_in.map(tracing::field::debug),
        open_for = open_for.map(tracing::field::debug),
        max_size = sizes.map(|(max_size, _)| max_size),
        min_idle = sizes.map(|(_, min_idle)| min_idle),
        holder = holder.map(tracing::field::display),
        waiting_at = waiting_at.map(tracing::field::display),
        backtrace = backtrace.map(tracing::field::display),
        "{message}"
    );
}

/// Why connecting failed: the kind, the database's error, and the text where it is about connecting. That
/// of a statement, which a hook may have run, may repeat values.
#[derive(Default)]
struct Cause<'e> {
    kind: Option<ErrorKind>,
    error: Option<&'e Error>,
    text: Option<&'e ConnectError<Error>>,
}

impl<'e> Cause<'e> {
    fn of(error: &'e (dyn StdError + 'static)) -> Self {
        let Some(failed) = error.downcast_ref::<ConnectError<Error>>() else {
            return Self::default();
        };
        let text = Some(failed);
        match failed {
            ConnectError::Failed(error) => {
                let kind = error.kind();
                let text = text.filter(|_| kind.is_connect() || kind == ErrorKind::Config);
                Self { kind: Some(kind), error: Some(error), text }
            }
            ConnectError::TimedOut { .. } => {
                Self { kind: Some(ErrorKind::ConnectTimeout), error: None, text }
            }
            ConnectError::Closed => Self { kind: Some(ErrorKind::PoolClosed), error: None, text },
            _ => Self::default(),
        }
    }
}
