//! Heads and lengths: a source file opens with a sentence that says its subject, and has one.

use super::Finding;

/// A file longer than this is warned about.
const WARN: usize = 500;
/// A file longer than this is wrong, unless it is excepted.
const LIMIT: usize = 600;
/// Files that may be longer, each with its reason.
const MAY_BE_LONG: &[(&str, &str)] = &[];

/// Checks the head and the length of one source file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((line, wrong)) = head(text) {
        findings.push(Finding::new(
            path,
            line,
            wrong,
            "a file opens with a `//!` sentence that says its subject",
        ));
    }
    let lines = text.lines().count();
    if lines > LIMIT && !MAY_BE_LONG.iter().any(|(file, _)| *file == path) {
        findings.push(Finding::new(
            path,
            LIMIT + 1,
            format!("the file has {lines} lines"),
            format!("split it by subject: up to {WARN} lines is usual, more than {LIMIT} is not"),
        ));
    }
    findings
}

/// A remark on a file that is longer than usual and still allowed.
pub(crate) fn warning(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let allowed = MAY_BE_LONG.iter().find(|(file, _)| *file == path);
    match allowed {
        Some((_, reason)) if lines > WARN => Some(format!("{path}: {lines} lines: {reason}")),
        None if path.ends_with(".rs") && (WARN + 1..=LIMIT).contains(&lines) => {
            Some(format!("{path}: {lines} lines; more than {LIMIT} would be wrong"))
        }
        _ => None,
    }
}

/// Exceptions must name files that exist.
pub(crate) fn check_exceptions(files: &[String]) -> Vec<Finding> {
    super::rust::stale("xtask/src/tidy/heads.rs", MAY_BE_LONG, files)
}

/// What is wrong with the opening paragraph, and on which line.
fn head(text: &str) -> Option<(usize, &'static str)> {
    let paragraph: Vec<&str> =
        text.lines().map_while(|line| line.strip_prefix("//! ")).map(str::trim).collect();
    let first = paragraph.first().and_then(|line| line.chars().next());
    let last = paragraph.last().and_then(|line| line.chars().last());
    if !first.is_some_and(|c| c.is_uppercase() || c.is_numeric() || "`[*_\"".contains(c)) {
        return Some((1, "the opening sentence does not begin like one"));
    }
    if !last.is_some_and(|c| ".:!?)|".contains(c)) {
        return Some((paragraph.len(), "the opening sentence does not end"));
    }
    let unfinished = paragraph.iter().any(|line| line.to_lowercase().contains("being written"));
    unfinished.then_some((1, "the file says that it is not there yet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        check("x.rs", text).into_iter().map(|finding| finding.wrong).collect()
    }

    #[test]
    fn a_sentence_at_the_head_passes() {
        assert!(wrong("//! The contract.\nfn f() {}\n").is_empty());
        assert!(wrong("//! `cargo x`: runs it,\n//! and more.\n//!\n//! Details\n").is_empty());
    }

    #[test]
    fn heads_can_fail() {
        for bad in [
            "",
            "fn f() {}\n",
            "// The contract.\n",
            "\n//! The contract.\n",
            "//! the contract.\n",
            "//! The contract\nfn f() {}\n",
            "//! Being written.\n",
            "//! The whole of it (being written).\n",
        ] {
            assert_eq!(wrong(bad).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn length_warns_then_fails() {
        let of = |lines: usize| format!("//! Long.\n{}", "\n".repeat(lines - 1));
        assert!(warning("x.rs", &of(WARN)).is_none());
        assert!(warning("x.rs", &of(WARN + 1)).is_some() && wrong(&of(WARN + 1)).is_empty());
        assert!(wrong(&of(LIMIT)).is_empty());
        assert_eq!(wrong(&of(LIMIT + 1)), ["the file has 601 lines"]);
    }
}
