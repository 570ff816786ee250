//! The options of a URL and their values, read.

use std::fmt;
use std::time::Duration;

use super::config;
use crate::{DriverOption, Error, Result, nearest};

/// What a duration is written as, for errors.
pub(crate) const DURATION: &str = "a duration with its unit: 250ms, 5s, 1min or 1h";

/// Units of durations in milliseconds. The pool's options have the same, and the same test.
const UNITS: [(&str, u64); 9] = [
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
];

/// Options of the pool by the names that URLs of other libraries have them under, and ours.
const OF_THE_POOL: &[(&str, &str)] = &[
    ("acquire_timeout", "acquire_timeout"),
    ("connect_timeout", "connect_timeout"),
    ("idle_timeout", "idle_timeout"),
    ("max_lifetime", "max_lifetime"),
    ("max_overflow", "max_overflow"),
    ("max_size", "max_size"),
    ("min_idle", "min_idle"),
    ("min_size", "min_idle"),
    ("pool_pre_ping", "validate"),
    ("pool_recycle", "max_lifetime"),
    ("pool_size", "max_size"),
    ("pool_timeout", "acquire_timeout"),
];

/// Finds each option of a URL among those a driver has. `elsewhere` are names that people try, with
/// what they are to do instead: the rest of a sentence. Options of the pool are known here.
///
/// ```
/// use wellspring_connector::url::{known_options, options};
/// use wellspring_connector::{DriverOption, OptionKind};
///
/// const OPTIONS: &[DriverOption] =
///     &[DriverOption::new("jit", OptionKind::Switch, "on", "Whether queries are compiled.")];
///
/// let given = options("jit=off")?;
/// let known = known_options(OPTIONS, &[], &given)?;
/// assert_eq!((known[0].0.name, known[0].1), ("jit", "off"));
/// let error = known_options(OPTIONS, &[], &options("pool_size=5")?).unwrap_err();
/// assert!(error.to_string().contains("`pool.max_size`"));
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a name that is not known, with the one it was
/// probably meant to be, and for an option that is there by two of its names. Values are not looked at:
/// that is [`DriverOption::check`].
pub fn known_options<'g>(
    known: &'static [DriverOption],
    elsewhere: &[(&str, &str)],
    given: &'g [(String, String)],
) -> Result<Vec<(&'static DriverOption, &'g str)>> {
    let mut found: Vec<(&'static DriverOption, &'g str)> = Vec::new();
    for (key, value) in given {
        let Some(option) = DriverOption::find(known, key) else {
            let of_the_pool = OF_THE_POOL.iter().find(|(name, _)| name == key);
            let instead = elsewhere.iter().find(|(name, _)| name == key);
            return Err(match (instead, of_the_pool) {
                (Some((_, instead)), _) => {
                    config(format!("`{key}` is not an option of this URL: {instead}"))
                }
                (None, Some((_, ours))) => config(format!(
                    "`{key}` is not an option of this URL: it is the pool's, `pool.{ours}`"
                )),
                (None, None) => {
                    let names: Vec<&str> = known.iter().map(|option| option.name).collect();
                    unknown_option(key, &names)
                }
            });
        };
        if found.iter().any(|(other, _)| other.name == option.name) {
            let names = [&[option.name], option.aliases].concat().join("` and `");
            return Err(config(format!(
                "`{}` is set twice in the URL: `{names}` are one option",
                option.name
            )));
        }
        found.push((option, value));
    }
    Ok(found)
}

/// The words of a list of words and what they mean, for
/// [`OptionKind::Words`](crate::OptionKind::Words): so that one list serves both.
///
/// ```
/// use wellspring_connector::url::{word, words_of};
/// use wellspring_connector::{DriverOption, OptionKind};
///
/// const TIMES: [(&str, u8); 2] = [("never", 0), ("once", 1)];
/// const WORDS: [&str; 2] = words_of(&TIMES);
/// const OPTION: DriverOption =
///     DriverOption::new("retry", OptionKind::Words(&WORDS), "never", "How often it is retried.");
///
/// assert!(OPTION.check("Once").is_ok());
/// assert_eq!(word("retry", "Once", &TIMES)?, 1);
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
pub const fn words_of<T, const N: usize>(words: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut out = [""; N];
    let mut at = 0;
    while at < N {
        out[at] = words[at].0;
        at += 1;
    }
    out
}

