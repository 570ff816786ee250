//! Everything that connect, validate, reset and the hooks can do, times the poll at which the asker
//! leaves: no slot is lost, and the pool recovers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring_pool_core::{BoxFuture, Validate};
use wellspring_testkit::fake::{Fake, FakeConnection, FakeError, Step, World};
use wellspring_testkit::polls::poll_then_drop;

use crate::support::{FakePool, full_strength, identity_holds, pool_with};

const SECOND: Duration = Duration::from_secs(1);

/// What a gate may do: succeed, fail, be slow, never end, panic.
const GATES: [Step; 5] = [Step::Ok, Step::Fail, Step::Slow(SECOND), Step::Never, Step::Panic];

/// A hook that does `step` the first time that it is armed.
fn hook(
    step: &Arc<Mutex<Option<Step>>>,
) -> impl Fn(
    &mut FakeConnection,
    wellspring_pool_core::ConnectionInfo,
) -> BoxFuture<'_, Result<(), FakeError>>
+ Send
+ Sync
+ 'static {
    let step = Arc::clone(step);
    move |_, _| {
        let step = step.lock().unwrap().take();
        Box::pin(async move {
            let Some(step) = step else {
                return Ok(());
            };
            // A manager of its own does what a script says.
            let script = Fake::new();
            script.world.connect.next([step]);
            wellspring_pool_core::Manager::connect(&script).await.map(drop)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn connect_validate_and_reset() {
    for connect in GATES {
        for validate in GATES {
            for reset in GATES {
                for polls in 0..8 {
                    let (pool, world) = limited(None);
                    let mut dirty = pool.get().await.unwrap();
                    dirty.dirty = true;
                    world.connect.next([connect; 2]);
                    world.validate.next([validate; 2]);
                    world.reset.next([reset; 2]);
                    drop(dirty);
                    leave_and_recover(&pool, &world, polls).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hooks() {
    for after_connect in GATES {
        for before_acquire in GATES {
            for after_release in GATES {
                for polls in 0..8 {
                    let arms: [Arc<Mutex<Option<Step>>>; 3] = Default::default();
                    let (pool, world) = limited(Some(&arms));
                    let held = pool.get().await.unwrap();
                    for (arm, step) in
                        arms.iter().zip([after_connect, before_acquire, after_release])
                    {
                        *arm.lock().unwrap() = Some(step);
                    }
                    drop(held);
                    leave_and_recover(&pool, &world, polls).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn close_and_hygiene() {
    for close in GATES {
        for hygiene_panics in [false, true] {
            let (pool, world) = limited(None);
            let mut guard = pool.get().await.unwrap();
            guard.hygiene_panics = hygiene_panics;
            world.close.next([close; 2]);
            if !hygiene_panics {
                guard.discard();
            } else {
                drop(guard);
            }
            full_strength(&pool, &world).await;
            assert_eq!(world.alive(), pool.status().size);
        }
    }
}

/// Two ask and leave after so many polls, unless they were served; then all is as it was.
async fn leave_and_recover(pool: &FakePool, world: &World, polls: usize) {
    let first = poll_then_drop(pool.get(), polls).await;
    let second = poll_then_drop(pool.get(), polls).await;
    identity_holds(pool.status());
    drop((first, second));
    full_strength(pool, world).await;
}

fn limited(arms: Option<&[Arc<Mutex<Option<Step>>>; 3]>) -> (FakePool, Arc<World>) {
    pool_with(2, |b| {
        let b = b
            .validate(Validate::Always)
            .connect_timeout(2 * SECOND)
            .validation_timeout(2 * SECOND)
            .reset_timeout(2 * SECOND)
            .close_timeout(2 * SECOND);
        match arms {
            None => b,
            Some([connect, acquire, release]) => b
                .after_connect(hook(connect))
                .before_acquire(hook(acquire))
                .after_release(hook(release)),
        }
    })
}
