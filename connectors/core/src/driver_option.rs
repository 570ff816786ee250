//! The options of a driver as data: for its URLs, for configuration files, for the reference.

use std::fmt;

use crate::url::{DURATION, SIZE, bad_value, duration, number, size, switch};
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
    /// What holds where it is not given: a value, or words for people.
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
    /// A size with its unit, or a whole number between the two, both included, which has a meaning of its own.
    SizeOrNumber(i64, i64),
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

    /// True when [`default`](Self::default) is a value as a URL has it, and not words for people.
    pub fn is_default_a_value(&self) -> bool {
        let is_free = matches!(self.kind, OptionKind::Text | OptionKind::Secret | OptionKind::Path);
        !is_free && self.check(self.default).is_ok()
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
            OptionKind::SizeOrNumber(least, most) => {
                let is_number = value.parse().is_ok_and(|number| (least..=most).contains(&number));
                match is_number || size(name, value).is_ok() {
                    true => Ok(()),
                    false => Err(bad_value(name, value, kind)),
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

/// The options as a table in Markdown, for the documentation of their driver.
///
/// ```
/// use wellspring_connector::{DriverOption, OptionKind, options_table};
///
/// const OPTIONS: &[DriverOption] =
///     &[DriverOption::new("jit", OptionKind::Switch, "on", "Whether queries are compiled.")];
/// assert_eq!(
///     options_table(OPTIONS),
///     "| option | value | default | |\n\
///      | --- | --- | --- | --- |\n\
///      | `jit` | `on`, `off` | `on` | Whether queries are compiled. |\n"
/// );
/// ```
pub fn options_table(options: &[DriverOption]) -> String {
    let mut table = "| option | value | default | |\n| --- | --- | --- | --- |\n".to_owned();
    for option in options {
        let names = [&[option.name], option.aliases].concat();
        let (names, value) = (code(&names), option.kind.cell());
        let default = match option.is_default_a_value() {
            true => code(&[option.default]),
            false => option.default.to_owned(),
        };
        for cell in [names, value, default, option.about.to_owned()] {
            table.push_str("| ");
            table.push_str(&cell.replace('|', "\\|"));
            table.push(' ');
        }
        table.push_str("|\n");
    }
    table
}

/// Words as code, with commas.
fn code(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

impl OptionKind {
    /// What a table says of it.
    fn cell(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Secret => "text, never shown".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Switch => code(&["on", "off"]),
            Self::Number(least, i64::MAX) if least > i64::MIN => format!("number, {least} or more"),
            Self::Number(i64::MIN, i64::MAX) => "number".to_owned(),
            Self::Number(least, most) => format!("number, {least} to {most}"),
            Self::Duration => "duration: `250ms`, `5s`, `1min`".to_owned(),
            Self::SizeOrNumber(least, most) => {
                format!("size: `512KiB`, `64MiB`; or a number, {least} to {most}")
            }
            Self::Words(words) => code(words),
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
            Self::Number(i64::MIN, i64::MAX) => f.write_str("a whole number"),
            Self::Number(least, i64::MAX) => write!(f, "a whole number of at least {least}"),
            Self::Number(i64::MIN, most) => write!(f, "a whole number of at most {most}"),
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Duration => f.write_str(DURATION),
            Self::SizeOrNumber(least, most) => {
                write!(f, "{SIZE}; or a whole number from {least} to {most}")
            }
            Self::Words(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn values_are_checked_by_their_kind() {
        for (kind, good, bad) in [
            (OptionKind::Text, "anything", None),
            (OptionKind::Switch, "YES", Some("maybe")),
            (OptionKind::Number(1, 65_535), "65535", Some("0")),
            (OptionKind::Number(-5, i64::MAX), "-5", Some("-6")),
            (OptionKind::Number(i64::MIN, 5), "-99", Some("6")),
            (OptionKind::Number(i64::MIN, i64::MAX), "-99", Some("1.5")),
            (OptionKind::Duration, "1h", Some("60")),
            (OptionKind::Words(&["ro", "rw"]), "RW", Some("rwx")),
        ] {
            let option = DriverOption::new("it", kind, "none", "It.");
            option.check(good).unwrap();
            if let Some(bad) = bad {
                let error = option.check(bad).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config);
                let text = error.to_string();
                assert!(text.contains(&format!("`it={bad}`")), "{text}");
                assert!(text.contains(&kind.to_string()), "{text}");
            }
        }
    }

    #[test]
    fn a_table_has_a_row_for_each_option() {
        let table = options_table(&[
            DriverOption::new("mode", OptionKind::Words(&["a", "b"]), "a", "Which.").or(&["m"]),
            DriverOption::new("size", OptionKind::Number(0, i64::MAX), "the server's", "a | b"),
            DriverOption::new("any", OptionKind::Number(i64::MIN, i64::MAX), "-5", "Any."),
            DriverOption::new("pause", OptionKind::Duration, "5s", "How long."),
            DriverOption::new("password", OptionKind::Secret, "none", "It."),
        ]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `mode`, `m` | `a`, `b` | `a` | Which. |",
                "| `size` | number, 0 or more | the server's | a \\| b |",
                "| `any` | number | `-5` | Any. |",
                "| `pause` | duration: `250ms`, `5s`, `1min` | `5s` | How long. |",
                "| `password` | text, never shown | none | It. |",
            ]
        );
    }
}
