//! Sessions: units of work on a connection that is set up for them and torn down after them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use wellspring_connector::{
    Connection, Error, ErrorKind, IntoParams, Lease, Params, Result, Sql, TransactionOptions,
    Translator, Value, WorkKind,
};
use wellspring_txn::{Begin, Tx, transaction_once};

use crate::lend::{Boxed, Lender};
use crate::{Database, DatabaseConnection};

/// What a hook of sessions returns: `Box::pin(async move { … })`.
pub type SessionFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

type SetupHook = Box<dyn for<'a> Fn(&'a mut SessionSetup) -> SessionFuture<'a> + Send + Sync>;
type TeardownHook = Box<dyn for<'a> Fn(&'a mut SessionTeardown) -> SessionFuture<'a> + Send + Sync>;

/// What a database does at the ends of its sessions.
#[derive(Default)]
pub(crate) struct SessionHooks {
    pub(crate) setup: Vec<SetupHook>,
    pub(crate) teardown: Vec<TeardownHook>,
    /// Statements that become hooks: after those above, in their order.
    pub(crate) setup_statements: Vec<String>,
    pub(crate) teardown_statements: Vec<String>,
}

impl SessionHooks {
    /// Makes hooks of the statements.
    pub(crate) fn bind(mut self, translator: &Translator) -> Result<Self> {
        for text in std::mem::take(&mut self.setup_statements) {
            let statement = HookStatement::new(text, translator)
                .map_err(|error| error.context("session_setup"))?;
            self.setup.push(Box::new(move |session| {
                let statement = statement.clone();
                Box::pin(async move {
                    let params = statement.params(session.context())?;
                    session.execute(&*statement.text, params).await.map(drop)
                })
            }));
        }
        for text in std::mem::take(&mut self.teardown_statements) {
            let statement = HookStatement::new(text, translator)
                .map_err(|error| error.context("session_teardown"))?;
            self.teardown.push(Box::new(move |session| {
                let statement = statement.clone();
                Box::pin(async move {
                    let params = statement.params(session.context())?;
                    session.execute(&*statement.text, params).await.map(drop)
                })
            }));
        }
        Ok(self)
    }
}

/// A statement at an end of a session, and the names of the values it takes.
#[derive(Clone)]
struct HookStatement {
    text: Arc<str>,
    names: Arc<[String]>,
}

impl HookStatement {
    fn new(text: String, translator: &Translator) -> Result<Self> {
        let statement = translator.translate(&Sql::new(text.as_str()))?;
        let names: Arc<[String]> = statement.names().map(str::to_owned).collect();
        if names.is_empty() && statement.parameters().is_some_and(|count| count > 0) {
            return Err(Error::new(
                ErrorKind::Config,
                "a value has no name: expected `:name`, which is looked up in the session's context",
            ));
        }
        Ok(Self { text: text.into(), names })
    }

    /// Of the context, what the statement names.
    fn params(&self, context: &Params) -> Result<Params> {
        let named = |name: &String| Ok((name.clone(), value_of(context, name)?));
        Ok(Params::named(self.names.iter().map(named).collect::<Result<Vec<_>>>()?))
    }
}

/// A session that is being set up: it is the session's [`Tx`], and has its context.
///
/// Hooks given to [`DatabaseBuilder::session_setup`](crate::DatabaseBuilder::session_setup) get it.
#[derive(Debug)]
pub struct SessionSetup {
    tx: Tx,
    context: Arc<Params>,
}

/// A session that is being torn down: it is its [`DatabaseConnection`], after the transaction, and has
/// its context.
///
/// Hooks given to [`DatabaseBuilder::session_teardown`](crate::DatabaseBuilder::session_teardown) get
/// it.
#[derive(Debug)]
pub struct SessionTeardown {
    connection: DatabaseConnection,
    context: Arc<Params>,
}

impl SessionSetup {
    /// The named values the session was opened with.
    pub fn context(&self) -> &Params {
        &self.context
    }

    /// The value of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the context has none of that name.
    pub fn value(&self, name: &str) -> Result<Value> {
        value_of(&self.context, name)
    }
}

impl Deref for SessionSetup {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for SessionSetup {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

impl SessionTeardown {
    /// The named values the session was opened with.
    pub fn context(&self) -> &Params {
        &self.context
    }

