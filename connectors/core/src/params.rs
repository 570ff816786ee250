//! Parameters of a statement: by position or by name.

use std::borrow::Cow;
use std::fmt;

use crate::{Value, ValueKind};

/// The parameters of one statement.
///
/// `Debug` shows kinds and names, never values: they may be secrets.
///
/// ```
/// use wellspring_connector::{Params, params};
///
/// let by_name = params! { name: "Ada", born: 1815 };
/// assert_eq!(by_name.len(), 2);
/// assert_eq!(format!("{by_name:?}"), "Named({name: text, born: i32})");
/// assert_eq!(format!("{:?}", params!["Ada", 1815]), "Positional([text, i32])");
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Params {
    /// One value for each placeholder, in order.
    Positional(Vec<Value>),
    /// One value for each name.
    Named(Vec<(Cow<'static, str>, Value)>),
}

impl Params {
    /// No parameters.
    pub const fn none() -> Self {
        Self::Positional(Vec::new())
    }

    /// Parameters by position.
    pub fn positional<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Positional(values.into_iter().map(Into::into).collect())
    }

    /// Parameters by name. Which of two values of one name counts is not guessed: binding fails.
    pub fn named<N: Into<Cow<'static, str>>, T: Into<Value>>(
        values: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        Self::Named(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Positional(values) => values.len(),
            Self::Named(values) => values.len(),
        }
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Writes a kind bare, as its `Display`.
        struct Shown(ValueKind, bool);
        impl fmt::Debug for Shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.1 { write!(f, "null {}", self.0) } else { write!(f, "{}", self.0) }
            }
        }
        struct Name<'a>(&'a str);
        impl fmt::Debug for Name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        let shown = |value: &Value| Shown(value.kind(), value.is_null());
        match self {
            Self::Positional(values) => {
                f.write_str("Positional(")?;
                f.debug_list().entries(values.iter().map(shown)).finish()?;
            }
            Self::Named(values) => {
                f.write_str("Named(")?;
                let entries = values.iter().map(|(name, value)| (Name(name), shown(value)));
                f.debug_map().entries(entries).finish()?;
            }
        }
        f.write_str(")")
    }
}

/// What can be given as the parameters of a statement.
///
/// - `()`: none.
/// - tuples of up to 16 elements: `(1, "Ada", None::<i64>)`; a single one is `(1,)`.
/// - arrays, slices and vectors of one type: `[1, 2, 3]`.
/// - [`params!`](crate::params): by name, or by position without a limit.
pub trait IntoParams {
    /// The parameters.
    fn into_params(self) -> Params;
}

impl IntoParams for Params {
    fn into_params(self) -> Params {
        self
    }
}

impl IntoParams for &Params {
    fn into_params(self) -> Params {
        self.clone()
    }
}

impl IntoParams for () {
    fn into_params(self) -> Params {
        Params::none()
    }
}

impl<T: Into<Value>> IntoParams for Vec<T> {
    fn into_params(self) -> Params {
        Params::positional(self)
    }
}

impl<T: Into<Value> + Clone> IntoParams for &Vec<T> {
    fn into_params(self) -> Params {
        self.as_slice().into_params()
    }
}

impl<T: Into<Value> + Clone> IntoParams for &[T] {
    fn into_params(self) -> Params {
        Params::positional(self.iter().cloned())
    }
}

impl<T: Into<Value>, const N: usize> IntoParams for [T; N] {
    fn into_params(self) -> Params {
        Params::positional(self)
    }
}

impl<T: Into<Value> + Clone, const N: usize> IntoParams for &[T; N] {
    fn into_params(self) -> Params {
        self.as_slice().into_params()
    }
}

/// Implements [`IntoParams`] for the tuple of all names, then for the tuple without the first.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: Into<Value>, $($rest: Into<Value>),*> IntoParams for ($first, $($rest,)*) {
            #[allow(non_snake_case, reason = "the type parameters name the elements")]
            fn into_params(self) -> Params {
                let ($first, $($rest,)*) = self;
                Params::Positional(vec![$first.into(), $($rest.into()),*])
            }
        }
        tuples!($($rest)*);
    };
}

tuples!(A B C D E F G H I J K L M N O P);

/// Builds [`Params`]: `params! { name: value, "other name": value }` by name, `params![a, b]` by
/// position.
///
/// Every value is anything that converts into a [`Value`]. A lone variable stands
/// for itself by position; to bind it by name, name it: `params! { id: id }`.
///
/// ```
/// use wellspring_connector::{Params, Value, params};
///
/// let by_name = params! { id: 7, "full name": "Ada" };
/// assert_eq!(by_name, Params::named([("id", Value::from(7)), ("full name", "Ada".into())]));
/// assert!(params![].is_empty());
/// ```
#[macro_export]
macro_rules! params {
    () => { $crate::Params::none() };
    ($($name:tt : $value:expr),+ $(,)?) => {
        $crate::Params::Named(::std::vec![
            $($crate::params!(@pair $name, $value)),+
        ])
    };
    (@pair $name:ident, $value:expr) => {
        (::std::borrow::Cow::Borrowed(::std::stringify!($name)), $crate::Value::from($value))
    };
    (@pair $name:literal, $value:expr) => {
        (::std::borrow::Cow::Borrowed($name), $crate::Value::from($value))
    };
    ($($value:expr),+ $(,)?) => {
        $crate::Params::Positional(::std::vec![$($crate::Value::from($value)),+])
    };
}
