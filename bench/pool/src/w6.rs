//! W6: what an acquire allocates, with and without others, and how large its future and guard are.

use std::hint::black_box;
use std::mem::{size_of, size_of_val};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::yield_now;

use crate::Result;
use crate::counting::{self, Allocated};
use crate::measure::{Job, Numbers, numbers, one_thread};
use crate::peer::{Peer, failed, filled};

const FREE_SIZE: usize = 10;
const SIZE: usize = 8;
const TASKS: u64 = 64;

/// Alone, and the sizes.
pub(crate) fn free<P: Peer>(job: &Job) -> Result<Numbers> {
    let setup = job.setup(FREE_SIZE);
    let ops = ops(job);
    one_thread()?.block_on(async move {
        let task = tokio::spawn(async move {
            let pool: &'static P = filled(&setup).await?;
            let (future, guard) = (size_of_val(&pool.get()), size_of::<P::Guard>());
            counting::start();
            turns(pool, ops).await?;
            let before = counting::so_far();
            turns(pool, ops).await?;
            let after = counting::so_far();
            let mut numbers = numbers([("future", future as f64), ("guard", guard as f64)]);
            tell(&mut numbers, "free", before, after, ops);
            Ok::<_, crate::Error>(numbers)
        });
        task.await?
    })
}

async fn turns<P: Peer>(pool: &'static P, count: u64) -> Result<()> {
    for _ in 0..count {
        let guard = pool.get().await.map_err(failed)?;
        black_box(P::serial(&guard));
    }
    Ok(())
}

/// Among others as well.
pub(crate) fn both<P: Peer>(job: &Job) -> Result<Numbers> {
    let mut numbers = free::<P>(job)?;
    let setup = job.setup(SIZE);
    let ops = ops(job);
    let (before, after) = one_thread()?.block_on(async move {
        let pool = filled::<P>(&setup).await?;
        let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(one(pool, ops))).collect();
        let (mut before, mut after) = (None, None);
        for task in tasks {
            let seen: Seen = task.await??;
            before = before.or(seen.before);
            after = after.or(seen.after);
        }
        Ok::<_, crate::Error>((before.ok_or("it never began")?, after.ok_or("it never ended")?))
    })?;
    tell(&mut numbers, "contended", before, after, ops);
    Ok(numbers)
}

#[derive(Debug, Default)]
struct Seen {
    before: Option<Allocated>,
    after: Option<Allocated>,
}

/// Takes turns until all tasks together have done twice `ops`; whoever finishes the first half, and
/// the second, looks at the count.
async fn one<P: Peer>(pool: &'static P, ops: u64) -> Result<Seen> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let mut seen = Seen::default();
    loop {
        let guard = pool.get().await.map_err(failed)?;
        black_box(P::serial(&guard));
        yield_now().await;
        drop(guard);
        let done = DONE.fetch_add(1, Ordering::Relaxed) + 1;
        if done == ops {
            seen.before = Some(counting::so_far());
        } else if done == 2 * ops {
            seen.after = Some(counting::so_far());
        }
        if done >= 2 * ops {
            return Ok(seen);
        }
    }
}

fn ops(job: &Job) -> u64 {
    if job.quick { 2_000 } else { 100_000 }
}

fn tell(numbers: &mut Numbers, name: &str, before: Allocated, after: Allocated, ops: u64) {
    let per = |before, after| (after - before) as f64 / ops as f64;
    numbers.insert(name.to_owned(), per(before.count, after.count));
    numbers.insert(format!("{name}_bytes"), per(before.bytes, after.bytes));
}
