//! Splits a script into its statements.

use crate::{Dialect, Error, ErrorKind, Lexer, Result, Token, TokenKind};

mod body;
mod line;
#[cfg(test)]
mod tests;

use body::Body;

/// One statement of a script, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptStatement<'a> {
    /// The statement with the comments before it, without what separates it from the next.
    pub text: &'a str,
    /// The byte of the script at which its code begins, after white space and comments.
    pub offset: usize,
    /// The line its code begins in, counted from 1.
    pub line: u32,
    /// The character of that line its code begins with, counted from 1.
    pub column: u32,
}

/// The statements of `script`, without the semicolons between them, without those that are only
/// white space and comments.
///
/// As [`script_statements`], without positions. A `DELIMITER` line without a delimiter is given as if
/// it were a statement, so that the database refuses it.
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
    let mut splitter = Splitter::new(dialect, script);
    std::iter::from_fn(move || match splitter.next()? {
        Ok(statement) => Some(statement.text),
        Err(line) => Some(line),
    })
}

/// The statements of `script`, each with its position.
///
/// Semicolons separate statements, but not inside strings, quoted identifiers, comments and dollar
/// quotes, nor inside the body of a routine in SQL: between a `begin` that comes after `create …
/// procedure`, `function`, `trigger` or `event`, or `begin atomic`, and its `end`. What separates
/// otherwise depends on the dialect, and is the business of the script, never sent:
///
/// - MySQL and MariaDB: a line `DELIMITER //`, in any case, changes the separator to what it says.
///   Comments the server executes (`/*! … */`) are statements.
/// - SQL Server: a line `GO` ends a batch, and nothing else does: a batch is given as one statement.
///   `GO 3` gives it three times.
/// - Oracle: a line `/` ends a statement, and nothing else ends a block or a routine of PL/SQL.
///
/// What is not terminated at the end of the script is given as it is: the database says best what
/// is missing.
///
/// ```
/// use wellspring_connector::{Dialect, script_statements};
///
/// let script = "-- people\ncreate table t (a int);\nDELIMITER //\n  select ';'; //\n";
/// let found = script_statements(&Dialect::MYSQL, script).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!((found[0].line, found[0].column), (2, 1));
/// assert_eq!((found[1].text, found[1].line, found[1].column), ("select ';';", 4, 3));
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Syntax`](crate::ErrorKind::Syntax) with the line, for a `DELIMITER` line that says none.
/// The statements end there.
pub fn script_statements<'a>(
    dialect: &'a Dialect,
    script: &'a str,
) -> impl Iterator<Item = Result<ScriptStatement<'a>>> + 'a {
    let mut splitter = Splitter::new(dialect, script);
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let found = splitter.next()?.map_err(|text| {
            let line = splitter.place.line;
            Error::new(
                ErrorKind::Syntax,
                format!("line {line}: {text:?} names no delimiter; `DELIMITER //` names `//`"),
            )
        });
        over = found.is_err();
        Some(found)
    })
}

/// A place in the script.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: usize,
    line: u32,
    column: u32,
}

impl Place {
    /// Moves on to `offset`.
    fn advance(&mut self, script: &str, offset: usize) {
        for c in script[self.offset..offset].chars() {
            if c == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else if c != '\u{feff}' {
                self.column = self.column.saturating_add(1);
            }
        }
        self.offset = offset;
    }
}

/// Which words and lines separate statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Semicolons,
    /// And `DELIMITER` lines.
    MySql,
    /// `GO` lines alone.
    SqlServer,
    /// And `/` lines.
    Oracle,
}

struct Splitter<'a> {
    dialect: &'a Dialect,
    script: &'a str,
    rules: Rules,
    /// Where the next statement is looked for.
    at: usize,
    /// The separator that took the place of the semicolon.
    delimiter: Option<&'a str>,
    place: Place,
    /// A batch that is to be given again, so many times.
    again: Option<(ScriptStatement<'a>, u32)>,
}

/// Where a statement ends, and what follows it.
struct End<'a> {
    /// Where its text ends.
    text: usize,
    /// Where the next one is looked for.
    next: usize,
    /// How often it is given.
    times: u32,
    /// The separator from here on.
    delimiter: Option<Option<&'a str>>,
    /// It is a line that separates without saying by what.
    wrong: bool,
}

impl End<'_> {
    fn at(text: usize, next: usize) -> Self {
        Self { text, next, times: 1, delimiter: None, wrong: false }
    }
}

impl<'a> Splitter<'a> {
    fn new(dialect: &'a Dialect, script: &'a str) -> Self {
        let rules = match dialect.name {
            "mysql" | "mariadb" => Rules::MySql,
            "mssql" => Rules::SqlServer,
            "oracle" => Rules::Oracle,
            _ => Rules::Semicolons,
        };
        let place = Place { offset: 0, line: 1, column: 1 };
        Self { dialect, script, rules, at: 0, delimiter: None, place, again: None }
    }

