//! How a SQLite database is opened and used: every option, its unit and its default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, Result};

use crate::url;

/// How one SQLite database is opened and used.
///
/// A memory database is shared by all connections of one connector, and by nothing else; it
/// lives as long as the connector.
///
/// ```
/// use std::time::Duration;
/// use wellspring_sqlite::{SqliteOptions, Synchronous};
///
/// let options = SqliteOptions::file("shop.db")
///     .busy_timeout(Duration::from_secs(2))
///     .synchronous(Synchronous::Full);
/// let same = SqliteOptions::from_url("sqlite://shop.db?busy_timeout=2s&synchronous=full")?;
/// assert_eq!(options, same);
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # The options of a URL
///
#[doc = include_str!("options.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    pub(crate) location: Location,
    pub(crate) mode: OpenMode,
    pub(crate) create_dirs: bool,
    pub(crate) busy_timeout: Duration,
    pub(crate) journal_mode: Option<JournalMode>,
    pub(crate) synchronous: Synchronous,
    pub(crate) foreign_keys: bool,
    pub(crate) cache_size: i64,
    pub(crate) statement_cache: usize,
    pub(crate) execution: Execution,
    pub(crate) read_lease: bool,
}

/// The largest page cache, in pages or KiB.
pub(crate) const CACHE_LIMIT: i64 = i32::MAX as i64;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// In memory, shared by the connections of one connector.
    Memory,
    /// In a file, relative to the working directory unless absolute.
    File(PathBuf),
}

impl SqliteOptions {
    /// The database in the file `path`, with every option at its default.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::at(Location::File(path.as_ref().to_owned()))
    }

    /// A database in memory, shared by all connections of one connector.
    ///
    /// A writer and readers exclude each other here, in arrival order; a transaction or an open
    /// stream holds its place to the end. `attach` with a plain name attaches another memory
    /// database; for a file it takes `attach 'file:/srv/other.db?vfs=unix'`.
    pub fn memory() -> Self {
        Self::at(Location::Memory)
    }

    fn at(location: Location) -> Self {
        Self {
            location,
            mode: OpenMode::ReadWriteCreate,
            create_dirs: false,
            busy_timeout: Duration::from_secs(5),
            journal_mode: None,
            synchronous: Synchronous::Normal,
            foreign_keys: true,
            cache_size: -64_000,
            statement_cache: 100,
            execution: Execution::Auto,
            read_lease: true,
        }
    }

    /// Reads a URL.
    ///
    /// | URL | database |
    /// | --- | --- |
    /// | `sqlite://shop.db`, `sqlite:shop.db`, `sqlite:///shop.db` | the relative file `shop.db` |
    /// | `sqlite:////srv/shop.db`, `sqlite:/srv/shop.db` | the absolute file `/srv/shop.db` |
    /// | `sqlite://`, `sqlite::memory:`, `sqlite://:memory:`, `sqlite:///:memory:` | a memory database |
    ///
    /// The path may be percent-encoded. The query sets options by their names, which
    /// [`OPTIONS`](crate::OPTIONS) has: `?mode=ro&busy_timeout=250ms`. Switches take `on|off`, `true|false`,
    /// `yes|no` or `1|0`; durations a whole number with its unit, from `ms` to `d`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another scheme, an unknown or repeated key (naming the nearest
    /// known one), a value that does not fit (naming what would), a broken percent escape or a
    /// NUL byte.
    pub fn from_url(url: &str) -> Result<Self> {
        url::parse(url)
    }

    /// How the file is opened. Default: [`OpenMode::ReadWriteCreate`].
    #[must_use]
    pub fn mode(mut self, mode: OpenMode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether the directories of the file are made where they are missing, when it is opened to be
    /// created: of no effect where it exists, refused for other modes and in memory. Default: false.
    ///
    /// ```
    /// use wellspring_sqlite::SqliteOptions;
    ///
    /// let options = SqliteOptions::file("data/tenants/7/shop.db").create_dirs(true);
    /// let same = SqliteOptions::from_url("sqlite://data/tenants/7/shop.db?create_dirs=on")?;
    /// assert_eq!(options, same);
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn create_dirs(mut self, on: bool) -> Self {
        self.create_dirs = on;
        self
    }

    /// How long one statement waits for locks in all: for other writers of this process and for
    /// other processes. Zero means not at all. Default: 5 s.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// The journal mode. Default: [`JournalMode::Wal`] for files; a memory database always uses
    /// [`JournalMode::Memory`], or [`JournalMode::Off`] when asked. A file opened read-only keeps
    /// the mode it has.
    #[must_use]
    pub fn journal_mode(mut self, mode: JournalMode) -> Self {
        self.journal_mode = Some(mode);
        self
    }

    /// When commits are forced to disk. Default: [`Synchronous::Normal`].
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Whether foreign keys are enforced. Default: true.
    #[must_use]
    pub fn foreign_keys(mut self, on: bool) -> Self {
        self.foreign_keys = on;
        self
    }

    /// The page cache of each connection: pages when positive, KiB when negative; 31 bits. Default:
    /// -64,000.
    #[must_use]
    pub fn cache_size(mut self, size: i64) -> Self {
        self.cache_size = size;
        self
    }

    /// How many prepared statements each connection keeps; 0 keeps none. Default: 100.
    #[must_use]
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// Where statements run. Default: [`Execution::Auto`].
    #[must_use]
    pub fn execution(mut self, execution: Execution) -> Self {
        self.execution = execution;
        self
    }

    /// Whether reads that come quickly share one lock on the write-ahead log, kept for a few
    /// milliseconds at a time, instead of taking one each. They see the newest commit of any process all
    /// the same. Another process's attempt to let the log start over may have to wait for as long; while
    /// another process writes, no lock is shared.
    /// Default: true; of no effect without a write-ahead log, and where the file is opened read-only.
    #[must_use]
    pub fn read_lease(mut self, on: bool) -> Self {
        self.read_lease = on;
        self
    }

    /// Finds contradictions between options, before any file is touched.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        // SQLite would take it for 0.
        if self.cache_size.unsigned_abs() > CACHE_LIMIT.unsigned_abs() {
            return wrong(format!(
                "cache_size={}: expected pages, or KiB when negative, from {} to {CACHE_LIMIT}",
                self.cache_size, -CACHE_LIMIT
            ));
        }
        if self.create_dirs && self.location == Location::Memory {
            return wrong("create_dirs on a memory database, which has no directory".to_owned());
        }
        if self.create_dirs && self.mode != OpenMode::ReadWriteCreate {
            return wrong(format!(
                "create_dirs and mode={} contradict each other: with mode={} a missing file is \
                 created",
                self.mode,
                OpenMode::ReadWriteCreate
            ));
        }
        if self.location == Location::Memory {
            match self.journal_mode {
                None | Some(JournalMode::Memory | JournalMode::Off) => {}
                Some(other) => {
                    return Err(Error::new(
                        ErrorKind::Config,
                        format!(
                            "journal_mode={other} needs a file; a memory database takes `memory` \
                             or `off`"
                        ),
                    ));
                }
            }
            if self.mode == OpenMode::ReadOnly {
                return Err(Error::new(
                    ErrorKind::Config,
                    "mode=ro on a memory database: it starts empty, so nobody could ever write it",
                ));
            }
        }
        if let Location::File(path) = &self.location {
            let bytes = path.as_os_str().as_encoded_bytes();
            if bytes.is_empty() {
                return Err(Error::new(ErrorKind::Config, "the path of the database is empty"));
            }
            if bytes.contains(&0) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("the path {path:?} of the database contains a NUL byte"),
                ));
            }
        }
        Ok(())
    }

    /// The journal mode to ask for.
    pub(crate) fn wanted_journal_mode(&self) -> JournalMode {
        self.journal_mode.unwrap_or(match self.location {
            Location::Memory => JournalMode::Memory,
            Location::File(_) => JournalMode::Wal,
        })
    }
}

