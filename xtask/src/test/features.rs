//! Feature combinations: every package compiles alone and with each feature alone.

use crate::part::Outcome;
use crate::process;
use crate::workspace::{Member, Workspace};

/// How a combination is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// It compiles.
    Compile,
    /// It compiles and clippy has nothing to say.
    Clippy,
}

/// Checks every combination of every package; the first that fails ends it.
pub(crate) fn run(workspace: &Workspace, check: Check) -> Outcome {
    for member in &workspace.members {
        for flags in combinations(member) {
            let mut cargo = process::cargo(&workspace.root);
            cargo.arg(match check {
                Check::Compile => "check",
                Check::Clippy => "clippy",
            });
            cargo.args(["--quiet", "--package", &member.name]).args(flags);
            if check == Check::Clippy {
                cargo.args(["--", "--deny", "warnings"]);
            }
            if let Err(reason) = process::run(&mut cargo) {
                return Outcome::failed(reason);
            }
        }
    }
    Outcome::ok()
}

/// The flags for each combination worth a build: none, each feature alone, all.
fn combinations(member: &Member) -> Vec<Vec<String>> {
    let features: Vec<&String> = member
        .manifest
        .table("features")
        .filter_map(|(keys, _)| keys.first())
        .filter(|name| *name != "default")
        .collect();
    let none = || vec!["--no-default-features".to_owned()];
    let mut all = vec![none()];
    for feature in &features {
        let mut flags = none();
        flags.extend(["--features".to_owned(), (*feature).clone()]);
        all.push(flags);
    }
    if features.len() > 1 {
        all.push(vec!["--all-features".to_owned()]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn of(text: &str) -> Vec<String> {
        let manifest = Manifest::parse("Cargo.toml", text);
        let member = Member { path: ".".into(), name: "x".into(), manifest };
        combinations(&member).into_iter().map(|flags| flags.join(" ")).collect()
    }

    #[test]
    fn none_each_and_all() {
        let none = "--no-default-features";
        assert_eq!(of("[package]\nname = \"x\"\n"), [none]);
        assert_eq!(
            of("[features]\ndefault = [\"a\"]\na = []\nb = [\"dep:c\"]\n"),
            [
                none,
                "--no-default-features --features a",
                "--no-default-features --features b",
                "--all-features"
            ]
        );
        assert_eq!(of("[features]\na = []\n").len(), 2);
    }
}
