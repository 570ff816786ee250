//! Where statements run, and how they wait.

pub(crate) mod average;
pub(crate) mod breath;
pub(crate) mod handoff;
pub(crate) mod wait;

use tokio::runtime::{Handle, RuntimeFlavor};

use self::average::Known;
use self::wait::Waiting;
use crate::options::Execution;

/// Where one statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where it is called, to its end.
    Here,
    /// Where it is called, watched by the [late hand-off](handoff). `known` says that it is
    /// usually short.
    Watched { known: bool },
    /// On a blocking thread.
    Thread,
}

/// The executor's decision for one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) place: Place,
    pub(crate) waiting: Waiting,
}

/// Decides where a statement runs. `known` is only asked where it matters.
pub(crate) fn plan(execution: Execution, known: impl FnOnce() -> Known) -> Plan {
    let here = |waiting| Plan { place: Place::Here, waiting };
    if execution == Execution::Caller {
        return here(Waiting::Thread);
    }
    // Asked for every statement: a connection may be used from several runtimes.
    let Ok(runtime) = Handle::try_current() else { return here(Waiting::Thread) };
    if execution == Execution::Inline {
        return here(Waiting::Task);
    }
    let place = if execution == Execution::Thread
        || runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
    {
        Place::Thread
    } else {
        match known() {
            Known::Long => Place::Thread,
            Known::Short => Place::Watched { known: true },
            Known::New => Place::Watched { known: false },
        }
    };
    Plan { place, waiting: Waiting::Task }
}
