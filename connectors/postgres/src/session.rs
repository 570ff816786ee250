//! One session with a server: the client, the task that drives it, and what stops a statement.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::{SslMode as NativeMode, SslNegotiation};
use tokio_postgres::{AsyncMessage, CancelToken, Client};
use wellspring_connector::{Credentials, Error, ErrorKind, Result};

use crate::endpoint::Endpoint;
use crate::errors::{Place, Sent, convert, during_startup, lost_connection};
use crate::options::PostgresOptions;
use crate::tls::Tls;
use crate::transport::{Handover, Transport, UntilClosed};
use crate::watch::{Watch, Watched};

/// How long the goodbye, or one request to cancel, may take.
const MANNERS: Duration = Duration::from_secs(5);

/// How long a statement that was given up may go on before the connection is.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to one server: enough to open another connection to it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Option<Tls>,
    pub(crate) keepalive: Option<Duration>,
}

impl Way {
    async fn open(&self) -> Result<Transport> {
        Transport::open(&self.endpoint, self.tls.as_ref(), self.keepalive).await
    }
}

/// A session with a server.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) watched: Arc<Watched>,
    /// Something was asked whose answer nobody waited for.
    abandoned: AtomicBool,
    stopper: Stopper,
    /// A cancellation under way.
    stopping: Mutex<Option<JoinHandle<()>>>,
    driver: Driver,
}

/// What the server said about itself when it was connected to.
pub(crate) struct Greeting {
    pub(crate) in_recovery: Option<bool>,
    pub(crate) read_only: Option<bool>,
}

/// The task that moves the bytes. It ends by itself when the client is gone, within a limit.
struct Driver {
    task: Option<JoinHandle<()>>,
    _gone: oneshot::Sender<()>,
}

/// Stops what a session is doing, from another connection.
#[derive(Clone)]
struct Stopper {
    token: CancelToken,
    way: Arc<Way>,
}

impl Session {
    /// Connects and logs in.
    pub(crate) async fn open(
        options: &PostgresOptions,
        login: &Credentials,
        way: &Arc<Way>,
    ) -> Result<(Self, Greeting)> {
        let place = Place(&way.endpoint);
        let transport = way.open().await?;
        let binding = transport.binding();
        let (watch, watched) = Watch::new(transport);
        let mut config = options.native(login);
        if way.tls.is_some() {
            // The stream is encrypted already: "direct" makes tokio-postgres take it as it is, and
            // hands it what ties the login to it.
            config.ssl_mode(NativeMode::Require).ssl_negotiation(SslNegotiation::Direct);
        } else {
            config.ssl_mode(NativeMode::Disable);
        }
        let (client, mut connection) = config
            .connect_raw(watch, Handover { binding })
            .await
            .map_err(|error| during_startup(error, place))?;
        // It holds the password.
        drop(config);
        let is_on = |name| connection.parameter(name).map(|value| value == "on");
        let greeting = Greeting {
            in_recovery: is_on("in_hot_standby"),
            read_only: is_on("default_transaction_read_only"),
        };
        let stopper = Stopper { token: client.cancel_token(), way: Arc::clone(way) };
        let (gone, is_gone) = oneshot::channel();
        let target = way.endpoint.to_string();
        let task = tokio::spawn(async move {
            let mut is_gone = pin!(is_gone);
            let mut limit = pin!(None::<tokio::time::Sleep>);
            poll_fn(|cx| {
                loop {
                    match connection.poll_message(cx) {
                        Poll::Ready(Some(Ok(message))) => tell(&target, &message),
                        Poll::Ready(Some(Err(error))) => {
                            tracing::debug!(target = target, %error, "the connection ended");
                            return Poll::Ready(());
                        }
                        Poll::Ready(None) => return Poll::Ready(()),
                        Poll::Pending => break,
                    }
                }
                if limit.is_none() && is_gone.as_mut().poll(cx).is_ready() {
                    limit.set(Some(sleep(MANNERS)));
                }
                match limit.as_mut().as_pin_mut() {
                    Some(limit) => limit.poll(cx),
                    None => Poll::Pending,
                }
            })
            .await;
        });
        let session = Self {
            client,
            watched,
            abandoned: AtomicBool::new(false),
            stopper,
            stopping: Mutex::new(None),
            driver: Driver { task: Some(task), _gone: gone },
        };
        Ok((session, greeting))
    }

