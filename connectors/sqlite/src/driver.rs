//! The driver and its connectors: from a URL to open connections.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use wellspring_connector::{
    Connection, Connector, Dialect, Driver, DriverOption, Error, ErrorKind, Result,
};

use crate::connection::{DIALECT, SqliteConnection};
use crate::execute::average::{Averages, Known};
use crate::execute::wait::Patience;
use crate::execute::{Place, plan};
use crate::gate::{Share, Shared};
use crate::option_list::OPTIONS;
use crate::options::{Location, SqliteOptions};
use crate::profile;
use crate::session::{Common, Session, gate_closed};
use crate::url;

/// The driver: turns `sqlite:` URLs into connectors.
///
/// ```
/// use wellspring_connector::Driver;
/// use wellspring_sqlite::SqliteDriver;
///
/// let connector = SqliteDriver.connector("sqlite://shop.db?mode=ro")?;
/// assert_eq!(connector.target(), "sqlite:shop.db");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteDriver;

impl Driver for SqliteDriver {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn schemes(&self) -> &'static [&'static str] {
        url::SCHEMES
    }

    fn connector(&self, url: &str) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(SqliteConnector::new(SqliteOptions::from_url(url)?)?))
    }

    fn options(&self) -> &'static [DriverOption] {
        OPTIONS
    }
}

/// Opens connections to one SQLite database.
///
/// All connections of this process to one file take turns at writing in the order they asked,
/// whichever connector they come from. A memory database belongs to one connector (and its
/// clones) and lives as long as it does.
///
/// ```
/// use wellspring_connector::{Command, Connector};
/// use wellspring_sqlite::{SqliteConnector, SqliteOptions};
///
/// # #[tokio::main]
/// # async fn main() -> wellspring_connector::Result<()> {
/// let connector = SqliteConnector::new(SqliteOptions::memory())?;
/// let mut connection = connector.connect().await?;
/// connection.execute(Command::new("create table users (name text)", &[])).await?;
/// let done = connection
///     .execute(Command::new("insert into users values (?1)", &["Ada".into()]))
///     .await?;
/// assert_eq!(done.rows_affected, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteConnector(Arc<Inner>);

struct Inner {
    common: Arc<Common>,
    memory: Option<Memory>,
}

/// The memory database of one connector.
struct Memory {
    name: String,
    shared: Arc<Shared>,
    /// A connection that nobody uses: the database lives as long as any is open.
    anchor: Mutex<Option<rusqlite::Connection>>,
}

impl SqliteConnector {
    /// A connector with these options. Opens nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when options contradict each other.
    pub fn new(options: SqliteOptions) -> Result<Self> {
        options.check()?;
        let memory = (options.location == Location::Memory).then(Memory::new);
        let common = Arc::new(Common { options, averages: Averages::new() });
        Ok(Self(Arc::new(Inner { common, memory })))
    }

    /// True while quick reads of the database share one lock
    /// ([`SqliteOptions::read_lease`]).
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn holds_read_lease(&self) -> Result<bool> {
        match profile::path_of(&self.0.common.options) {
            Some(path) => profile::holds_lease(path),
            None => Ok(false),
        }
    }

    /// The options it was made with.
    pub fn options(&self) -> &SqliteOptions {
        &self.0.common.options
    }
}

impl Memory {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Two versions of this crate in one process count apart; the address tells them apart.
        // The slash in front makes it one database for all connections that name it.
        let name = format!("/wellspring-{:x}-{number}", std::ptr::from_ref(&NEXT).addr());
        Self { name, shared: Shared::memory(), anchor: Mutex::new(None) }
    }
}

impl Inner {
    fn open(&self) -> Result<Session> {
        match (&self.memory, profile::path_of(&self.common.options)) {
            (Some(memory), _) => {
                let mut anchor = memory.anchor.lock().unwrap_or_else(PoisonError::into_inner);
                if anchor.is_none() {
                    *anchor = Some(profile::open_memdb(&memory.name)?);
                }
                drop(anchor);
                profile::open_memory(&self.common, Arc::clone(&memory.shared), &memory.name)
            }
            (None, Some(path)) => profile::open_file(&self.common, path),
            (None, None) => Err(Error::new(ErrorKind::Config, "there is no database to open")),
        }
    }
}

#[async_trait]
impl Connector for SqliteConnector {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn target(&self) -> String {
        match &self.0.common.options.location {
            Location::Memory => "sqlite::memory:".to_owned(),
            Location::File(path) => format!("sqlite:{}", path.display()),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let plan = plan(self.0.common.options.execution, || Known::Long);
        // Settings read the schema, which a writer of a memory database keeps locked.
        let _pass = match &self.0.memory {
            Some(memory) => {
                let mut patience = Patience::new(plan.waiting, self.0.common.options.busy_timeout);
                let pass = patience.wait(memory.shared.gate.pass(Share::Read)).await;
                Some(pass.ok_or_else(|| gate_closed(Share::Read, patience.limit()))?)
            }
            None => None,
        };
        let session = if plan.place == Place::Thread {
            let inner = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || inner.open()).await.map_err(|error| {
                Error::new(ErrorKind::ConnectionLost, "opening the database was interrupted")
                    .with_source(error)
            })??
        } else {
            self.0.open()?
        };
        Ok(Box::new(SqliteConnection::new(session)))
    }
}

impl fmt::Debug for SqliteConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteConnector").field("options", &self.0.common.options).finish()
    }
}
