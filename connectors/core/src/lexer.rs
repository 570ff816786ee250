//! A lexer for SQL of any dialect: where code ends and strings, names and comments begin.
//!
//! It knows just enough to never mistake the inside of a string, a quoted identifier or a comment
//! for code. What is not terminated runs to the end of the text: the database reports it better
//! than we could, since it knows what it expected.

use std::iter::FusedIterator;

use crate::Dialect;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// White space.
    Space,
    /// A comment, to the end of its line (without the line break) or to its closing mark.
    Comment,
    /// A keyword or an identifier without quotes.
    Word,
    /// A number, or rather what begins with a digit: `12`, `0x1f`, `1e5`.
    Number,
    /// A string in quotes, with a prefix that changes its rules: `'…'`, `E'…'`, `$tag$…$tag$`.
    String,
    /// A quoted identifier: `"…"`, `` `…` ``, `[…]`. In MySQL's usual mode `"…"` is a string; for
    /// both, what is inside is not code.
    QuotedIdentifier,
    /// One character of anything else.
    Symbol,
}

/// One token: its kind and its text. The texts of all tokens, in order, are the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its text, quotes and comment marks included.
    pub text: &'a str,
}

/// Splits a text into [`Token`]s by the rules of a [`Dialect`].
///
/// ```
/// use wellspring_connector::{Dialect, Lexer, TokenKind};
///
/// let strings: Vec<&str> = Lexer::new(&Dialect::POSTGRES, "select 'it''s', $$a 'b'$$ -- 'no'")
///     .filter(|token| token.kind == TokenKind::String)
///     .map(|token| token.text)
///     .collect();
/// assert_eq!(strings, ["'it''s'", "$$a 'b'$$"]);
/// ```
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    dialect: &'a Dialect,
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// The tokens of `text`.
    pub fn new(dialect: &'a Dialect, text: &'a str) -> Self {
        Self { dialect, text, at: 0 }
    }

    /// The byte offset of the next token.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Continues at byte `at`, which must begin a character.
    pub(crate) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The kind and the end of the token that starts here.
    fn token_at(&self, first: u8) -> (TokenKind, usize) {
        let (at, dialect) = (self.at, self.dialect);
        let next = self.byte(at + 1);
        match first {
            _ if is_space(first) => (TokenKind::Space, self.run(at, is_space)),
            b'0'..=b'9' => (TokenKind::Number, self.run(at, |b| is_word_part(b) && b != b'$')),
            b'\'' => (TokenKind::String, self.quoted(at, b'\'', true, dialect.backslash_escapes)),
            b'"' => (
                TokenKind::QuotedIdentifier,
                self.quoted(at, b'"', true, dialect.backslash_escapes),
            ),
            b'`' if dialect.backtick_identifiers => {
                (TokenKind::QuotedIdentifier, self.quoted(at, b'`', true, false))
            }
            b'[' if dialect.bracket_identifiers => {
                // SQL Server, whose own quote it is, doubles the closing bracket; SQLite does not.
                let doubled = dialect.identifier_quote == '[';
                (TokenKind::QuotedIdentifier, self.quoted(at, b']', doubled, false))
            }
            b'-' if next == Some(b'-') && self.starts_dash_comment(at + 2) => {
                (TokenKind::Comment, self.line_end(at))
            }
            b'#' if dialect.hash_comments => (TokenKind::Comment, self.line_end(at)),
            b'/' if next == Some(b'*') => (TokenKind::Comment, self.block_comment(at)),
            b'$' if dialect.dollar_quotes => match self.dollar_quoted(at) {
                Some(end) => (TokenKind::String, end),
                None => (TokenKind::Symbol, at + 1),
            },
            _ if is_word_start(first) => self.word(at),
            _ => (TokenKind::Symbol, at + 1),
        }
    }

    /// The end of the bytes from `at` that are `part`.
    fn run(&self, at: usize, part: fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[at..];
        at + rest.iter().position(|&b| !part(b)).unwrap_or(rest.len())
    }

    fn word(&self, at: usize) -> (TokenKind, usize) {
        let end = self.run(at, |b| is_word_part(b) || b == b'#');
        // MySQL's comment mark ends a word.
        let end = match self.text[at..end].find('#') {
            Some(hash) if self.dialect.hash_comments => at + hash,
            _ => end,
        };
        if self.byte(end) != Some(b'\'') {
            return (TokenKind::Word, end);
        }
        let is_prefix = |prefix: &str| self.text[at..end].eq_ignore_ascii_case(prefix);
        if self.dialect.e_strings && is_prefix("e") {
            return (TokenKind::String, self.quoted(end, b'\'', true, true));
        }
        if self.dialect.q_strings && (is_prefix("q") || is_prefix("nq")) {
            return (TokenKind::String, self.q_quoted(end));
        }
        (TokenKind::Word, end)
    }

    /// The end of what is quoted from `open` until `close`.
    fn quoted(&self, open: usize, close: u8, doubled: bool, backslash: bool) -> usize {
        let mut at = open + 1;
        while let Some(byte) = self.byte(at) {
            if backslash && byte == b'\\' {
                // The escaped character may be longer than a byte, but its other bytes cannot be
                // mistaken for a quote.
                at += 2;
            } else if byte != close {
                at += 1;
            } else if doubled && self.byte(at + 1) == Some(close) {
                at += 2;
            } else {
                return at + 1;
            }
        }
        self.text.len()
    }

    /// The end of Oracle's `q'[…]'`, whose opening quote is at `quote`.
    fn q_quoted(&self, quote: usize) -> usize {
        let body = &self.text[quote + 1..];
        let Some(open) = body.chars().next() else {
            return self.text.len();
        };
        let close = match open {
            '[' => ']',
            '(' => ')',
            '{' => '}',
            '<' => '>',
            other => other,
        };
        let from = quote + 1 + open.len_utf8();
        let mut end = String::with_capacity(5);
        end.push(close);
        end.push('\'');
        self.text[from..].find(&end).map_or(self.text.len(), |found| from + found + end.len())
    }

    /// The end of `$tag$…$tag$`, if that is what starts at `at`.
    fn dollar_quoted(&self, at: usize) -> Option<usize> {
        let tag_end = match self.byte(at + 1)? {
            b'$' => at + 1,
            first if is_word_start(first) => self.run(at + 1, |b| is_word_part(b) && b != b'$'),
            _ => return None,
        };
        if self.byte(tag_end) != Some(b'$') {
            return None;
        }
        let tag = &self.text[at..=tag_end];
        let body = tag_end + 1;
        let length = self.text[body..].find(tag);
        Some(length.map_or(self.text.len(), |length| body + length + tag.len()))
    }

    fn starts_dash_comment(&self, after: usize) -> bool {
        !self.dialect.dash_comment_needs_space
            || self.byte(after).is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control())
    }

    fn line_end(&self, at: usize) -> usize {
        self.run(at, |b| b != b'\n' && b != b'\r')
    }

    fn block_comment(&self, at: usize) -> usize {
        let mut depth = 1;
        let mut at = at + 2;
        while let (Some(byte), next) = (self.byte(at), self.byte(at + 1)) {
            match (byte, next) {
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return at;
                    }
                }
                (b'/', Some(b'*')) if self.dialect.nested_comments => {
                    depth += 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.text.len()
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = self.byte(self.at)?;
        let (kind, end) = self.token_at(first);
        // An escape at the very end may point past it.
        let end = end.min(self.text.len());
        let token = Token { kind, text: &self.text[self.at..end] };
        self.at = end;
        Some(token)
    }
}

impl FusedIterator for Lexer<'_> {}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Every character beyond ASCII counts as a letter, as databases see it.
pub(crate) fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

pub(crate) fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}
