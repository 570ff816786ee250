//! `${NAME}` in the texts of files.

use crate::Problem;
use crate::node::{Node, Value};
use crate::variables::Variables;

/// Puts variables in place of `${NAME}` in every text of `node` that was written into a document: `${NAME:-text}` has another text for
/// when there is none, `$${` stands for `${` itself.
pub(crate) fn expand(node: &mut Node, key: &str, from: &Variables, problems: &mut Vec<Problem>) {
    match &mut node.value {
        // What a variable holds is taken as it is.
        Value::Text(text) if !node.loose && text.contains("${") => match expanded(text, from) {
            Ok(new) => {
                *text = new;
                // Where a number is wanted, this is how one comes from a variable.
                node.loose = true;
            }
            Err(wrong) => {
                problems.push(Problem { message: wrong, ..Problem::new(&node.origin, key, "") })
            }
        },
        Value::List(all) => all.iter_mut().for_each(|one| expand(one, key, from, problems)),
        Value::Table(table) => {
            for (inner, node) in &mut table.0 {
                expand(node, &join(key, &inner.name), from, problems);
            }
        }
        _ => {}
    }
}

/// `outer.inner`.
pub(crate) fn join(outer: &str, inner: &str) -> String {
    match outer {
        "" => inner.to_owned(),
        outer => format!("{outer}.{inner}"),
    }
}

/// The text itself may be a secret: it is not repeated in what is wrong.
fn expanded(text: &str, from: &Variables) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(escaped) = rest[..at].strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else {
            return Err("`${` without its `}`; `$${` stands for `${` itself".to_owned());
        };
        let (name, otherwise) = match inner[..end].split_once(":-") {
            Some((name, text)) => (name, Some(text)),
            None => (&inner[..end], None),
        };
        if !is_name(name) {
            return Err("what `${…}` names is no variable: expected letters, digits and `_`; \
                        `$${` stands for `${` itself"
                .to_owned());
        }
        match (from.get_even_empty(name).map_err(|problem| problem.to_string())?, otherwise) {
            (Some(""), Some(text)) | (None, Some(text)) => out.push_str(text),
            (Some(value), _) => out.push_str(value),
            (None, None) => {
                return Err(format!(
                    "the variable {name} is not set; `${{{name}:-text}}` has a text for that"
                ));
            }
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_the_place_of_their_names() {
        let mut from = Variables::default();
        from.set("HOST".to_owned(), "db1".to_owned());
        from.set("_x1".to_owned(), "${HOST}".to_owned());
        from.set("EMPTY".to_owned(), String::new());
        for (text, expected) in [
            ("a ${HOST} b", Ok("a db1 b")),
            ("${HOST}${HOST}", Ok("db1db1")),
            // What a variable holds is not looked at again.
            ("${_x1}", Ok("${HOST}")),
            ("$${HOST}", Ok("${HOST}")),
            ("$HOST $ {", Ok("$HOST $ {")),
            ("${EMPTY}", Ok("")),
            ("${EMPTY:-none}", Ok("none")),
            ("${NONE:-a:-b}", Ok("a:-b")),
            ("${NONE:-}", Ok("")),
            ("${NONE}", Err("the variable NONE is not set")),
            ("${HOST", Err("without its `}`")),
            ("${}", Err("no variable")),
            ("${1x}", Err("no variable")),
            ("${a-b}", Err("no variable")),
        ] {
            match (expanded(text, &from), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
                (Err(got), Err(expected)) => assert!(got.contains(expected), "{text}: {got}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