impl FromStr for SqliteOptions {
    type Err = Error;

    /// As [`SqliteOptions::from_url`].
    fn from_str(url: &str) -> Result<Self> {
        Self::from_url(url)
    }
}

/// An option whose values are a few words.
pub(crate) trait Words: Sized + Copy + PartialEq + 'static {
    /// Each value with its word in URLs.
    const WORDS: &'static [(&'static str, Self)];
    /// The words alone.
    const NAMES: &'static [&'static str];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, v)| *v == self).map_or("", |(word, _)| word)
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vmeta])* $variant,)*
        }

        impl Words for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
            const NAMES: &'static [&'static str] = &[$($word,)*];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// How the database file is opened.
    OpenMode {
        /// Read only; the file must exist. `ro` in URLs.
        ReadOnly = "ro",
        /// Read and write; the file must exist. `rw` in URLs.
        ReadWrite = "rw",
        /// Read and write; a missing file is created, a missing directory only with
        /// [`create_dirs`](SqliteOptions::create_dirs). `rwc` in URLs.
        ReadWriteCreate = "rwc",
    }
}

words! {
    /// SQLite's journal modes.
    ///
    /// Only with [`Wal`](Self::Wal) do readers and a writer work at the same time; with the
    /// others, readers of this process wait for its writer in arrival order, and it for them.
    JournalMode {
        /// The journal file is deleted at commit.
        Delete = "delete",
        /// The journal file is truncated at commit.
        Truncate = "truncate",
        /// The journal's header is overwritten at commit.
        Persist = "persist",
        /// The journal is kept in memory: a crash of the process can destroy the file.
        Memory = "memory",
        /// A write-ahead log.
        Wal = "wal",
        /// No journal, hence no rollback.
        Off = "off",
    }
}

words! {
    /// When SQLite waits for the disk.
    Synchronous {
        /// Never.
        Off = "off",
        /// At the critical moments: with WAL a power failure can lose the last commits, never
        /// the database.
        Normal = "normal",
        /// At every commit.
        Full = "full",
        /// At every commit, and for the directory too.
        Extra = "extra",
    }
}

words! {
    /// Where statements run.
    ///
    /// A hop to another thread and back costs as much as ten point reads, so short statements
    /// should run where they are called; a long one there would hold up every other task of the
    /// worker.
    Execution {
        /// Short statements where they are called, long ones on a blocking thread.
        ///
        /// A moving average per statement text tells which is which; reads not seen before start
        /// where they are called, writes not seen before on a blocking thread. A statement that
        /// turns out long gives its worker away after 100 µs and, if it reads, moves to a
        /// blocking thread after 5 ms; from then on dropping the future cancels it. A write
        /// known as short that is long this once cannot be cancelled. On a current-thread
        /// runtime everything runs on blocking threads; without a runtime, as
        /// [`Caller`](Self::Caller).
        ///
        /// In a `LocalSet` on a multi-thread runtime the worker cannot be given away: Tokio
        /// panics at the attempt, which is caught, reported once per thread by the panic hook,
        /// and not repeated.
        Auto = "auto",
        /// Always where they are called. A long statement holds up the worker and cannot be
        /// cancelled.
        Inline = "inline",
        /// Always on a blocking thread of the Tokio runtime; without a runtime, as
        /// [`Caller`](Self::Caller).
        Thread = "thread",
        /// As [`Inline`](Self::Inline), and waiting for locks blocks the calling thread too: no
        /// runtime is needed at all.
        Caller = "caller",
    }
}
