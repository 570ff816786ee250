//! What decisions about a pool's connections depend on.

use crate::clock::Instant;
use crate::entry::Entry;
use crate::{PoolOptions, Validate};

/// The parts of the options and hooks that decisions depend on.
pub(crate) struct Rules<'a> {
    pub(crate) options: &'a PoolOptions,
    /// There is a hook that must run before a connection is handed out.
    pub(crate) prepare_always: bool,
}

impl Rules<'_> {
    /// Whether a connection must be worked on before it is handed out.
    pub(crate) fn needs_preparation<C>(&self, entry: &Entry<C>, now: Instant) -> bool {
        self.prepare_always
            || match self.options.validate {
                Validate::Never => false,
                Validate::Always => true,
                Validate::Idle(limit) => now.saturating_duration_since(entry.proven_at) > limit,
            }
    }
}
