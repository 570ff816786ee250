//! Files that are made from the code: they are as it would make them now.

use super::Finding;

/// Checks the text of the file at `path` against what would be made.
pub(crate) fn check(path: &str, text: Option<&str>, made: &str) -> Option<Finding> {
    let right = "`cargo xtask reference` writes it";
    let Some(text) = text else {
        return Some(Finding::new(path, 1, "the file is missing", right));
    };
    if text == made {
        return None;
    }
    let same = text.lines().zip(made.lines()).take_while(|(old, new)| old == new).count();
    Some(Finding::new(path, same + 1, "the file is stale: the options say something else", right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_found_at_the_first_line_that_differs() {
        assert_eq!(check("a.md", Some("one\ntwo\n"), "one\ntwo\n"), None);
        let line = |text: Option<&str>| check("a.md", text, "one\ntwo\n").unwrap().line;
        assert_eq!(line(Some("one\nold\n")), 2);
        assert_eq!(line(Some("one\n")), 2);
        assert_eq!(line(Some("one\ntwo\nmore\n")), 3);
        assert_eq!(line(None), 1);
    }
}
