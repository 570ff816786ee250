//! V6: whoever releases a connection and asks again at once gets it before those who wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Result;
use crate::cell::Found;
use crate::peer::{Options, Peer};
use crate::script::Script;
use crate::trial::{STRANDED, get};

const ROUNDS: usize = 1000;

/// Somebody in line, and whether they were served.
struct Waiter {
    served: Arc<AtomicBool>,
    _task: JoinHandle<()>,
}

impl Waiter {
    async fn new<P: Peer>(pool: &P) -> Self {
        let served = Arc::new(AtomicBool::new(false));
        let (pool, tell) = (pool.clone(), Arc::clone(&served));
        let task = tokio::spawn(async move {
            let _guard = pool.get().await;
            tell.store(true, Ordering::SeqCst);
        });
        // On this runtime of one thread it is in line once others had their turn.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Self { served, _task: task }
    }
}

pub(crate) async fn run<P: Peer>() -> Result<Found> {
    let pool = P::open(&Script::new(), &Options::new(1)).await?;
    let mut guard = get(&pool).await?;
    let mut waiter = Waiter::new(&pool).await;
    let mut passed = 0;
    for _ in 0..ROUNDS {
        drop(guard);
        let Ok(again) = timeout(STRANDED, pool.get()).await else {
            return Err("the connection did not come back".into());
        };
        guard = again?;
        if waiter.served.load(Ordering::SeqCst) {
            waiter = Waiter::new(&pool).await;
        } else {
            passed += 1;
            tokio::task::yield_now().await;
        }
    }
    Ok(Found::struck_if(passed > 0, format!("passed {passed}/{ROUNDS}")))
}
