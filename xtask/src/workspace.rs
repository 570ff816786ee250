//! The workspace: where it is, what its members are, which files belong to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::manifest::Manifest;
use crate::process;

/// The workspace this program works on.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// The root manifest.
    pub(crate) manifest: Manifest,
    /// Every member, the root package first.
    pub(crate) members: Vec<Member>,
}

/// One package of the workspace.
pub(crate) struct Member {
    /// Its folder relative to the root, `.` for the root package.
    pub(crate) path: String,
    /// Its package name.
    pub(crate) name: String,
    /// Its manifest.
    pub(crate) manifest: Manifest,
}

impl Workspace {
    /// Finds the workspace: above this package when cargo runs it, else above the working
    /// directory.
    pub(crate) fn find() -> Result<Self, String> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => std::env::current_dir().map_err(|e| format!("no working directory: {e}"))?,
        };
        for dir in start.ancestors() {
            let path = dir.join("Cargo.toml");
            if path.is_file() {
                let manifest = read_manifest(dir, "Cargo.toml")?;
                if manifest.has_table("workspace") {
                    return Self::load(dir.to_owned(), manifest);
                }
            }
        }
        Err(format!("no workspace at or above {}", start.display()))
    }

    fn load(root: PathBuf, manifest: Manifest) -> Result<Self, String> {
        let mut members = Vec::new();
        let paths = manifest.get("workspace", "members").map(|e| e.strings()).unwrap_or_default();
        for path in paths {
            let file = if path == "." { "Cargo.toml".into() } else { format!("{path}/Cargo.toml") };
            let manifest = read_manifest(&root, &file)?;
            let name =
                manifest.get("package", "name").and_then(|entry| entry.string()).ok_or_else(
                    || format!("{file}: no package name; `[package] name` would be right"),
                )?;
            members.push(Member { path, name, manifest });
        }
        Ok(Self { root, manifest, members })
    }

    /// The files that belong to the tree, relative to the root, sorted: what git tracks or would
    /// track. Without git, everything but build output.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let mut files: Vec<String> = match process::output(&mut git) {
            Ok(list) => list
                .split_terminator('\0')
                .filter(|file| self.root.join(file).is_file())
                .map(str::to_owned)
                .collect(),
            Err(reason) => {
                println!("note: walking the folders, because git does not list them: {reason}");
                let mut files = Vec::new();
                walk(&self.root, "", &mut files)?;
                files
            }
        };
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// A file's text; `None` when it is not text.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>, String> {
        let bytes = fs::read(self.root.join(file)).map_err(|e| format!("{file}: {e}"))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }
}

fn read_manifest(root: &Path, file: &str) -> Result<Manifest, String> {
    let text = fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?;
    Ok(Manifest::parse(file, &text))
}

fn walk(root: &Path, below: &str, files: &mut Vec<String>) -> Result<(), String> {
    let dir = root.join(below);
    let entries = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries {
        let entry = entry.map_err(|e| format!("{}: {e}", dir.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type().map_err(|e| format!("{path}: {e}"))?;
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && name != "target" && name != ".git" && path != "docs/book" {
            walk(root, &path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_found_and_has_its_rooms() {
        let workspace = Workspace::find().unwrap();
        let names: Vec<&str> = workspace.members.iter().map(|m| m.name.as_str()).collect();
        assert!(names.contains(&"wellspring"), "{names:?}");
        assert!(names.contains(&"xtask"), "{names:?}");
        let files = workspace.files().unwrap();
        assert!(files.iter().any(|file| file == "xtask/src/workspace.rs"));
        assert!(!files.iter().any(|file| file.starts_with("target/")));
    }

    #[test]
    fn walking_leaves_build_output_out() {
        let workspace = Workspace::find().unwrap();
        let mut files = Vec::new();
        walk(&workspace.root, "", &mut files).unwrap();
        assert!(files.iter().any(|file| file == "xtask/src/workspace.rs"));
        assert!(!files.iter().any(|file| file.contains("target/")));
    }
}
