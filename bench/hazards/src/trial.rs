//! What several trials need: waiters polled by hand, connections taken until there are no more,
//! errors with their causes.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::peer::Peer;
use crate::{Error, Result};

/// Who is not served within this is stranded: nothing here takes a tenth of it.
pub(crate) const STRANDED: Duration = Duration::from_secs(5);

/// A pool that gives connections back in the background has done so within this.
pub(crate) const SETTLE: Duration = Duration::from_millis(100);

/// A future polled by hand, so that it can be dropped between its wake and its next poll.
pub(crate) struct ByHand<F> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), woken: Arc::default() }
    }

    /// Polls it once.
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls it until it waits for somebody else.
    pub(crate) async fn poll_until_it_waits(&mut self) -> Poll<F::Output> {
        loop {
            if let Poll::Ready(output) = self.poll() {
                return Poll::Ready(output);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            if !self.is_woken() {
                return Poll::Pending;
            }
            self.woken.0.store(false, Ordering::SeqCst);
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }
}

/// Waits until `so`, at most as long as [`STRANDED`]; whether it came to be.
pub(crate) async fn until(mut so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !so() {
        if start.elapsed() > STRANDED {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}

/// A caller in a task of its own, in line when this returns.
pub(crate) async fn in_line<P: Peer>(pool: &P) -> JoinHandle<Result<P::Guard>> {
    let pool = pool.clone();
    let task = tokio::spawn(async move { pool.get().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    task
}

/// Takes a connection, and fails when there is none within [`STRANDED`].
pub(crate) async fn get<P: Peer>(pool: &P) -> Result<P::Guard> {
    timeout(STRANDED, pool.get()).await.map_err(|_| Error::from("no connection to begin with"))?
}

/// Takes connections until there is none for a while, at most `most`.
pub(crate) async fn hold<P: Peer>(pool: &P, most: usize) -> Vec<P::Guard> {
    let mut held = Vec::new();
    while held.len() < most {
        match timeout(Duration::from_millis(300), pool.get()).await {
            Ok(Ok(guard)) => held.push(guard),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    held
}

/// An error with all of its causes.
pub(crate) fn told(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Seconds, for evidence.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
