//! The statements of one connection: what each does to the session, and its prepared form.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Statement;
use wellspring_connector::{Column, Columns};

use crate::connector::DIALECT;
use crate::decode::Decoder;
use crate::words::{Class, changes_rows, classify};

/// Statements are remembered for what they do to the session even where none is prepared.
const LEAST: usize = 100;

/// A prepared statement with what is needed to read its rows.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) statement: Statement,
    pub(crate) shape: Shape,
}

/// The columns of a result, and how each is read.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) columns: Columns,
    pub(crate) decoders: Arc<[Decoder]>,
}

impl Shape {
    pub(crate) fn of(columns: &[tokio_postgres::Column]) -> Self {
        let decoders: Arc<[Decoder]> =
            columns.iter().map(|column| Decoder::of(column.type_())).collect();
        let columns = columns
            .iter()
            .zip(&*decoders)
            .map(|(column, decoder)| {
                Column::new(column.name(), decoder.kind(), column.type_().name())
            })
            .collect();
        Self { columns, decoders }
    }
}

/// What is remembered of one text.
struct Known {
    class: Class,
    counts: bool,
    uses: u32,
    prepared: Option<Arc<Prepared>>,
    /// When it was used last, in uses of the cache.
    at: u64,
}

/// What is known of a statement that is about to run.
pub(crate) struct Look {
    pub(crate) class: Class,
    /// The number of rows is one of changed rows.
    pub(crate) counts: bool,
    pub(crate) prepared: Option<Arc<Prepared>>,
    /// It is to be prepared now.
    pub(crate) due: bool,
}

/// The statements used last.
pub(crate) struct Statements {
    known: HashMap<Box<str>, Known>,
    capacity: usize,
    /// The use at which a statement is prepared; `None` is never.
    threshold: Option<u32>,
    clock: u64,
}

impl Statements {
    /// Prepares up to `capacity` statements, each at its use number `threshold`.
    pub(crate) fn new(capacity: usize, threshold: Option<u32>) -> Self {
        let capacity = if threshold.is_some() { capacity } else { capacity.max(LEAST) };
        Self { known: HashMap::new(), capacity, threshold, clock: 0 }
    }

    /// Counts a use of `text`.
    pub(crate) fn look(&mut self, text: &str) -> Look {
        self.clock += 1;
        if let Some(known) = self.known.get_mut(text) {
            known.at = self.clock;
            known.uses = known.uses.saturating_add(1);
            let due = known.prepared.is_none()
                && self.threshold.is_some_and(|threshold| known.uses >= threshold);
            let (class, counts) = (known.class, known.counts);
            return Look { class, counts, prepared: known.prepared.clone(), due };
        }
        let class = classify(&DIALECT, text);
        let counts = changes_rows(&DIALECT, text);
        if self.known.len() >= self.capacity
            && let Some(oldest) = self.known.iter().min_by_key(|(_, known)| known.at)
        {
            let oldest = oldest.0.clone();
            self.known.remove(&oldest);
        }
        let known = Known { class, counts, uses: 1, prepared: None, at: self.clock };
        self.known.insert(text.into(), known);
        Look { class, counts, prepared: None, due: self.threshold == Some(1) }
    }

    /// Remembers the prepared form of `text`.
    pub(crate) fn keep(&mut self, text: &str, prepared: Arc<Prepared>) {
        if let Some(known) = self.known.get_mut(text) {
            known.prepared = Some(prepared);
        }
    }

    /// Forgets the prepared form of `text`: the server no longer accepts it.
    pub(crate) fn forget(&mut self, text: &str) {
        if let Some(known) = self.known.get_mut(text) {
            known.prepared = None;
        }
    }

    /// How many statements are prepared.
    pub(crate) fn prepared(&self) -> usize {
        self.known.values().filter(|known| known.prepared.is_some()).count()
    }
}
