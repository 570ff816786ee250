//! The environment, that of the process or another.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use crate::{Origin, Problem};

/// Variables by name.
#[derive(Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Those of the process. Names that are not UTF-8 are nobody's here.
    pub(crate) fn of_process() -> Self {
        let named =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self(named.collect())
    }

    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, value.into());
    }

    /// The text of a variable; `None` if it is not set. One that is empty counts as not set.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
                None => Err(Problem::new(&Origin::variable(name), "", "is not UTF-8")),
            },
        }
    }

    /// As [`get`](Self::get), where an empty text is one.
    pub(crate) fn get_even_empty(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            Some(value) if value.is_empty() => Ok(Some("")),
            _ => self.get(name),
        }
    }

    /// Whether there is something in a variable, be it UTF-8 or not.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_empty())
    }

    /// The names that begin with `prefix`.
    pub(crate) fn beginning(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let prefix = prefix.to_owned();
        self.0
            .range::<String, _>(prefix.clone()..)
            .map(|(name, _)| name.as_str())
            .take_while(move |name| name.starts_with(&prefix))
    }
}

/// The names alone.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
