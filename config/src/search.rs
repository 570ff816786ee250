//! Where configuration is looked for when nobody says where it is.

use std::path::{Path, PathBuf};

use crate::Origin;
use crate::Problem;
use crate::variables::Variables;

/// The variable that names the file.
const VARIABLE: &str = "WELLSPRING_CONFIG";

/// The files in the working directory.
const NAMES: [&str; 4] =
    ["wellspring.toml", "wellspring.yaml", "wellspring.yml", "wellspring.json"];

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    File(PathBuf),
    /// What LongJRM would read.
    Jrm,
    Nothing,
}

/// Looks for it, in `directory` where the working directory is meant.
pub(crate) fn find(directory: &Path, variables: &Variables) -> Result<Found, Problem> {
    if let Some(path) = variables.get(VARIABLE)? {
        return Ok(Found::File(path.into()));
    }
    let there: Vec<PathBuf> =
        NAMES.iter().map(|name| directory.join(name)).filter(|path| path.exists()).collect();
    match there.as_slice() {
        [] if crate::jrm::is_there(directory, variables) => Ok(Found::Jrm),
        [] => Ok(Found::Nothing),
        [one] => Ok(Found::File(one.clone())),
        [first, others @ ..] => {
            let others: Vec<String> =
                others.iter().map(|path| path.display().to_string()).collect();
            let wrong = format!("there is {} as well: expected one of them", others.join(" and "));
            Err(Problem::new(&Origin::file(first), "", wrong))
        }
    }
}