/// Reads `on`/`off` and the like.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) naming `key` and the value.
pub fn switch(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(bad_value(key, value, "on or off")),
    }
}

/// Reads a number.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) naming `key`, the value and what is `wanted`.
pub fn number<T: std::str::FromStr>(key: &str, value: &str, wanted: &str) -> Result<T> {
    value.parse().map_err(|_| bad_value(key, value, wanted))
}

/// Reads a duration with its unit, as the pool's options have them: a whole number and one of `ms`, `s`
/// or `sec`, `m` or `min`, `h` or `hour`, `d` or `day`.
///
/// ```
/// use std::time::Duration;
/// use wellspring_connector::url::duration;
///
/// assert_eq!(duration("busy_timeout", "250ms")?, Duration::from_millis(250));
/// assert!(duration("busy_timeout", "5").unwrap_err().to_string().contains("its unit"));
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) naming `key` and the value.
pub fn duration(key: &str, value: &str) -> Result<Duration> {
    duration_of(value).ok_or_else(|| bad_value(key, value, DURATION))
}

fn duration_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*millis).map(Duration::from_millis)
}

/// What a size is written as, for errors.
pub(crate) const SIZE: &str = "a size with its unit: 512KiB, 64MiB or 1GiB";

/// Units of sizes in bytes.
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a size with its unit, in bytes: `512KiB`, `64MiB`, `1GiB`.
///
/// ```
/// use wellspring_connector::url::size;
///
/// assert_eq!(size("cache_size", "64MiB")?, 64 << 20);
/// assert!(size("cache_size", "64 pages").unwrap_err().to_string().contains("512KiB"));
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) naming `key` and the value.
pub fn size(key: &str, value: &str) -> Result<u64> {
    size_of(value).ok_or_else(|| bad_value(key, value, SIZE))
}

fn size_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

/// Finds the word `value` among `words`, without regard to ASCII case.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) naming `key`, the value and the words.
pub fn word<T: Copy>(key: &str, value: &str, words: &[(&str, T)]) -> Result<T> {
    match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)) {
        Some((_, found)) => Ok(*found),
        None => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(bad_value(key, value, format_args!("one of {}", words.join(", "))))
        }
    }
}

/// The error for an option nobody knows; names the nearest of `known`.
pub fn unknown_option(key: &str, known: &[&str]) -> Error {
    let hint = match nearest(key, known.iter().copied()) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::new(),
    };
    config(format!("`{key}` is not an option of this URL{hint} (known: {})", known.join(", ")))
}

/// The error for an option whose value is wrong.
pub fn bad_value(key: &str, value: &str, wanted: impl fmt::Display) -> Error {
    config(format!("`{key}={value}` in the URL: expected {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::url::options;

    #[test]
    fn durations_are_those_of_the_pool() {
        for line in include_str!("../../../../pool-core/tests/durations.txt").lines() {
            let (text, millis) = line.split_once('=').expect("a text and its milliseconds");
            let expected = (millis != "refused").then(|| millis.parse().expect("a number"));
            assert_eq!(duration_of(text), expected.map(Duration::from_millis), "{line}");
        }
    }

    #[test]
    fn an_option_with_two_names_is_set_once() {
        const OPTIONS: &[DriverOption] =
            &[DriverOption::new("sslmode", crate::OptionKind::Text, "none", "TLS.")
                .or(&["ssl-mode"])];
        let given = options("ssl-mode=a").unwrap();
        assert_eq!(known_options(OPTIONS, &[], &given).unwrap(), [(&OPTIONS[0], "a")]);
        for (query, named) in [
            ("sslmode=a&ssl-mode=a", "`sslmode` and `ssl-mode` are one"),
            ("sslmode=a&sslmode=a", "`sslmode` is set twice"),
            ("slmode=a", "did you mean `sslmode`"),
            ("ssl=on", "there is `sslmode`"),
            ("connect_timeout=5", "`pool.connect_timeout`"),
            ("pool_timeout=5", "`pool.acquire_timeout`"),
        ] {
            let error = options(query)
                .and_then(|given| {
                    known_options(OPTIONS, &[("ssl", "there is `sslmode`")], &given).map(drop)
                })
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(named), "{query}: {error}");
        }
    }

    #[test]
    fn an_unknown_option_names_the_nearest() {
        let error = unknown_option("statment_timeout", &["statement_timeout"]);
        assert!(error.to_string().contains("did you mean `statement_timeout`"), "{error}");
    }
}
