//! What a statement may leave behind in its session, told by its words.

use wellspring_connector::{Dialect, Lexer, TokenKind};

/// Statements that leave nothing behind, unless one of [`LASTING`] is in them.
const CLEAN: &[&str] = &[
    "select",
    "insert",
    "update",
    "delete",
    "replace",
    "with",
    "values",
    "table",
    "explain",
    "describe",
    "desc",
    "show",
    "create",
    "alter",
    "drop",
    "rename",
    "truncate",
    "grant",
    "revoke",
    "analyze",
    "optimize",
    "check",
    "checksum",
    "repair",
    "begin",
    "start",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "do",
    "kill",
    "load",
    "flush",
    "xa",
];

/// Functions and kinds of objects that outlive their transaction.
const LASTING: &[&str] = &["temporary", "get_lock"];

/// True when running `text` may leave something behind that outlives its transaction: settings,
/// variables, locks, temporary tables.
pub(crate) fn taints(dialect: &Dialect, text: &str) -> bool {
    let mut first = None;
    let mut previous = "";
    for token in Lexer::new(dialect, text) {
        match token.kind {
            TokenKind::Space | TokenKind::Comment => continue,
            TokenKind::Word => {
                let is_one = |of: &[&str]| of.iter().any(|w| token.text.eq_ignore_ascii_case(w));
                if first.is_none() {
                    first = Some(is_one(CLEAN));
                }
                if is_one(LASTING) {
                    return true;
                }
            }
            // A variable of the session is set: `@x := 1`, `into @x`.
            TokenKind::Symbol if token.text == "@" && previous.eq_ignore_ascii_case("into") => {
                return true;
            }
            TokenKind::Symbol if token.text == "=" && previous == ":" => return true,
            _ => {}
        }
        previous = token.text;
    }
    first == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_taints() {
        for (lasts, texts) in [
            (
                false,
                &[
                    "select * from t where a = ?",
                    "/* tag */ insert into t values ('set @x := 1')",
                    "select * from t for update",
                    "select * from t lock in share mode",
                    "select last_insert_id()",
                    "create table t (a int)",
                    "begin",
                    "",
                    "# nothing",
                ][..],
            ),
            (
                true,
                &[
                    "set @x = 1",
                    "SET names utf8",
                    "use other",
                    "create temporary table t (a int)",
                    "select get_lock('a', 1)",
                    "lock tables t write",
                    "select @x := 5",
                    "select 1 into @x",
                    "call p()",
                    "prepare p from 'select 1'",
                    "gibberish",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(taints(&Dialect::MYSQL, text), lasts, "{text}");
            }
        }
    }
}
