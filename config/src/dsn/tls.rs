//! What the keys about TLS say together: one of four modes.

use wellspring_connector::Result;

use super::error::{bad_value, disagree};
use super::kind::Kind;

/// How much TLS there is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// What a key says about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// A mode, by one of its many names.
    Mode,
    /// Whether there is TLS at all.
    Encrypt,
    /// Whether there is none.
    NoEncrypt,
    /// Whether a certificate is taken from whoever shows it.
    Trust,
    /// Whether it must come from a trusted authority.
    Verify,
    /// Whether it must name the host.
    HostName,
    /// Whether it need not name the host.
    NoHostName,
    /// A switch or a mode, as some drivers have it.
    SwitchOrMode,
}

/// What has been said so far, and by which key.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    mode: Option<(String, Mode)>,
    encrypt: Option<(String, bool)>,
    trust: Option<(String, bool)>,
    host_name: Option<(String, bool)>,
}

const ABOUT: &str = "TLS";
const MODES: &str = "verify-full, verify-ca, require or disable";

impl Tls {
    pub(crate) fn is_empty(&self) -> bool {
        self.mode.is_none()
            && self.encrypt.is_none()
            && self.trust.is_none()
            && self.host_name.is_none()
    }

    /// Takes down what `key` says.
    pub(crate) fn say(&mut self, kind: Kind, key: &str, value: &str, fact: Fact) -> Result<()> {
        match fact {
            Fact::Mode => set(kind, &mut self.mode, key, mode(kind, key, value)?),
            Fact::SwitchOrMode => match switch(value) {
                Some(on) => set(kind, &mut self.encrypt, key, on),
                None => set(kind, &mut self.mode, key, mode(kind, key, value)?),
            },
            Fact::Encrypt => set(kind, &mut self.encrypt, key, on(kind, key, value)?),
            Fact::NoEncrypt => set(kind, &mut self.encrypt, key, !on(kind, key, value)?),
            Fact::Trust => set(kind, &mut self.trust, key, on(kind, key, value)?),
            Fact::Verify => set(kind, &mut self.trust, key, !on(kind, key, value)?),
            Fact::HostName => set(kind, &mut self.host_name, key, on(kind, key, value)?),
            Fact::NoHostName => set(kind, &mut self.host_name, key, !on(kind, key, value)?),
        }
    }

    /// There is to be TLS, since `key` says something that has no sense without.
    pub(crate) fn implied_by(&mut self, key: &str) {
        self.encrypt.get_or_insert_with(|| (key.to_owned(), true));
    }

    /// The certificate is taken from whoever shows it, says `key`.
    pub(crate) fn trusted_by(&mut self, kind: Kind, key: &str) -> Result<()> {
        set(kind, &mut self.trust, key, true)
    }

    /// The mode that all of it means, and the keys that have no meaning in it.
    pub(crate) fn resolve(self, kind: Kind) -> Result<(Option<&'static str>, Vec<String>)> {
        let said = match (&self.mode, &self.encrypt) {
            (Some((a, mode)), Some((b, on))) if (*mode == Mode::Disable) == *on => {
                return Err(disagree(kind, a, b, ABOUT));
            }
            (Some((_, mode)), _) => Some(*mode),
            (None, Some((_, true))) => Some(Mode::VerifyFull),
            (None, Some((_, false))) => Some(Mode::Disable),
            (None, None) => None,
        };
        if said == Some(Mode::Disable) {
            let idle = [self.trust, self.host_name].into_iter().flatten().map(|(key, _)| key);
            return Ok((Some(Mode::Disable.word()), idle.collect()));
        }
        let explicit = self.mode.as_ref().map(|(key, mode)| (key.as_str(), *mode));
        let trusted = match (&self.trust, explicit) {
            (None, _) => said,
            (Some((key, true)), Some((by, Mode::VerifyCa | Mode::VerifyFull))) => {
                return Err(disagree(kind, by, key, ABOUT));
            }
            (Some((_, true)), _) => Some(Mode::Require),
            // The stricter of the two, where a mode that does not check meets the wish to check.
            (Some((_, false)), Some((_, Mode::Require)) | None) => Some(Mode::VerifyFull),
            (Some((_, false)), _) => said,
        };
        let mode = match (&self.host_name, trusted) {
            (None, mode) => mode,
            (Some((key, true)), Some(Mode::Require)) => {
                let by = self.trust.as_ref().map(|(key, _)| key.as_str());
                let by = by.or(explicit.map(|(key, _)| key)).unwrap_or_default();
                return Err(disagree(kind, by, key, ABOUT));
            }
            (Some((key, true)), Some(Mode::VerifyCa)) => {
                let by = explicit.map(|(key, _)| key).unwrap_or_default();
                return Err(disagree(kind, by, key, ABOUT));
            }
            (Some((_, true)), _) => Some(Mode::VerifyFull),
            (Some((key, false)), Some(Mode::VerifyFull)) => match explicit {
                Some((by, Mode::VerifyFull)) => return Err(disagree(kind, by, key, ABOUT)),
                _ => Some(Mode::VerifyCa),
            },
            (Some((_, false)), None) => Some(Mode::VerifyCa),
            (Some((_, false)), mode) => mode,
        };
        Ok((mode.map(Mode::word), Vec::new()))
    }
}

