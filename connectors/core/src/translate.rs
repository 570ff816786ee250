//! Turns the placeholders of a statement into the markers of a database.

use crate::lexer::{is_word_part, is_word_start};
use crate::statement::{Length, Slots, Statement};
use crate::{Dialect, Error, ErrorKind, Lexer, Marker, PlaceholderStyle, Result, TokenKind};

/// Translates `text` for `dialect`.
pub(crate) fn translate(
    dialect: &'static Dialect,
    text: &str,
    style: PlaceholderStyle,
) -> Result<Statement> {
    if style == PlaceholderStyle::Native {
        return Ok(Statement::new(dialect, text.into(), Slots::Native, None));
    }
    // Most statements without parameters do not even have a character that could begin one.
    if !text.bytes().any(|b| matches!(b, b'?' | b':' | b'$' | b'@' | b'%')) {
        return Ok(Statement::new(dialect, text.into(), Slots::Positional { count: 0 }, None));
    }
    let mut translation = Translation::new(dialect, text, style, &[]);
    translation.run()?;
    translation.finish()
}

/// Translates `text` for lists of these `lengths`: one for each value, in the order in which
/// [`Statement::collect`] gives them. The result takes the flattened values.
pub(crate) fn translate_lists(
    dialect: &'static Dialect,
    text: &str,
    style: PlaceholderStyle,
    lengths: &[Length],
) -> Result<Statement> {
    let mut translation = Translation::new(dialect, text, style, lengths);
    translation.run()?;
    translation.finish()
}

/// What a symbol of the text turned out to begin, and over how many bytes.
enum Found<'a> {
    /// Nothing: it is copied.
    Text(usize),
    /// Something that is written out as another text.
    Literal(&'static str, usize),
    /// The placeholder of the next value.
    Next(usize),
    /// The placeholder of a value by its number, from 1.
    Number(&'a str, usize),
    /// The placeholder of a value by its name.
    Name(&'a str, usize),
}

struct Translation<'a> {
    dialect: &'static Dialect,
    style: PlaceholderStyle,
    text: &'a str,
    out: String,
    /// For each marker written, the index of its value.
    order: Vec<usize>,
    /// The names, in the order of their first appearance.
    names: Vec<&'a str>,
    /// The highest number of a positional placeholder.
    highest: usize,
    /// The first positional and the first named placeholder.
    positional: Option<&'a str>,
    named: Option<&'a str>,
    /// The first thing the database would itself take for a marker.
    native: Option<&'a str>,
    /// What each value becomes; none for the plain translation.
    lengths: &'a [Length],
    /// How far the code before this point is the beginning of an `in (…)`.
    before: Before,
    /// For each value, whether it stands alone in `in (…)` everywhere it was used so far.
    lists: Vec<bool>,
}

/// What the last pieces of code, white space and comments apart, were.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    In,
    InOpen,
}

