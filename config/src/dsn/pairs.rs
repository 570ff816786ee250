//! Keys and values as the kinds of connection strings have them: what parts them, what quotes them.

use std::borrow::Cow;
use std::ops::Range;

use crate::redact::is_secret;

/// The most keys a connection string may have; none is known to have a tenth of it.
pub(crate) const MOST_PAIRS: usize = 256;

/// A key with its value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a str,
    /// The value without its quotes.
    pub(crate) value: Cow<'a, str>,
    /// Where the value stands, quotes included.
    pub(crate) raw: Range<usize>,
    /// Where the pair stands.
    pub(crate) whole: Range<usize>,
    /// Quotes say where the value ends, so that what follows is no part of it.
    pub(crate) quoted: bool,
}

/// Why a text does not consist of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    NoEquals,
    NoKey,
    Unclosed,
    AfterQuote,
    /// A secret begins with a quote or a brace that ends nothing here: where it ends is not clear.
    OtherQuote,
    TooMany,
}

type Pairs<'a> = Result<Vec<Pair<'a>>, Trouble>;

/// `key=value` parted by spaces, as libpq has them: values in single quotes, a backslash before what is
/// meant literally.
pub(crate) fn libpq(text: &str) -> Pairs<'_> {
    let mut pairs = Vec::new();
    let mut at = text.len() - text.trim_start().len();
    while at < text.len() {
        let equals = at + text[at..].find('=').ok_or(Trouble::NoEquals)?;
        let key = text[at..equals].trim_end();
        if key.is_empty() {
            return Err(Trouble::NoKey);
        }
        if key.contains(char::is_whitespace) {
            return Err(Trouble::NoEquals);
        }
        let after = &text[equals + 1..];
        let start = text.len() - after.trim_start().len();
        let (value, rest) = libpq_value(&text[start..]);
        let end = text.len() - rest.len();
        let quoted = value.starts_with('\'');
        let inner = match quoted {
            true => between_quotes(value).ok_or(Trouble::Unclosed)?,
            false => value,
        };
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return Err(Trouble::AfterQuote);
        }
        if value.starts_with('"') && is_secret(key) {
            return Err(Trouble::OtherQuote);
        }
        push(
            &mut pairs,
            Pair { key, value: unescaped(inner), raw: start..end, whole: at..end, quoted },
        )?;
        at = text.len() - rest.trim_start().len();
    }
    Ok(pairs)
}

/// The value at the beginning of `text`, quotes and backslashes included, and what follows.
pub(crate) fn libpq_value(text: &str) -> (&str, &str) {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return text.split_at(at + 1),
            c if !quoted && c.is_whitespace() => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

/// The text between the quotes of a value, if the last of them ends it.
fn between_quotes(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let backslashes = inner.bytes().rev().take_while(|byte| *byte == b'\\').count();
    (backslashes % 2 == 0).then_some(inner)
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// `key=value` parted by semicolons, as ADO.NET has them: values in single or double quotes, which are
/// doubled inside; `==` in a key is one `=`, which no key that is known has.
pub(crate) fn quoted(text: &str) -> Pairs<'_> {
    semicolons(text, |value| match value.chars().next() {
        Some(quote @ ('"' | '\'')) => Some((quote, quote)),
        _ => None,
    })
}

/// `key=value` parted by semicolons, as ODBC and the JDBC driver of SQL Server have them: values in
/// braces, of which the closing one is doubled inside.
pub(crate) fn braced(text: &str) -> Pairs<'_> {
    semicolons(text, |value| value.starts_with('{').then_some(('{', '}')))
}

/// `key=value` parted by semicolons, without quotes.
pub(crate) fn plain(text: &str) -> Pairs<'_> {
    semicolons(text, |_| None)
}

fn semicolons(text: &str, quotes: fn(&str) -> Option<(char, char)>) -> Pairs<'_> {
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = text[at..].trim_start_matches(|c: char| c == ';' || c.is_whitespace());
        if rest.is_empty() {
            break;
        }
        at = text.len() - rest.len();
        let end_of_part = rest.find(';').unwrap_or(rest.len());
        let equals = rest[..end_of_part].find('=').ok_or(Trouble::NoEquals)?;
        let key = rest[..equals].trim();
        if key.is_empty() {
            return Err(Trouble::NoKey);
        }
        let after = &rest[equals + 1..];
        let value = after.trim_start();
        let start = text.len() - value.len();
        let (value, end, is_quoted) = match quotes(value) {
            Some((_, close)) => {
                let inner = &value[1..];
                let length = end_of_quoted(inner, close).ok_or(Trouble::Unclosed)?;
                let doubled: String = [close, close].iter().collect();
                let unquoted = match inner[..length].contains(&doubled) {
                    true => Cow::Owned(inner[..length].replace(&doubled, &close.to_string())),
                    false => Cow::Borrowed(&inner[..length]),
                };
                (unquoted, start + 1 + length + 1, true)
            }
            None => {
                let value = &value[..value.find(';').unwrap_or(value.len())];
                let value = value.trim_end();
                if value.starts_with(['"', '\'', '{']) && is_secret(key) {
                    return Err(Trouble::OtherQuote);
                }
                (Cow::Borrowed(value), start + value.len(), false)
            }
        };
        let tail = text[end..].trim_start();
        if !tail.is_empty() && !tail.starts_with(';') {
            return Err(Trouble::AfterQuote);
        }
        push(&mut pairs, Pair { key, value, raw: start..end, whole: at..end, quoted: is_quoted })?;
        at = text.len() - tail.len();
    }
    Ok(pairs)
}

