//! Lines of CSV out of rows.

use wellspring_connector::{Column, Error, ErrorKind, Result, Row};

use super::text::{self, Text};
use super::{CsvOptions, Encoding, LineEnding, QuoteStyle};

/// Writes lines to its buffer.
#[derive(Debug)]
pub(super) struct Writer {
    options: CsvOptions,
    /// What was written and not taken.
    pub(super) out: Vec<u8>,
    /// The line being written.
    line: String,
    scratch: String,
}

impl Writer {
    pub(super) fn new(options: CsvOptions) -> Self {
        Self { options, out: Vec::new(), line: String::new(), scratch: String::new() }
    }

    /// Writes the names of the columns.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when there are none.
    pub(super) fn header(&mut self, columns: &[Column]) -> Result<()> {
        if columns.is_empty() {
            return Err(Error::unsupported(
                "the header of a result whose columns are not known (through a pooler in transaction mode, \
                 PostgreSQL tells none of a result without rows)",
            ));
        }
        self.line.clear();
        for (index, column) in columns.iter().enumerate() {
            field(&self.options, &mut self.line, index, columns.len(), &column.name, false);
        }
        self.end()
    }

    /// Writes a row: all of it, or nothing when it fails.
    pub(super) fn row(&mut self, row: &Row) -> Result<()> {
        self.line.clear();
        let count = row.len();
        for index in 0..count {
            let value = row.value(index)?;
            let text = text::of(&value, &mut self.scratch).map_err(|error| {
                let name = &row.columns()[index].name;
                error.context(format_args!("column `{name}`")).with_column(name.clone())
            })?;
            let (text, number) = match text {
                Text::Null => {
                    if index > 0 {
                        self.line.push(self.options.delimiter);
                    }
                    self.line.push_str(&self.options.null);
                    continue;
                }
                Text::Number => (self.scratch.as_str(), true),
                Text::Scratch => (self.scratch.as_str(), false),
                Text::Borrowed(text) => (text, false),
            };
            field(&self.options, &mut self.line, index, count, text, number);
        }
        self.end()
    }

    /// Ends the line.
    fn end(&mut self) -> Result<()> {
        self.line.push_str(match self.options.line_ending {
            LineEnding::Lf => "\n",
            LineEnding::CrLf => "\r\n",
        });
        match self.options.encoding {
            Encoding::Utf8 => self.out.extend_from_slice(self.line.as_bytes()),
            Encoding::Latin1 => {
                let before = self.out.len();
                for c in self.line.chars() {
                    let Ok(byte) = u8::try_from(u32::from(c)) else {
                        self.out.truncate(before);
                        return Err(Error::new(
                            ErrorKind::Encode,
                            format!("the character {c:?} is none of latin-1; utf-8 has all"),
                        ));
                    };
                    self.out.push(byte);
                }
            }
        }
        Ok(())
    }
}

fn field(
    options: &CsvOptions,
    line: &mut String,
    index: usize,
    count: usize,
    text: &str,
    number: bool,
) {
    if index > 0 {
        line.push(options.delimiter);
    }
    let quoted = match options.quote_style {
        QuoteStyle::Always => true,
        QuoteStyle::NonNumeric if !number => true,
        _ => needs_quotes(options, text, index, count),
    };
    if !quoted {
        line.push_str(text);
        return;
    }
    let escape = options.escape.unwrap_or(options.quote);
    line.push(options.quote);
    for c in text.chars() {
        if c == options.quote || c == escape {
            line.push(escape);
        }
        line.push(c);
    }
    line.push(options.quote);
}

/// True for a field that would be read as something else: as null, as several, as a mark.
fn needs_quotes(options: &CsvOptions, text: &str, index: usize, count: usize) -> bool {
    let marks = |c: char| c == options.delimiter || c == options.quote || c == '\r' || c == '\n';
    text == options.null
        || text.is_empty()
        || text.contains(marks)
        // Other readers take it off.
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || (index == 0 && text.starts_with('\u{feff}'))
        // PostgreSQL's end of data.
        || (count == 1 && text == "\\.")
}
