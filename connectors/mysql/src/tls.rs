//! TLS: whom to trust, whose name to check, who we are.

use mysql_async::{ClientIdentity, SslOpts};
use wellspring_connector::{Error, ErrorKind, Result};

use crate::options::{MySqlOptions, SslMode};

/// What the driver is told of TLS; `None` for none.
pub(crate) fn settings(options: &MySqlOptions) -> Result<Option<SslOpts>> {
    let mode = options.effective_ssl_mode();
    let mut ssl = SslOpts::default().with_disable_built_in_roots(true);
    match mode {
        SslMode::Disable => return Ok(None),
        SslMode::Require => {
            tracing::warn!(
                "sslmode=require encrypts without checking who the server is; verify-full checks"
            );
            ssl = ssl.with_danger_accept_invalid_certs(true);
        }
        SslMode::VerifyCa => ssl = ssl.with_danger_skip_domain_validation(true),
        SslMode::VerifyFull => {}
    }
    // The driver takes the process's provider of cryptography, and panics when there are several to
    // choose from and none was chosen: ring it is, unless the program has made its choice.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _chosen_meanwhile = rustls::crypto::ring::default_provider().install_default();
    }
    let roots = match &options.ca_file {
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|error| config(format!("sslrootcert: {}: {error}", path.display())))?;
            vec![pem.into()]
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                return Err(Error::new(
                    ErrorKind::ConnectTls,
                    "this machine has no certificates of authorities to check the server's by; \
                     install them (Debian: ca-certificates), or name a file with `sslrootcert`",
                ));
            }
            found.certs.iter().map(|certificate| certificate.to_vec().into()).collect()
        }
    };
    ssl = ssl.with_root_certs(roots);
    if let (Some(certificate), Some(key)) = (&options.client_cert, &options.client_key) {
        for (option, path) in [("sslcert", certificate), ("sslkey", key)] {
            std::fs::metadata(path)
                .map_err(|error| config(format!("{option}: {}: {error}", path.display())))?;
        }
        ssl = ssl.with_client_identity(Some(ClientIdentity::new(
            certificate.clone().into(),
            key.clone().into(),
        )));
    }
    Ok(Some(ssl))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
