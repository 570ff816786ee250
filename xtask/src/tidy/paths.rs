//! Paths and hosts: nothing in the tree names a machine it was written on or a registry it used.

use super::Finding;

/// Folders under which people and machines work, as the first component of an absolute path.
const FOLDERS: &[&str] = &["tmp", "work", "root", "home", "Users", "mnt"];

/// Parts of registry addresses and settings. Written in two halves, so that this file does not
/// contain them.
const REGISTRIES: &[(&str, &str)] = &[
    ("sparse+", "http"),
    ("registry+", "http"),
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("replace", "-with"),
    ("[regi", "stries"),
    ("arti", "factory"),
];

/// The only source that `Cargo.lock` may name.
const LOCK_SOURCE: (&str, &str) = ("registry+", "https://github.com/rust-lang/crates.io-index");

/// Checks one text file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let source = format!("{}{}", LOCK_SOURCE.0, LOCK_SOURCE.1);
    for (number, line) in text.lines().enumerate() {
        let line = match path.ends_with("Cargo.lock") {
            true => &line.replace(&source, ""),
            false => line,
        };
        if let Some(found) = machine_path(line) {
            findings.push(Finding::new(
                path,
                number + 1,
                format!("`{found}` is a path of one machine"),
                "a relative path, a temporary folder made at run time or a made-up name would be \
                 right",
            ));
        }
        for (head, tail) in REGISTRIES {
            let mark = format!("{head}{tail}");
            if line.to_lowercase().contains(&mark) {
                findings.push(Finding::new(
                    path,
                    number + 1,
                    format!("`{mark}` names a registry"),
                    "packages come from the default registry, which needs no name",
                ));
            }
        }
    }
    findings
}

/// The first absolute path below one of [`FOLDERS`].
fn machine_path(line: &str) -> Option<&str> {
    let of_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    FOLDERS.iter().find_map(|folder| {
        line.match_indices(folder).find_map(|(at, _)| {
            let before = line[..at].strip_suffix('/')?;
            let below = line[at + folder.len()..].strip_prefix('/')?;
            let relative = before.ends_with(|c: char| of_name(c) || "~})>*$".contains(c));
            if relative || !below.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                return None;
            }
            let end = below.find(|c: char| !of_name(c) && c != '/').unwrap_or(below.len());
            Some(&line[at - 1..at + folder.len() + 1 + end])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_found() {
        for folder in FOLDERS {
            for line in [
                format!("cd /{folder}/project && make"),
                format!("url = \"sqlite:///{folder}/a.db\""),
                format!("/{folder}/x"),
            ] {
                let found = check("a.md", &line);
                assert_eq!(found.len(), 1, "{line}");
                assert!(found[0].wrong.contains(&format!("/{folder}/")), "{}", found[0]);
            }
        }
    }

    #[test]
    fn other_paths_pass() {
        for line in [
            "src/work/mod.rs",
            "https://example.org/home/page",
            "/var/lib/shop.db",
            "docs/root/x and ../tmp/y and $HOME/work/x",
            "either /tmp or elsewhere",
            "std::env::temp_dir()",
        ] {
            assert_eq!(check("a.md", line), [], "{line}");
        }
    }

    #[test]
    fn registries_are_found() {
        for (head, tail) in REGISTRIES {
            let line = format!("x = \"{head}{tail}s://host\"");
            assert!(!check("a.toml", &line).is_empty(), "{line}");
        }
    }

    #[test]
    fn the_lock_file_names_the_default_registry_only() {
        let (head, tail) = LOCK_SOURCE;
        assert_eq!(check("Cargo.lock", &format!("source = \"{head}{tail}\"")), []);
        assert_eq!(check("a.toml", &format!("source = \"{head}{tail}\"")).len(), 1);
        assert_eq!(check("Cargo.lock", &format!("source = \"{head}https://host/index\"")).len(), 1);
    }
}