fn set<T: PartialEq>(
    kind: Kind,
    slot: &mut Option<(String, T)>,
    key: &str,
    value: T,
) -> Result<()> {
    match slot {
        Some((by, said)) if *said != value => Err(disagree(kind, by, key, ABOUT)),
        Some(_) => Ok(()),
        None => {
            *slot = Some((key.to_owned(), value));
            Ok(())
        }
    }
}

fn mode(kind: Kind, key: &str, value: &str) -> Result<Mode> {
    let word: String =
        value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match word.as_str() {
        "disable" | "disabled" | "none" | "no" => Ok(Mode::Disable),
        "require" | "required" | "trust" => Ok(Mode::Require),
        "verifyca" => Ok(Mode::VerifyCa),
        "verifyfull" | "verifyidentity" => Ok(Mode::VerifyFull),
        "prefer" | "preferred" | "allow" => {
            let why = "; whether a connection is safe is not left to the server";
            Err(bad_value(kind, key, value, format_args!("{MODES}{why}")))
        }
        _ => Err(bad_value(kind, key, value, MODES)),
    }
}

/// Reads a switch by any of the words there are for on and off.
pub(crate) fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "t" | "y" | "mandatory" | "strict" | "sspi" => Some(true),
        "false" | "no" | "off" | "0" | "f" | "n" | "optional" | "disable" => Some(false),
        _ => None,
    }
}

fn on(kind: Kind, key: &str, value: &str) -> Result<bool> {
    // A key that stands alone is on.
    match value {
        "" => Ok(true),
        _ => switch(value).ok_or_else(|| bad_value(kind, key, value, "true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(facts: &[(&str, &str, Fact)]) -> Result<Option<&'static str>> {
        let mut tls = Tls::default();
        for (key, value, fact) in facts {
            tls.say(Kind::Ado, key, value, *fact)?;
        }
        Ok(tls.resolve(Kind::Ado)?.0)
    }

    #[test]
    fn all_keys_together_are_one_mode() {
        use Fact::{Encrypt, HostName, Mode, NoEncrypt, NoHostName, SwitchOrMode, Trust, Verify};
        for (facts, mode) in [
            (&[][..], None),
            (&[("ssl", "true", Encrypt)], Some("verify-full")),
            (&[("ssl", "", Encrypt)], Some("verify-full")),
            (&[("encrypt", "false", Encrypt)], Some("disable")),
            (&[("ssl_disabled", "1", NoEncrypt)], Some("disable")),
            (&[("encrypt", "strict", Encrypt), ("trust", "no", Trust)], Some("verify-full")),
            (&[("encrypt", "yes", Encrypt), ("trust", "yes", Trust)], Some("require")),
            (&[("encrypt", "no", Encrypt), ("trust", "yes", Trust)], Some("disable")),
            (&[("trust", "yes", Trust)], Some("require")),
            (&[("trust", "no", Trust)], Some("verify-full")),
            (&[("mode", "Require", Mode), ("trust", "no", Trust)], Some("verify-full")),
            (&[("mode", "Require", Mode), ("ssl", "true", Encrypt)], Some("require")),
            (&[("mode", "VERIFY_IDENTITY", Mode)], Some("verify-full")),
            (&[("mode", "VerifyCA", Mode), ("verify", "true", Verify)], Some("verify-ca")),
            (&[("mode", "trust", Mode)], Some("require")),
            (&[("ssl", "on", Encrypt), ("name", "false", HostName)], Some("verify-ca")),
            (&[("name", "true", NoHostName)], Some("verify-ca")),
            (&[("name", "true", HostName)], Some("verify-full")),
            (&[("ssl", "verify-ca", SwitchOrMode)], Some("verify-ca")),
            (&[("ssl", "off", SwitchOrMode)], Some("disable")),
        ] {
            assert_eq!(resolved(facts).unwrap(), mode, "{facts:?}");
        }
    }

    #[test]
    fn contradictions_name_both_keys() {
        use Fact::{Encrypt, HostName, Mode, NoHostName, Trust, Verify};
        for facts in [
            [("a", "disable", Mode), ("b", "true", Encrypt)],
            [("a", "require", Mode), ("b", "false", Encrypt)],
            [("a", "verify-full", Mode), ("b", "true", Trust)],
            [("a", "true", Trust), ("b", "true", Verify)],
            [("a", "require", Mode), ("b", "verify-ca", Mode)],
            [("a", "true", Trust), ("b", "true", HostName)],
            [("a", "verify-ca", Mode), ("b", "true", HostName)],
            [("a", "verify-full", Mode), ("b", "true", NoHostName)],
        ] {
            let error = resolved(&facts).unwrap_err().to_string();
            assert!(error.contains("`a` and `b`"), "{facts:?}: {error}");
        }
        for word in ["prefer", "allow", "Preferred"] {
            let error = resolved(&[("sslmode", word, Mode)]).unwrap_err().to_string();
            assert!(
                error.contains("verify-full, verify-ca, require or disable; whether"),
                "{error}"
            );
        }
        assert!(resolved(&[("sslmode", "maybe", Mode)]).is_err());
        assert!(resolved(&[("ssl", "maybe", Encrypt)]).is_err());
    }
}
