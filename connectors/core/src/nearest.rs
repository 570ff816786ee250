//! Finds the known name somebody probably meant.

/// The name among `known` closest to `name`, if a typing error could have made one of the other (at
/// most a third of it differs), else one that begins with `name`. For errors that refuse an unknown option, parameter or scheme.
///
/// ```
/// use wellspring_connector::nearest;
///
/// assert_eq!(nearest("buzy_timeout", ["mode", "busy_timeout"]), Some("busy_timeout"));
/// assert_eq!(nearest("colour", ["mode", "busy_timeout"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    let rank = |candidate: &'a str| match distance(name, candidate) {
        distance if distance <= limit => Some(distance),
        _ if name.len() >= 3 && candidate.starts_with(name) => Some(usize::MAX),
        _ => None,
    };
    known
        .into_iter()
        .filter_map(|candidate| Some((rank(candidate)?, candidate)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, deleted or replaced, case aside.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    // One row of the table of distances between prefixes.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_found_and_other_words_are_not() {
        let known = ["name", "born", "user_id"];
        for (typed, meant) in [
            ("nmae", Some("name")),
            ("Name", Some("name")),
            ("userid", Some("user_id")),
            ("bron", Some("born")),
            ("user", Some("user_id")),
            ("us", None),
            ("total", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
