//! What stands for TLS where it is not compiled in: nothing, said clearly.

use std::convert::Infallible;
use std::io;

use tokio::net::TcpStream;
use wellspring_connector::{Error, ErrorKind, Result};

use crate::options::{SslMode, TlsOptions};

/// There is none.
#[derive(Debug, Clone)]
pub(crate) struct Tls(Infallible);

impl Tls {
    /// Nothing for connections without TLS, an error for others.
    pub(crate) fn new(mode: SslMode, _: &TlsOptions) -> Result<Option<Self>> {
        match mode {
            SslMode::Disable => Ok(None),
            mode => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "TLS is wanted ({mode:?}; the default for remote hosts is VerifyFull) and not \
                     compiled in: enable the Cargo feature `tls`, or set `sslmode=disable`"
                ),
            )),
        }
    }

    pub(crate) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<TcpStream> {
        match self.0 {}
    }

    pub(crate) fn hint(&self, _: &io::Error) -> &'static str {
        match self.0 {}
    }
}