/// Where the quote `close` stands alone in `text`.
fn end_of_quoted(text: &str, close: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != close {
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == close => {
                chars.next();
            }
            _ => return Some(at),
        }
    }
    None
}

/// `key=value` parted by `separator`, as queries of URLs have them; nothing is decoded yet. A key
/// without a `=` has an empty value if `bare` keys are allowed.
pub(crate) fn query(text: &str, separator: char, bare: bool) -> Pairs<'_> {
    let mut pairs = Vec::new();
    let mut at = 0;
    for part in text.split(separator) {
        let whole = at..at + part.len();
        at = whole.end + separator.len_utf8();
        if part.is_empty() {
            continue;
        }
        let (key, value) = match part.split_once('=') {
            Some(("", _)) => return Err(Trouble::NoKey),
            Some(pair) => pair,
            None if bare => (part, ""),
            None => return Err(Trouble::NoEquals),
        };
        let raw = whole.end - value.len()..whole.end;
        push(&mut pairs, Pair { key, value: Cow::Borrowed(value), raw, whole, quoted: false })?;
    }
    Ok(pairs)
}

fn push<'a>(pairs: &mut Vec<Pair<'a>>, pair: Pair<'a>) -> Result<(), Trouble> {
    if pairs.len() == MOST_PAIRS {
        return Err(Trouble::TooMany);
    }
    pairs.push(pair);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<'a>(pairs: &'a Pairs<'a>) -> Vec<(&'a str, &'a str)> {
        let pairs = pairs.as_ref().unwrap();
        pairs.iter().map(|pair| (pair.key, pair.value.as_ref())).collect()
    }

    #[test]
    fn each_form_has_its_quotes() {
        assert_eq!(
            shown(&libpq(r" host = h password='it\'s \\ ' x=a\ b y=")),
            [("host", "h"), ("password", r"it's \ "), ("x", "a b"), ("y", "")]
        );
        assert_eq!(
            shown(&quoted(r#";A b = "x;""y""" ; c='it''s';d=e"f;"#)),
            [("A b", "x;\"y\""), ("c", "it's"), ("d", "e\"f")]
        );
        assert_eq!(
            shown(&braced("a={x;}}y};b=c'd;e={}")),
            [("a", "x;}y"), ("b", "c'd"), ("e", "")]
        );
        assert_eq!(shown(&plain("a={x;b=1")), [("a", "{x"), ("b", "1")]);
        assert_eq!(shown(&query("a=1&&b=", '&', false)), [("a", "1"), ("b", "")]);
    }

    #[test]
    fn values_stand_where_they_are_said_to() {
        for (text, pairs) in [
            ("host=h password='a b'", libpq("host=h password='a b'")),
            ("a=1; b = {x;y} ;c=", braced("a=1; b = {x;y} ;c=")),
            ("a=1&b=2", query("a=1&b=2", '&', false)),
        ] {
            for pair in pairs.unwrap() {
                assert!(text[pair.raw.clone()].contains(pair.value.as_ref()), "{pair:?}");
                assert!(text[pair.whole.clone()].starts_with(pair.key), "{pair:?}");
                assert!(pair.whole.end == pair.raw.end, "{pair:?}");
            }
        }
    }

    #[test]
    fn what_is_malformed_is_told() {
        for (found, trouble) in [
            (libpq("host"), Trouble::NoEquals),
            (libpq("a b=c"), Trouble::NoEquals),
            (libpq("=b"), Trouble::NoKey),
            (libpq("a='b"), Trouble::Unclosed),
            (libpq(r"a='b\'"), Trouble::Unclosed),
            (libpq("a='"), Trouble::Unclosed),
            (libpq("a='b'c=d"), Trouble::AfterQuote),
            (quoted("a=b;c"), Trouble::NoEquals),
            (quoted("a='b"), Trouble::Unclosed),
            (quoted("a='b'c;"), Trouble::AfterQuote),
            (quoted("=b"), Trouble::NoKey),
            (braced("a={b}}"), Trouble::Unclosed),
            (braced("pwd='b'"), Trouble::OtherQuote),
            (quoted("pwd={b}"), Trouble::OtherQuote),
            (plain("password=\"b"), Trouble::OtherQuote),
            (libpq("password=\"b\""), Trouble::OtherQuote),
            (query("a", '&', false), Trouble::NoEquals),
            (query("=a", '&', true), Trouble::NoKey),
            (plain(&"a=b;".repeat(MOST_PAIRS + 1)).map(|_| vec![]), Trouble::TooMany),
        ] {
            assert_eq!(found, Err(trouble));
        }
    }
}