    /// The next statement, or the line that is wrong.
    fn next(&mut self) -> Option<std::result::Result<ScriptStatement<'a>, &'a str>> {
        if let Some((statement, times)) = self.again.take() {
            self.again = (times > 1).then_some((statement, times - 1));
            return Some(Ok(statement));
        }
        while self.at < self.script.len() {
            let start = self.at;
            let (code, end) = self.scan(start);
            self.at = end.next;
            if let Some(delimiter) = end.delimiter {
                self.delimiter = delimiter;
            }
            if end.wrong {
                self.place.advance(self.script, end.text);
                return Some(Err(self.script[end.text..end.next].trim()));
            }
            let Some(code) = code else { continue };
            self.place.advance(self.script, code);
            let statement = ScriptStatement {
                text: self.script[start..end.text].trim(),
                offset: code,
                line: self.place.line,
                column: self.place.column,
            };
            match end.times {
                0 => continue,
                1 => {}
                times => self.again = Some((statement, times - 1)),
            }
            return Some(Ok(statement));
        }
        None
    }

    /// Where the code of the statement after `start` begins, if it has any, and where it ends.
    fn scan(&self, start: usize) -> (Option<usize>, End<'a>) {
        let mut lexer = Lexer::new(self.dialect, self.script);
        lexer.skip_to(start);
        let mut body = Body::new(self.dialect);
        let mut code = None;
        loop {
            let at = lexer.position();
            let Some(token) = lexer.next() else {
                return (code, End::at(self.script.len(), self.script.len()));
            };
            match token.kind {
                TokenKind::Space => continue,
                TokenKind::Comment if !self.is_code(token) => continue,
                _ => {}
            }
            if let Some(end) = self.separating_line(at, token, code.is_some()) {
                return (code, end);
            }
            if let Some(delimiter) = self.delimiter {
                if let Some(found) = self.delimiter_in(at, token, delimiter) {
                    let code = code.or((found > at).then_some(at));
                    return (code, End::at(found, found + delimiter.len()));
                }
            } else if token.text == ";"
                && self.rules != Rules::SqlServer
                && body.is_whole(self.rules == Rules::Oracle)
            {
                return (code, End::at(at, at + 1));
            }
            code = code.or(Some(at));
            body.token(token);
        }
    }

    /// MySQL executes what is in `/*! … */`, and MariaDB what is in `/*M! … */` as well.
    fn is_code(&self, comment: Token<'_>) -> bool {
        self.rules == Rules::MySql
            && (comment.text.starts_with("/*!") || comment.text.starts_with("/*M!"))
    }

    /// Where the delimiter stands in a token, which may go on after it: `end$$` is one word. Strings
    /// and comments hold none.
    fn delimiter_in(&self, at: usize, token: Token<'_>, delimiter: &str) -> Option<usize> {
        let is_here = |from: usize| self.script[from..].starts_with(delimiter);
        match token.kind {
            TokenKind::Word | TokenKind::Number => {
                token.text.char_indices().map(|(n, _)| at + n).find(|&from| is_here(from))
            }
            _ => is_here(at).then_some(at),
        }
    }

    /// The end that a line of its own makes, if the token at `at` is all of such a line.
    fn separating_line(&self, at: usize, token: Token<'_>, code: bool) -> Option<End<'a>> {
        let is = |word: &str| token.text.eq_ignore_ascii_case(word);
        match self.rules {
            Rules::Semicolons => None,
            Rules::MySql => {
                // In the middle of a statement the word may be a name, unless nothing else can end it.
                if !is("delimiter") || (code && self.delimiter.is_none()) {
                    return None;
                }
                let line = line::of(self.script, at)?;
                let said = &line.text[token.text.len()..];
                if !said.is_empty() && !said.starts_with([' ', '\t']) {
                    return None;
                }
                let said = said.split_whitespace().next().unwrap_or("");
                let said = line::unquoted(said);
                let delimiter = (said != ";").then_some(said);
                let wrong = said.is_empty() || said.contains('\\');
                Some(End { delimiter: Some(delimiter), wrong, ..End::at(at, line.next) })
            }
            Rules::SqlServer => {
                if !is("go") {
                    return None;
                }
                let line = line::of(self.script, at)?;
                let times = line::count(&line.text[token.text.len()..])?;
                Some(End { times, ..End::at(at, line.next) })
            }
            Rules::Oracle => {
                if token.text != "/" {
                    return None;
                }
                let line = line::of(self.script, at)?;
                (line.text.trim_end() == "/").then(|| End::at(at, line.next))
            }
        }
    }
}
