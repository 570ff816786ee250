//! Credentials that are asked for at each connect.

use std::fmt;

use async_trait::async_trait;

use crate::{Result, Secret};

/// Gives the credentials of each new connection: for tokens that live shortly, and passwords that
/// change while the program runs.
///
/// It is asked within the pool's `connect_timeout`. An error fails the attempt to connect, which is
/// repeated as its kind says: [`ConnectRefused`](crate::ErrorKind::ConnectRefused) is tried again,
/// [`ConnectAuth`](crate::ErrorKind::ConnectAuth) is not. Keep a token yourself as long as it
/// is good: a pool that fills up asks for each connection.
///
/// ```
/// use wellspring_connector::{CredentialProvider, Credentials, Result, Secret};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[async_trait::async_trait]
/// impl CredentialProvider for Vault {
///     async fn credentials(&self) -> Result<Credentials> {
///         let token = Secret::from("fetched just now");
///         Ok(Credentials::password(token).user("shop"))
///     }
/// }
/// ```
#[async_trait]
pub trait CredentialProvider: fmt::Debug + Send + Sync + 'static {
    /// The credentials to connect with now.
    ///
    /// # Errors
    /// Why there are none; without a secret in its text.
    async fn credentials(&self) -> Result<Credentials>;
}

/// Who connects, and what proves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The user; `None` is the one of the URL.
    pub user: Option<String>,
    /// The password or token; `None` is the one of the URL, if it has one.
    pub password: Option<Secret>,
}

impl Credentials {
    /// A password or a token for the user of the URL.
    pub fn password(password: impl Into<Secret>) -> Self {
        Self { user: None, password: Some(password.into()) }
    }

    /// The user, in place of that of the URL.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }
}
