//! TLS by rustls: whom to trust, whose name to check, who we are.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha2::Digest;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use wellspring_connector::{Error, ErrorKind, Result};

use crate::options::{SslMode, TlsOptions};

/// How connections of one connector are secured.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    own_roots: bool,
}

impl Tls {
    /// What `options` ask for; `None` for no TLS. Reads the certificates.
    pub(crate) fn new(mode: SslMode, options: &TlsOptions) -> Result<Option<Self>> {
        // Never the process's default provider, which may be missing or somebody else's.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match mode {
            SslMode::Disable => return Ok(None),
            SslMode::Require => {
                tracing::warn!(
                    "sslmode=require encrypts without checking who the server is; \
                     verify-full checks"
                );
                Arc::new(Unchecked(provider.clone()))
            }
            SslMode::VerifyCa => {
                Arc::new(AnyName(chain(options.ca_file.as_deref(), provider.clone())?))
            }
            SslMode::VerifyFull => chain(options.ca_file.as_deref(), provider.clone())?,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| config(format!("TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&options.client_cert, &options.client_key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let certificates = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| config(format!("sslkey: {}: {error}", key.display())))?;
                builder.with_client_auth_cert(certificates, key).map_err(|error| {
                    config(format!("sslcert and sslkey do not fit together: {error}"))
                })?
            }
            _ => return Err(config("sslcert and sslkey are needed together".to_owned())),
        };
        Ok(Some(Self { config: Arc::new(config), own_roots: options.ca_file.is_some() }))
    }

    /// The handshake.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tokio_rustls::TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }

    /// What may help against `error`.
    pub(crate) fn hint(&self, error: &io::Error) -> &'static str {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => "; `sslmode=verify-ca` does not check the name",
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if !self.own_roots =>
            {
                "; `sslrootcert=FILE` names the authority that signed the server's certificate"
            }
            _ => "",
        }
    }
}

/// Checks that an authority we trust signed the certificate, and the name.
fn chain(
    ca_file: Option<&Path>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let roots = match ca_file {
        None => platform_roots()?,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("sslrootcert", path)? {
                roots
                    .add(certificate)
                    .map_err(|error| config(format!("sslrootcert: {}: {error}", path.display())))?;
            }
            Arc::new(roots)
        }
    };
    WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| config(format!("TLS: {error}")))
}

/// The authorities this machine trusts, read once.
fn platform_roots() -> Result<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(Error::new(
            ErrorKind::ConnectTls,
            format!(
                "this machine has no certificates of authorities to check the server's by{why}; \
                 install them (Debian: ca-certificates), or name a file with `sslrootcert`"
            ),
        ));
    }
    tracing::debug!(added, ignored, "read the machine's certificates of authorities");
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |why: String| config(format!("{option}: {}: {why}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(|iter| iter.collect::<std::result::Result<Vec<_>, _>>())
        .map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Checks everything but the name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

/// Checks only that the server has the key of the certificate it shows.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is checked last, when everything else was right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The hash of the server's certificate that channel binding uses (RFC 5929, `tls-server-end-point`):
/// by the hash function of the certificate's own signature, SHA-256 where that is weaker. `None`
/// where the signature has no hash function of its own.
pub(crate) fn server_end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    let (whole, _) = der(certificate)?;
    let (_, after_tbs) = der(whole)?;
    let (algorithm, _) = der(after_tbs)?;
    let (oid, _) = der(algorithm)?;
    let number = |prefix: &[u8]| oid.strip_prefix(prefix).and_then(|rest| rest.first()).copied();
    match (number(RSA), number(ECDSA)) {
        // md5, sha1, sha256 with RSA; sha256 with ECDSA.
        (Some(4 | 5 | 11), _) | (_, Some(2)) => Some(sha2::Sha256::digest(certificate).to_vec()),
        (Some(12), _) | (_, Some(3)) => Some(sha2::Sha384::digest(certificate).to_vec()),
        (Some(13), _) | (_, Some(4)) => Some(sha2::Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// The content of the first element of `bytes`, and what comes after it.
fn der(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)), rest)
    };
    rest.split_at_checked(length)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("own_roots", &self.own_roots).finish_non_exhaustive()
    }
}
