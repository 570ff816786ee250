//! User code the pool runs around a connection's life: after connect, before hand-out, on release.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::ConnectionInfo;

/// A boxed future, as hooks return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A hook: may look at and use the connection. An error closes the connection.
pub(crate) type Hook<C, E> =
    Box<dyn for<'c> Fn(&'c mut C, ConnectionInfo) -> BoxFuture<'c, Result<(), E>> + Send + Sync>;

/// Says of a returned connection whether it has been used enough.
pub(crate) type Retire = Box<dyn Fn(&ConnectionInfo) -> bool + Send + Sync>;

/// The hooks of a pool.
pub(crate) struct Hooks<C, E> {
    /// After a connection was opened, within `connect_timeout`.
    pub(crate) after_connect: Option<Hook<C, E>>,
    /// Before an idle connection is handed out, within `validation_timeout`.
    pub(crate) before_acquire: Option<Hook<C, E>>,
    /// When a connection comes back, after its reset, within `reset_timeout`.
    pub(crate) after_release: Option<Hook<C, E>>,
    /// When a connection comes back, at once.
    pub(crate) retire_when: Option<Retire>,
}

impl<C, E> Default for Hooks<C, E> {
    fn default() -> Self {
        Self { after_connect: None, before_acquire: None, after_release: None, retire_when: None }
    }
}

impl<C, E> fmt::Debug for Hooks<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("after_connect", &self.after_connect.is_some())
            .field("before_acquire", &self.before_acquire.is_some())
            .field("after_release", &self.after_release.is_some())
            .field("retire_when", &self.retire_when.is_some())
            .finish()
    }
}
