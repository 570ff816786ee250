//! What a database tells about itself.

use std::fmt;

use serde::Serialize;
use wellspring_pool_core::{Stats, WorkKind};

/// Everything a database can tell about its pool and its work: serialisable, one source of truth.
///
/// `Display` is a short table for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DatabaseStats {
    /// The database's name.
    pub database: String,
    /// The kind of database: `sqlite`, …
    pub dialect: &'static str,
    /// Where it is, without secrets.
    pub target: String,
    /// The numbers of its pool.
    pub pool: Stats,
    /// What became of transactions.
    pub transactions: TransactionStats,
    /// Statements whose translation is kept.
    pub cached_statements: usize,
}

/// What became of a database's transactions, since it was opened: of all its clones together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct TransactionStats {
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed, those of unknown outcome included.
    pub failed_commits: u64,
    /// Transactions that were rolled back, those that were dropped without a commit included.
    pub rollbacks: u64,
    /// How often a transaction was run again.
    pub retries: u64,
}

impl TransactionStats {
    pub(crate) fn new(pool: &Stats, retries: u64) -> Self {
        let commits = pool.work.get(WorkKind::Transaction);
        Self {
            commits: commits.count.saturating_sub(commits.errors),
            failed_commits: commits.errors,
            rollbacks: pool.work.get(WorkKind::Rollback).count,
            retries,
        }
    }
}

impl fmt::Display for DatabaseStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, dialect, target, pool, transactions, .. } = self;
        writeln!(f, "{database} ({dialect}, {target}): {}", pool.status)?;
        writeln!(f, "  {:<12} {:>9} {:>11} {:>11} {:>11}", "", "count", "p50", "p99", "max")?;
        for (name, times) in [
            ("wait", &pool.wait),
            ("use", &pool.usage),
            ("connect", &pool.connect),
            ("validate", &pool.validate),
            ("reset", &pool.reset),
        ] {
            writeln!(
                f,
                "  {name:<12} {:>9} {:>11.1?} {:>11.1?} {:>11.1?}",
                times.count,
                times.quantile(0.5),
                times.quantile(0.99),
                times.max
            )?;
        }
        for (name, kind) in [
            ("statements", WorkKind::Query),
            ("commits", WorkKind::Transaction),
            ("rollbacks", WorkKind::Rollback),
        ] {
            let work = pool.work.get(kind);
            write!(f, "  {name:<12} {:>9}", work.count)?;
            if work.errors > 0 {
                write!(f, ", {} failed", work.errors)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "  {:<12} {:>9}", "retries", transactions.retries)?;
        write!(
            f,
            "  connections  {:>9} opened, {} closed, {} acquires timed out",
            pool.counters.connected,
            pool.counters.closed.total(),
            pool.counters.timed_out
        )
    }
}
