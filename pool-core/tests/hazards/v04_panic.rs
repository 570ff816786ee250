//! V4: one panic while connecting, and a pool of one was dead for ever.

use wellspring_pool_core::Validate;
use wellspring_testkit::fake::Step;

use crate::support::{full_strength, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn a_panic_costs_no_place_wherever_it_happens() {
    for gate in ["connect", "validate", "reset", "close", "hygiene", "drop", "after_connect"] {
        let (pool, world) = pool_with(1, |b| {
            let b = b.validate(Validate::Always);
            let mut first = std::sync::atomic::AtomicBool::new(gate == "after_connect");
            *first.get_mut() &= true;
            b.after_connect(move |_, _| {
                assert!(!first.swap(false, std::sync::atomic::Ordering::SeqCst), "scripted");
                Box::pin(async { Ok(()) })
            })
        });
        match gate {
            "connect" => world.connect.next([Step::Panic]),
            "validate" => world.validate.next([Step::Panic]),
            "reset" => world.reset.next([Step::Panic]),
            "close" => world.close.next([Step::Panic]),
            _ => {}
        }
        for round in 0..3 {
            let mut guard = pool.get().await.unwrap();
            if round == 0 {
                guard.dirty = gate == "reset";
                guard.hygiene_panics = gate == "hygiene";
                guard.drop_panics = gate == "drop";
                if matches!(gate, "close" | "drop") {
                    guard.discard();
                }
            }
        }
        settle().await;
        full_strength(&pool, &world).await;
    }
}
