//! A listener that calls back into the pool from each event: no deadlock, no panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wellspring_testkit::fake::Step;

use crate::support::{FakePool, poll, pool_with};

const SECOND: Duration = Duration::from_secs(1);

/// Does everything to its pool that can be done, a few events deep.
#[derive(Clone, Default)]
struct Busy(Arc<std::sync::Mutex<Option<FakePool>>>, Arc<AtomicUsize>);
impl wellspring_pool_core::Listener for Busy {
    fn on_event(&self, _: &str, event: &wellspring_pool_core::Event<'_>) {
        let pool = self.0.lock().unwrap().clone();
        let Some(pool) = pool else { return };
        let depth = self.1.fetch_add(1, Ordering::SeqCst);
        if depth < 3 {
            let _ = (pool.status(), pool.stats(), pool.holders(), pool.leaks());
            let n = pool.status().max_size;
            let _ = pool.resize(if n == 2 { 3 } else { 2 });
            drop(pool.try_get());
            let mut get = Box::pin(pool.get());
            let _ = poll(&mut get);
            drop(get);
            if format!("{event:?}").starts_with("Closed") {
                pool.invalidate_all();
            }
            pool.pause();
            pool.resume();
        }
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_listener_may_call_back_into_the_pool() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let busy = Busy::default();
            let (pool, world) = pool_with(2, |b| {
                b.listener(busy.clone())
                    .leak_threshold(Some(SECOND))
                    .leak_reclaim(Some(2 * SECOND))
                    .max_abandoned(1)
            });
            *busy.0.lock().unwrap() = Some(pool.clone());
            for i in 0..20 {
                let Ok(mut guard) = pool.get().await else { continue };
                guard.dirty = i % 3 == 0;
                guard.broken = i % 5 == 0;
                guard.stuck = i % 7 == 0;
                if i % 4 == 0 {
                    tokio::time::sleep(3 * SECOND).await
                }
                drop(guard);
                world.unstick();
                world.connect.next([Step::Fail]);
            }
            let report = pool.drain(10 * SECOND).await;
            assert!(report.complete, "{report:?}");
        });
        done.send(()).unwrap();
    });
    assert!(finished.recv_timeout(20 * SECOND).is_ok(), "deadlock or panic");
}
