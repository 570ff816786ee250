//! Debian's package manager: where this machine gets its packages from, and getting some more.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::is_root;
use super::error::{Error, at};
use super::tool;

/// Asked by maintainer scripts whether a service may be started.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const NO_SERVICES: &str =
    "#!/bin/sh\n# Made by wellspring's testkit while it installs packages.\nexit 101\n";

/// Installs packages. No service of theirs is started.
pub(super) fn install(what: &str, packages: &[&str]) -> Result<(), Error> {
    if !is_root() || tool::find("apt-get").is_none() {
        return Err(Error::missing_package(what, packages));
    }
    let _policy = Policy::set(Path::new(POLICY))?;
    let install = || {
        let mut apt = apt_get();
        tool::run(apt.args(["install", "--yes", "--no-install-recommends"]).args(packages))
    };
    if has_lists() && install().is_ok() {
        return Ok(());
    }
    // The lists are missing, or older than what the mirror has.
    tool::run(apt_get().arg("update"))?;
    install().map(drop)
}

fn apt_get() -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-q", "-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn has_lists() -> bool {
    fs::read_dir("/var/lib/apt/lists").is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

/// Forbids the start of services as long as it lives.
struct Policy {
    made: Option<PathBuf>,
}

impl Policy {
    /// A policy that the administrator made stays as it is.
    fn set(path: &Path) -> Result<Self, Error> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o755);
        match options.open(path).and_then(|mut file| file.write_all(NO_SERVICES.as_bytes())) {
            Ok(()) => Ok(Self { made: Some(path.to_owned()) }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // One of ours is left over from a run that was killed.
                let ours = fs::read_to_string(path).is_ok_and(|text| text == NO_SERVICES);
                Ok(Self { made: ours.then(|| path.to_owned()) })
            }
            Err(error) => Err(at("writing", path)(error)),
        }
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.made
            && let Err(error) = fs::remove_file(path)
        {
            eprintln!("note: {} stays behind: {error}", path.display());
        }
    }
}

/// The addresses from which this machine gets Debian's own packages, in the order of its
/// configuration.
pub(super) fn debian_mirrors() -> Result<Vec<String>, Error> {
    let etc = Path::new("/etc/apt");
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        let mut more: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    let mut mirrors: Vec<String> = Vec::new();
    for file in files {
        let addresses = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => in_list as fn(&str) -> Vec<String>,
            Some("sources") => in_sources,
            _ => continue,
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at("reading", &file)(error)),
        };
        for address in addresses(&text) {
            if is_debian(&address) && !mirrors.contains(&address) {
                mirrors.push(address);
            }
        }
    }
    Ok(mirrors)
}

/// The addresses in the one-line format: `deb [options] address suite component…`.
fn in_list(text: &str) -> Vec<String> {
    let address = |line: &str| {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        rest.split_whitespace().next().map(str::to_owned)
    };
    text.lines().filter_map(address).collect()
}

/// The addresses in the format of stanzas with `Types:` and `URIs:`.
fn in_sources(text: &str) -> Vec<String> {
    let mut addresses = Vec::new();
    // Comments may stand anywhere; an empty line ends a stanza.
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in lines.split(|line| line.trim().is_empty()) {
        let types = field(stanza, "types");
        if !types.contains(&"deb") || field(stanza, "enabled") == ["no"] {
            continue;
        }
        addresses.extend(field(stanza, "uris").into_iter().map(str::to_owned));
    }
    addresses
}

/// The words of a field, which goes on in lines that begin with a space.
fn field<'a>(stanza: &[&'a str], name: &str) -> Vec<&'a str> {
    let mut words = Vec::new();
    let mut inside = false;
    for line in stanza {
        if line.starts_with([' ', '\t']) {
            if inside {
                words.extend(line.split_whitespace());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            inside = key.trim().eq_ignore_ascii_case(name);
            if inside {
                words.extend(value.split_whitespace());
            }
        }
    }
    words
}

/// True for an archive of Debian itself: not its security updates, nor anybody else's.
fn is_debian(address: &str) -> bool {
    let last = address.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    last == "debian" || (address.starts_with("mirror+") && last == "debian.list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_are_read() {
        let text = "# deb http://old.example/debian sid main\n\
                    deb http://a.example/debian bookworm main contrib\n\
                    deb-src http://src.example/debian bookworm main\n  \
                    deb [ arch=amd64 signed-by=/k.gpg ] https://b.example/tools ./\n\
                    deb\n";
        assert_eq!(in_list(text), ["http://a.example/debian", "https://b.example/tools"]);
    }

    #[test]
    fn stanzas_are_read() {
        let text = "Types: deb deb-src\n# URIs: http://old.example/debian\n\
                    URIs: http://a.example/debian http://b.example/debian/\n http://c.example/x\n\
                    Suites: bookworm\n\nTypes: deb-src\nURIs: http://src.example/debian\n\n\
                    Enabled: no\nTypes: deb\nURIs: http://off.example/debian\n\n\n\
                    types: deb\nuris: http://d.example/debian\n";
        assert_eq!(
            in_sources(text),
            [
                "http://a.example/debian",
                "http://b.example/debian/",
                "http://c.example/x",
                "http://d.example/debian"
            ]
        );
    }

    #[test]
    fn only_archives_of_debian_itself_count() {
        for address in ["http://a.example/debian", "https://a.example/mirror/debian/"] {
            assert!(is_debian(address), "{address}");
        }
        assert!(is_debian("mirror+file:/etc/apt/mirrors/debian.list"));
        for address in ["http://a.example/debian-security", "http://a.example/ubuntu", ""] {
            assert!(!is_debian(address), "{address}");
        }
    }

    #[test]
    fn services_are_forbidden_only_while_installing_and_by_nobody_elses_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("policy");
        drop(Policy::set(&path).unwrap());
        assert!(!path.exists());
        let policy = Policy::set(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), NO_SERVICES);
        drop(policy);

        fs::write(&path, NO_SERVICES).unwrap();
        drop(Policy::set(&path).unwrap());
        assert!(!path.exists(), "one of ours was left over");

        fs::write(&path, "exit 0").unwrap();
        drop(Policy::set(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "exit 0");
    }
}
