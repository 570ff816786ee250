//! Source text: nothing unfinished, `unsafe` only where it is allowed, no database in the engine.

use super::Finding;

/// Files that may say `unsafe`, each with its reason.
const MAY_BE_UNSAFE: &[(&str, &str)] = &[
    (
        "bench/pool/src/counting.rs",
        "an allocator that counts cannot be written without; it passes every call on",
    ),
    (
        "connectors/sqlite/src/raw/open.rs",
        "a statement between two of its rows moves between threads together with its connection",
    ),
    (
        "connectors/sqlite/src/raw/wal_hook.rs",
        "rusqlite's own form of the hook differs between the versions that are accepted",
    ),
    (
        "pool-core/src/shelf/place.rs",
        "a connection changes hands by one exchange of a pointer, which a lock would triple the price of",
    ),
    (
        "pool-core/tests/hazards/hooked_waker.rs",
        "a waker whose clone and drop run a test's code; `std::task::Wake` hooks neither",
    ),
];

/// What marks unfinished work, with what would be right. Written in two halves, so that this file
/// does not contain it.
const UNFINISHED: &[(&str, &str, &str)] = &[
    ("to", "do!", "finish it"),
    ("un", "implemented!", "finish it, or return a typed `Unsupported` error"),
    ("db", "g!(", "remove it, or use `tracing`"),
    ("FIX", "ME", "fix it, or open an issue"),
    ("TO", "DO", "do it, or open an issue"),
    ("#[ig", "nore", "a test that cannot run says why and is skipped by name at run time"),
];

/// Checks one source file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (head, tail, right) in UNFINISHED {
            let mark = format!("{head}{tail}");
            if has_word(line, &mark) {
                findings.push(Finding::new(path, number + 1, format!("`{mark}`"), *right));
            }
        }
        if path.starts_with("pool-core/src/") && has_word(&line.to_lowercase(), "sql") {
            findings.push(Finding::new(
                path,
                number + 1,
                "the pool engine speaks of databases",
                "it knows only connections; the word belongs to the layers above",
            ));
        }
    }
    if !MAY_BE_UNSAFE.iter().any(|(file, _)| *file == path) {
        for (number, line) in code_only(text).lines().enumerate() {
            if has_word(line, "unsafe") {
                findings.push(Finding::new(
                    path,
                    number + 1,
                    "`unsafe` in a file that is not listed for it",
                    "write it without, or list the file with its reason in xtask/src/tidy/rust.rs",
                ));
            }
        }
    }
    findings
}

/// Exceptions must name files that exist.
pub(crate) fn check_exceptions(files: &[String]) -> Vec<Finding> {
    stale("xtask/src/tidy/rust.rs", MAY_BE_UNSAFE, files)
}

pub(crate) fn stale(list: &str, exceptions: &[(&str, &str)], files: &[String]) -> Vec<Finding> {
    exceptions
        .iter()
        .filter(|(file, _)| !files.iter().any(|f| f == file))
        .map(|(file, _)| {
            Finding::new(list, 1, format!("the excepted file `{file}` is gone"), "remove it")
        })
        .collect()
}

/// True when `word` stands in `line` without a letter, digit or `_` beside it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let open = word.ends_with(|c: char| !of_word(c));
        !before.is_some_and(of_word) && (open || !after.is_some_and(of_word))
    })
}

/// The source with comments, strings and character literals blanked out, line for line.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => string_end(&chars, at + 1),
            'r' if !follows_word(&chars, at, true) => match raw_string_end(&chars, at) {
                Some(end) => end,
                None => at,
            },
            '\'' => char_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// True when the character before `at` belongs to a word (`b` and `c` may begin a raw string).
fn follows_word(chars: &[char], at: usize, raw: bool) -> bool {
    let Some(before) = at.checked_sub(1).map(|i| chars[i]) else {
        return false;
    };
    if raw && (before == 'b' || before == 'c') {
        return follows_word(chars, at - 1, false);
    }
    before.is_alphanumeric() || before == '_'
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |i| from + i)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    let open = from + 1 + hashes;
    (chars.get(open) == Some(&'"')).then(|| {
        (open + 1..chars.len())
            .find(|at| {
                chars[*at] == '"'
                    && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
            })
            .map_or(chars.len(), |at| at + 1 + hashes)
    })
}

/// The end of a character literal, or `None` for a lifetime.
fn char_end(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        let close = chars[from + 3..].iter().position(|c| *c == '\'')?;
        return Some(from + 3 + close + 1);
    }
    (chars.get(from + 2) == Some(&'\'')).then_some(from + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> Vec<String> {
        check(path, text).into_iter().map(|finding| finding.wrong).collect()
    }

    #[test]
    fn finished_code_passes() {
        let text = "//! Good.\n// not unsafe\nlet a = \"unsafe\"; let todos = unsafe_code();\n";
        assert!(wrong("a.rs", text).is_empty());
    }

    #[test]
    fn unfinished_code_is_found() {
        for (head, tail, _) in UNFINISHED {
            let text = format!("//! Bad.\nfn f() {{ {head}{tail}() }}\n");
            let found = check("a.rs", &text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].line, 2);
        }
    }

    #[test]
    fn the_engine_must_not_speak_of_databases() {
        let word = "// Runs the SQL statement.\n";
        assert_eq!(wrong("pool-core/src/pool.rs", word).len(), 1);
        assert!(wrong("connectors/core/src/lib.rs", word).is_empty());
        assert!(wrong("pool-core/src/pool.rs", "// NoSQLish\n").is_empty());
    }

    #[test]
    fn unsafe_is_found_in_code_only() {
        assert_eq!(wrong("a.rs", "let x = unsafe { y() };\n").len(), 1);
        assert_eq!(wrong("a.rs", "let q = '\"'; unsafe fn f() {} // \"\n").len(), 1);
        assert_eq!(wrong("a.rs", "/* a /* b */ */ unsafe impl Send for T {}\n").len(), 1);
        assert_eq!(wrong("a.rs", "fn f<'a>(x: &'a str) { unsafe { g('x') } }\n").len(), 1);
        assert!(
            wrong("a.rs", "let s = r#\"a \" unsafe \"#; let t = b\"\\\" unsafe\";\n").is_empty()
        );
        assert!(wrong("a.rs", "let s = br\"\\\"; let c = '\\''; // unsafe\n").is_empty());
    }

    #[test]
    fn blanking_keeps_the_lines() {
        let text = "a /* x\ny */ b \"c\nd\" e\n";
        let code = code_only(text);
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains('a') && code.contains('b') && code.contains('e'), "{code:?}");
        assert!(!code.contains('x') && !code.contains('c') && !code.contains('d'), "{code:?}");
    }

    #[test]
    fn stale_exceptions_are_found() {
        let files = ["src/a.rs".to_owned()];
        assert!(stale("l.rs", &[("src/a.rs", "why")], &files).is_empty());
        assert_eq!(stale("l.rs", &[("src/b.rs", "why")], &files).len(), 1);
    }
}
