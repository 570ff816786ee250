//! The pools that are measured, one file each, and which workloads each can be put to.

mod asyncband;
mod bb8;
mod deadpool;
mod floors;
mod mobc;
mod ours;
mod r2d2;
mod sqlx;

use std::time::Duration;

use crate::conn::{Panicky, Quick, Slow};
use crate::measure::{Job, Numbers};
use crate::peer::{Expiring, Peer, Variant};
use crate::workload::Workload;
use crate::{Result, storm, w1, w2, w3, w4, w6, w7};

/// What a pool is in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    /// One of those that the best is sought among.
    Peer,
    /// Shown, and not compared with: it blocks, needs a database or is no product.
    Shown,
}

/// A pool by its name.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// Whether it can be waited for without blocking.
    pub(crate) waits: bool,
    pub(crate) workloads: &'static [Workload],
    variant: Variant,
    measure: fn(&Job, Workload) -> Result<Numbers>,
    /// A loop for callgrind: whether among others, and how many turns.
    pub(crate) repeat: fn(&Self, bool, u64) -> Result<()>,
}

use Workload::{W1, W2, W3, W4, W5, W5x, W6, W7};

const FREE: &[Workload] = &[W1, W2, W6, W7];
const NO_STORM: &[Workload] = &[W1, W2, W3, W4, W6, W7];
const ALMOST_ALL: &[Workload] = &[W1, W2, W3, W4, W5, W6, W7];

const PLAIN: Variant = Variant { limit: None, fifo: false };
const LIMITED: Variant = Variant { limit: Some(Duration::from_secs(30)), fifo: false };
const FIFO: Variant = Variant { limit: None, fifo: true };

/// All, in the order of the rows.
pub(crate) const ALL: &[Entry] = &[
    ours("ours", PLAIN),
    Entry { role: Role::Ours, ..free::<ours::Owned<Quick>>("ours-owned") },
    ours("ours-plain", FIFO),
    peer::<asyncband::Asyncband<Quick>, asyncband::Asyncband<Slow>>("asyncband", PLAIN),
    peer::<asyncband::Limited<Quick>, asyncband::Limited<Slow>>("asyncband-to", LIMITED),
    peer::<deadpool::Deadpool<Quick>, deadpool::Deadpool<Slow>>("deadpool", PLAIN),
    peer::<deadpool::Deadpool<Quick>, deadpool::Deadpool<Slow>>("deadpool-to", LIMITED),
    peer::<bb8::Bb8<Quick>, bb8::Bb8<Slow>>("bb8", LIMITED),
    peer::<mobc::Mobc<Quick>, mobc::Mobc<Slow>>("mobc", PLAIN),
    peer::<mobc::Mobc<Quick>, mobc::Mobc<Slow>>("mobc-to", LIMITED),
    free::<r2d2::R2d2>("r2d2"),
    shown::<sqlx::Sqlx>("sqlx"),
    shown::<floors::MutexSem>("floor-mutex-sem"),
    free::<floors::Queue>("floor-arrayqueue"),
];

const fn ours(name: &'static str, variant: Variant) -> Entry {
    Entry {
        name,
        role: Role::Ours,
        waits: true,
        workloads: &Workload::ALL,
        variant,
        measure: expiring::<ours::Ours<Quick>, ours::Ours<Slow>, ours::Ours<Panicky>>,
        repeat: repeat::<ours::Ours<Quick>>,
    }
}

const fn peer<P: Peer, S: Peer>(name: &'static str, variant: Variant) -> Entry {
    Entry {
        name,
        role: Role::Peer,
        waits: true,
        workloads: ALMOST_ALL,
        variant,
        measure: stormed::<P, S>,
        repeat: repeat::<P>,
    }
}

const fn shown<P: Peer>(name: &'static str) -> Entry {
    Entry {
        name,
        role: Role::Shown,
        waits: true,
        workloads: NO_STORM,
        variant: PLAIN,
        measure: contended::<P>,
        repeat: repeat::<P>,
    }
}

/// Where nobody waits only.
const fn free<P: Peer>(name: &'static str) -> Entry {
    Entry {
        name,
        role: Role::Shown,
        waits: false,
        workloads: FREE,
        variant: PLAIN,
        measure: alone::<P>,
        repeat: repeat_free::<P>,
    }
}

/// Measures one, in this process.
pub(crate) fn run(entry: &Entry, workload: Workload, quick: bool) -> Result<Numbers> {
    if !entry.workloads.contains(&workload) {
        return Err(unfit(workload));
    }
    if workload == W7 {
        return w7::run(entry, quick);
    }
    (entry.measure)(&Job { variant: entry.variant, quick }, workload)
}

fn unfit(workload: Workload) -> crate::Error {
    format!("this pool cannot be put to {}", workload.name()).into()
}

fn alone<P: Peer>(job: &Job, workload: Workload) -> Result<Numbers> {
    match workload {
        W1 => w1::run::<P>(job),
        W2 => w2::run::<P>(job),
        W6 => w6::free::<P>(job),
        other => Err(unfit(other)),
    }
}

fn contended<P: Peer>(job: &Job, workload: Workload) -> Result<Numbers> {
    match workload {
        W3 => w3::run::<P>(job),
        W4 => w4::run::<P>(job),
        W6 => w6::both::<P>(job),
        other => alone::<P>(job, other),
    }
}

fn stormed<P: Peer, S: Peer>(job: &Job, workload: Workload) -> Result<Numbers> {
    match workload {
        W5 => storm::run::<S>(job),
        other => contended::<P>(job, other),
    }
}

fn expiring<P: Peer, S: Peer, X: Expiring>(job: &Job, workload: Workload) -> Result<Numbers> {
    match workload {
        W5x => storm::expiring::<X>(job),
        other => stormed::<P, S>(job, other),
    }
}

fn repeat<P: Peer>(entry: &Entry, contended: bool, turns: u64) -> Result<()> {
    let job = Job { variant: entry.variant, quick: false };
    if contended { w7::contended::<P>(&job, turns) } else { w7::free::<P>(&job, turns) }
}

fn repeat_free<P: Peer>(entry: &Entry, contended: bool, turns: u64) -> Result<()> {
    let job = Job { variant: entry.variant, quick: false };
    if contended { Err(unfit(W7)) } else { w7::free::<P>(&job, turns) }
}
