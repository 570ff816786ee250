//! What stands for TLS where it is not compiled in: nothing, said clearly.

use mysql_async::SslOpts;
use wellspring_connector::{Error, ErrorKind, Result};

use crate::options::{MySqlOptions, SslMode};

/// Nothing for connections without TLS, an error for others.
pub(crate) fn settings(options: &MySqlOptions) -> Result<Option<SslOpts>> {
    match options.effective_ssl_mode() {
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
