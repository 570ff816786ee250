//! The book: its table of contents is complete, and it describes every option of the pool.

use super::Finding;

pub(crate) const SUMMARY: &str = "docs/src/SUMMARY.md";
pub(crate) const POOLING: &str = "docs/src/pooling.md";
pub(crate) const OPTIONS: &str = "pool-core/src/options.rs";

/// Checks that `summary` and the chapters among `files` name each other.
pub(crate) fn check_contents(summary: &str, files: &[String]) -> Vec<Finding> {
    let folder = "docs/src/";
    let mut findings = Vec::new();
    for file in files {
        let Some(chapter) = file.strip_prefix(folder) else {
            continue;
        };
        if chapter.ends_with(".md")
            && file != SUMMARY
            && !summary.contains(&format!("]({chapter})"))
        {
            findings.push(Finding::new(
                file,
                1,
                "the chapter is not in the table of contents",
                format!("a line in {SUMMARY} would be right"),
            ));
        }
    }
    for (number, line) in summary.lines().enumerate() {
        let link = line.split_once("](").and_then(|(_, rest)| rest.split_once(')'));
        let Some((chapter, _)) = link else { continue };
        if !files.contains(&format!("{folder}{chapter}")) {
            findings.push(Finding::new(
                SUMMARY,
                number + 1,
                format!("there is no chapter `{chapter}`"),
                "write it, or leave the line out",
            ));
        }
    }
    findings
}

/// Checks that `chapter` has a row for every field of `PoolOptions` in `source`.
pub(crate) fn check_options(chapter: &str, source: &str) -> Vec<Finding> {
    let fields: Vec<&str> = source
        .lines()
        .skip_while(|line| !line.starts_with("pub struct PoolOptions {"))
        .take_while(|line| !line.starts_with('}'))
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "))
        .map(|(name, _)| name)
        .collect();
    if fields.is_empty() {
        return vec![Finding::new(
            OPTIONS,
            1,
            "no `pub struct PoolOptions` with public fields is found here",
            "keep it here, or tell xtask/src/tidy/book.rs where it went",
        )];
    }
    fields
        .iter()
        .filter(|name| !chapter.contains(&format!("\n| `{name}` |")))
        .map(|name| {
            Finding::new(
                POOLING,
                1,
                format!("the pool option `{name}` is not in the table"),
                "a row with its default and meaning would be right",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_chapters_name_each_other() {
        let files = [SUMMARY.to_owned(), "docs/src/a.md".to_owned()];
        assert_eq!(check_contents("- [A](a.md)\n", &files), []);
        let missing = check_contents("# Summary\n", &files);
        assert_eq!((missing.len(), missing[0].path.as_str()), (1, "docs/src/a.md"));
        let gone = check_contents("- [A](a.md)\n- [B](b.md)\n", &files);
        assert_eq!((gone.len(), gone[0].line), (1, 2));
    }

    #[test]
    fn every_option_must_be_described() {
        let source =
            "pub struct PoolOptions {\n    /// A.\n    pub one: u8,\n    pub two: u8,\n}\n";
        assert_eq!(check_options("\n| `one` | 1 |\n| `two` | 2 |\n", source), []);
        let missing = check_options("\n| `one` | 1 | see `two` |\n", source);
        assert!(missing.len() == 1 && missing[0].wrong.contains("`two`"), "{missing:?}");
        assert_eq!(check_options("", "pub struct Other {}\n").len(), 1);
    }
}
