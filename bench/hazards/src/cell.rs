//! What came of one trial, and the line of JSON that says so.

use serde::{Deserialize, Serialize};

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub(crate) enum Found {
    /// The hazard did not strike.
    Ok {
        /// What was measured.
        evidence: String,
    },
    /// It did.
    Struck {
        /// What was measured.
        evidence: String,
    },
    /// It cannot be expressed with this pool.
    Nothing {
        /// Why.
        reason: String,
    },
}

impl Found {
    /// Struck if `bad`.
    pub(crate) fn struck_if(bad: bool, evidence: impl Into<String>) -> Self {
        let evidence = evidence.into();
        if bad { Self::Struck { evidence } } else { Self::Ok { evidence } }
    }
}

/// One cell of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) hazard: String,
    pub(crate) peer: String,
    #[serde(flatten)]
    pub(crate) found: Found,
    /// How long the trial took.
    pub(crate) seconds: f64,
}
