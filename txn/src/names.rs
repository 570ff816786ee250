//! The names of the savepoints that are set by name.

use wellspring_connector::{Error, ErrorKind, Result};

/// The longest name every database takes.
const LONGEST: usize = 63;

/// What the savepoints of this crate are called.
const OURS: &str = "wellspring_";

/// The names that are taken, outermost first, and which of them a `Tx` may use: those it set itself.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: Vec<Box<str>>,
    /// Those before belong to scopes around.
    own: usize,
}

impl Names {
    /// The names for a scope inside, which is called `name`.
    pub(crate) fn of_scope(&self, name: Option<&str>) -> Self {
        let taken: Vec<_> = self.taken.iter().cloned().chain(name.map(Box::from)).collect();
        Self { own: taken.len(), taken }
    }

    /// Checks that `name` is one, and free. MySQL would move a savepoint of the same name, others
    /// would hide it, and they do not agree on the case of letters.
    pub(crate) fn check_new(&self, name: &str) -> Result<()> {
        check(name)?;
        if self.taken.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("a savepoint {name:?} is set already; release it first"),
            ));
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, name: &str) {
        self.taken.push(name.into());
    }

    /// The place of a savepoint, and its name as it was set.
    pub(crate) fn find(&self, name: &str) -> Result<(usize, Box<str>)> {
        let own = &self.taken[self.own.min(self.taken.len())..];
        match own.iter().position(|own| own.eq_ignore_ascii_case(name)) {
            Some(at) => Ok((self.own + at, own[at].clone())),
            None => {
                let set = match own {
                    [] => "none is set".to_owned(),
                    own => format!("set are {}", own.join(", ")),
                };
                Err(Error::new(
                    ErrorKind::Usage,
                    format!("there is no savepoint {name:?} here: {set}"),
                ))
            }
        }
    }

    /// Forgets all but the first `length` names.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.taken.truncate(length);
    }
}

/// Checks that `name` can name a savepoint on every database.
fn check(name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let begins = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    let ours = name.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS));
    if plain && begins && !ours && name.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Usage,
        format!(
            "{name:?} is no name for a savepoint: letters of ASCII, digits and `_`, not beginning \
             with a digit or `{OURS}`, up to {LONGEST} characters"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let longest = "a".repeat(63);
        for good in ["a", "_", "A_1", "wellspring", &longest] {
            check(good).unwrap();
        }
        let long = "a".repeat(64);
        for bad in ["", "1a", "a b", "a\"b", "ä", "a;", "wellspring_1", "Wellspring_x", &long] {
            assert_eq!(check(bad).unwrap_err().kind(), ErrorKind::Usage, "{bad}");
        }
    }

    #[test]
    fn a_scope_uses_its_own_names_and_takes_no_other() {
        let mut outer = Names::default();
        outer.push("a");
        let mut inner = outer.of_scope(Some("scope"));
        for taken in ["a", "A", "scope"] {
            assert_eq!(inner.check_new(taken).unwrap_err().kind(), ErrorKind::Usage);
            assert_eq!(inner.find(taken).unwrap_err().kind(), ErrorKind::Usage);
        }
        inner.push("b");
        inner.push("c");
        assert_eq!(inner.find("B").unwrap(), (2, "b".into()));
        let error = inner.find("d").unwrap_err();
        assert!(error.message().ends_with("set are b, c"), "{error}");
        inner.truncate(3);
        assert!(inner.find("c").is_err());
        assert_eq!(outer.find("a").unwrap(), (0, "a".into()));
    }
}
