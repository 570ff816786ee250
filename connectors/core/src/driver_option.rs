//! The options of a driver as data: for its URLs, for configuration files, for the reference.

use std::fmt;

use crate::url::{bad_value, duration, number, switch};
use crate::{Result, nearest};

/// One option of a driver, as its URLs and configuration files have it.
///
/// ```
/// use wellspring_connector::{DriverOption, OptionKind};
///
/// const OPTIONS: &[DriverOption] = &[
///     DriverOption::new("jit", OptionKind::Switch, "the server's", "Whether queries are compiled."),
/// ];
/// assert!(DriverOption::find(OPTIONS, "jit").unwrap().check("on").is_ok());
/// assert!(DriverOption::find(OPTIONS, "jti").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverOption {
    /// Its name.
    pub name: &'static str,
    /// What values it has.
    pub kind: OptionKind,
    /// What holds where it is not given, for people.
    pub default: &'static str,
    /// What it does: sentences of Markdown.
    pub about: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
}

/// The values an option of a driver may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A secret: a text that is never shown.
    Secret,
    /// The path of a file or a directory.
    Path,
    /// On or off.
    Switch,
    /// A whole number between the two, both included.
    Number(i64, i64),
    /// A duration with its unit.
    Duration,
    /// One of these words, in any case.
    Words(&'static [&'static str]),
}

impl DriverOption {
    /// An option without other names.
    pub const fn new(
        name: &'static str,
        kind: OptionKind,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self { name, kind, default, about, aliases: &[] }
    }

    /// The same, which answers to other names as well.
    #[must_use]
    pub const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The one called `name` among `options`.
    pub fn find<'a>(options: &'a [Self], name: &str) -> Option<&'a Self> {
        options.iter().find(|option| option.name == name || option.aliases.contains(&name))
    }

    /// The name among those of `options` that `name` was probably meant to be.
    pub fn nearest(options: &[Self], name: &str) -> Option<&'static str> {
        nearest(name, options.iter().map(|option| option.name))
    }

    /// Checks a value as it stands in a URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) naming the option, the value (unless it is a secret)
    /// and what is expected.
    pub fn check(&self, value: &str) -> Result<()> {
        let Self { name, kind, .. } = *self;
        match kind {
            OptionKind::Text | OptionKind::Secret | OptionKind::Path => Ok(()),
            OptionKind::Switch => switch(name, value).map(drop),
            OptionKind::Duration => duration(name, value).map(drop),
            OptionKind::Number(least, most) => {
                let wanted = kind.to_string();
                let given: i64 = number(name, value, &wanted)?;
                match (least..=most).contains(&given) {
                    true => Ok(()),
                    false => Err(bad_value(name, value, wanted)),
                }
            }
            OptionKind::Words(words) => {
                match words.iter().any(|word| word.eq_ignore_ascii_case(value)) {
                    true => Ok(()),
                    false => Err(bad_value(name, value, kind)),
                }
            }
        }
    }
}

impl fmt::Display for OptionKind {
    /// What is expected, as errors and the reference say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Secret => f.write_str("a secret"),
            Self::Path => f.write_str("a path"),
            Self::Switch => f.write_str("on or off"),
            Self::Number(least, i64::MAX) => write!(f, "a whole number of at least {least}"),
            Self::Number(i64::MIN, most) => write!(f, "a whole number of at most {most}"),
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Duration => f.write_str("a duration with its unit: 250ms, 5s or 1min"),
            Self::Words(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}
