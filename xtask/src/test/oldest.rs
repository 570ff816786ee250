//! The low end of the range of rusqlite versions: the connector's tests in a copy of the
//! workspace whose lock file is turned back.

use std::fs;
use std::path::Path;

use super::counted;
use crate::manifest::Manifest;
use crate::part::Outcome;
use crate::process;
use crate::workspace::Workspace;

const CRATE: &str = "rusqlite";

/// Runs the SQLite connector's tests on the oldest accepted version.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let Some(version) = low_end(&workspace.manifest) else {
        return Outcome::failed(format!(
            "Cargo.toml: `{CRATE}` has no range such as \">=0.38, <0.42\" to take the low end of"
        ));
    };
    let base = workspace.target().join("sqlite-oldest");
    let copy = base.join("tree");
    if let Err(reason) = copy_tree(workspace, &copy) {
        return Outcome::failed(reason);
    }
    let mut update = process::cargo(&copy);
    update.args(["update", "--package", CRATE, "--precise", &version]);
    if let Err(reason) = process::output(&mut update) {
        let unsolvable = reason.contains("failed to select a version");
        let reason = reason.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        // A range that does not resolve is our mistake; a registry out of reach is not.
        return if unsolvable { Outcome::failed(reason) } else { Outcome::skipped(reason) };
    }
    println!("{CRATE} {version}");
    let mut cargo = process::cargo(&copy);
    cargo
        .args(["test", "--package", "wellspring-sqlite", "--no-fail-fast"])
        .env("CARGO_TARGET_DIR", base.join("build"));
    counted(&mut cargo)
}

/// The lowest version of the range, as `x.y.z`.
fn low_end(manifest: &Manifest) -> Option<String> {
    let (_, entry) = manifest.table("workspace.dependencies").find(|(keys, _)| keys[0] == CRATE)?;
    let settings = entry.settings();
    let (_, version) = settings.iter().find(|(key, _)| key == "version")?;
    let low = version
        .trim_matches('"')
        .split(',')
        .find_map(|bound| bound.trim().strip_prefix(">="))?
        .trim();
    let missing = 2_usize.checked_sub(low.matches('.').count())?;
    Some(format!("{low}{}", ".0".repeat(missing)))
}

/// Brings `copy` up to date with the tree. Unchanged files are left alone, so that cargo builds
/// only what changed.
fn copy_tree(workspace: &Workspace, copy: &Path) -> Result<(), String> {
    let fail = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let files = workspace.files()?;
    for file in &files {
        let target = copy.join(file);
        let source = workspace.root.join(file);
        let content = fs::read(&source).map_err(|e| fail(&source, e))?;
        if fs::read(&target).is_ok_and(|old| old == content) {
            continue;
        }
        let folder = target.parent().expect("a file below the copy has a folder");
        fs::create_dir_all(folder).map_err(|e| fail(folder, e))?;
        fs::write(&target, content).map_err(|e| fail(&target, e))?;
    }
    remove_others(copy, copy, &files)
}

fn remove_others(copy: &Path, folder: &Path, files: &[String]) -> Result<(), String> {
    let fail = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|e| fail(folder, e))? {
        let path = entry.map_err(|e| fail(folder, e))?.path();
        if path.is_dir() {
            remove_others(copy, &path, files)?;
        } else {
            let name = path.strip_prefix(copy).expect("what is below the copy is below it");
            if !files.iter().any(|file| Path::new(file) == name) {
                fs::remove_file(&path).map_err(|e| fail(&path, e))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requirement: &str) -> Option<String> {
        let text =
            format!("[workspace.dependencies]\nrusqlite = {{ version = \"{requirement}\" }}");
        low_end(&Manifest::parse("Cargo.toml", &text))
    }

    #[test]
    fn takes_the_low_end_of_a_range() {
        assert_eq!(of(">=0.38, <0.42").as_deref(), Some("0.38.0"));
        assert_eq!(of("<1, >= 0.38.2").as_deref(), Some("0.38.2"));
        assert_eq!(of("0.38"), None);
    }
}
