//! Profiles: parts of a file that hold only where they are chosen.

use crate::node::{Node, Table, Value};
use crate::variables::Variables;
use crate::{Problem, document};

/// The key of the table that holds the profiles.
pub(crate) const PROFILES: &str = "profile";

/// The variable that chooses one.
const VARIABLE: &str = "WELLSPRING_PROFILE";

/// The profile that is asked for: by code, else by the environment.
pub(crate) fn asked(
    by_code: Option<&str>,
    variables: &Variables,
) -> Result<Option<String>, Problem> {
    match by_code {
        Some(name) => Ok(Some(name.to_owned())),
        None => Ok(variables.get(VARIABLE)?.map(str::to_owned)),
    }
}

/// Takes the profiles out of a source, and puts the chosen one over the rest. The names of all of them are
/// added to `known`; the keys of those that are not chosen are checked.
pub(crate) fn apply(
    table: &mut Table,
    chosen: Option<&str>,
    known: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    let Some(profiles) = table.take(PROFILES) else { return };
    let (origin, kind) = (profiles.origin.clone(), profiles.value.kind());
    let Some(profiles) = into_table(profiles) else {
        let wrong = format!("expected a table of profiles, `[profile.test]`, found {kind}");
        problems.push(Problem::new(&origin, PROFILES, wrong));
        return;
    };
    for (key, node) in profiles.0 {
        let path = format!("{PROFILES}.{}", key.name);
        let kind = node.value.kind();
        match into_table(node) {
            None => {
                let wrong = format!("expected a table, found {kind}");
                problems.push(Problem::new(&key.origin, path, wrong));
            }
            Some(profile) if profile.get(PROFILES).is_some() => {
                problems.push(Problem::new(
                    &key.origin,
                    path,
                    "a profile has no profiles of its own",
                ));
            }
            Some(profile) if chosen == Some(key.name.as_str()) => table.overlay(profile),
            Some(profile) => document::check_keys(&path, &profile, problems),
        }
        known.push(key.name);
    }
}

fn into_table(node: Node) -> Option<Table> {
    match node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}
