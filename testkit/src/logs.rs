//! The log as a test sees it: what `tracing` is told, kept in memory.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Level, Metadata, Subscriber};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How severe it is.
    pub level: Level,
    /// Where it comes from.
    pub target: String,
    /// Its fields as texts, those without a value left out; the message under `message`.
    pub fields: BTreeMap<&'static str, String>,
}

impl Line {
    /// The text of a field, empty where it has none.
    pub fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level, self.target)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// Begins to keep what the whole process logs under targets that begin with `target`, whichever thread or
/// task it comes from. Tests of one process share it: tell them apart by a field.
///
/// # Panics
/// When the process has another subscriber, or keeps another target.
pub fn keep(target: &'static str) {
    static KEPT: OnceLock<&'static str> = OnceLock::new();
    let kept = KEPT.get_or_init(|| {
        let collector = Collector { target, least: Level::TRACE, next: AtomicU64::new(1) };
        tracing::subscriber::set_global_default(collector).expect("no other subscriber");
        target
    });
    assert_eq!(*kept, target, "one target is kept in one process");
}

/// What was kept so far, of which this field is this value.
pub fn kept(field: &str, value: &str) -> Vec<Line> {
    lines().iter().filter(|line| line.get(field) == value).cloned().collect()
}

/// All that was kept so far.
pub fn all() -> Vec<Line> {
    lines().clone()
}

/// Until the guard is dropped, this thread keeps nothing less severe than `least`, as under a filter.
pub fn only(target: &'static str, least: Level) -> DefaultGuard {
    tracing::subscriber::set_default(Collector { target, least, next: AtomicU64::new(1) })
}

fn lines() -> MutexGuard<'static, Vec<Line>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Collector {
    target: &'static str,
    least: Level,
    next: AtomicU64,
}

impl Subscriber for Collector {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Never `always`: collectors of other threads may want less.
        if metadata.target().starts_with(self.target) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(self.target) && *metadata.level() <= self.least
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            fields: BTreeMap::new(),
        };
        event.record(&mut line);
        lines().push(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        write!(text, "{value:?}").expect("a string takes everything");
        self.fields.insert(field.name(), text);
    }
}
