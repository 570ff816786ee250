//! Splits a script into its statements.

use crate::{Dialect, Lexer, TokenKind};

/// The statements of `script`, without the semicolons between them, without those that are only
/// white space and comments.
///
/// Semicolons inside strings, quoted identifiers, comments and dollar quotes separate nothing,
/// nor do those inside the body of a routine in SQL: between `begin atomic`, or a `begin` that comes
/// after `create … procedure`, `function`, `trigger` or `event`, and its `end`.
///
/// ```
/// use wellspring_connector::{Dialect, split_script};
///
/// let script = "insert into t values ('a;b'); -- not; here\n\nselect 1;";
/// let statements: Vec<&str> = split_script(&Dialect::POSTGRES, script).collect();
/// assert_eq!(statements, ["insert into t values ('a;b')", "-- not; here\n\nselect 1"]);
/// ```
pub fn split_script<'a>(
    dialect: &'a Dialect,
    script: &'a str,
) -> impl Iterator<Item = &'a str> + 'a {
    let mut rest = script;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (statement, length) = first(dialect, rest);
            let text = &rest[..statement];
            rest = &rest[length..];
            if has_code(dialect, text) {
                return Some(text.trim());
            }
        }
        None
    })
}

/// The length of the first statement, and with its semicolon.
fn first(dialect: &Dialect, text: &str) -> (usize, usize) {
    let mut lexer = Lexer::new(dialect, text);
    let mut body = Body::default();
    loop {
        let start = lexer.position();
        let Some(token) = lexer.next() else { return (text.len(), text.len()) };
        match token.kind {
            TokenKind::Word => body.word(token.text),
            TokenKind::Symbol if token.text == ";" && body.depth == 0 => {
                return (start, start + 1);
            }
            TokenKind::Space | TokenKind::Comment => {}
            _ => body.other(),
        }
    }
}

fn has_code(dialect: &Dialect, text: &str) -> bool {
    Lexer::new(dialect, text)
        .any(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
}

/// How deep in the body of a routine the lexer is.
#[derive(Default)]
struct Body {
    words: usize,
    /// The statement begins with `create`.
    creates: bool,
    /// It creates a routine.
    routine: bool,
    /// The last word was `begin`, of a routine whose language does not say what follows.
    begin: bool,
    /// The last word was `end`: `end if` and the like close what was not counted.
    end: bool,
    depth: usize,
}

impl Body {
    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        self.words += 1;
        if self.words == 1 {
            self.creates = is("create") || is("alter");
        }
        if self.end {
            self.end = false;
            if is("if") || is("loop") || is("while") || is("repeat") || is("for") {
                // Its beginning was not counted either.
                self.depth += 1;
            }
        }
        if self.begin && is("atomic") && self.depth == 0 {
            self.depth = 1;
        }
        self.begin = false;
        if self.creates && (is("procedure") || is("function") || is("trigger") || is("event")) {
            self.routine = true;
        } else if is("begin") && self.creates {
            self.begin = true;
            if self.routine {
                self.depth += 1;
                self.begin = false;
            }
        } else if is("case") && self.depth > 0 {
            self.depth += 1;
        } else if is("end") && self.depth > 0 {
            self.depth -= 1;
            self.end = true;
        }
    }

    fn other(&mut self) {
        self.begin = false;
        self.end = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(dialect: &Dialect, script: &str) -> Vec<String> {
        split_script(dialect, script).map(str::to_owned).collect()
    }

    #[test]
    fn only_real_semicolons_separate() {
        let postgres = &Dialect::POSTGRES;
        assert_eq!(split(postgres, ""), [""; 0]);
        assert_eq!(split(postgres, " ;; -- x;\n/* ; */;"), [""; 0]);
        assert_eq!(
            split(postgres, "select ';', \";\" -- ;\n, 1; do $$ begin a; end $$;select 2"),
            ["select ';', \";\" -- ;\n, 1", "do $$ begin a; end $$", "select 2"]
        );
        // A transaction's own words open nothing.
        assert_eq!(split(postgres, "begin; select 1; end; select 2").len(), 4);
    }

    #[test]
    fn bodies_of_routines_stay_whole() {
        let body = "create function f() returns int begin atomic select 1; select 2; end";
        assert_eq!(split(&Dialect::POSTGRES, &format!("{body}; select 3")), [body, "select 3"]);
        let body = "create procedure p() begin declare x int; if x > 1 then select 1; end if; \
                    select case x when 1 then 2 end; begin select 5; end; end";
        assert_eq!(split(&Dialect::MYSQL, &format!("{body}; call p()")), [body, "call p()"]);
    }
}
