//! Arrows: which package may depend on which, and where no driver may be found.
//!
//! The rule in words: the pool engine knows nobody; the portable interface knows the engine; a
//! connector knows those two and its driver crate, never another connector and nothing above; what
//! is built on the interface (transactions, metrics, configuration) does not know each other; the
//! façade knows them all, the command line only the façade. Only normal and build dependencies
//! count, since tests may look anywhere.

use super::Finding;
use crate::manifest::{Kind, Manifest};
use crate::workspace::Member;

/// One room: a package and the packages of ours that it may depend on.
pub(crate) struct Room {
    pub(crate) package: &'static str,
    may: &'static [&'static str],
}

const fn room(package: &'static str, may: &'static [&'static str]) -> Room {
    Room { package, may }
}

const CORE: &str = "wellspring-pool-core";
const PORTABLE: &str = "wellspring-connector";
const CONNECTOR: &[&str] = &[PORTABLE, CORE];

/// All rooms, those to come as well.
pub(crate) const ROOMS: &[Room] = &[
    room(CORE, &[]),
    room(PORTABLE, &[CORE]),
    room("wellspring-sqlite", CONNECTOR),
    room("wellspring-postgres", CONNECTOR),
    room("wellspring-mysql", CONNECTOR),
    room("wellspring-mssql", CONNECTOR),
    room("wellspring-oracle", CONNECTOR),
    room("wellspring-odbc", CONNECTOR),
    room("wellspring-spark", CONNECTOR),
    // The contract includes how a connection behaves under a pool.
    room("wellspring-conformance", &[CORE, PORTABLE]),
    room("wellspring-testkit", &[CORE, PORTABLE]),
    room("wellspring-config", &[CORE, PORTABLE]),
    room("wellspring-txn", &[PORTABLE]),
    room("wellspring-metrics", &[CORE, PORTABLE]),
    room(
        "wellspring",
        &[
            CORE,
            PORTABLE,
            "wellspring-sqlite",
            "wellspring-postgres",
            "wellspring-mysql",
            "wellspring-mssql",
            "wellspring-oracle",
            "wellspring-odbc",
            "wellspring-spark",
            "wellspring-config",
            "wellspring-txn",
            "wellspring-metrics",
        ],
    ),
    room("wellspring-cli", &["wellspring"]),
    room("xtask", &["wellspring-testkit"]),
];

/// Crates that talk to a database, by the beginning of their names.
const DRIVERS: &[&str] = &[
    "duckdb",
    "libpq",
    "libsqlite3-sys",
    "mysql",
    "odbc",
    "oracle",
    "postgres",
    "rusqlite",
    "sibyl",
    "spark-connect",
    "sqlite",
    "sqlx",
    "tiberius",
    "tokio-postgres",
    "tokio-rusqlite",
    "turso",
];

/// A rule over the normal dependency tree of one package.
pub(crate) struct TreeRule {
    /// The manifest the finding points at.
    path: &'static str,
    /// The arguments to `cargo tree` that choose package and features.
    pub(crate) args: &'static [&'static str],
    /// The tree must have fewer crates than this, itself included.
    fewer_than: Option<usize>,
}

/// No driver in the engine, the interface, or a façade without features; and a small engine.
pub(crate) const TREES: &[TreeRule] = &[
    TreeRule { path: "pool-core/Cargo.toml", args: &["--package", CORE], fewer_than: Some(25) },
    TreeRule {
        path: "pool-core/Cargo.toml",
        args: &["--package", CORE, "--all-features"],
        fewer_than: None,
    },
    TreeRule {
        path: "connectors/core/Cargo.toml",
        args: &["--package", PORTABLE, "--all-features"],
        fewer_than: None,
    },
    TreeRule {
        path: "Cargo.toml",
        args: &["--package", "wellspring", "--no-default-features"],
        fewer_than: None,
    },
];

/// Checks one package's dependencies against the table. `root` resolves renamed dependencies.
pub(crate) fn check(member: &Member, root: &Manifest) -> Vec<Finding> {
    let path = &member.manifest.path;
    let Some(room) = ROOMS.iter().find(|room| room.package == member.name) else {
        return vec![Finding::new(
            path,
            1,
            format!("`{}` is not a known room", member.name),
            "add it, and what it may depend on, to the table in xtask/src/tidy/arrows.rs and to \
             ARCHITECTURE.md",
        )];
    };
    let mut findings = Vec::new();
    for dependency in member.manifest.dependencies() {
        if dependency.kind == Kind::Dev {
            continue;
        }
        let package = match dependency.setting("package") {
            Some(package) => package.trim_matches('"').to_owned(),
            None => renamed(root, &dependency.name).unwrap_or_else(|| dependency.name.clone()),
        };
        let ours = ROOMS.iter().any(|room| room.package == package);
        if ours && !room.may.contains(&package.as_str()) {
            let right = match room.may {
                [] => "it may depend on none of our packages".to_owned(),
                may => format!("of our packages it may depend on {}", may.join(", ")),
            };
            findings.push(Finding::new(
                path,
                dependency.line,
                format!("`{}` must not depend on `{package}`", member.name),
                right,
            ));
        }
    }
    findings
}

