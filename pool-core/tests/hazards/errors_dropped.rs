//! The destructors of errors are the user's code: they do not run under the pool's lock, and may
//! use the pool.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use wellspring_pool_core::{FailureClass, Manager, Pool};

use crate::support::{poll, settle};

/// Fails for good once, with an error that looks at a pool when it is destroyed.
#[derive(Default)]
struct FailsOnce {
    failed: AtomicBool,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    pool: Mutex<Option<Pool<FailsOnce>>>,
    looked: AtomicBool,
}

struct Curious(Arc<Watch>);

impl Drop for Curious {
    fn drop(&mut self) {
        let pool = self.0.pool.lock().unwrap().take();
        if let Some(pool) = pool {
            pool.status();
            self.0.looked.store(true, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Curious")
    }
}

impl fmt::Display for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curious")
    }
}

impl std::error::Error for Curious {}

impl Manager for FailsOnce {
    type Connection = ();
    type Error = Curious;

    async fn connect(&self) -> Result<(), Curious> {
        match self.failed.swap(true, Ordering::SeqCst) {
            false => Err(Curious(Arc::clone(&self.watch))),
            true => Ok(()),
        }
    }

    async fn validate(&self, (): &mut ()) -> Result<(), Curious> {
        Ok(())
    }

    fn classify(&self, _: &Curious) -> FailureClass {
        FailureClass::Permanent
    }
}

#[test]
fn who_leaves_untold_takes_the_error_along_without_a_deadlock() {
    let (done, finished) = mpsc::channel();
    // A thread of its own: it stands still where this fails.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let manager = FailsOnce::default();
            let watch = Arc::clone(&manager.watch);
            let pool = Pool::builder(manager).max_size(2).build().unwrap();
            let mut failed = Box::pin(pool.get());
            assert!(poll(&mut failed).is_pending());
            settle().await; // it is told the error, but not polled
            drop(pool.get().await.unwrap()); // the pool forgets the error
            *watch.pool.lock().unwrap() = Some(pool.clone());
            drop(failed); // the last to have it
            done.send(watch.looked.load(Ordering::SeqCst)).unwrap();
        });
    });
    let looked = finished.recv_timeout(Duration::from_secs(10)).expect("deadlock");
    assert!(looked, "the error was not destroyed there");
}
