//! What is remembered of the statements of one connection.

use std::collections::HashMap;
use std::sync::Arc;

use mysql_async::Column;
use wellspring_connector::Dialect;

use crate::decode::Shape;
use crate::words::taints;

/// How many texts are remembered: the prepared forms are the driver's business.
const CAPACITY: usize = 200;

struct Known {
    taints: bool,
    /// The columns of its last result, and how they are read.
    shape: Option<(Arc<[Column]>, Shape)>,
    /// When it was used last, in uses.
    at: u64,
}

/// The statements used last.
#[derive(Default)]
pub(crate) struct Statements {
    known: HashMap<Box<str>, Known>,
    clock: u64,
}

impl Statements {
    /// Whether `text` may leave something behind in the session.
    pub(crate) fn taints(&mut self, dialect: &Dialect, text: &str) -> bool {
        self.clock += 1;
        if let Some(known) = self.known.get_mut(text) {
            known.at = self.clock;
            return known.taints;
        }
        if self.known.len() >= CAPACITY
            && let Some(oldest) = self.known.iter().min_by_key(|(_, known)| known.at)
        {
            let oldest = oldest.0.clone();
            self.known.remove(&oldest);
        }
        let known = Known { taints: taints(dialect, text), shape: None, at: self.clock };
        let taints = known.taints;
        self.known.insert(text.into(), known);
        taints
    }

    /// The shape of a result of `text` with these columns, made once while they stay the same.
    pub(crate) fn shape(&mut self, text: &str, columns: Arc<[Column]>) -> Shape {
        let Some(known) = self.known.get_mut(text) else { return Shape::of(&columns) };
        match &known.shape {
            Some((same, shape)) if *same == columns => shape.clone(),
            _ => {
                let shape = Shape::of(&columns);
                known.shape = Some((columns, shape.clone()));
                shape
            }
        }
    }
}
