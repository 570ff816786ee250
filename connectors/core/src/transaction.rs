//! How a transaction is begun: isolation, access, locks and limits.

use std::fmt;
use std::time::Duration;

use crate::{Dialect, Error, ErrorKind, Result};

/// How isolated a transaction is from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IsolationLevel {
    /// Sees uncommitted changes of others.
    ReadUncommitted,
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// Rows read once do not change.
    RepeatableRead,
    /// Sees one committed state throughout.
    Snapshot,
    /// As if transactions ran one after another.
    Serializable,
}

impl fmt::Display for IsolationLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Snapshot => "snapshot",
            Self::Serializable => "serializable",
        })
    }
}

/// When a transaction of SQLite takes the lock that lets it write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionMode {
    /// With its first write. It may turn out then that somebody else has written in between, and
    /// that the transaction must be run again.
    Deferred,
    /// At once: it waits when it begins, and its writes then do not wait.
    Immediate,
    /// At once, and without a write-ahead log readers are kept out too.
    Exclusive,
}

impl fmt::Display for TransactionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deferred => "deferred",
            Self::Immediate => "immediate",
            Self::Exclusive => "exclusive",
        })
    }
}

/// How a transaction is begun. The default is read-write at the database's own isolation level,
/// with the database's own limits.
///
/// Nothing that is set here outlives the transaction.
///
/// ```
/// use std::time::Duration;
/// use wellspring_connector::{IsolationLevel, TransactionOptions};
///
/// let report = TransactionOptions::new()
///     .isolation(IsolationLevel::Serializable)
///     .read_only()
///     .deferrable()
///     .lock_timeout(Duration::from_secs(2))
///     .statement_timeout(Duration::from_secs(30));
/// assert!(report.read_only && report.deferrable);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct TransactionOptions {
    /// The isolation level; `None` is the database's default. A level the database does not have
    /// is an [`Unsupported`](crate::ErrorKind::Unsupported) error, never silently another one,
    /// unless [`lenient`](Self::lenient) is set.
    pub isolation: Option<IsolationLevel>,
    /// The transaction will not write.
    pub read_only: bool,
    /// A serializable, read-only transaction of PostgreSQL may wait when it begins, and then cannot
    /// fail for others' sake; of any other transaction there it changes nothing. On other databases
    /// it is [`Unsupported`](crate::ErrorKind::Unsupported).
    pub deferrable: bool,
    /// When the lock for writing is taken, on SQLite; `None` is `immediate`, and `deferred` where the
    /// transaction is read-only. On other databases it is
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub mode: Option<TransactionMode>,
    /// The longest one statement, or the beginning, waits for locks of others: more is a
    /// [`LockTimeout`](crate::ErrorKind::LockTimeout). `None` is the database's default. PostgreSQL
    /// counts in milliseconds, MySQL and MariaDB in whole seconds; it is rounded up.
    pub lock_timeout: Option<Duration>,
    /// The longest a statement of the transaction may take that does not say so itself, as
    /// [`Query::timeout`](crate::Query::timeout) has it; `None` is the database's default. Scripts, bulk
    /// inserts and the ends of the transaction are not limited by it. Connectors do not see to it:
    /// whoever runs the transaction does.
    pub statement_timeout: Option<Duration>,
    /// An isolation level the database lacks is then a warning in the log, and the transaction has
    /// the database's default.
    pub lenient: bool,
}

impl TransactionOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the isolation level.
    #[must_use]
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// Declares that the transaction will not write.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Lets a serializable, read-only transaction wait at its beginning, on PostgreSQL.
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// Says when the lock for writing is taken, on SQLite.
    #[must_use]
    pub fn mode(mut self, mode: TransactionMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Bounds each wait for locks of others.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// Bounds each statement that does not bound itself.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Takes the database's default where it does not have the isolation level, with a warning.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Checks the limits: more than zero.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] naming the one that is wrong.
    pub fn check(&self) -> Result<()> {
        for (name, limit) in
            [("lock_timeout", self.lock_timeout), ("statement_timeout", self.statement_timeout)]
        {
            if limit.is_some_and(|limit| limit.is_zero()) {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("{name} = 0s of a transaction: expected more than zero"),
                ));
            }
        }
        Ok(())
    }

    /// The isolation level to begin with on a database that has `levels`: `None` is its default. For
    /// connectors; `why` says what the database has instead.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when the level is not one of them and the options are not lenient.
    pub fn level_of(
        &self,
        dialect: &Dialect,
        levels: &[IsolationLevel],
        why: &str,
    ) -> Result<Option<IsolationLevel>> {
        match self.isolation {
            Some(level) if !levels.contains(&level) => {
                if self.lenient {
                    tracing::warn!(
                        database = dialect.name,
                        "isolation level {level} is not supported, {why}; the transaction has the \
                         default level"
                    );
                    return Ok(None);
                }
                Err(Error::unsupported(format_args!(
                    "isolation level {level} on {dialect}, {why},"
                )))
            }
            level => Ok(level),
        }
    }

    /// Refuses what only PostgreSQL has. For connectors.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`].
    pub fn refuse_deferrable(&self, dialect: &Dialect) -> Result<()> {
        if self.deferrable {
            return Err(Error::unsupported(format_args!("a deferrable transaction on {dialect}")));
        }
        Ok(())
    }

    /// Refuses what only SQLite has. For connectors.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`].
    pub fn refuse_mode(&self, dialect: &Dialect) -> Result<()> {
        if let Some(mode) = self.mode {
            return Err(Error::unsupported(format_args!("transaction mode {mode} on {dialect}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_zero_are_named() {
        let zero = Duration::ZERO;
        TransactionOptions::new().lock_timeout(Duration::from_nanos(1)).check().unwrap();
        let error = TransactionOptions::new().lock_timeout(zero).check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.message().starts_with("lock_timeout = 0s"), "{error}");
        let error = TransactionOptions::new().statement_timeout(zero).check().unwrap_err();
        assert!(error.message().starts_with("statement_timeout = 0s"), "{error}");
    }

    #[test]
    fn a_level_that_is_missing_is_an_error_unless_lenient() {
        static SQLITE: Dialect = Dialect::SQLITE;
        let levels = [IsolationLevel::Serializable];
        let level = |options: TransactionOptions| options.level_of(&SQLITE, &levels, "as it is");
        let options = TransactionOptions::new();
        assert_eq!(level(options).unwrap(), None);
        let same = options.isolation(IsolationLevel::Serializable);
        assert_eq!(level(same).unwrap(), Some(IsolationLevel::Serializable));
        let other = options.isolation(IsolationLevel::Snapshot);
        assert_eq!(level(other).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(level(other.lenient()).unwrap(), None);
    }
}
