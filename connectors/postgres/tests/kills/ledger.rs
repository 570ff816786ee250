//! The ledger: lines that tasks wrote to a table, and what they know of each.

use std::collections::{HashMap, HashSet};

/// The lines of each task that are in the table.
pub(crate) type Kept = HashMap<i64, Vec<i64>>;

/// How far a line has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No commit was sent: it must not be there.
    Open,
    /// The commit was not answered: it may or may not be there.
    Committing,
    /// The commit was acknowledged: it must be there.
    Committed,
}

/// The lines of one task, numbered from 0.
pub(crate) struct Lines {
    task: i64,
    stages: Vec<Stage>,
}

impl Lines {
    /// None yet.
    pub(crate) fn of(task: i64) -> Self {
        Self { task, stages: Vec::new() }
    }

    /// The number of the next line.
    pub(crate) fn next(&self) -> i64 {
        self.stages.len() as i64
    }

    /// Books the next line.
    pub(crate) fn push(&mut self, stage: Stage) {
        self.stages.push(stage);
    }

    /// Compares what is known with what was kept; the number of acknowledged commits.
    ///
    /// # Panics
    /// When a line is missing, is there twice, or is there without a commit.
    pub(crate) fn check(&self, kept: &Kept) -> usize {
        let kept: &[i64] = kept.get(&self.task).map_or(&[], Vec::as_slice);
        let there: HashSet<i64> = kept.iter().copied().collect();
        assert_eq!(there.len(), kept.len(), "lines of task {} are there twice", self.task);
        let wrong = |wanted: Stage, is_there: bool| {
            let numbered = self.stages.iter().zip(0_i64..);
            let found: Vec<i64> = numbered
                .filter(|(stage, n)| **stage == wanted && there.contains(n) == is_there)
                .map(|(_, n)| n)
                .collect();
            (found.len(), found.first().copied())
        };
        assert_eq!(wrong(Stage::Committed, false), (0, None), "task {}: lost", self.task);
        assert_eq!(wrong(Stage::Open, true), (0, None), "task {}: never committed", self.task);
        let all = 0..self.next();
        assert!(kept.iter().all(|n| all.contains(n)), "task {}: never written", self.task);
        self.stages.iter().filter(|stage| **stage == Stage::Committed).count()
    }
}
