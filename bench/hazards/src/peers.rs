//! The pools on trial, one file each.

mod asyncband;
mod bb8;
mod deadpool;
mod fast_pool;
mod mobc;
mod mysql_async;
mod mysql_server;
mod ours;
mod sqlx;
mod sqlx_database;

use crate::cell::Found;
use crate::hazards::Hazard;
use crate::{Result, hazards};

/// A pool by its name.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Hazard) -> Result<Found>,
}

/// All, in the order of the columns.
pub(crate) const ALL: &[Entry] = &[
    Entry { name: "ours", run: hazards::run::<ours::Ours> },
    Entry { name: "deadpool", run: hazards::run::<deadpool::Deadpool> },
    Entry { name: "bb8", run: hazards::run::<bb8::Bb8> },
    Entry { name: "mobc", run: hazards::run::<mobc::Mobc> },
    Entry { name: "sqlx", run: hazards::run::<sqlx::Sqlx> },
    Entry { name: "mysql_async", run: hazards::run::<mysql_async::MysqlAsync> },
    Entry { name: "fast_pool", run: hazards::run::<fast_pool::FastPool> },
    Entry { name: "asyncband", run: hazards::run::<asyncband::Asyncband> },
];
