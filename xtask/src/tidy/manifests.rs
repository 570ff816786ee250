//! Manifests: every package takes lints, versions and metadata from the workspace.

use super::Finding;
use crate::manifest::Manifest;

/// Checks the manifest of a member.
pub(crate) fn check_member(manifest: &Manifest) -> Vec<Finding> {
    let path = &manifest.path;
    let mut findings = Vec::new();
    if manifest.get("lints", "workspace").map(|entry| entry.raw()) != Some("true") {
        findings.push(Finding::new(
            path,
            1,
            "the workspace's lints are not taken",
            "`[lints] workspace = true` would be right",
        ));
    }
    for key in ["version", "edition", "rust-version", "license"] {
        let inherited = manifest.get("package", &format!("{key}.workspace"));
        if inherited.map(|entry| entry.raw()) != Some("true") {
            let line = manifest.get("package", key).map_or(1, |entry| entry.line);
            findings.push(Finding::new(
                path,
                line,
                format!("`{key}` does not come from the workspace"),
                format!("`{key}.workspace = true` would be right"),
            ));
        }
    }
    let description = manifest.get("package", "description").and_then(|entry| entry.string());
    if description.is_none_or(|text| text.trim().is_empty()) {
        findings.push(Finding::new(
            path,
            1,
            "the package has no description",
            "`description` in one line would be right",
        ));
    }
    for dependency in manifest.dependencies() {
        let own = ["version", "path", "git", "registry"]
            .into_iter()
            .find(|key| dependency.setting(key).is_some());
        if let Some(key) = own {
            findings.push(Finding::new(
                path,
                dependency.line,
                format!("`{}` has a `{key}` of its own", dependency.name),
                "name it in `[workspace.dependencies]` and write `workspace = true`",
            ));
        } else if dependency.setting("workspace") != Some("true") {
            findings.push(Finding::new(
                path,
                dependency.line,
                format!("`{}` does not come from the workspace", dependency.name),
                "`workspace = true` would be right",
            ));
        }
    }
    findings
}

/// Checks `[workspace.dependencies]` of the root manifest.
pub(crate) fn check_root(manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, entry) in manifest.table("workspace.dependencies") {
        let settings = entry.settings();
        let has = |name: &str| settings.iter().find(|(key, _)| key == name).map(|(_, v)| v);
        let version = has("version").map(|version| version.trim_matches('"'));
        let wrong = match version {
            _ if has("git").is_some() => "comes from a git repository",
            None => "has no version",
            Some("*") => "takes any version",
            Some(_) => continue,
        };
        findings.push(Finding::new(
            &manifest.path,
            entry.line,
            format!("`{}` {wrong}", keys.join(".")),
            "a published version, such as \"1.2\", would be right",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[package]
name = \"good\"
description = \"Does good\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
[dependencies]
one.workspace = true
two = { workspace = true, optional = true }
[lints]
workspace = true
";

    fn check(text: &str) -> Vec<Finding> {
        check_member(&Manifest::parse("x/Cargo.toml", text))
    }

    #[test]
    fn a_good_manifest_passes() {
        assert_eq!(check(GOOD), []);
    }

    #[test]
    fn each_rule_can_fail() {
        for (good, bad, wrong) in [
            ("[lints]\nworkspace = true\n", "", "lints are not taken"),
            ("edition.workspace = true", "edition = \"2021\"", "`edition`"),
            ("rust-version.workspace = true\n", "", "`rust-version`"),
            ("license.workspace = true\n", "", "`license`"),
            ("Does good", " ", "no description"),
            ("one.workspace = true", "one = \"1.0\"", "`one` has a `version`"),
            ("workspace = true, optional", "path = \"../two\", optional", "`two` has a `path`"),
            ("workspace = true, optional", "optional", "`two` does not come from"),
        ] {
            let text = GOOD.replacen(good, bad, 1);
            assert_ne!(text, GOOD, "{good}");
            let found = check(&text);
            assert_eq!(found.len(), 1, "{good} -> {bad}: {found:?}");
            assert!(found[0].wrong.contains(wrong), "{}", found[0]);
        }
    }

    #[test]
    fn workspace_versions_are_published_ones() {
        let root = |text: &str| {
            check_root(&Manifest::parse("Cargo.toml", &format!("[workspace.dependencies]\n{text}")))
        };
        assert_eq!(root("a = \"1.2\"\nb = { version = \">=1, <3\", path = \"b\" }\n"), []);
        assert!(root("a = \"*\"\n")[0].wrong.contains("any version"));
        assert!(root("a = { path = \"a\" }\n")[0].wrong.contains("no version"));
        let git = root("ok = \"1\"\na = { git = \"x\", version = \"1\" }\n");
        assert_eq!((git[0].line, git.len()), (3, 1));
    }
}
