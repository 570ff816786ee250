//! The words of a statement, as far as the connector must understand SQL: what inserts, and what
//! changes the session.

/// The words outside of parentheses, strings, quoted names and comments.
struct Words<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Moves behind the first `end` after `from`, or to the end.
    fn skip_past(&mut self, from: usize, end: &str) {
        self.at = self.text.as_bytes()[from..]
            .windows(end.len())
            .position(|window| window == end.as_bytes())
            .map_or(self.text.len(), |found| from + found + end.len());
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'-' if bytes.get(self.at + 1) == Some(&b'-') => self.skip_past(self.at, "\n"),
                b'/' if bytes.get(self.at + 1) == Some(&b'*') => self.skip_past(self.at + 2, "*/"),
                b'\'' => self.skip_past(self.at + 1, "'"),
                b'"' => self.skip_past(self.at + 1, "\""),
                b'`' => self.skip_past(self.at + 1, "`"),
                b'[' => self.skip_past(self.at + 1, "]"),
                b'(' => {
                    self.depth += 1;
                    self.at += 1;
                }
                b')' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                _ if is_word(byte) => {
                    let start = self.at;
                    let length = bytes[start..].iter().take_while(|b| is_word(**b)).count();
                    self.at += length;
                    if self.depth == 0 {
                        return Some(&self.text[start..self.at]);
                    }
                }
                _ => self.at += 1,
            }
        }
        None
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is(word: &str, any_of: &[&str]) -> bool {
    any_of.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// True when the statement is only white space, comments and semicolons.
pub(crate) fn is_empty(text: &str) -> bool {
    let mut words = Words::of(text);
    words.next().is_none() && !text.contains(['(', '\'', '"', '`', '['])
}

/// True when the statement inserts rows (`insert`, `replace`, either after `with`).
pub(crate) fn inserts(text: &str) -> bool {
    let verb = Words::of(text)
        .find(|word| is(word, &["insert", "replace", "update", "delete", "select", "values"]));
    let mut words = Words::of(text);
    let first = words.next().unwrap_or_default();
    is(first, &["insert", "replace", "with"])
        && verb.is_some_and(|verb| is(verb, &["insert", "replace"]))
}

/// True when an insert may update instead (`on conflict do update`).
pub(crate) fn upserts(text: &str) -> bool {
    let mut after_do = false;
    Words::of(text).any(|word| {
        let found = after_do && is(word, &["update"]);
        after_do = is(word, &["do"]);
        found
    })
}

/// True when the statement probably only reads. A guess, for choosing a place in a queue.
pub(crate) fn reads(text: &str) -> bool {
    let mut words = Words::of(text);
    let first = words.next().unwrap_or_default();
    if is(first, &["begin"]) {
        return !words.next().is_some_and(|word| is(word, &["immediate", "exclusive"]));
    }
    let reading = ["select", "values", "explain", "pragma", "commit", "end", "rollback"];
    is(first, &reading) || is(first, &["savepoint", "release", "attach", "detach"]) || {
        is(first, &["with"])
            && words
                .find(|word| is(word, &["insert", "replace", "update", "delete", "select"]))
                .is_none_or(|verb| is(verb, &["select"]))
    }
}

/// True for `rollback`, not for `rollback to`.
pub(crate) fn is_rollback(text: &str) -> bool {
    let mut words = Words::of(text);
    words.next().is_some_and(|word| is(word, &["rollback"])) && !words.any(|word| is(word, &["to"]))
}

/// Pragmas that answer a question even with an argument.
const ASKING: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_info",
    "index_xinfo",
    "index_list",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
    "wal_checkpoint",
    "incremental_vacuum",
    "optimize",
    // These change the database, not the session.
    "user_version",
    "application_id",
];

/// True when the statement changes the session beyond its transaction: a setting, an attached
/// database, a temporary object.
pub(crate) fn taints(text: &str) -> bool {
    let mut words = Words::of(text);
    let Some(first) = words.next() else { return false };
    match first.as_bytes()[0] | 0x20 {
        b'a' | b'd' => is(first, &["attach", "detach"]),
        b'c' => {
            is(first, &["create"]) && words.next().is_some_and(|w| is(w, &["temp", "temporary"]))
        }
        b'p' if is(first, &["pragma"]) => {
            // `pragma [schema.]name [= value | (value)]`
            let rest = &text[words.at..];
            let name_end = rest.find(['=', '(']);
            let name = rest[..name_end.unwrap_or(rest.len())].trim();
            let name = name.rsplit('.').next().unwrap_or(name).trim();
            name_end.is_some() && !is(name, ASKING)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emptiness() {
        for text in ["", "  \n", "-- select 1", "/* x */ ;", ";;", "-- a\n-- b"] {
            assert!(is_empty(text), "{text}");
        }
        for text in ["select 1", "/* x */ begin", "(select 1)"] {
            assert!(!is_empty(text), "{text}");
        }
    }

    #[test]
    fn inserting() {
        for text in [
            "insert into t values (1)",
            " /* update */ REPLACE into t values (1)",
            "with x as (select 1) insert into t select * from x",
            "insert into t select * from u",
        ] {
            assert!(inserts(text), "{text}");
        }
        for text in [
            "update t set a = 'insert'",
            "with x as (select 1) update t set a = 1",
            "with x as (select 1) select * from x -- insert",
            "select \"insert\" from t",
            "create table insert_log (a)",
        ] {
            assert!(!inserts(text), "{text}");
        }
        assert!(upserts("insert into t values (1) on conflict (a) do update set a = 2"));
        assert!(!upserts("insert into t values ('do update') on conflict do nothing"));
    }

    #[test]
    fn reading() {
        for text in ["select 1", "with x as (select 1) select * from x", "begin", "commit"] {
            assert!(reads(text), "{text}");
        }
        for text in [
            "begin immediate",
            "update t set a = 1",
            "create table t (a)",
            "with x as (select 1) delete from t",
        ] {
            assert!(!reads(text), "{text}");
        }
    }

    #[test]
    fn rolling_back() {
        assert!(is_rollback("ROLLBACK"));
        assert!(is_rollback("rollback transaction -- to"));
        assert!(!is_rollback("rollback to savepoint a"));
        assert!(!is_rollback("commit"));
    }

    #[test]
    fn tainting() {
        for text in [
            "pragma foreign_keys = off",
            "PRAGMA main.cache_size=10",
            "pragma cache_size(10)",
            "attach 'x.db' as x",
            "detach x",
            "create temp table t (a)",
            "-- note\ncreate temporary view v as select 1",
        ] {
            assert!(taints(text), "{text}");
        }
        for text in [
            "pragma foreign_keys",
            "pragma table_info(t)",
            "pragma main.index_list('t')",
            "pragma user_version = 4",
            "create table t (a)",
            "delete from t",
            "commit",
            "",
        ] {
            assert!(!taints(text), "{text}");
        }
    }
}
