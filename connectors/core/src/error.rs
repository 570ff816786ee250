//! The one error type of the portable layer: what failed, and who may retry it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of everything in the portable layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, the same word on every database.
///
/// [`ErrorKind::label`] gives the fixed `snake_case` name used in metrics and health reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value or URL is wrong; nothing was attempted.
    Config,
    /// The server refused the connection, or nobody listens there.
    ConnectRefused,
    /// The host name could not be resolved.
    ConnectDns,
    /// The TLS handshake or certificate check failed.
    ConnectTls,
    /// User, password or other credentials were rejected.
    ConnectAuth,
    /// The server has no such database, or the database file cannot be opened.
    ConnectUnknownDatabase,
    /// The server has no connection left to give.
    ConnectTooMany,
    /// Connecting took longer than its limit.
    ConnectTimeout,
    /// No connection became free within the acquire timeout.
    PoolTimeout,
    /// The pool is closed.
    PoolClosed,
    /// The pool refused to queue the request (fail-fast, too many waiters, or a breaker opened by hand).
    PoolExhausted,
    /// The connection was lost while in use.
    ConnectionLost,
    /// A unique or primary key constraint was violated.
    UniqueViolation,
    /// A foreign key constraint was violated.
    ForeignKeyViolation,
    /// A `not null` constraint was violated.
    NotNullViolation,
    /// A check constraint was violated.
    CheckViolation,
    /// An exclusion constraint was violated.
    ExclusionViolation,
    /// The transaction could not be serialised with others; rerun it whole.
    SerializationFailure,
    /// The transaction was chosen as a deadlock victim; rerun it whole.
    Deadlock,
    /// A lock was not granted in time.
    LockTimeout,
    /// The database, or the transaction, is read-only.
    ReadOnly,
    /// An earlier error already aborted the transaction.
    TransactionAborted,
    /// The outcome is unknown: the connection went away after the request was sent.
    OutcomeUnknown,
    /// The statement's text is not valid.
    Syntax,
    /// A table, column, function or other object does not exist.
    UndefinedObject,
    /// The user may not do this.
    PermissionDenied,
    /// A value is out of the range its place allows.
    DataOutOfRange,
    /// The statement ran longer than its timeout.
    StatementTimeout,
    /// The statement was cancelled.
    Canceled,
    /// Disk, memory or another resource of the database ran out.
    ResourceExhausted,
    /// The database file or its pages are damaged, or it is not a database.
    Corrupt,
    /// A parameter could not be turned into what the database takes.
    Encode,
    /// A column's value could not be turned into the type asked for.
    Decode,
    /// A result has no column of that name or position.
    ColumnNotFound,
    /// One row was asked for and there was none.
    RowNotFound,
    /// One row was asked for and there were more.
    TooManyRows,
    /// Parameters and placeholders do not fit together.
    Parameters,
    /// This database, driver or build does not have the feature.
    Unsupported,
    /// The interface was used against its rules (for example, a transaction that escaped).
    Usage,
    /// Anything the tables do not know.
    Other,
}

