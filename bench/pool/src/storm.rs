//! W5, W5x: a storm of cancellations, and whether the pool is whole afterwards.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::time::timeout;

use crate::Result;
use crate::conn::{EXPECTED, made, panics};
use crate::measure::{Job, MEASURE, Moment, Numbers, STOP, numbers, phase, through, two_workers};
use crate::peer::{Expiring, Peer, Setup, failed, filled};

const SIZE: usize = 2;
const TASKS: usize = 64;
const LIMIT: Duration = Duration::from_micros(50);
const HOLD: Duration = Duration::from_micros(200);
/// After the storm: how long a connection that is there may take to come, and how long it is waited
/// for one that must not come.
const PATIENCE: Duration = Duration::from_secs(2);
const THIRD: Duration = Duration::from_millis(300);
/// Further acquires after the storm, by a few tasks that wait for each other.
const AGAIN: usize = 100;
const AGAIN_TASKS: usize = 4;

/// What happened in the window, of all tasks.
#[derive(Debug, Default)]
struct Seen {
    served: AtomicU64,
    cancelled: AtomicU64,
    expired: AtomicU64,
    errors: AtomicU64,
    held: AtomicU64,
    most: AtomicU64,
}

static SEEN: Seen = Seen {
    served: AtomicU64::new(0),
    cancelled: AtomicU64::new(0),
    expired: AtomicU64::new(0),
    errors: AtomicU64::new(0),
    held: AtomicU64::new(0),
    most: AtomicU64::new(0),
};

/// Every acquire is dropped after its limit.
pub(crate) fn run<P: Peer>(job: &Job) -> Result<Numbers> {
    storm::<P, _>(job, |pool, _| cancelling(pool))
}

/// Half of the tasks leave it to the pool to end the acquire.
pub(crate) fn expiring<P: Expiring>(job: &Job) -> Result<Numbers> {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let arranged = panic.payload().downcast_ref::<&str>() == Some(&EXPECTED)
            || panic.payload().downcast_ref::<String>().is_some_and(|text| text == EXPECTED);
        if !arranged {
            told(panic);
        }
    }));
    storm::<P, _>(job, |pool, task| async move {
        if task % 2 == 0 { cancelling(pool).await } else { deadlines(pool).await }
    })
}

fn storm<P: Peer, F: Future<Output = ()> + Send + 'static>(
    job: &Job,
    task: impl Fn(&'static P, usize) -> F,
) -> Result<Numbers> {
    let runtime = two_workers()?;
    let setup = Setup { check: true, ..job.setup(SIZE) };
    let pool: &'static P = runtime
        .block_on(async move { tokio::spawn(async move { filled(&setup).await }).await })??;
    let tasks: Vec<_> = (0..TASKS).map(|number| runtime.spawn(task(pool, number))).collect();
    let used = through(job.window(Duration::from_millis(100)), job.window(Duration::from_secs(3)))?;
    runtime.block_on(async {
        for task in tasks {
            task.await?;
        }
        Ok::<_, crate::Error>(())
    })?;
    // What was made afterwards is not the storm's.
    let all_made = made();
    let after = Moment::now()?;
    let (given, third, again) = runtime.block_on(async { whole(pool).await })?;
    let per_second =
        |count: &AtomicU64| count.load(Ordering::SeqCst) as f64 / used.wall.as_secs_f64() / 1e3;
    Ok(numbers([
        ("given", given as f64),
        ("third", third as f64),
        ("most", SEEN.most.load(Ordering::SeqCst) as f64),
        ("made", all_made as f64),
        ("again", again as f64),
        ("errors", SEEN.errors.load(Ordering::SeqCst) as f64),
        ("panics", panics() as f64),
        ("served", per_second(&SEEN.served)),
        ("cancelled", per_second(&SEEN.cancelled)),
        ("expired", per_second(&SEEN.expired)),
        ("cores", used.cores()),
        ("after_ms", after.until_now()?.wall.as_secs_f64() * 1e3),
    ]))
}

/// Acquires, holds, and drops what did not come within the limit.
async fn cancelling<P: Peer>(pool: &'static P) {
    while phase() != STOP {
        match within(pool.get(), LIMIT).await {
            Some(Ok(guard)) => hold::<P>(guard).await,
            Some(Err(_)) => count(&SEEN.errors),
            None => count(&SEEN.cancelled),
        }
    }
}

/// Acquires with the limit as the pool's own deadline.
async fn deadlines<P: Expiring>(pool: &'static P) {
    while phase() != STOP {
        match pool.get_within(LIMIT).await {
            Ok(guard) => hold::<P>(guard).await,
            Err(error) if P::is_expired(&error) => count(&SEEN.expired),
            Err(_) => count(&SEEN.errors),
        }
    }
}

async fn hold<P: Peer>(guard: P::Guard) {
    let held = SEEN.held.fetch_add(1, Ordering::SeqCst) + 1;
    SEEN.most.fetch_max(held, Ordering::SeqCst);
    black_box(P::serial(&guard));
    let until = Instant::now() + HOLD;
    while Instant::now() < until {
        yield_now().await;
    }
    SEEN.held.fetch_sub(1, Ordering::SeqCst);
    count(&SEEN.served);
    drop(guard);
}

fn count(what: &AtomicU64) {
    if phase() == MEASURE {
        what.fetch_add(1, Ordering::Relaxed);
    }
}

/// `future`, unless it takes longer than `limit`, when it is dropped.
///
/// tokio's timers tick once in a millisecond, and 50 us would be 1 to 2 ms. So it is polled by hand:
/// the task wakes itself, goes to the end of its worker's queue each time, and looks at the clock when
/// its turn comes, which with 64 tasks is every few microseconds. The price is that no wake-up by the
/// pool is needed here: whether they still come is what the acquires after the storm show.
async fn within<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    let end = Instant::now() + limit;
    poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if Instant::now() >= end => Poll::Ready(None),
        Poll::Pending => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// How many connections the pool gives out, how many beyond its size, and how many of 100 further
/// acquires succeed.
async fn whole<P: Peer>(pool: &'static P) -> Result<(usize, usize, usize)> {
    let mut guards = Vec::new();
    while guards.len() < SIZE {
        match timeout(PATIENCE, pool.get()).await {
            Ok(guard) => guards.push(guard.map_err(failed)?),
            Err(_) => break,
        }
    }
    let given = guards.len();
    if let Ok(Ok(guard)) = timeout(THIRD, pool.get()).await {
        guards.push(guard);
    }
    let third = guards.len() - given;
    drop(guards);

    let one = || async move {
        let mut served = 0;
        for _ in 0..AGAIN / AGAIN_TASKS {
            if let Ok(Ok(guard)) = timeout(PATIENCE, pool.get()).await {
                black_box(P::serial(&guard));
                yield_now().await;
                served += 1;
            }
        }
        served
    };
    let tasks: Vec<_> = (0..AGAIN_TASKS).map(|_| tokio::spawn(one())).collect();
    let mut again = 0;
    for task in tasks {
        again += task.await?;
    }
    Ok((given, third, again))
}