    /// The value of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the context has none of that name.
    pub fn value(&self, name: &str) -> Result<Value> {
        value_of(&self.context, name)
    }
}

impl Deref for SessionTeardown {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl DerefMut for SessionTeardown {
    fn deref_mut(&mut self) -> &mut DatabaseConnection {
        &mut self.connection
    }
}

fn value_of(context: &Params, name: &str) -> Result<Value> {
    let named = match context {
        Params::Named(values) => values.as_slice(),
        _ => &[],
    };
    if let Some((_, value)) = named.iter().find(|(known, _)| known == name) {
        return Ok(value.clone());
    }
    let known: Vec<&str> = named.iter().map(|(known, _)| &**known).collect();
    let known =
        if known.is_empty() { "is empty".to_owned() } else { format!("has {}", known.join(", ")) };
    Err(Error::new(
        ErrorKind::Usage,
        format!("the session's context has no value {name:?}: it {known}"),
    ))
}

/// Checks that a context is one.
fn check(context: &Params) -> Result<()> {
    let wrong = match context {
        Params::Named(values) => {
            let twice = values
                .iter()
                .enumerate()
                .find(|(at, (name, _))| values[..*at].iter().any(|(other, _)| other == name));
            match twice {
                Some((_, (name, _))) => format!("has two values {name:?}"),
                None => return Ok(()),
            }
        }
        context if context.is_empty() => return Ok(()),
        _ => "has values without names: expected `params! { name: value }`".to_owned(),
    };
    Err(Error::new(ErrorKind::Usage, format!("the session's context {wrong}")))
}

impl Database {
    /// Runs `f` as a unit of work: a transaction on a connection that the builder's
    /// [`session_setup`](crate::DatabaseBuilder::session_setup) has set up and its
    /// [`session_teardown`](crate::DatabaseBuilder::session_teardown) tears down. Commits when `f` returns
    /// `Ok`, rolls back when it returns `Err`, panics, or its future is dropped. It is not run again.
    ///
    /// # Errors
    /// What `f` returns; why it could not be set up; the pool's or the database's;
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the `Tx` was moved out of the closure's
    /// future. That it could not be torn down is logged; the connection is then not used again.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, except while the commit is under way: then the outcome is open.
    /// Where there is something to tear down, the connection is closed.
    #[track_caller]
    pub fn session<R, E, F, Fut>(&self, f: F) -> impl Future<Output = Result<R, E>>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.session_with((), f)
    }

    /// As [`session`](Self::session), with a context: named values which the hooks of the builder can
    /// bind.
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// let db = Database::builder("sqlite::memory:")
    ///     .session_setup(|session| {
    ///         Box::pin(async move {
    ///             let user = session.value("user")?;
    ///             session.execute("insert into visits values (?)", (user,)).await.map(drop)
    ///         })
    ///     })
    ///     .connect()
    ///     .await?;
    /// db.execute("create table visits (user text)", ()).await?;
    /// let visits: i64 = db
    ///     .session_with(params! { user: "Ada" }, async |mut s| -> wellspring::Result<i64> {
    ///         s.query("select count(*) from visits where user = 'Ada'", ()).one().await
    ///     })
    ///     .await?;
    /// assert_eq!(visits, 1);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// As [`session`](Self::session); [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a context
    /// whose values have no names, or the same.
    #[track_caller]
    pub fn session_with<R, E, F, Fut>(
        &self,
        context: impl IntoParams,
        f: F,
    ) -> impl Future<Output = Result<R, E>>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let lender = Lender::new(self, Location::caller());
        let context = context.into_params();
        async move { run(&lender, lender.database().session_hooks(), context, f).await }
    }
}

/// Runs a session.
async fn run<R, E, F, Fut>(
    lender: &Lender,
    hooks: &SessionHooks,
    context: Params,
    f: F,
) -> Result<R, E>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<R, E>>,
    E: From<Error>,
{
    let translator = Begin::translator(lender);
    let named = |error: Error| error.or_database(translator.database());
    check(&context).map_err(named)?;
    let context = Arc::new(context);
    let desk = Arc::new(Desk::default());
    let source = SessionLender { lender, desk: (!hooks.teardown.is_empty()).then_some(&desk) };
    let result = transaction_once(&source, TransactionOptions::new(), async |tx| {
        desk.used.store(true, Ordering::Release);
        let mut session = SessionSetup { tx, context: Arc::clone(&context) };
        for hook in &hooks.setup {
            hook(&mut session).await.map_err(|error| named(error.context("session setup")))?;
        }
        f(session.tx).await
    })
    .await;
    if let Some(lease) = desk.take() {
        let connection = DatabaseConnection::new(lease, Arc::clone(translator));
        let session = SessionTeardown { connection, context };
        let limit = lender.database().pool().options().reset_timeout;
        tear_down(hooks, session, limit).await;
    }
    result
}

/// Runs the hooks after a session. The connection is lent again only when all have succeeded.
async fn tear_down(hooks: &SessionHooks, session: SessionTeardown, limit: Duration) {
    let mut session = DiscardUnlessKept(Some(session));
    let Some(teardown) = &mut session.0 else { return };
    let all = async {
        for hook in hooks.teardown.iter().rev() {
            caught(hook, teardown).await?;
        }
        Ok(())
    };
    let done = match tokio::time::timeout(limit, all).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(ErrorKind::Other, format!("it was not done within {limit:?}"))),
    };
    match done {
        // Dropped as any other: the pool looks at its state.
        Ok(()) => drop(session.0.take()),
        Err(error) => {
            let database = error.database().map(str::to_owned);
            tracing::warn!(database, %error, "session teardown failed, connection discarded");
        }
    }
}