fn renamed(root: &Manifest, name: &str) -> Option<String> {
    let (_, entry) = root
        .table("workspace.dependencies")
        .find(|(keys, _)| keys.len() == 1 && keys[0] == name)?;
    let settings = entry.settings();
    let (_, package) = settings.iter().find(|(key, _)| key == "package")?;
    Some(package.trim_matches('"').to_owned())
}

/// Checks the output of `cargo tree --prefix none --format {p}`.
pub(crate) fn check_tree(rule: &TreeRule, tree: &str) -> Vec<Finding> {
    let mut names: Vec<&str> = tree
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    names.sort_unstable();
    names.dedup();
    let tree = format!("`cargo tree --edges normal {}`", rule.args.join(" "));
    let mut findings = Vec::new();
    for line in &names {
        let name = line.split(' ').next().unwrap_or_default();
        if DRIVERS.iter().any(|driver| name.starts_with(driver)) {
            findings.push(Finding::new(
                rule.path,
                1,
                format!("{tree} has the driver crate `{name}`"),
                "drivers belong to connectors only",
            ));
        }
    }
    if let Some(limit) = rule.fewer_than
        && names.len() >= limit
    {
        findings.push(Finding::new(
            rule.path,
            1,
            format!("{tree} has {} crates", names.len()),
            format!("fewer than {limit} would be right"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &str) -> Member {
        let text = format!("[package]\nname = \"{name}\"\n{dependencies}");
        let manifest = Manifest::parse("x/Cargo.toml", &text);
        Member { path: "x".into(), name: name.into(), manifest }
    }

    fn root() -> Manifest {
        Manifest::parse(
            "Cargo.toml",
            "[workspace.dependencies]\ntx = { path = \"txn\", package = \"wellspring-txn\" }\n",
        )
    }

    #[test]
    fn allowed_arrows_pass() {
        let good = member(
            "wellspring-sqlite",
            "[dependencies]\nwellspring-connector.workspace = true\nrusqlite.workspace = true\n\
             [dev-dependencies]\nwellspring-txn.workspace = true\n",
        );
        assert_eq!(check(&good, &root()), []);
    }

    #[test]
    fn forbidden_arrows_are_found_where_they_stand() {
        let bad = member("wellspring-sqlite", "[dependencies]\nwellspring-txn.workspace = true\n");
        let [finding] = &check(&bad, &root())[..] else { panic!("one finding") };
        assert_eq!((finding.path.as_str(), finding.line), ("x/Cargo.toml", 4));
        assert!(finding.wrong.contains("must not depend on `wellspring-txn`"), "{finding}");
        assert!(finding.right.contains("wellspring-connector"), "{finding}");

        for (package, dependency) in [
            ("wellspring-pool-core", "wellspring-connector"),
            ("wellspring-postgres", "wellspring-sqlite"),
            ("wellspring-txn", "wellspring-metrics"),
            ("wellspring-connector", "wellspring-config"),
            ("wellspring", "wellspring-testkit"),
            ("wellspring-cli", "wellspring-txn"),
            ("xtask", "wellspring"),
        ] {
            let bad = member(package, &format!("[dependencies]\n{dependency} = \"1\"\n"));
            assert_eq!(check(&bad, &root()).len(), 1, "{package} -> {dependency}");
        }
    }

    #[test]
    fn renaming_or_hiding_in_a_target_or_build_list_does_not_help() {
        for dependencies in [
            "[dependencies]\ntx.workspace = true\n",
            "[dependencies]\nt = { package = \"wellspring-txn\", path = \"../txn\" }\n",
            "[target.'cfg(unix)'.dependencies]\nwellspring-txn.workspace = true\n",
            "[build-dependencies]\nwellspring-txn.workspace = true\n",
            "[dependencies.wellspring-txn]\nworkspace = true\n",
        ] {
            let bad = member("wellspring-connector", dependencies);
            assert_eq!(check(&bad, &root()).len(), 1, "{dependencies}");
        }
    }

    #[test]
    fn an_unknown_package_is_found() {
        let finding = &check(&member("wellspring-attic", ""), &root())[0];
        assert!(finding.wrong.contains("`wellspring-attic`"), "{finding}");
    }

    #[test]
    fn drivers_and_big_trees_are_found() {
        let rule =
            TreeRule { path: "x/Cargo.toml", args: &["--package", "x"], fewer_than: Some(4) };
        let good = "x v0.1.0 (/somewhere)\ntokio v1.0.0\nbytes v1.0.0\ntokio v1.0.0 (*)\n";
        assert_eq!(check_tree(&rule, good), []);
        let driver = "x v0.1.0\nlibsqlite3-sys v0.30.0\n";
        assert!(check_tree(&rule, driver)[0].wrong.contains("`libsqlite3-sys`"));
        let big = "a v1.0.0\nb v1.0.0\nc v1.0.0\nd v1.0.0\n";
        assert!(check_tree(&rule, big)[0].wrong.contains("4 crates"));
    }
}
