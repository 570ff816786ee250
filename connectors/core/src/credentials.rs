//! Credentials that are asked for at each connect.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;

use crate::{Error, ErrorKind, Result, Secret};

/// Gives the credentials of each new connection: for tokens that live shortly, and passwords that
/// change while the program runs.
///
/// It is asked within the pool's `connect_timeout`, and dropped when that is over. An error fails the
/// attempt to connect, which is repeated as its kind says:
/// [`ConnectRefused`](crate::ErrorKind::ConnectRefused) is tried again,
/// [`ConnectAuth`](crate::ErrorKind::ConnectAuth) is not. A panic is an error of the kind
/// [`Other`](crate::ErrorKind::Other). Keep a token yourself as long as it is good: a pool that fills up
/// asks for each connection. A driver that stops a statement from a connection of its own (MySQL's
/// `kill query`) asks for that, too.
///
/// Ready-made: [`PasswordFile`](crate::PasswordFile) and [`SharedPassword`](crate::SharedPassword).
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

#[async_trait]
impl<P: CredentialProvider + ?Sized> CredentialProvider for Arc<P> {
    async fn credentials(&self) -> Result<Credentials> {
        (**self).credentials().await
    }
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

    /// The credentials to connect with now, for a connector that is about to: what `provider` says, and
    /// these, which are those of the URL, where it says nothing or is none.
    ///
    /// ```
    /// use wellspring_connector::{Credentials, SharedPassword};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring_connector::Result<()> {
    /// let of_the_url = Credentials::password("old").user("shop");
    /// let current = SharedPassword::new("new");
    /// let now = of_the_url.renewed(Some(&current)).await?;
    /// assert_eq!(now, Credentials::password("new").user("shop"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The provider's, which begins with `credentials: ` then; [`ErrorKind::Other`] when it panics.
    ///
    /// # Cancel safety
    /// The provider's future is dropped with this one.
    pub async fn renewed(self, provider: Option<&dyn CredentialProvider>) -> Result<Self> {
        let Some(provider) = provider else { return Ok(self) };
        let now = ask(provider).await.map_err(|error| error.context("credentials"))?;
        Ok(Self { user: now.user.or(self.user), password: now.password.or(self.password) })
    }
}

/// Asks, with a net for panics: they come from somebody else's code, and the caller may hold a
/// connection with a statement in flight.
async fn ask(provider: &dyn CredentialProvider) -> Result<Credentials> {
    let asked = catch_unwind(AssertUnwindSafe(|| provider.credentials()));
    let mut asked = asked.map_err(|_| panicked())?;
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| asked.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    })
    .await
}

/// What it said may hold a secret: the panic hook has it.
fn panicked() -> Error {
    Error::new(ErrorKind::Other, "the provider panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a provider does when it is asked.
    #[derive(Debug)]
    enum Scripted {
        Panics,
        PanicsLater,
        Fails,
        Names(&'static str),
    }

    impl CredentialProvider for Scripted {
        fn credentials<'a, 'f>(
            &'a self,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<Credentials>> + Send + 'f>>
        where
            'a: 'f,
            Self: 'f,
        {
            if let Self::Panics = self {
                panic!("canary");
            }
            Box::pin(async move {
                tokio::task::yield_now().await;
                match self {
                    Self::Fails => Err(Error::new(ErrorKind::ConnectRefused, "no vault")),
                    Self::Names(user) => {
                        Ok(Credentials { user: Some((*user).to_owned()), password: None })
                    }
                    _ => panic!("canary"),
                }
            })
        }
    }

    #[tokio::test]
    async fn what_is_not_given_is_the_urls() {
        let url = Credentials::password("pw").user("ada");
        assert_eq!(url.clone().renewed(None).await.unwrap(), url);
        let renewed = url.clone().renewed(Some(&Scripted::Names("eve"))).await.unwrap();
        assert_eq!(renewed, Credentials::password("pw").user("eve"));
        let shared: Arc<dyn CredentialProvider> = Arc::new(Scripted::Names("eve"));
        assert_eq!(url.renewed(Some(&shared)).await.unwrap(), renewed);
    }

    #[tokio::test]
    async fn failures_and_panics_are_errors_that_say_whose_they_are() {
        for (provider, kind, text) in [
            (Scripted::Fails, ErrorKind::ConnectRefused, "credentials: no vault"),
            (Scripted::Panics, ErrorKind::Other, "credentials: the provider panicked"),
            (Scripted::PanicsLater, ErrorKind::Other, "credentials: the provider panicked"),
        ] {
            let url = Credentials::password("canary");
            let error = url.renewed(Some(&provider)).await.unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
