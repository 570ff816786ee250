//! W7: instructions of an acquire and release, as the difference of two loops under callgrind.

use std::hint::black_box;
use std::process::{Command, Stdio};

use tokio::task::yield_now;

use crate::Result;
use crate::measure::{Job, Numbers, one_thread};
use crate::peer::{Peer, failed, filled};
use crate::peers::Entry;

const FREE_SIZE: usize = 10;
const SIZE: usize = 8;
const TASKS: u64 = 64;

/// Whether it can be measured here.
pub(crate) fn is_possible() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Measures one peer, by running this program under callgrind: twice alone, and twice among others if
/// it can be waited for.
pub(crate) fn run(entry: &Entry, quick: bool) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    let (short, long) = if quick { (500, 1_000) } else { (2_000, 22_000) };
    let more = count(entry, "free", long)? - count(entry, "free", short)?;
    numbers.insert("free".to_owned(), more / (long - short) as f64);
    if entry.waits {
        let (short, long) = if quick { (10, 20) } else { (50, 450) };
        let more = count(entry, "contended", long)? - count(entry, "contended", short)?;
        numbers.insert("contended".to_owned(), more / ((long - short) * TASKS) as f64);
    }
    Ok(numbers)
}

/// The instructions of a whole run of this program.
fn count(entry: &Entry, kind: &str, turns: u64) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["loop", kind, entry.name, &turns.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind: {}: {said}", output.status).into());
    }
    collected(&said).ok_or_else(|| format!("callgrind told no count: {said}").into())
}

/// The number in callgrind's line `==1== Collected : 123`.
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.split_whitespace().next()?.parse().ok()
}

/// `turns` acquires of one task.
pub(crate) fn free<P: Peer>(job: &Job, turns: u64) -> Result<()> {
    let setup = job.setup(FREE_SIZE);
    one_thread()?.block_on(async move {
        let task = tokio::spawn(async move {
            let pool: &'static P = filled(&setup).await?;
            for _ in 0..turns {
                let guard = pool.get().await.map_err(failed)?;
                black_box(P::serial(&guard));
            }
            Ok::<_, crate::Error>(())
        });
        task.await?
    })
}

/// `turns` acquires of each of 64 tasks on 8 connections, held over one turn of the scheduler.
pub(crate) fn contended<P: Peer>(job: &Job, turns: u64) -> Result<()> {
    let setup = job.setup(SIZE);
    one_thread()?.block_on(async move {
        let pool = filled::<P>(&setup).await?;
        let one = || async move {
            for _ in 0..turns {
                let guard = pool.get().await.map_err(failed)?;
                black_box(P::serial(&guard));
                yield_now().await;
            }
            Ok::<_, crate::Error>(())
        };
        let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(one())).collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        let said = "==7== Events    : Ir\n==7== Collected : 4211\n==7==\n==7== I   refs:  4,211\n";
        assert_eq!(collected(said), Some(4211.0));
        assert_eq!(collected("==7== I   refs:  4,211\n"), None);
    }
}
