//! What every measurement shares: the clocks, the closed loops, the rows and the checks of them,
//! the traits a peer implements, and the one line of JSON that a measurement ends in.
//!
//! One measurement is one fresh process, `run GROUP PEER`, on a runtime of two workers. A binary
//! lists what it can run as [`Entry`]s and gives them to [`cli::main`].

pub mod cli;
pub mod clock;
pub mod csv;
pub mod data;
mod fetch;
mod histogram;
mod insert;
mod job;
mod kill;
mod load;
pub mod memory;
mod mix;
mod outcome;
mod peer;
mod point;
mod rng;
mod scan;
mod scratch;
pub mod sql;

pub use cli::Entry;
pub use fetch::fetch;
pub use histogram::Histogram;
pub use insert::insert;
pub use job::Job;
pub use kill::kill;
pub use load::{Load, Step, StepWorker, Window};
pub use mix::{mix, mix_blocking};
pub use outcome::Outcome;
pub use peer::{
    BlockingPeer, FetchPeer, InsertPeer, MixPeer, PointPeer, PointRow, ScanPeer, Write,
};
pub use point::{point, point_blocking};
pub use rng::Rng;
pub use scan::scan;
pub use scratch::Scratch;

/// Whatever went wrong; a measurement that fails says so and counts for nothing.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How many connections each pool has.
pub const POOL: usize = 8;

/// A peer gave a wrong answer: the measurement ends, whatever else it tolerates.
#[derive(Debug)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "wrong answer: {}", self.0)
    }
}

impl std::error::Error for Wrong {}

/// Fails with [`Wrong`] unless `right`.
///
/// # Errors
/// [`Wrong`], with the words of `what`.
pub fn check(right: bool, what: impl FnOnce() -> String) -> Result<()> {
    if right { Ok(()) } else { Err(Box::new(Wrong(what()))) }
}
