//! Several statements from one text, run one after another.

use std::time::Instant;

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use wellspring_connector::{Error, ErrorKind, ExecResult, Result};

use super::refusals::{aborted, canceled, read_only};
use super::{Before, Done, Session, State, Turn};
use crate::errors::{During, convert, is_busy};
use crate::execute::Place;
use crate::execute::handoff::Watched;
use crate::execute::wait::Patience;
use crate::words;

impl Session {
    /// Runs all statements of a script. Waits for other processes on this thread.
    pub(crate) fn script(mut self, text: &str, mut patience: Patience, place: Place) -> Turn {
        let watched =
            matches!(place, Place::Watched { .. }).then(|| Watched::begin(Instant::now(), false));
        let result = match text.bytes().position(|byte| byte == 0) {
            None => script(&self.connection, &mut self.state, text, &mut patience),
            Some(at) => Err(Error::new(
                ErrorKind::Syntax,
                format!("the script has a NUL byte at offset {at}"),
            )),
        };
        drop(watched);
        self.rest();
        Turn::Over(self, result.map(Done::Script))
    }
}

/// Runs the statements of `text` one after another, and tells what each did.
fn script(
    connection: &Connection,
    state: &mut State,
    text: &str,
    patience: &mut Patience,
) -> Result<Vec<ExecResult>> {
    let mut results = Vec::new();
    let mut batch = rusqlite::Batch::new(connection, text);
    loop {
        if state.control.is_cancelled() {
            return Err(canceled());
        }
        let mut statement = match batch.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return Ok(results),
            // The batch has not moved on.
            Err(error) if is_busy(&error) && patience.pause_here() => continue,
            Err(error) => return Err(convert(error, During::Prepare)),
        };
        let one = statement.expanded_sql().unwrap_or_default();
        if state.is_aborted(connection) {
            if !words::is_rollback(&one) {
                return Err(aborted());
            }
            state.in_transaction = false;
            results.push(ExecResult::default());
            continue;
        }
        if state.read_only && !statement.readonly() {
            return Err(read_only());
        }
        if statement.parameter_count() > 0 {
            return Err(Error::new(
                ErrorKind::Parameters,
                "a statement of a script has a parameter; scripts take none",
            ));
        }
        state.tainted |= words::taints(&one);
        loop {
            let before = (!statement.readonly()).then(|| Before::of(connection));
            let ran = run_through(&mut statement);
            state.note(connection, ran.is_ok());
            match ran {
                Ok(()) => {
                    results.push(before.map_or_else(ExecResult::default, |before| {
                        before.effects(connection, &one)
                    }));
                    break;
                }
                Err(error)
                    if is_busy(&error)
                        && !state.is_aborted(connection)
                        && !state.control.is_cancelled()
                        && patience.pause_here() => {}
                Err(error) => return Err(convert(error, During::Run)),
            }
        }
    }
}

fn run_through(statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
