//! CSV: how it is written, how it is read, and rows on their way out.
//!
//! Null and the empty text are told apart, as PostgreSQL does it: a field without quotes that is the
//! [null text](CsvOptions::null) is null, one in quotes never is. Libraries for CSV do not say whether a
//! field had quotes, so that reading and writing are done here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wellspring_connector::{Error, ErrorKind, Result};

mod export;
mod parse;
mod text;
mod write;

pub(crate) use export::EVERY;
pub use export::{CsvExport, CsvProgress, CsvReport, ToCsv};
pub(crate) use parse::{Parser, Record};

/// How CSV is written and read.
///
/// The default is what most programs write: UTF-8, a header, commas, fields in double quotes where that
/// is necessary, quotes doubled inside, null as nothing at all. Serializable; an unknown option is an error.
///
/// ```
/// use wellspring_txn::csv::{CsvOptions, QuoteStyle};
///
/// let options = CsvOptions::new().delimiter(';').null("NULL").quote_style(QuoteStyle::Always);
/// assert!(options.check().is_ok());
/// assert!(CsvOptions::new().delimiter('"').check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    pub(crate) header: bool,
    pub(crate) delimiter: char,
    pub(crate) quote: char,
    pub(crate) escape: Option<char>,
    pub(crate) null: String,
    pub(crate) quote_style: QuoteStyle,
    pub(crate) line_ending: LineEnding,
    pub(crate) encoding: Encoding,
    pub(crate) skip_lines: u64,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: ',',
            quote: '"',
            escape: None,
            null: String::new(),
            quote_style: QuoteStyle::Necessary,
            line_ending: LineEnding::Lf,
            encoding: Encoding::Utf8,
            skip_lines: 0,
        }
    }
}

impl CsvOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the first line names the columns. The default is that it does.
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = header;
        self
    }

    /// What stands between fields: a character of ASCII, a comma by default.
    #[must_use]
    pub fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// What fields are quoted with: a character of ASCII, `"` by default.
    #[must_use]
    pub fn quote(mut self, quote: char) -> Self {
        self.quote = quote;
        self
    }

    /// What stands before a quote inside a quoted field, and before itself: a character of ASCII. By
    /// default the quote, which is doubled then.
    #[must_use]
    pub fn escape(mut self, escape: char) -> Self {
        self.escape = Some(escape);
        self
    }

    /// What stands for null, without quotes: nothing by default.
    #[must_use]
    pub fn null(mut self, null: impl Into<String>) -> Self {
        self.null = null.into();
        self
    }

    /// Which fields are quoted when CSV is written: by default those that need it.
    #[must_use]
    pub fn quote_style(mut self, style: QuoteStyle) -> Self {
        self.quote_style = style;
        self
    }

    /// What ends a line when CSV is written: `\n` by default. Both are read.
    #[must_use]
    pub fn line_ending(mut self, ending: LineEnding) -> Self {
        self.line_ending = ending;
        self
    }

    /// The encoding: UTF-8 by default.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// How many lines to skip before the header when CSV is read: none by default.
    #[must_use]
    pub fn skip_lines(mut self, lines: u64) -> Self {
        self.skip_lines = lines;
        self
    }

    /// Checks that the options go together. Done before anything is read or written.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] naming the option that is wrong.
    pub fn check(&self) -> Result<()> {
        let marks = [
            ("delimiter", self.delimiter),
            ("quote", self.quote),
            ("escape", self.escape.unwrap_or(self.quote)),
        ];
        let breaks = |c: char| c == self.delimiter || c == self.quote || c == '\r' || c == '\n';
        let of_mark = |(name, mark): (&str, char)| {
            if !mark.is_ascii() || matches!(mark, '\r' | '\n' | '\0') {
                Some(format!(
                    "{name} {mark:?} is not a character of ASCII that can stand in a line"
                ))
            } else if name != "delimiter" && mark == self.delimiter {
                Some(format!("{name} and delimiter are both {mark:?}"))
            } else {
                None
            }
        };
        let wrong = marks.into_iter().find_map(of_mark).or_else(|| {
            self.null.contains(breaks).then(|| {
                format!("null text {:?} has a delimiter, a quote or a line break in it", self.null)
            })
        });
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(Error::new(ErrorKind::Usage, format!("the CSV option {wrong}"))),
        }
    }
}

/// Which fields are quoted. Null never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuoteStyle {
    /// Those that would be read as something else without.
    #[default]
    Necessary,
    /// All.
    Always,
    /// All but numbers and booleans.
    NonNumeric,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineEnding {
    /// `\n`.
    #[default]
    Lf,
    /// `\r\n`, as RFC 4180 has it.
    CrLf,
}

/// How characters are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8. A byte order mark at the beginning is read over.
    #[default]
    Utf8,
    /// Latin-1 (ISO 8859-1): one byte for each of the first 256 characters.
    Latin1,
}

impl FromStr for Encoding {
    type Err = Error;

    /// By any of its usual names, in any case.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] naming an encoding that is not to be had.
    fn from_str(name: &str) -> Result<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_lowercase().as_str() {
            "utf8" | "utf8mb4" | "ascii" | "usascii" => Ok(Self::Utf8),
            "latin1" | "iso88591" => Ok(Self::Latin1),
            _ => Err(Error::unsupported(format_args!(
                "the encoding {name:?} (there are utf-8 and latin-1)"
            ))),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin-1",
        })
    }
}

impl TryFrom<String> for Encoding {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> Self {
        encoding.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_serialized_and_unknown_ones_refused() {
        let options = CsvOptions::new().encoding(Encoding::Latin1).escape('\\').null("NULL");
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<CsvOptions>(&json).unwrap(), options);
        let given: CsvOptions = serde_json::from_str(r#"{"quote_style": "non_numeric"}"#).unwrap();
        assert_eq!(given, CsvOptions::new().quote_style(QuoteStyle::NonNumeric));
        assert!(serde_json::from_str::<CsvOptions>(r#"{"comment": "no"}"#).is_err());
    }

    #[test]
    fn encodings_have_their_usual_names() {
        for (name, encoding) in
            [("UTF8", Encoding::Utf8), ("utf-8", Encoding::Utf8), ("ISO-8859-1", Encoding::Latin1)]
        {
            assert_eq!(name.parse::<Encoding>().unwrap(), encoding);
        }
        let error = "shift_jis".parse::<Encoding>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("\"shift_jis\""), "{error}");
    }

    #[test]
    fn options_that_do_not_go_together_are_named() {
        for (options, name) in [
            (CsvOptions::new().delimiter('é'), "delimiter"),
            (CsvOptions::new().quote('\n'), "quote"),
            (CsvOptions::new().escape(','), "escape"),
            (CsvOptions::new().null("a,b"), "null"),
        ] {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
