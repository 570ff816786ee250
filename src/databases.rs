//! Several databases by name: made when they are first wanted, closed together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wellspring_connector::{Connector, Error, ErrorKind, Result, nearest};
use wellspring_pool_core::ShutdownReport;

use crate::builder::Prepared;
use crate::{Database, DatabaseBuilder};

mod closing;
mod current;
#[cfg(feature = "config")]
mod loading;
#[cfg(feature = "config")]
mod reload;

pub use closing::CloseReport;
#[cfg(feature = "config")]
pub use loading::DatabasesBuilder;
#[cfg(feature = "config")]
pub use reload::{DatabaseChange, ReloadReport};

/// Databases by name, with one of them the default. Cheap to clone; all clones are the same.
///
/// With the Cargo feature `config` they come from files and the environment:
/// [`Databases::load`](Self::load).
///
/// A pool is made when its database is first asked for, once, however many ask at the same time, and
/// connects when it is first used. [`connect_all`](Self::connect_all) proves all of them early.
///
/// ```
/// use wellspring::{Database, Databases};
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> wellspring::Result<()> {
/// let databases = Databases::new();
/// databases.add("orders", Database::builder("sqlite::memory:").max_size(4))?;
/// databases.add("cache", Database::builder("sqlite::memory:"))?;
/// databases.set_default("orders")?;
///
/// let one: i64 = databases.require("cache")?.query("select 1", ()).one().await?;
/// assert_eq!(one, 1);
/// assert_eq!(databases.default_database()?.name(), "orders");
/// assert!(databases.close_all().await.is_complete());
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct Databases {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    registry: RwLock<Registry>,
    /// Where they came from, to be loaded again.
    #[cfg(feature = "config")]
    source: Mutex<Option<loading::Loaded>>,
}

#[derive(Default)]
struct Registry {
    /// In the order in which they came.
    entries: Vec<Entry>,
    default: Option<Arc<str>>,
    closed: bool,
}

#[derive(Clone)]
struct Entry {
    name: Arc<str>,
    place: Arc<Place>,
}

/// A database, or what it will be made of.
struct Place(Mutex<State>);

enum State {
    Prepared(Box<Prepared>),
    Made(Database),
    /// Only while it is being made.
    Taken,
}

impl Place {
    /// One that is made when it is asked for. A pool that shares a cap with others is made now, so that it is
    /// now that it is refused.
    fn new(prepared: Prepared) -> Result<Self> {
        let state = match prepared.is_in_group() {
            true => State::Made(prepared.build()?),
            false => State::Prepared(Box::new(prepared)),
        };
        Ok(Self(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database, which is made now if it was not before.
    fn get(&self) -> Database {
        let mut state = self.lock();
        if let State::Made(database) = &*state {
            return database.clone();
        }
        let State::Prepared(prepared) = std::mem::replace(&mut *state, State::Taken) else {
            unreachable!("a database is made in one step");
        };
        let database = prepared.build().expect("only a group of pools refuses what was prepared");
        *state = State::Made(database.clone());
        database
    }

    /// The database, if somebody wanted it.
    fn made(&self) -> Option<Database> {
        match &*self.lock() {
            State::Made(database) => Some(database.clone()),
            _ => None,
        }
    }
}

impl Databases {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.inner.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.inner.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a database that is made when it is first asked for. Its name is `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a wrong URL or option; [`ErrorKind::Usage`] when there is one of that name,
    /// or when all were closed.
    pub fn add(&self, name: impl Into<Arc<str>>, builder: DatabaseBuilder) -> Result<()> {
        let name = name.into();
        let prepared = builder.name(Arc::clone(&name)).prepare()?;
        self.enter(name, Place::new(prepared)?)
    }

    /// Adds a database over a connector of one's own, with default options.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_connector(
        &self,
        name: impl Into<Arc<str>>,
        connector: Arc<dyn Connector>,
    ) -> Result<()> {
        self.add(name, Database::with_connector(connector))
    }

    /// Adds a database that was made elsewhere, under a name of its own here.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] as [`add`](Self::add).
    pub fn insert(&self, name: impl Into<Arc<str>>, database: Database) -> Result<()> {
        self.enter(name.into(), Place(Mutex::new(State::Made(database))))
    }

    fn enter(&self, name: Arc<str>, place: Place) -> Result<()> {
        let mut registry = self.write();
        if registry.closed {
            return Err(usage("the databases were closed"));
        }
        if registry.find(&name).is_some() {
            return Err(usage(format!("there is a database {name:?} already")));
        }
        registry.entries.push(Entry { name, place: Arc::new(place) });
        Ok(())
    }

    /// Takes a database out, and gives it back if somebody had asked for it. Those who have it keep it; it is
    /// closed when the last of them drops it.
    pub fn remove(&self, name: &str) -> Option<Database> {
        let entry = {
            let mut registry = self.write();
            let at = registry.entries.iter().position(|entry| &*entry.name == name)?;
            registry.entries.remove(at)
        };
        entry.place.made()
    }

    /// Says which database is meant where none is named.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when there is none of that name, naming those there are.
    pub fn set_default(&self, name: &str) -> Result<()> {
        let mut registry = self.write();
        match registry.find(name).map(|entry| Arc::clone(&entry.name)) {
            Some(name) => registry.default = Some(name),
            None => return Err(registry.unknown(name)),
        }
        Ok(())
    }

    /// The database called `name`, if there is one. No I/O.
    pub fn get(&self, name: &str) -> Option<Database> {
        let place = self.read().find(name).map(|entry| Arc::clone(&entry.place))?;
        Some(place.get())
    }

    /// The database called `name`. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when there is none of that name, naming those there are.
    pub fn require(&self, name: &str) -> Result<Database> {
        self.get(name).ok_or_else(|| self.read().unknown(name))
    }

    /// The database that is meant where none is named: the one that was said to be, else the one called
    /// `default`, else the only one. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when that is none, naming those there are.
    pub fn default_database(&self) -> Result<Database> {
        let place = {
            let registry = self.read();
            let called = || registry.find("default");
            let only = || match registry.entries.as_slice() {
                [one] => Some(one),
                _ => None,
            };
            let said = registry.default.as_deref().map(|name| registry.find(name));
            let entry = said.unwrap_or_else(|| called().or_else(only));
            entry.map(|entry| Arc::clone(&entry.place)).ok_or_else(|| {
                let known = registry.known();
                Error::new(ErrorKind::Config, format!("no database is the default one{known}"))
            })?
        };
        Ok(place.get())
    }

    /// The names, in the order in which they came.
    pub fn names(&self) -> Vec<String> {
        self.read().entries.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.read().entries.clone()
    }

    /// Makes the database called `name` if it was not before, and proves that it can be connected to, as its
    /// [`startup`](crate::PoolOptions::startup) says.
    ///
    /// # Errors
    /// As [`require`](Self::require); why connecting failed.
    pub async fn connect(&self, name: &str) -> Result<Database> {
        let database = self.require(name)?;
        database.prove().await?;
        Ok(database)
    }

    /// Makes all databases and proves them, all at the same time. What came of each is reported; none keeps
    /// the others from being tried.
    pub async fn connect_all(&self) -> Vec<(String, Result<()>)> {
        let each = self.entries().into_iter().map(|entry| async move {
            let database = entry.place.get();
            (entry.name.to_string(), database.prove().await)
        });
        closing::all(each).await
    }

    /// Closes all databases that were made, at the same time: each as
    /// [`Database::close`] does it, whatever becomes of the others. None is made any more.
    ///
    /// # Cancel safety
    /// All stay closed.
    pub async fn close_all(&self) -> CloseReport {
        let entries = {
            let mut registry = self.write();
            registry.closed = true;
            registry.entries.clone()
        };
        let made: Vec<(String, Database)> = entries
            .iter()
            .filter_map(|entry| Some((entry.name.to_string(), entry.place.made()?)))
            .collect();
        // All of them before waiting for one: dropping this future leaves none open.
        for (_, database) in &made {
            database.pool().close();
        }
        let each = made.into_iter().map(|(name, database)| async move {
            let report: ShutdownReport = database.close().await;
            (name, report)
        });
        CloseReport::new(closing::all(each).await)
    }
}

impl Registry {
    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.name == name)
    }

    fn known(&self) -> String {
        let names: Vec<String> =
            self.entries.iter().map(|entry| format!("{:?}", entry.name)).collect();
        match names.is_empty() {
            true => ": there are none".to_owned(),
            false => format!(" (there are {})", names.join(", ")),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let hint = match nearest(name, self.entries.iter().map(|entry| &*entry.name)) {
            Some(nearest) => format!(", did you mean {nearest:?}?"),
            None => String::new(),
        };
        let message = format!("there is no database {name:?}{hint}{}", self.known());
        Error::new(ErrorKind::Config, message)
    }
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message.into())
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").field("names", &self.names()).finish_non_exhaustive()
    }
}