    /// True when nothing is in flight, as far as is known.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.abandoned.load(Ordering::Acquire) && self.watched.is_settled()
    }

    /// Guards a request: if it is dropped before [`InFlight::over`], what was asked is stopped.
    pub(crate) fn in_flight(&self) -> InFlight<'_> {
        InFlight { session: self, over: false }
    }

    /// Stops what is in flight; nobody waits for its answer any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        // Without a runtime, whoever settles the session stops it.
        if let Ok(runtime) = Handle::try_current() {
            let stopper = self.stopper.clone();
            let task = runtime.spawn(async move { Box::pin(stopper.stop()).await });
            *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }

    /// Waits until nothing is in flight, stopping what was abandoned.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`] when the connection is gone, or does not come to rest.
    pub(crate) async fn settle(&self) -> Result<()> {
        if self.is_at_rest() {
            return Ok(());
        }
        // Boxed, as is every path seldom taken: all futures of statements would be as large as it.
        Box::pin(self.come_to_rest()).await
    }

    async fn come_to_rest(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut stopped = stopping.is_some();
        if let Some(stopping) = stopping {
            // Until its connection is closed, the signal may still be on its way. It is kept if this
            // is dropped.
            let mut kept = Kept { session: self, task: Some(stopping) };
            kept.wait().await;
        }
        if !self.abandoned.load(Ordering::Acquire) {
            // Answers to what was waited for are still arriving.
            if timeout(MANNERS, self.watched.settled()).await == Ok(true) {
                return Ok(());
            }
        }
        // What was abandoned may not even have been written: an empty statement after it comes back
        // when it is over.
        let mut barrier = pin!(self.client.batch_execute(""));
        let mut pause = Duration::from_millis(if stopped { 20 } else { 0 });
        let answer = loop {
            match timeout(pause, &mut barrier).await {
                Ok(answer) => break answer,
                Err(_) if Instant::now() >= deadline => {
                    return Err(Error::new(
                        ErrorKind::ConnectionLost,
                        format!("a statement that was cancelled did not stop within {PATIENCE:?}"),
                    ));
                }
                Err(_) => {}
            }
            // Perhaps the signal came before the statement.
            self.stopper.stop().await;
            stopped = true;
            pause = (pause * 2).clamp(Duration::from_millis(10), Duration::from_secs(1));
        };
        if let Err(error) = answer {
            if self.client.is_closed() {
                return Err(convert(error, Sent::Perhaps));
            }
            // The signal hit the barrier itself: one more shows that all is quiet.
            tracing::trace!(stopped, %error, "a barrier was hit by the signal");
            let again = timeout(MANNERS, self.client.batch_execute("")).await;
            match again {
                Ok(answer) => answer.map_err(|error| convert(error, Sent::Perhaps))?,
                Err(_) => return Err(lost_connection(Sent::Perhaps)),
            }
        }
        if timeout(MANNERS, self.watched.settled()).await != Ok(true) {
            return Err(lost_connection(Sent::Perhaps));
        }
        self.abandoned.store(false, Ordering::Release);
        Ok(())
    }

    /// Waits for the end of an answer that was an error: tokio-postgres passes those on at once.
    pub(crate) async fn answer_ended(&self) {
        if !self.client.is_closed() {
            let _ended = timeout(MANNERS, self.watched.settled()).await;
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(self) -> Result<()> {
        let Self { client, mut driver, .. } = self;
        drop(client);
        let Some(task) = driver.task.take() else { return Ok(()) };
        match timeout(MANNERS, task).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost_connection(Sent::Perhaps).with_source(error)),
            Err(_) => Err(Error::new(
                ErrorKind::ConnectionLost,
                format!("the server did not take the goodbye within {MANNERS:?}"),
            )),
        }
    }
}

impl Stopper {
    /// Asks the server to stop what the session is doing, and waits until it has passed that on.
    async fn stop(&self) {
        let request = async {
            let transport = self.way.open().await?;
            self.token
                .cancel_query_raw(UntilClosed(transport), Handover { binding: None })
                .await
                .map_err(|error| convert(error, Sent::Perhaps))
        };
        match timeout(MANNERS, request).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a statement could not be cancelled"),
            Err(_) => tracing::debug!("a statement could not be cancelled within {MANNERS:?}"),
        }
    }
}

/// A cancellation that is waited for, given back when the waiting is dropped.
struct Kept<'s> {
    session: &'s Session,
    task: Option<JoinHandle<()>>,
}

impl Kept<'_> {
    async fn wait(&mut self) {
        if let Some(task) = &mut self.task {
            // It has a limit of its own; how it ended does not matter.
            let _ended = task.await;
        }
        self.task = None;
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            let stopping = &self.session.stopping;
            *stopping.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }
}

/// A request that is waited for.
pub(crate) struct InFlight<'s> {
    session: &'s Session,
    over: bool,
}

impl InFlight<'_> {
    /// It was answered, or it is somebody else's from here on.
    pub(crate) fn over(mut self) {
        self.over = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.session.abandon();
        }
    }
}

/// What the server says unasked.
fn tell(target: &str, message: &AsyncMessage) {
    match message {
        AsyncMessage::Notice(notice) => match notice.severity() {
            "WARNING" => {
                tracing::warn!(target = target, code = notice.code().code(), "{}", notice.message())
            }
            "DEBUG" => tracing::debug!(
                target = target,
                code = notice.code().code(),
                "{}",
                notice.message()
            ),
            _ => {
                tracing::info!(target = target, code = notice.code().code(), "{}", notice.message())
            }
        },
        AsyncMessage::Notification(notification) => {
            tracing::debug!(
                target = target,
                channel = notification.channel(),
                "a notification that nobody listens to here"
            );
        }
        _ => {}
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("endpoint", &self.stopper.way.endpoint)
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}
