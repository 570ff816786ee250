//! Lines of a script that stand for themselves.

/// A line from its first character that is not white space, without its line break.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// Where the next line begins.
    pub(super) next: usize,
}

/// The rest of the line at `at`, if nothing but white space is before it.
pub(super) fn of(script: &str, at: usize) -> Option<Line<'_>> {
    let start = script[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = script[start..at].trim_start_matches('\u{feff}');
    if !before.chars().all(char::is_whitespace) {
        return None;
    }
    let length = script[at..].find('\n');
    let end = length.map_or(script.len(), |length| at + length);
    let next = length.map_or(script.len(), |length| at + length + 1);
    Some(Line { text: script[at..end].trim_end_matches('\r'), next })
}

/// What is inside the quotes, if there are any.
pub(super) fn unquoted(word: &str) -> &str {
    for quote in ['\'', '"', '`'] {
        if let Some(inner) = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    word
}

/// How often a batch is to run by what follows `GO`: once, so many times, or no such line at all.
pub(super) fn count(rest: &str) -> Option<u32> {
    let said = rest.split("--").next().unwrap_or("");
    let words: Vec<&str> = said.split_whitespace().collect();
    match words.as_slice() {
        [] => Some(1),
        [count] if said.starts_with(char::is_whitespace) => count.parse().ok(),
        _ => None,
    }
}
