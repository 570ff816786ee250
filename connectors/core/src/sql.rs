//! A statement's text, and how its placeholders are written.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind};

/// How the placeholders of a statement are written.
///
/// Whatever the style, strings, quoted identifiers, comments, `::` casts and `:=` are left alone,
/// and positional and named placeholders do not mix in one statement. A literal `?` is written
/// `??`, in the styles that use `?`.
///
/// | Style | Positional | Named |
/// |---|---|---|
/// | `Portable` | `?` | `:name` |
/// | `Question` | `?` | |
/// | `Colon` | `:1` | `:name` |
/// | `Dollar` | `$1` | `$name` |
/// | `At` | `@p1` | `@name` |
/// | `PercentS` | `%s`, with `%%` for `%` | |
/// | `PercentNamed` | | `%(name)s`, with `%%` for `%` |
/// | `Native` | the database's own | |
///
/// Parses from its name in `snake_case`, and from the names Python's database interface uses:
///
/// ```
/// use wellspring_connector::PlaceholderStyle;
///
/// assert_eq!("percent_s".parse::<PlaceholderStyle>()?, PlaceholderStyle::PercentS);
/// assert_eq!("pyformat".parse::<PlaceholderStyle>()?, PlaceholderStyle::PercentNamed);
/// assert_eq!(PlaceholderStyle::default().to_string(), "portable");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PlaceholderStyle {
    /// `?` and `:name`. A `:` counts only between something other than a word and a name: `a[1:n]`
    /// and `a::int` have none.
    #[default]
    Portable,
    /// The text goes to the database as it is, with the values in the order of its own markers.
    Native,
    /// `?` alone: `:name` is left to the database.
    Question,
    /// `:1` by number and `:name`.
    Colon,
    /// `$1` by number and `$name`.
    Dollar,
    /// `@p1` by number and `@name`; `@@name` is left alone.
    At,
    /// `%s`, with `%%` for a `%`; other `%` are left alone.
    PercentS,
    /// `%(name)s`, with `%%` for a `%`; other `%` are left alone.
    PercentNamed,
}

/// The names, the first of each style being the one that is printed.
const NAMES: [(&str, PlaceholderStyle); 13] = [
    ("portable", PlaceholderStyle::Portable),
    ("native", PlaceholderStyle::Native),
    ("question", PlaceholderStyle::Question),
    ("colon", PlaceholderStyle::Colon),
    ("dollar", PlaceholderStyle::Dollar),
    ("at", PlaceholderStyle::At),
    ("percent_s", PlaceholderStyle::PercentS),
    ("percent_named", PlaceholderStyle::PercentNamed),
    ("qmark", PlaceholderStyle::Question),
    ("numeric", PlaceholderStyle::Colon),
    ("named", PlaceholderStyle::Colon),
    ("format", PlaceholderStyle::PercentS),
    ("pyformat", PlaceholderStyle::PercentNamed),
];

impl FromStr for PlaceholderStyle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        NAMES.iter().find(|(name, _)| *name == text).map(|(_, style)| *style).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            Error::new(
                ErrorKind::Config,
                format!("placeholder style `{text}` is none of {}", known.join(", ")),
            )
        })
    }
}

impl fmt::Display for PlaceholderStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) =
            NAMES.iter().find(|(_, style)| style == self).expect("every style has a name");
        f.write_str(name)
    }
}

/// A statement's text with the style of its placeholders.
///
/// Every method that takes a statement takes `impl Into<Sql>`, so that a `&str` or `String` means
/// the portable style:
///
/// ```
/// use wellspring_connector::{PlaceholderStyle, Sql};
///
/// let portable = Sql::from("select * from users where id = ?");
/// let native = Sql::native("select data->'a' ? 'b' from docs where id = $1");
/// let legacy = Sql::new("select %s").style(PlaceholderStyle::PercentS);
/// assert_eq!(portable.placeholders(), PlaceholderStyle::Portable);
/// # let _ = (native, legacy);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sql<'a> {
    text: Cow<'a, str>,
    style: PlaceholderStyle,
}

impl<'a> Sql<'a> {
    /// `text` with portable placeholders.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), style: PlaceholderStyle::Portable }
    }

    /// `text` in the database's own form, markers included: nothing is scanned or replaced.
    pub fn native(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(text).style(PlaceholderStyle::Native)
    }

    /// Sets the style of the placeholders.
    #[must_use]
    pub fn style(mut self, style: PlaceholderStyle) -> Self {
        self.style = style;
        self
    }

    /// The text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The style of the placeholders.
    pub fn placeholders(&self) -> PlaceholderStyle {
        self.style
    }
}

impl<'a> From<&'a str> for Sql<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text)
    }
}

impl<'a> From<&'a String> for Sql<'a> {
    fn from(text: &'a String) -> Self {
        Self::new(text.as_str())
    }
}

impl From<String> for Sql<'_> {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<'a> From<&'a Sql<'_>> for Sql<'a> {
    fn from(sql: &'a Sql<'_>) -> Self {
        Self { text: Cow::Borrowed(&sql.text), style: sql.style }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_has_a_name_that_parses_back() {
        for (name, style) in NAMES {
            assert_eq!(name.parse::<PlaceholderStyle>().unwrap(), style);
            assert_eq!(style.to_string().parse::<PlaceholderStyle>().unwrap(), style);
        }
        let error = "qmarks".parse::<PlaceholderStyle>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`qmarks`"), "{error}");
    }
}
