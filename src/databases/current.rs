//! The databases of the process, for programs that want them without handing them around.

use std::future::Future;
use std::sync::{PoisonError, RwLock};

use wellspring_connector::Result;

use crate::Databases;

static CONFIGURED: RwLock<Option<Databases>> = RwLock::new(None);

tokio::task_local! {
    static USED: Databases;
}

impl Databases {
    /// Makes these the databases of the process, for every thread and every task, and gives back those that
    /// were before.
    pub fn configure(self) -> Option<Self> {
        CONFIGURED.write().unwrap_or_else(PoisonError::into_inner).replace(self)
    }

    /// Takes the databases of the process away; with the feature `config`, the next
    /// [`current`](Self::current) loads them anew.
    pub fn unconfigure() -> Option<Self> {
        CONFIGURED.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Those in [`using`](Self::using), else those of the process. Where there are none, the feature `config`
    /// [loads](Self::load) them, once.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are none, or what is wrong with those that
    /// are found.
    ///
    /// ```
    /// use wellspring::{Database, Databases};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// async fn answer() -> wellspring::Result<i64> {
    ///     Databases::current()?.default_database()?.query("select 42", ()).one().await
    /// }
    ///
    /// let databases = Databases::new();
    /// databases.add("orders", Database::builder("sqlite::memory:"))?;
    /// // For this future alone, as in a test.
    /// assert_eq!(databases.using(answer()).await?, 42);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub fn current() -> Result<Self> {
        if let Ok(used) = USED.try_with(Clone::clone) {
            return Ok(used);
        }
        match Self::configured() {
            Some(databases) => Ok(databases),
            None => Self::first(),
        }
    }

    fn configured() -> Option<Self> {
        CONFIGURED.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg(feature = "config")]
    fn first() -> Result<Self> {
        let loaded = Self::load()?;
        let mut configured = CONFIGURED.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first: nothing of this one was used yet.
        Ok(configured.get_or_insert(loaded).clone())
    }

    #[cfg(not(feature = "config"))]
    fn first() -> Result<Self> {
        Err(wellspring_connector::Error::new(
            wellspring_connector::ErrorKind::Config,
            "the process has no databases: `Databases::configure` gives it some",
        ))
    }

    /// Runs `future` with these as the [current](Self::current) ones: for tests, each of which has its own.
    /// They hold in `future` itself, not in tasks that it spawns; give these `using` of their own.
    pub fn using<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        USED.scope(self.clone(), future)
    }

    /// As [`using`](Self::using), for code that is not async.
    pub fn using_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        USED.sync_scope(self.clone(), f)
    }
}
