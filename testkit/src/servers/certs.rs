//! Certificates for a server's TLS, made with the `openssl` command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::error::{Error, at};
use super::tool;

const CONFIG: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
";

/// The certificates of one server. The files live as long as the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    dir: PathBuf,
}

impl Tls {
    /// The certificate of the authority that signed the server's, in PEM. The server's is good for
    /// `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The certificate of another authority, which signed nothing, in PEM.
    #[must_use]
    pub fn wrong_ca_file(&self) -> PathBuf {
        self.dir.join("wrong-ca.pem")
    }

    pub(super) fn cert_file(&self) -> PathBuf {
        self.dir.join("server.pem")
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.dir.join("server.key")
    }

    /// Makes two authorities and a server certificate in `dir`, which must not exist. The
    /// server's key belongs to `account`.
    pub(super) fn make(dir: PathBuf, account: Account) -> Result<Self, Error> {
        let openssl = tool::need("openssl", "openssl")?;
        fs::create_dir(&dir).map_err(at("making", &dir))?;
        let config = dir.join("openssl.cnf");
        fs::write(&config, CONFIG).map_err(at("writing", &config))?;
        let run = |args: &[&str]| {
            let mut command = Command::new(&openssl);
            // The configuration of the system must not add to ours.
            tool::run(command.args(args).current_dir(&dir).env("OPENSSL_CONF", &config)).map(drop)
        };
        let key = |file: &str| {
            run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", file])
        };
        for (name, subject) in
            [("ca", "/CN=Wellspring test CA"), ("wrong-ca", "/CN=Wellspring other CA")]
        {
            let (key_file, cert_file) = (format!("{name}.key"), format!("{name}.pem"));
            key(&key_file)?;
            run(&[
                "req",
                "-x509",
                "-new",
                "-sha256",
                "-days",
                "3650",
                "-subj",
                subject,
                "-extensions",
                "authority",
                "-key",
                &key_file,
                "-out",
                &cert_file,
            ])?;
        }
        key("server.key")?;
        run(&[
            "req",
            "-new",
            "-key",
            "server.key",
            "-subj",
            "/CN=localhost",
            "-out",
            "server.csr",
        ])?;
        run(&[
            "x509",
            "-req",
            "-sha256",
            "-days",
            "3650",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "1",
            "-extfile",
            "openssl.cnf",
            "-extensions",
            "server",
            "-out",
            "server.pem",
        ])?;
        let tls = Self { dir };
        tls.protect(&tls.key_file(), account)?;
        Ok(tls)
    }

    fn protect(&self, key: &Path, account: Account) -> Result<(), Error> {
        fs::set_permissions(key, Permissions::from_mode(0o600)).map_err(at("protecting", key))?;
        account.own(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_signed_by_the_one_authority_and_not_by_the_other() {
        let temp = tempfile::tempdir().unwrap();
        let tls = match Tls::make(temp.path().join("tls"), Account::Own) {
            Err(error) if error.is_missing() => return println!("skipped: {error}"),
            made => made.unwrap(),
        };
        let verify = |ca: &Path, name: &[&str]| {
            let mut openssl = Command::new("openssl");
            openssl.args(["verify", "-purpose", "sslserver"]).args(name).arg("-CAfile").arg(ca);
            tool::run(openssl.arg(tls.cert_file()))
        };
        verify(&tls.ca_file(), &["-verify_hostname", "localhost"]).unwrap();
        verify(&tls.ca_file(), &["-verify_ip", "127.0.0.1"]).unwrap();
        verify(&tls.ca_file(), &["-verify_hostname", "example.org"]).unwrap_err();
        verify(&tls.wrong_ca_file(), &[]).unwrap_err();
        let mode = fs::metadata(tls.key_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
