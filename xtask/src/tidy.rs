//! `cargo xtask tidy`: checks of the tree that no compiler makes.
//!
//! Each check is a function over text that returns what it found wrong, so that its tests can feed
//! it small good and bad inputs.

mod architecture;
mod arrows;
mod book;
mod heads;
mod manifests;
mod paths;
mod promises;
mod reference;
mod rust;

use std::fmt;

use crate::process;
use crate::reference::{FILES, Maker};
use crate::workspace::Workspace;

/// Something wrong, where, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    wrong: String,
    right: String,
}

impl Finding {
    fn new(
        path: impl Into<String>,
        line: usize,
        wrong: impl Into<String>,
        right: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), line, wrong: wrong.into(), right: right.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.wrong, self.right)
    }
}

/// Checks the whole tree and prints what is wrong. The error counts it.
pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let findings = check(workspace)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: the tree is as it should be");
            Ok(())
        }
        1 => Err("1 thing is not as it should be".to_owned()),
        many => Err(format!("{many} things are not as they should be")),
    }
    .inspect_err(|message| println!("tidy: {message}"))
}

fn check(workspace: &Workspace) -> Result<Vec<Finding>, String> {
    let files = workspace.files()?;
    let mut findings = Vec::new();

    for member in &workspace.members {
        findings.extend(arrows::check(member, &workspace.manifest));
        findings.extend(manifests::check_member(&member.manifest));
    }
    findings.extend(manifests::check_root(&workspace.manifest));
    for rule in arrows::TREES {
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        cargo.args(rule.args);
        findings.extend(arrows::check_tree(rule, &process::output(&mut cargo)?));
    }

    for file in &files {
        let Some(text) = workspace.text(file)? else {
            continue;
        };
        if file.ends_with(".rs") {
            findings.extend(heads::check(file, &text));
            findings.extend(rust::check(file, &text));
        }
        findings.extend(paths::check(file, &text));
        if let Some(warning) = heads::warning(file, &text) {
            println!("warning: {warning}");
        }
    }
    findings.extend(heads::check_exceptions(&files));
    findings.extend(rust::check_exceptions(&files));

    let rooms: Vec<&str> = arrows::ROOMS.iter().map(|room| room.package).collect();
    let read = |file: &str| workspace.text(file).ok().flatten();
    match read(promises::PATH) {
        Some(text) => findings.extend(promises::check(&text, &rooms, &read)),
        None => findings.push(Finding::new(
            promises::PATH,
            1,
            "the feature map is missing",
            "every feature has a row in it",
        )),
    }
    let members: Vec<&str> = workspace.members.iter().map(|m| m.path.as_str()).collect();
    let chapter = |path| read(path).unwrap_or_default();
    findings.extend(book::check_contents(&chapter(book::SUMMARY), &files));
    findings.extend(book::check_options(&chapter(book::POOLING), &chapter(book::OPTIONS)));
    let maker = Maker::build(workspace)?;
    for (path, what) in FILES {
        let made = maker.made(what)?;
        findings.extend(reference::check(path, read(path).as_deref(), &made));
    }
    let map = read(architecture::PATH).unwrap_or_default();
    findings.extend(architecture::check(&map, &members));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_what_and_what_would_be_right() {
        let finding = Finding::new("src/lib.rs", 3, "it is round", "it would be square");
        assert_eq!(finding.to_string(), "src/lib.rs:3: it is round; it would be square");
    }
}
