//! What a statement may leave behind in its session, told by its words.

use wellspring_connector::{Dialect, Lexer, TokenKind};

/// What running a statement means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It leaves nothing that outlives its transaction.
    Clean,
    /// It may change settings, hold locks, leave temporary objects.
    Taints,
    /// It would turn the connection into a channel for data.
    Copy,
}

/// Statements that leave nothing behind, unless one of [`LASTING`] is in them.
const CLEAN: &[&str] = &[
    "select",
    "insert",
    "update",
    "delete",
    "with",
    "values",
    "table",
    "merge",
    "explain",
    "show",
    "create",
    "alter",
    "drop",
    "truncate",
    "comment",
    "grant",
    "revoke",
    "analyze",
    "vacuum",
    "reindex",
    "cluster",
    "refresh",
    "lock",
    "notify",
    "checkpoint",
    "import",
    "reassign",
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
];

/// Functions and kinds of objects that outlive their transaction.
const LASTING: &[&str] = &[
    "set_config",
    "setseed",
    "temp",
    "temporary",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_temp",
    "dblink_connect",
];

/// True when the number of rows the server tells is one of rows that were changed: it counts those
/// of a query too.
pub(crate) fn changes_rows(dialect: &Dialect, text: &str) -> bool {
    let mut depth = 0_usize;
    for token in Lexer::new(dialect, text) {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            // What comes before the statement proper.
            word if depth == 0 && token.kind == TokenKind::Word => {
                let is = |one: &str| word.eq_ignore_ascii_case(one);
                if ["insert", "update", "delete", "merge", "copy"].iter().any(|one| is(one)) {
                    return true;
                }
                if ["select", "values", "table", "create", "show", "explain", "fetch", "refresh"]
                    .iter()
                    .any(|one| is(one))
                {
                    return false;
                }
            }
            _ => {}
        }
    }
    false
}

/// Looks at the words of `text`.
pub(crate) fn classify(dialect: &Dialect, text: &str) -> Class {
    let mut words = Lexer::new(dialect, text)
        .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdentifier))
        .map(|token| token.text.trim_matches('"'));
    let Some(first) = words.next() else { return Class::Clean };
    let is_one = |word: &str, of: &[&str]| of.iter().any(|known| word.eq_ignore_ascii_case(known));
    if first.eq_ignore_ascii_case("copy") {
        let streams = words.any(|word| is_one(word, &["stdin", "stdout"]));
        return if streams { Class::Copy } else { Class::Clean };
    }
    if first.eq_ignore_ascii_case("set") {
        let ends =
            words.next().is_some_and(|word| is_one(word, &["local", "transaction", "constraints"]));
        return if ends { Class::Clean } else { Class::Taints };
    }
    if first.eq_ignore_ascii_case("prepare") {
        let two_phase = words.next().is_some_and(|word| is_one(word, &["transaction"]));
        return if two_phase { Class::Clean } else { Class::Taints };
    }
    if !is_one(first, CLEAN) || words.any(|word| is_one(word, LASTING)) {
        return Class::Taints;
    }
    Class::Clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_rows_count() {
        for (changes, text) in [
            (true, "insert into t values (1)"),
            (true, "/* x */ with a as (select 1) insert into t select * from a"),
            (true, "DELETE from t returning *"),
            (false, "select * from t"),
            (false, "with gone as (delete from t returning *) select count(*) from gone"),
            (false, "create table x as select 1"),
            (false, "(select 1) union select 2"),
            (false, "explain analyze delete from t"),
            (false, "begin"),
        ] {
            assert_eq!(changes_rows(&Dialect::POSTGRES, text), changes, "{text}");
        }
    }

    #[test]
    fn what_lasts_taints() {
        for (class, texts) in [
            (
                Class::Clean,
                &[
                    "select * from t where a = $1",
                    "/* tag */ insert into t values ('set_config')",
                    "with x as (select 1) delete from t",
                    "set local statement_timeout = 5",
                    "SET TRANSACTION isolation level serializable",
                    "create table t (a int)",
                    "begin; ",
                    "",
                    "-- nothing",
                    "copy t from '/file'",
                    "select pg_advisory_xact_lock(1)",
                    "prepare transaction 'x'",
                ][..],
            ),
            (
                Class::Taints,
                &[
                    "set search_path = x",
                    "SELECT set_config('a.b', 'c', false)",
                    "create temp table t (a int)",
                    "create table pg_temp.t (a int)",
                    "select 1 into temporary t",
                    "listen x",
                    "select pg_advisory_lock(1)",
                    "do $$ begin end $$",
                    "call p()",
                    "declare c cursor with hold for select 1",
                    "prepare p as select 1",
                    "deallocate all",
                    "discard all",
                    "gibberish",
                ],
            ),
            (Class::Copy, &["copy t from stdin", "COPY (select 1) TO STDOUT (format binary)"]),
        ] {
            for text in texts {
                assert_eq!(classify(&Dialect::POSTGRES, text), class, "{text}");
            }
        }
    }
}
