//! Whether a lexer is inside a statement that holds others: the body of a routine.

use crate::{Dialect, Token, TokenKind};

/// What `create` makes: the first of these words tells.
const ROUTINES: [&str; 5] = ["procedure", "function", "trigger", "event", "package"];
const OTHERS: [&str; 16] = [
    "table",
    "view",
    "index",
    "schema",
    "database",
    "sequence",
    "type",
    "domain",
    "user",
    "role",
    "extension",
    "policy",
    "server",
    "tablespace",
    "operator",
    "statistics",
];

/// What the statement is, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing was read.
    Unread,
    /// It begins with `create`, or `alter`.
    Creates,
    /// It creates a routine.
    Routine,
    /// It creates a rule, whose actions stand in parentheses.
    Rule,
    /// It begins with `begin`.
    Begins,
    /// It begins with `declare`.
    Declares,
    Other,
}

/// How deep in the body of a routine the lexer is.
#[derive(Debug)]
pub(super) struct Body {
    mariadb: bool,
    what: What,
    /// The words so far, up to three.
    words: u8,
    /// The last word was `begin`, of a statement whose language does not say what follows.
    begin: bool,
    /// The last word was `not`, after a `begin`.
    not: bool,
    /// The last word was `end`: `end if` and the like close what was not counted.
    end: bool,
    /// The last symbol makes a name of the next word: `new.end`, `@begin`.
    name: bool,
    depth: usize,
    parentheses: usize,
}

impl Body {
    pub(super) fn new(dialect: &Dialect) -> Self {
        Self {
            mariadb: dialect.name == "mariadb",
            what: What::Unread,
            words: 0,
            begin: false,
            not: false,
            end: false,
            name: false,
            depth: 0,
            parentheses: 0,
        }
    }

    /// True when a semicolon ends the statement. In PL/SQL none ends a block.
    pub(super) fn is_whole(&self, plsql: bool) -> bool {
        if plsql {
            return !matches!(self.what, What::Routine | What::Begins | What::Declares);
        }
        self.depth == 0 && (self.what != What::Rule || self.parentheses == 0)
    }

    pub(super) fn token(&mut self, token: Token<'_>) {
        match token.kind {
            TokenKind::Word if !self.name => self.word(token.text),
            TokenKind::Symbol => {
                match token.text {
                    "(" => self.parentheses += 1,
                    ")" => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
                self.other();
                self.name = matches!(token.text, "." | "@" | ":");
            }
            _ => {
                self.other();
                self.name = false;
            }
        }
    }

    fn other(&mut self) {
        self.begin = false;
        self.not = false;
        self.end = false;
        if self.what == What::Unread {
            self.what = What::Other;
        }
    }

    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        let (begin, not, end) = (self.begin, self.not, self.end);
        (self.begin, self.not, self.end) = (false, false, false);
        self.words = self.words.saturating_add(1);
        match self.what {
            What::Unread => {
                self.what = if is("create") || is("alter") {
                    What::Creates
                } else if is("begin") {
                    self.begin = true;
                    What::Begins
                } else if is("declare") {
                    What::Declares
                } else {
                    What::Other
                };
                return;
            }
            What::Creates => {
                if ROUTINES.iter().any(|kind| is(kind)) {
                    self.what = What::Routine;
                } else if is("rule") {
                    self.what = What::Rule;
                } else if OTHERS.iter().any(|kind| is(kind)) {
                    self.what = What::Other;
                }
                return;
            }
            _ => {}
        }
        if end && ["if", "loop", "while", "repeat", "for"].iter().any(|open| is(open)) {
            // Its beginning was not counted either.
            self.depth += 1;
        } else if end && is("case") {
            // The statement's end, which was counted.
        } else if self.what == What::Begins && self.words <= 3 && self.depth == 0 {
            // `begin not atomic … end` is a statement of MariaDB, any other `begin` is one of its own.
            self.not = self.mariadb && begin && is("not");
            if (not || begin) && is("atomic") {
                self.depth = 1;
            }
        } else if (is("begin") && self.what == What::Routine)
            || ((is("begin") || is("case")) && self.depth > 0)
        {
            self.depth += 1;
        } else if is("end") && self.depth > 0 {
            self.depth -= 1;
            self.end = true;
        }
    }
}
