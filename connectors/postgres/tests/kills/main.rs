//! A PostgreSQL that is killed and started again and again under load: no slot of a pool is lost,
//! no acquire outlives its deadline, no acknowledged commit is missing.
//!
//! Two pools work on one server: a native one that waits outages out, and a portable one that
//! proves connections alive and whose breaker opens. `WELLSPRING_KILL_ROUNDS` says how often the
//! server is killed (25), `WELLSPRING_KILL_SECONDS` for how long new rounds are begun (1200).

mod clients;
mod ledger;
mod load;
mod pulse;
mod server;
mod site;
mod tally;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use wellspring_connector::ConnectorManager;
use wellspring_pool_core::{BreakerOptions, Builder, Manager, Pool, Validate};
use wellspring_postgres::{PostgresConnector, PostgresManager, PostgresOptions};

use crate::pulse::Pulse;
use crate::server::Server;
use crate::site::Site;

/// The size of each pool.
const SIZE: usize = 8;
/// How many tasks share one pool.
const TASKS: usize = 24;
/// What an acquire may take that states no limit of its own.
const ACQUIRE: Duration = Duration::from_secs(2);
/// For how long the server works before it is killed, and for how long it is down then, in ms.
const UP: RangeInclusive<u64> = 0..=400;
const DOWN: RangeInclusive<u64> = 0..=60;
/// One outage of so many is longer than the pools' own limit of an acquire: a round in the middle.
const LONG_EACH: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_again_and_again_costs_no_slot_no_deadline_and_no_commit() {
    let rounds = setting("WELLSPRING_KILL_ROUNDS", 25);
    let limit = Duration::from_secs(setting("WELLSPRING_KILL_SECONDS", 1200));
    let server = Server::start().await;
    let options = PostgresOptions::from_url(&server.url()).expect("a sound URL");
    let native = PostgresManager::new(options.clone()).expect("sound options");
    let connector = PostgresConnector::new(options).expect("sound options");
    let portable = ConnectorManager::new(Arc::new(connector));
    // Longer than any outage here: its breaker never opens.
    let patient = pool("native", native).outage_tolerance(Duration::from_secs(60));
    let mut patient = Site::new(patient, 0);
    let quick = BreakerOptions { failures: 3, open_for: Duration::from_millis(200), probes: 1 };
    let hasty = pool("portable", portable)
        .outage_tolerance(Duration::ZERO)
        .breaker(Some(quick))
        .validate(Validate::Always);
    let mut hasty = Site::new(hasty, TASKS);

    let pulse = Pulse::start();
    let start = Instant::now();
    let mut done = 0;
    while done < rounds && start.elapsed() < limit {
        sleep(Duration::from_millis(fastrand::u64(UP))).await;
        // One in four times the first process alone: the others notice, and say goodbye.
        server.kill(fastrand::u8(0..4) > 0);
        patient.killed();
        hasty.killed();
        let long = if done % LONG_EACH == LONG_EACH / 2 { ACQUIRE } else { Duration::ZERO };
        sleep(long + Duration::from_millis(fastrand::u64(DOWN))).await;
        server.restart();
        patient.comes_back(done).await;
        hasty.comes_back(done).await;
        done += 1;
        if done % 100 == 0 {
            println!("{done} rounds in {:.0} s", start.elapsed().as_secs_f64());
        }
    }

    let (first, mut lines) = patient.stop().await;
    let (second, more) = hasty.stop().await;
    lines.extend(more);
    let took = start.elapsed().as_secs_f64();
    let machine = pulse.stop();
    println!("native: {first}\nportable: {second}");
    let both = first.and(second);
    let (opened, closed) = hasty.openings();
    let slowest = patient.slowest().max(hasty.slowest()).as_secs_f64();
    println!(
        "kills: {done} of {rounds} rounds, {both}, breaker openings {opened}, closings {closed}, \
         back after at most {slowest:.2} s, the machine itself late by at most {machine:.0?}, \
         {took:.1} s"
    );
    assert_eq!(both.violations, 0, "acquires outlived their deadlines, the machine {machine:?}");
    assert_eq!(both.unexpected, Vec::<String>::new(), "failures of no known kind");
    assert_eq!(patient.openings(), (0, 0), "outages were to be waited out");
    // Whether a short run's outages last for three failures is a matter of chance.
    assert!(opened > 0 || done < 10, "no outage opened the breaker");
    patient.end().await;
    hasty.end().await;
    server.is_left_by_all().await;
    let kept = server.ledger().await;
    let committed: usize = lines.iter().map(|lines| lines.check(&kept)).sum();
    println!("kills: {committed} acknowledged commits, all there");
    server.stop();
}

/// What the pools have in common.
fn pool<M: Manager>(name: &'static str, manager: M) -> Builder<M> {
    Pool::builder(manager)
        .name(name)
        .max_size(SIZE)
        .acquire_timeout(ACQUIRE)
        .connect_timeout(Duration::from_secs(1))
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} = {text}: expected a number")),
        Err(_) => default,
    }
}
