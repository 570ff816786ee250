//! What a database writes to the log: its statements, and the events of its pool.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tracing::Level;

use crate::{Error, ErrorKind};

mod pool;
mod statements;

pub use pool::EchoListener;
pub use statements::EchoConnector;

/// The target of the log's lines about statements.
const STATEMENT: &str = "wellspring::statement";

/// The target of the log's lines about pools.
const POOL: &str = "wellspring::pool";

/// How much of a statement's text is logged, in characters.
const MAX_TEXT: usize = 2_000;

/// Whether something is logged, and at which of [`tracing`]'s levels.
///
/// Parses from the name of a level, `off`, and the words a switch has: `true` is `info`, `false` is `off`.
///
/// ```
/// use wellspring_connector::Echo;
///
/// assert_eq!("debug".parse::<Echo>()?, Echo::Debug);
/// assert_eq!("true".parse::<Echo>()?, Echo::from(true));
/// assert_eq!(Echo::from(true), Echo::Info);
/// assert_eq!(Echo::default(), Echo::Off);
/// assert_eq!(Echo::Warn.to_string(), "warn");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Echo {
    /// Nothing is logged, and it costs nothing.
    #[default]
    Off,
    /// At `trace`.
    Trace,
    /// At `debug`.
    Debug,
    /// At `info`.
    Info,
    /// At `warn`.
    Warn,
    /// At `error`.
    Error,
}

impl Echo {
    /// All of them.
    const ALL: [Self; 6] =
        [Self::Off, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Its name, in lower case.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of the log; none for [`Off`](Self::Off).
    fn level(self) -> Option<Level> {
        match self {
            Self::Off => None,
            Self::Trace => Some(Level::TRACE),
            Self::Debug => Some(Level::DEBUG),
            Self::Info => Some(Level::INFO),
            Self::Warn => Some(Level::WARN),
            Self::Error => Some(Level::ERROR),
        }
    }
}

impl From<bool> for Echo {
    /// `true` is [`Info`](Self::Info).
    fn from(on: bool) -> Self {
        if on { Self::Info } else { Self::Off }
    }
}

impl FromStr for Echo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(on) = text.parse::<bool>() {
            return Ok(on.into());
        }
        Self::ALL.into_iter().find(|echo| echo.label() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::label).join(", ");
            Error::new(ErrorKind::Config, format!("echo `{text}` is none of true, false, {known}"))
        })
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Calls a macro of `tracing` for a level that is known when the program runs: theirs must be known
/// when it is compiled.
macro_rules! at_level {
    ($level:expr, $macro:ident, $target:expr $(, $($fields:tt)+)?) => {
        match $level {
            tracing::Level::ERROR => {
                tracing::$macro!(target: $target, tracing::Level::ERROR $(, $($fields)+)?)
            }
            tracing::Level::WARN => {
                tracing::$macro!(target: $target, tracing::Level::WARN $(, $($fields)+)?)
            }
            tracing::Level::INFO => {
                tracing::$macro!(target: $target, tracing::Level::INFO $(, $($fields)+)?)
            }
            tracing::Level::DEBUG => {
                tracing::$macro!(target: $target, tracing::Level::DEBUG $(, $($fields)+)?)
            }
            tracing::Level::TRACE => {
                tracing::$macro!(target: $target, tracing::Level::TRACE $(, $($fields)+)?)
            }
        }
    };
}
use at_level;

/// What of a statement's text is logged: all of it, or its beginning and how long it is.
pub(crate) fn excerpt(text: &str) -> Arc<str> {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.into(),
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_echo_has_a_name_that_parses_back() {
        for echo in Echo::ALL {
            assert_eq!(echo.to_string().parse::<Echo>().unwrap(), echo);
            assert_eq!(echo.level().is_none(), echo == Echo::Off);
        }
        assert_eq!("false".parse::<Echo>().unwrap(), Echo::Off);
        let error = "loud".parse::<Echo>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.message(),
            "echo `loud` is none of true, false, off, trace, debug, info, warn, error"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let fits = "é".repeat(MAX_TEXT);
        assert_eq!(&*excerpt(&fits), fits);
        let cut = excerpt(&format!("{fits}é"));
        assert_eq!(*cut, format!("{fits}… ({} bytes in all)", 2 * MAX_TEXT + 2));
    }
}
