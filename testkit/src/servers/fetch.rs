//! MySQL from Debian's unstable branch, unpacked into the cache with every library it needs.
//!
//! Stable branches of Debian have MariaDB only. The packages are not installed: they are unpacked
//! into a tree of their own, C library and all, so that the system stays as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::{Error, at};
use super::{apt, cache, mysql, tool};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const SUITE: &str = "sid";
const PACKAGE: &str = "mysql-server-core";

/// Puts MySQL into the cache unless it is there.
pub(super) fn mysql() -> Result<(), Error> {
    let cannot = |why: String| {
        Error::missing("MySQL", format!("on Debian, `cargo xtask servers up` fetches it ({why})"))
    };
    for program in ["apt-get", "dpkg", "dpkg-deb"] {
        if tool::find(program).is_none() {
            return Err(cannot(format!("there is no {program} here")));
        }
    }
    if !Path::new(KEYRING).is_file() {
        return Err(cannot(format!("there is no {KEYRING} here")));
    }
    let mirrors = apt::debian_mirrors()?;
    if mirrors.is_empty() {
        return Err(cannot("the apt sources of this machine name no archive of Debian".to_owned()));
    }
    cache::once(&mysql::tree()?, |unfinished| {
        let mut last = None;
        for mirror in &mirrors {
            let scratch = tempfile::tempdir()
                .map_err(|error| Error::failed("making a temporary directory", error))?;
            match fetch(mirror, scratch.path(), unfinished) {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            if unfinished.exists() {
                fs::remove_dir_all(unfinished).map_err(at("removing", unfinished))?;
            }
        }
        Err(last.expect("there is a mirror"))
    })
    .map_err(|error| cannot(error.to_string()))
}

fn fetch(mirror: &str, scratch: &Path, tree: &Path) -> Result<(), Error> {
    let architecture = tool::run(Command::new("dpkg").arg("--print-architecture"))?;
    let config = prepare(mirror, architecture.trim(), scratch)?;
    let apt_get = || {
        let mut apt = Command::new("apt-get");
        apt.arg("-q").env("APT_CONFIG", &config);
        apt
    };
    tool::run(apt_get().arg("update"))?;
    // The state says that nothing is installed, so this lists everything down to the C library.
    let plan = tool::run(apt_get().args(["install", "-s", "--no-install-recommends", PACKAGE]))?;
    let packages = packages(&plan);

    let debs = scratch.join("debs");
    fs::create_dir(&debs).map_err(at("making", &debs))?;
    tool::run(apt_get().arg("download").args(packages).current_dir(&debs))?;
    fs::create_dir(tree).map_err(at("making", tree))?;
    for deb in fs::read_dir(&debs).map_err(at("reading", &debs))? {
        let deb = deb.map_err(at("reading", &debs))?.path();
        tool::run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(tree))?;
    }
    for unused in ["usr/share/doc", "usr/share/man", "usr/share/locale"] {
        let unused = tree.join(unused);
        if unused.is_dir() {
            fs::remove_dir_all(&unused).map_err(at("removing", &unused))?;
        }
    }
    // What cannot say its version here is of no use.
    mysql::version_of(tree).map(drop)
}

/// Makes an apt state of its own in `scratch` and gives the path of its configuration.
fn prepare(mirror: &str, architecture: &str, scratch: &Path) -> Result<std::path::PathBuf, Error> {
    for dir in ["lists/partial", "cache/archives/partial"] {
        let dir = scratch.join(dir);
        fs::create_dir_all(&dir).map_err(at("making", &dir))?;
    }
    let write = |name: &str, text: &str| {
        let path = scratch.join(name);
        fs::write(&path, text).map_err(at("writing", &path)).map(|()| path)
    };
    write("status", "")?;
    write("sources.list", &format!("deb [signed-by={KEYRING}] {mirror} {SUITE} main\n"))?;
    write("apt.conf", &configuration(architecture, &scratch.display().to_string()))
}

fn configuration(architecture: &str, scratch: &str) -> String {
    format!(
        "Dir::State \"{scratch}\";\n\
         Dir::State::lists \"{scratch}/lists\";\n\
         Dir::State::status \"{scratch}/status\";\n\
         Dir::Cache \"{scratch}/cache\";\n\
         Dir::Etc::sourcelist \"{scratch}/sources.list\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\n\
         Dir::Etc::preferencesparts \"/dev/null\";\n\
         APT::Architecture \"{architecture}\";\n\
         APT::Architectures {{ \"{architecture}\"; }};\n\
         APT::Sandbox::User \"root\";\n\
         Acquire::Languages \"none\";\n"
    )
}

/// The packages that a simulated installation names. The server's scripts are in Perl; it runs
/// without them.
fn packages(plan: &str) -> Vec<&str> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .filter(|name| {
            *name != "perl" && !name.starts_with("perl-") && !name.starts_with("libperl")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_the_plan() {
        let plan = "Reading package lists...\n\
                    Inst libc6 (2.42-1 Debian:unstable [amd64]) []\n\
                    Inst perl-base (5.40 Debian:unstable [amd64])\n\
                    Inst perl (5.40 Debian:unstable [amd64])\n\
                    Inst libperl5.40 (5.40 Debian:unstable [amd64])\n\
                    Inst mysql-server-core (9.7 Debian:unstable [amd64])\n\
                    Conf libc6 (2.42-1 Debian:unstable [amd64])\n";
        assert_eq!(packages(plan), ["libc6", "mysql-server-core"]);
    }

    #[test]
    fn the_systems_own_sources_and_state_are_left_out() {
        let text = configuration("arm64", "/s");
        for line in [
            "Dir::State::status \"/s/status\";",
            "Dir::Etc::sourceparts \"/dev/null\";",
            "APT::Architectures { \"arm64\"; };",
        ] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
    }
}
