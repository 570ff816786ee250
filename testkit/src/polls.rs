//! Futures polled a given number of times and then dropped.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls `future` at most `times`, letting other tasks run between the polls, and drops it.
/// `Some` of its output when it was ready by then.
///
/// A cancellation test calls it with 0, 1, 2, … until the future comes to its end, and looks each
/// time whether anything was lost.
pub async fn poll_then_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        // Enough turns for a spawned task to reach its own next await.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
    None
}