impl<'a> Translation<'a> {
    fn new(
        dialect: &'static Dialect,
        text: &'a str,
        style: PlaceholderStyle,
        lengths: &'a [Length],
    ) -> Self {
        Self {
            dialect,
            style,
            text,
            out: String::with_capacity(text.len() + 16),
            order: Vec::new(),
            names: Vec::new(),
            highest: 0,
            positional: None,
            named: None,
            native: None,
            lengths,
            before: Before::Other,
            lists: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<()> {
        let mut lexer = Lexer::new(self.dialect, self.text);
        let mut after_word = false;
        loop {
            let start = lexer.position();
            let Some(token) = lexer.next() else {
                return Ok(());
            };
            if token.kind != TokenKind::Symbol {
                self.out.push_str(token.text);
                after_word = matches!(token.kind, TokenKind::Word | TokenKind::Number);
                self.before = match token.kind {
                    TokenKind::Word if token.text.eq_ignore_ascii_case("in") => Before::In,
                    TokenKind::Space | TokenKind::Comment => self.before,
                    _ => Before::Other,
                };
                continue;
            }
            let rest = &self.text[start..];
            let found = find(self.style, rest, after_word);
            after_word = false;
            let before = std::mem::replace(&mut self.before, Before::Other);
            if let (Found::Text(1), Before::In, true) = (&found, before, rest.starts_with('(')) {
                self.before = Before::InOpen;
            }
            let alone =
                |length: usize| before == Before::InOpen && closes(self.dialect, &rest[length..]);
            let length = match found {
                Found::Text(length) => {
                    self.copy(rest, length);
                    length
                }
                Found::Literal(literal, length) => {
                    self.literal(literal)?;
                    length
                }
                Found::Next(length) => {
                    let alone = alone(length);
                    self.place(self.highest, &rest[..length], rest, alone)?;
                    length
                }
                Found::Number(digits, length) => {
                    let alone = alone(length);
                    let number = self.number(digits, &rest[..length])?;
                    self.place(number - 1, &rest[..length], rest, alone)?;
                    length
                }
                Found::Name(name, length) => {
                    let alone = alone(length);
                    self.place_name(name, &rest[..length], rest, alone)?;
                    length
                }
            };
            lexer.skip_to(start + length);
        }
    }

    /// Copies `length` bytes of `rest`, watching for markers of the database's own.
    fn copy(&mut self, rest: &'a str, length: usize) {
        self.out.push_str(&rest[..length]);
        if length == 1 && self.native.is_none() {
            self.native = native_marker(self.dialect.marker, rest);
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<()> {
        if literal == "?"
            && matches!(self.dialect.marker, Marker::Question | Marker::QuestionNumber)
        {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!(
                    "`??` stands for a literal `?`, which {} would take for a parameter",
                    self.dialect
                ),
            ));
        }
        self.out.push_str(literal);
        Ok(())
    }

    fn number(&self, digits: &str, shown: &str) -> Result<usize> {
        let max = self.dialect.max_parameters;
        match digits.parse::<usize>() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(Error::new(
                ErrorKind::Parameters,
                format!("placeholder `{shown}`: numbers are 1 to {max} on {}", self.dialect),
            )),
        }
    }

    /// Writes the marker of the value at `index`, for the positional placeholder `shown`.
    fn place(&mut self, index: usize, shown: &'a str, rest: &str, alone: bool) -> Result<()> {
        self.positional.get_or_insert(shown);
        self.highest = self.highest.max(index + 1);
        self.write(index, shown, rest, alone)
    }

    fn place_name(&mut self, name: &'a str, shown: &'a str, rest: &str, alone: bool) -> Result<()> {
        self.named.get_or_insert(shown);
        let index = self.names.iter().position(|n| *n == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.write(index, shown, rest, alone)
    }

    fn write(&mut self, index: usize, shown: &str, rest: &str, alone: bool) -> Result<()> {
        if let (Some(positional), Some(named)) = (self.positional, self.named) {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!("`{positional}` and `{named}` in one statement: use positions or names"),
            ));
        }
        // `?1` would become the marker of value 11.
        if let Some(next) = rest[shown.len()..].chars().next()
            && (next.is_ascii_alphanumeric() || matches!(next, '_' | '$') || !next.is_ascii())
        {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!(
                    "placeholder `{shown}` runs into `{next}` (text in {}'s own form goes \
                     through `Sql::native`)",
                    self.dialect
                ),
            ));
        }
        if self.lists.len() <= index {
            self.lists.resize(index + 1, true);
        }
        self.lists[index] &= alone;
        let Some(length) = self.lengths.get(index) else {
            self.order.push(index);
            self.dialect.write_marker(&mut self.out, index + 1);
            return Ok(());
        };
        let first: usize = self.lengths[..index].iter().map(Length::values).sum();
        for offset in 0..length.values() {
            if offset > 0 {
                self.out.push_str(", ");
            }
            self.order.push(first + offset);
            self.dialect.write_marker(&mut self.out, first + offset + 1);
        }
        if let Length::Empty(kind) = length {
            self.out.push_str(&self.dialect.empty_list(*kind));
        }
        Ok(())
    }

    fn finish(self) -> Result<Statement> {
        if !self.lengths.is_empty() {
            return self.finish_lists();
        }
        let Self { dialect, out, order, names, highest, native, lists, .. } = self;
        let lists = lists.iter().enumerate().filter(|(_, list)| **list).map(|(i, _)| i).collect();
        if let (Some(native), Some(placeholder)) = (native, self.positional.or(self.named)) {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!(
                    "`{native}` is a parameter of {dialect}'s own and `{placeholder}` a \
                     placeholder of style {}: use one of them",
                    self.style
                ),
            ));
        }
        let mut seen = vec![false; highest];
        for &index in order.iter().filter(|_| names.is_empty()) {
            seen[index] = true;
        }
        if let Some(gap) = seen.iter().position(|seen| !seen) {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!("placeholder {highest} is there, but {} is not", gap + 1),
            ));
        }
        let values = if names.is_empty() { highest } else { names.len() };
        // Numbered markers take each value once, however often it is used.
        let repeats = dialect.marker == Marker::Question;
        let slots = if repeats { order.len() } else { values };
        if slots > dialect.max_parameters {
            return Err(too_many(dialect, slots));
        }
        let in_order = order.iter().copied().eq(0..values);
        let order = (repeats && !in_order).then(|| order.into_boxed_slice());
        let slots = match (names.is_empty(), order) {
            (true, None) => Slots::Positional { count: values },
            (true, Some(order)) => Slots::Reordered { count: values, order },
            (false, order) => {
                Slots::Named { names: names.into_iter().map(Into::into).collect(), order }
            }
        };
        let native = native.map(Into::into);
        Ok(Statement::new(dialect, out.into(), slots, native).with_lists(lists))
    }

    /// The statement of expanded lists. What is wrong with its placeholders was found when the plain
    /// one was made.
    fn finish_lists(self) -> Result<Statement> {
        let Self { dialect, out, order, lengths, .. } = self;
        let count: usize = lengths.iter().map(Length::values).sum();
        let repeats = dialect.marker == Marker::Question;
        let slots = if repeats { order.len() } else { count };
        if slots > dialect.max_parameters {
            return Err(too_many(dialect, slots));
        }
        let in_order = !repeats || order.iter().copied().eq(0..count);
        let slots = if in_order {
            Slots::Positional { count }
        } else {
            Slots::Reordered { count, order: order.into_boxed_slice() }
        };
        Ok(Statement::new(dialect, out.into(), slots, None))
    }
}

