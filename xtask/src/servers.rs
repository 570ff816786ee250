//! Database servers: for the parts of a test run that need some, and for people.

mod fleet;
mod keeper;
mod state;

use wellspring_testkit::servers::Kind;

use crate::part::Outcome;
use crate::workspace::Workspace;
use fleet::Fleet;

/// What `cargo xtask servers` is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start servers in the background: of these kinds, or of all that can be had when none is
    /// named.
    Up(Vec<Kind>),
    /// End them.
    Down,
    /// List them.
    Status,
    /// Be the process in the background.
    Keep(Vec<Kind>),
}

/// Does what `cargo xtask servers` is asked to.
pub(crate) fn run(workspace: &Workspace, action: Action) -> Result<(), String> {
    let place = state::Place::of(workspace);
    match action {
        Action::Up(kinds) => keeper::up(&place, &kinds),
        Action::Down => keeper::down(&place),
        Action::Status => keeper::status(&place),
        Action::Keep(kinds) => keeper::keep(&place, &kinds),
    }
}

/// Runs `run` with servers of these kinds, given as the variables that point tests at them. A kind
/// whose variable is set already is taken from there, and no server is started for it; what the
/// others need is installed when it is missing. The servers end with the call.
///
/// Skipped when a server cannot be had here, failed when one is there and does not start.
pub(crate) fn with_servers(
    kinds: &[Kind],
    run: impl FnOnce(&[(&'static str, String)]) -> Outcome,
) -> Outcome {
    let set = |name: &str| std::env::var(name).ok();
    match Fleet::start(kinds, set) {
        Ok(fleet) => run(fleet.urls()),
        Err(error) if error.is_missing() => Outcome::skipped(error.to_string()),
        Err(error) => Outcome::failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::End;

    #[test]
    fn a_part_without_servers_needs_none() {
        let mut ran = false;
        let outcome = with_servers(&[], |urls| {
            ran = urls.is_empty();
            Outcome::ok()
        });
        assert!(ran && outcome.end == End::Ok);
    }
}
