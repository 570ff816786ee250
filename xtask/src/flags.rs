//! The command line: what may be asked, and what is said when something else is.

use crate::part::{Part, Wanted};
use crate::{ci, test};

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
cargo xtask test [--require NAME]... [--all]
    Runs the first tier of tests, part by part. A part that cannot be had is skipped, by name and
    with the reason; --require NAME makes that a failure (and runs a part that is otherwise left
    out). --all runs the parts that are otherwise left out, too.
cargo xtask tidy
    Checks the tree: arrows between packages, manifests, file heads, the feature map, paths.
cargo xtask ci [--require NAME]... [--all]
    Formatting, clippy and documentation without warnings, feature combinations, then the tests.
cargo xtask help
    This text.
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Tidy,
    Test(Wanted),
    Ci(Wanted),
}

const COMMANDS: &str = "test, tidy, ci, help";

/// Reads the arguments after `cargo xtask`.
///
/// The error is one line that names what was not understood and what would be.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Task, String> {
    let mut args = args.into_iter();
    let Some(command) = args.next() else {
        return Err(format!("no command given; the commands are: {COMMANDS}"));
    };
    match command.as_str() {
        "test" => wanted("test", args, test::PARTS).map(Task::Test),
        "ci" => wanted("ci", args, &ci::parts()).map(Task::Ci),
        "tidy" => no_more("tidy", args).map(|()| Task::Tidy),
        "help" | "--help" | "-h" => Ok(Task::Help),
        other => Err(format!("unknown command `{other}`; the commands are: {COMMANDS}")),
    }
}

fn wanted(
    command: &str,
    args: impl IntoIterator<Item = String>,
    parts: &[Part],
) -> Result<Wanted, String> {
    let known = || parts.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    let mut wanted = Wanted::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let name = match arg.as_str() {
            "--all" => {
                wanted.all = true;
                continue;
            }
            "--require" => args.next().ok_or_else(|| {
                format!("--require needs the name of a part; the parts are: {}", known())
            })?,
            _ => match arg.strip_prefix("--require=") {
                Some(name) => name.to_owned(),
                None => {
                    return Err(format!(
                        "unknown argument `{arg}` for {command}; the flags are: --require NAME, --all"
                    ));
                }
            },
        };
        if !parts.iter().any(|part| part.name == name) {
            return Err(format!("--require: unknown part `{name}`; the parts are: {}", known()));
        }
        wanted.required.push(name);
    }
    Ok(wanted)
}

fn no_more(command: &str, args: impl IntoIterator<Item = String>) -> Result<(), String> {
    match args.into_iter().next() {
        None => Ok(()),
        Some(arg) => Err(format!("unknown argument `{arg}` for {command}; it takes none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_commands_and_flags() {
        assert_eq!(read("tidy"), Ok(Task::Tidy));
        assert_eq!(read("help"), Ok(Task::Help));
        let both = Wanted { all: true, required: vec!["unit".into(), "doc".into()] };
        assert_eq!(read("test --require unit --all --require=doc"), Ok(Task::Test(both)));
    }

    #[test]
    fn names_what_it_does_not_know() {
        let error = read("tset").unwrap_err();
        assert!(error.contains("`tset`") && error.contains("tidy"), "{error}");
        let error = read("test --fast").unwrap_err();
        assert!(error.contains("`--fast`") && error.contains("--require NAME"), "{error}");
        let error = read("test --require units").unwrap_err();
        assert!(error.contains("`units`") && error.contains("quickstart"), "{error}");
        let error = read("test --require").unwrap_err();
        assert!(error.contains("needs the name"), "{error}");
        let error = read("tidy now").unwrap_err();
        assert!(error.contains("`now`"), "{error}");
        let error = read("").unwrap_err();
        assert!(error.contains("no command"), "{error}");
    }
}