/// Runs a hook; a panic of it is an error.
async fn caught(hook: &TeardownHook, session: &mut SessionTeardown) -> Result<()> {
    let mut future = pin!(async { hook(session).await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(Error::new(ErrorKind::Other, "the hook panicked"))),
    })
    .await
}

struct DiscardUnlessKept(Option<SessionTeardown>);

impl Drop for DiscardUnlessKept {
    fn drop(&mut self) {
        if let Some(session) = &mut self.0 {
            session.connection.discard();
        }
    }
}

/// Where the connection is handed in when its transaction is over.
#[derive(Default)]
struct Desk {
    handed_in: Mutex<Option<Boxed>>,
    /// Setting up has begun: there is something to tear down.
    used: AtomicBool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Option<Boxed>> {
        self.handed_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Boxed> {
        self.lock().take()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Nobody came for it.
        if let Some(mut lease) = self.take() {
            lease.discard();
        }
    }
}

/// Lends a connection that comes back to the desk, if there is one.
struct SessionLender<'l> {
    lender: &'l Lender,
    desk: Option<&'l Arc<Desk>>,
}

impl Begin for SessionLender<'_> {
    async fn lease(&self) -> Result<Box<dyn Lease>> {
        let lease = Begin::lease(self.lender).await?;
        Ok(match self.desk {
            Some(desk) => Box::new(SessionLease { lease: Some(lease), desk: Arc::clone(desk) }),
            None => lease,
        })
    }

    fn translator(&self) -> &Arc<Translator> {
        Begin::translator(self.lender)
    }
}

/// A connection that is handed in at the desk, unless its transaction was abandoned.
struct SessionLease {
    lease: Option<Boxed>,
    desk: Arc<Desk>,
}

impl SessionLease {
    fn lease(&mut self) -> &mut dyn Lease {
        &mut **self.lease.as_mut().expect("present until abandoned, which is the last call")
    }
}

impl Lease for SessionLease {
    fn connection(&mut self) -> &mut dyn Connection {
        self.lease().connection()
    }

    fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.lease().record(kind, took, ok);
    }

    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.lease().finished(took, outcome);
    }

    fn replace(&mut self) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        self.lease().replace()
    }

    fn is_usable(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.is_usable())
    }

    fn abandon(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            if self.desk.used.load(Ordering::Acquire) {
                // Nobody is there to tear it down.
                lease.discard();
            } else {
                lease.abandon();
            }
        }
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            *self.desk.lock() = Some(lease);
        }
    }
}

impl fmt::Debug for SessionHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHooks")
            .field("setup", &self.setup.len())
            .field("teardown", &self.teardown.len())
            .finish()
    }
}