/// True when the next piece of code in `rest` is a closing parenthesis.
fn closes(dialect: &Dialect, rest: &str) -> bool {
    Lexer::new(dialect, rest)
        .find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        .is_some_and(|token| token.text == ")")
}

pub(crate) fn too_many(dialect: &Dialect, count: usize) -> Error {
    Error::new(
        ErrorKind::Parameters,
        format!("the statement has {count} parameters; {dialect} takes {}", dialect.max_parameters),
    )
}

/// What begins at the start of `rest`, whose first character is a symbol. `after_word` tells that
/// a word or number ends right before it.
fn find(style: PlaceholderStyle, rest: &str, after_word: bool) -> Found<'_> {
    use PlaceholderStyle as Style;
    let bytes = rest.as_bytes();
    let next = bytes.get(1).copied();
    match (bytes[0], style) {
        (b'?', Style::Portable | Style::Question) => {
            if next == Some(b'?') {
                Found::Literal("?", 2)
            } else {
                Found::Next(1)
            }
        }
        // Casts, and assignment to a variable.
        (b':', _) if matches!(next, Some(b':' | b'=')) => Found::Text(2),
        // SQL Server's system variables.
        (b'@', _) if next == Some(b'@') => Found::Text(2),
        (b':', Style::Portable) if !after_word => name(rest, 1).unwrap_or(Found::Text(1)),
        (b':', Style::Colon) | (b'$', Style::Dollar) if !after_word => {
            number(rest, 1).or_else(|| name(rest, 1)).unwrap_or(Found::Text(1))
        }
        (b'@', Style::At) if !after_word => {
            let numbered = if matches!(next, Some(b'p' | b'P')) { number(rest, 2) } else { None };
            numbered.or_else(|| name(rest, 1)).unwrap_or(Found::Text(1))
        }
        (b'%', Style::PercentS | Style::PercentNamed) if next == Some(b'%') => {
            Found::Literal("%", 2)
        }
        (b'%', Style::PercentS) if ends_with_s(rest, 1) => Found::Next(2),
        (b'%', Style::PercentNamed) if next == Some(b'(') => {
            let close = rest.find(')').filter(|&close| close > 2 && ends_with_s(rest, close + 1));
            close.map_or(Found::Text(1), |close| Found::Name(&rest[2..close], close + 2))
        }
        _ => Found::Text(1),
    }
}

/// A name from byte `from` of `rest`.
fn name(rest: &str, from: usize) -> Option<Found<'_>> {
    let word = &rest.as_bytes()[from..];
    if !word.first().copied().is_some_and(is_word_start) {
        return None;
    }
    let length = word.iter().take_while(|&&b| is_word_part(b) && b != b'$').count();
    Some(Found::Name(&rest[from..from + length], from + length))
}

/// A number from byte `from` of `rest`, with nothing of a word after it.
fn number(rest: &str, from: usize) -> Option<Found<'_>> {
    let word = &rest.as_bytes()[from..];
    let length = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = !word.get(length).copied().is_some_and(is_word_part);
    (length > 0 && ends).then(|| Found::Number(&rest[from..from + length], from + length))
}

/// True when the word at byte `from` of `rest` is `s`.
fn ends_with_s(rest: &str, from: usize) -> bool {
    let bytes = rest.as_bytes();
    bytes.get(from) == Some(&b's') && !bytes.get(from + 1).copied().is_some_and(is_word_part)
}

/// What at the start of `rest` the database itself takes for a parameter.
fn native_marker(marker: Marker, rest: &str) -> Option<&str> {
    let word = |from: usize| {
        let bytes = rest.as_bytes().get(from..)?;
        let length = bytes.iter().take_while(|&&b| is_word_part(b)).count();
        (length > 0).then(|| &rest[..from + length])
    };
    let digits = |from: usize| match number(rest, from) {
        Some(Found::Number(_, length)) => Some(&rest[..length]),
        _ => None,
    };
    match (marker, rest.as_bytes()[0]) {
        (Marker::Question | Marker::QuestionNumber, b'?') => Some("?"),
        // SQLite takes all of them.
        (Marker::QuestionNumber, b':' | b'$' | b'@') => word(1),
        (Marker::DollarNumber, b'$') => digits(1),
        (Marker::AtNumber, b'@') if matches!(rest.as_bytes().get(1), Some(b'p' | b'P')) => {
            digits(2)
        }
        (Marker::ColonNumber, b':') => word(1),
        _ => None,
    }
}
