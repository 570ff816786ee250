//! The map: `ARCHITECTURE.md` names the path of every package.

use super::Finding;

pub(crate) const PATH: &str = "ARCHITECTURE.md";

/// Checks that `map` names every member, as `` `path/` `` (the root package as `` `src/` ``).
pub(crate) fn check(map: &str, members: &[&str]) -> Vec<Finding> {
    members
        .iter()
        .map(|path| if *path == "." { "src" } else { path })
        .filter(|path| !map.contains(&format!("`{path}/`")))
        .map(|path| {
            Finding::new(
                PATH,
                1,
                format!("the package at {path} is not on the map"),
                format!("a row for `{path}/` would be right"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_must_be_on_the_map() {
        let map = "| `src/` | façade |\n| `pool-core/` | engine |\n";
        assert_eq!(check(map, &[".", "pool-core"]), []);
        let [finding] = &check(map, &[".", "pool-core", "connectors/core"])[..] else {
            panic!("one finding")
        };
        assert!(finding.right.contains("`connectors/core/`"), "{finding}");
    }
}