impl ErrorKind {
    /// The fixed `snake_case` name of this kind, for metrics, logs and health reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectDns => "connect_dns",
            Self::ConnectTls => "connect_tls",
            Self::ConnectAuth => "connect_auth",
            Self::ConnectUnknownDatabase => "connect_unknown_database",
            Self::ConnectTooMany => "connect_too_many",
            Self::ConnectTimeout => "connect_timeout",
            Self::PoolTimeout => "pool_timeout",
            Self::PoolClosed => "pool_closed",
            Self::PoolExhausted => "pool_exhausted",
            Self::ConnectionLost => "connection_lost",
            Self::UniqueViolation => "unique_violation",
            Self::ForeignKeyViolation => "foreign_key_violation",
            Self::NotNullViolation => "not_null_violation",
            Self::CheckViolation => "check_violation",
            Self::ExclusionViolation => "exclusion_violation",
            Self::SerializationFailure => "serialization_failure",
            Self::Deadlock => "deadlock",
            Self::LockTimeout => "lock_timeout",
            Self::ReadOnly => "read_only",
            Self::TransactionAborted => "transaction_aborted",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Syntax => "syntax",
            Self::UndefinedObject => "undefined_object",
            Self::PermissionDenied => "permission_denied",
            Self::DataOutOfRange => "data_out_of_range",
            Self::StatementTimeout => "statement_timeout",
            Self::Canceled => "canceled",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Corrupt => "corrupt",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::ColumnNotFound => "column_not_found",
            Self::RowNotFound => "row_not_found",
            Self::TooManyRows => "too_many_rows",
            Self::Parameters => "parameters",
            Self::Unsupported => "unsupported",
            Self::Usage => "usage",
            Self::Other => "other",
        }
    }

    /// Who may retry an error of this kind, when the driver does not know better.
    pub const fn default_retry(self) -> Retry {
        match self {
            Self::SerializationFailure | Self::Deadlock | Self::LockTimeout => Retry::Transaction,
            Self::ConnectRefused
            | Self::ConnectDns
            | Self::ConnectTooMany
            | Self::ConnectTimeout
            | Self::PoolTimeout
            | Self::PoolExhausted => Retry::NewConnection,
            Self::ConnectionLost | Self::OutcomeUnknown => Retry::OutcomeUnknown,
            _ => Retry::Never,
        }
    }

    /// True for every kind that says a connection could not be made.
    pub const fn is_connect(self) -> bool {
        matches!(
            self,
            Self::ConnectRefused
                | Self::ConnectDns
                | Self::ConnectTls
                | Self::ConnectAuth
                | Self::ConnectUnknownDatabase
                | Self::ConnectTooMany
                | Self::ConnectTimeout
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Who may try again, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// Trying again cannot help.
    Never,
    /// Nothing was sent: the same statement may be sent on another connection.
    SafeToResend,
    /// Connecting or waiting for a connection failed: back off, then try again.
    NewConnection,
    /// The database undid the transaction: rerun the whole of it.
    Transaction,
    /// The request may or may not have been carried out: only the caller knows whether
    /// doing it twice is harmless.
    OutcomeUnknown,
}

/// An error of the portable layer, one pointer wide.
///
/// It says what went wrong ([`kind`](Self::kind)), who may retry ([`retry`](Self::retry)), and
/// keeps the database's own words: [`sqlstate`](Self::sqlstate), [`code`](Self::code),
/// [`constraint`](Self::constraint) and the driver's error as
/// [`source`](std::error::Error::source). It never contains parameter values or credentials.
///
/// ```
/// use wellspring_connector::{Error, ErrorKind, Retry};
///
/// let error = Error::new(ErrorKind::Deadlock, "deadlock detected").with_sqlstate("40P01");
/// assert_eq!(error.retry(), Retry::Transaction);
/// assert_eq!(error.sqlstate(), Some("40P01"));
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    sqlstate: Option<Box<str>>,
    code: Option<Box<str>>,
    constraint: Option<Box<str>>,
    table: Option<Box<str>>,
    column: Option<Box<str>>,
    operation: Option<usize>,
    database: Option<Arc<str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message: lower case, no full stop, no secrets.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: kind.default_retry(),
            message: message.into(),
            sqlstate: None,
            code: None,
            constraint: None,
            table: None,
            column: None,
            operation: None,
            database: None,
            source: None,
        }))
    }

    /// `feature` is not to be had from this database, driver or build. Nothing was sent.
    pub fn unsupported(feature: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, format!("{feature} is not supported"))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Who may retry.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The message, without the source's.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The five characters of the SQL standard, where the database sends them.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }

    /// The database's own code, as text (SQLite's extended result code, MySQL's number, …).
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The violated constraint, where the database names it.
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// The table concerned, where the database names it.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The column concerned, where it is known.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// Which of several operations, statements or rows it was, counted from 0, where there are several:
    /// of a batch, a script, a stream.
    pub fn operation(&self) -> Option<usize> {
        self.0.operation
    }

    /// The name the database is registered under, where it is known.
    pub fn database(&self) -> Option<&str> {
        self.0.database.as_deref()
    }

    /// True when a limit on time was what ended the operation.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::PoolTimeout
                | ErrorKind::ConnectTimeout
                | ErrorKind::StatementTimeout
                | ErrorKind::LockTimeout
        )
    }

    /// True when the connection this error came from is gone.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectionLost | ErrorKind::OutcomeUnknown)
    }

    /// The driver's own error, if it is an `E`.
    pub fn native_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.source.as_deref().and_then(|e| e.downcast_ref::<E>())
    }

    /// Sets who may retry, where the kind's default is not right.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Sets the SQLSTATE.
    #[must_use]
    pub fn with_sqlstate(mut self, sqlstate: impl Into<Box<str>>) -> Self {
        self.0.sqlstate = Some(sqlstate.into());
        self
    }

    /// Sets the database's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Box<str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Sets the violated constraint's name.
    #[must_use]
    pub fn with_constraint(mut self, constraint: impl Into<Box<str>>) -> Self {
        self.0.constraint = Some(constraint.into());
        self
    }

    /// Sets the table concerned.
    #[must_use]
    pub fn with_table(mut self, table: impl Into<Box<str>>) -> Self {
        self.0.table = Some(table.into());
        self
    }

    /// Sets the column concerned.
    #[must_use]
    pub fn with_column(mut self, column: impl Into<Box<str>>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Sets which of several operations it was, and says so in the message: `what` is the word for one
    /// of them.
    #[must_use]
    pub fn at_operation(mut self, what: impl fmt::Display, index: usize) -> Self {
        self.0.operation = Some(index);
        self.context(format_args!("{what} {index}"))
    }

    /// Puts what it was about before the message.
    #[must_use]
    pub fn context(mut self, about: impl fmt::Display) -> Self {
        self.0.message = format!("{about}: {}", self.0.message);
        self
    }

    /// Sets the name the database is registered under.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<Arc<str>>) -> Self {
        self.0.database = Some(database.into());
        self
    }

    /// Sets the name the database is registered under, if one is given and none is set.
    #[must_use]
    pub fn or_database(self, database: Option<&Arc<str>>) -> Self {
        match database {
            Some(name) if self.0.database.is_none() => self.with_database(Arc::clone(name)),
            _ => self,
        }
    }

    /// Keeps the driver's own error as the source.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.0.database {
            write!(f, "{database}: ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(code) = self.sqlstate().or(self.code()) {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind)
            .field("message", &inner.message)
            .field("retry", &inner.retry);
        for (name, value) in [
            ("sqlstate", &inner.sqlstate),
            ("code", &inner.code),
            ("constraint", &inner.constraint),
            ("table", &inner.table),
            ("column", &inner.column),
        ] {
            if let Some(value) = value {
                out.field(name, value);
            }
        }
        if let Some(database) = &inner.database {
            out.field("database", database);
        }
        if let Some(source) = &inner.source {
            out.field("source", &format_args!("{source}"));
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
