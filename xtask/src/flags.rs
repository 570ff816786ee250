//! The command line: what may be asked, and what is said when something else is.

use wellspring_testkit::servers::Kind;

use crate::part::{Part, Wanted};
use crate::servers::Action;
use crate::{ci, test};

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
cargo xtask test [--require NAME]... [--all]
    Runs the first tier of tests, part by part. A part that cannot be had is skipped, by name and
    with the reason; --require NAME makes that a failure (and runs a part that is otherwise left
    out). --all runs the parts that are otherwise left out, too.
cargo xtask model [--require NAME]...
    Model-checks the pool engine at length: loom, shuttle, and histories beside a plain model.
cargo xtask tidy
    Checks the tree: arrows between packages, manifests, file heads, the feature map, paths, and that
    the configuration reference says what the code says.
cargo xtask reference
    Writes the configuration reference and the JSON Schema of configuration files.
cargo xtask ci [--require NAME]... [--all]
    Formatting, clippy and documentation without warnings, feature combinations, then the tests.
cargo xtask servers up [KIND]...
    Installs what is missing and starts private database servers in the background: of each KIND,
    or of every kind that can be had. Prints the variables that point tests at them.
cargo xtask servers down
    Ends the servers that `up` started.
cargo xtask servers status
    Lists them.
cargo xtask bench db [--groups NAME,...] [--peers NAME,...] [--rounds N] [--quick]
    Measures database work side by side with other pools and drivers, on private servers;
    `bench db --help` says more.
cargo xtask bench hazards [--hazards V1,...] [--peers NAME,...]
    Runs twelve verified hazards of connection pools against the peers and Wellspring, as a table.
cargo xtask bench pool [--workloads W1,...] [--peers NAME,...] [--rounds N] [--quick] [--json FILE]
    Measures the pool engine side by side with other pools and two floors, and sets it against its
    targets; `bench pool --help` says more.
cargo xtask help
    This text.
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Tidy,
    Reference,
    Test(Wanted),
    Ci(Wanted),
    Model(Wanted),
    Servers(Action),
    /// What comes after `bench NAME`; the benchmark reads it.
    Bench(Bench, Vec<String>),
}

/// What can be measured or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bench {
    Db,
    Hazards,
    Pool,
}

const COMMANDS: &str = "test, tidy, reference, ci, model, servers, bench, help";

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
        "model" => wanted("model", args, test::MODELS).map(Task::Model),
        "servers" => servers(args).map(Task::Servers),
        "bench" => bench(args),
        "tidy" => no_more("tidy", args).map(|()| Task::Tidy),
        "reference" => no_more("reference", args).map(|()| Task::Reference),
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

fn servers(args: impl IntoIterator<Item = String>) -> Result<Action, String> {
    const ACTIONS: &str = "up, down, status";
    let mut args = args.into_iter();
    let action = args.next().ok_or_else(|| format!("servers needs one of: {ACTIONS}"))?;
    match action.as_str() {
        "up" => kinds(args).map(Action::Up),
        "down" => no_more("servers down", args).map(|()| Action::Down),
        "status" => no_more("servers status", args).map(|()| Action::Status),
        // What `up` runs in the background.
        "keep" => kinds(args).map(Action::Keep),
        other => Err(format!("unknown action `{other}` for servers; the actions are: {ACTIONS}")),
    }
}

fn kinds(names: impl IntoIterator<Item = String>) -> Result<Vec<Kind>, String> {
    let kind = |name: String| {
        Kind::named(&name).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            format!("unknown kind of server `{name}`; the kinds are: {}", known.join(", "))
        })
    };
    names.into_iter().map(kind).collect()
}

fn bench(args: impl IntoIterator<Item = String>) -> Result<Task, String> {
    const BENCHES: &str = "db, hazards, pool";
    let mut args = args.into_iter();
    let bench = match args.next().as_deref() {
        Some("db") => Bench::Db,
        Some("hazards") => Bench::Hazards,
        Some("pool") => Bench::Pool,
        Some(other) => {
            return Err(format!("bench: unknown benchmark `{other}`; there are: {BENCHES}"));
        }
        None => return Err(format!("bench needs the name of a benchmark; there are: {BENCHES}")),
    };
    Ok(Task::Bench(bench, args.collect()))
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
        assert_eq!(read("model"), Ok(Task::Model(Wanted::default())));
        let quick = ["--groups", "pg-point", "--quick"].map(str::to_owned).to_vec();
        assert_eq!(read("bench db --groups pg-point --quick"), Ok(Task::Bench(Bench::Db, quick)));
        assert_eq!(read("bench hazards"), Ok(Task::Bench(Bench::Hazards, vec![])));
        let two = ["--rounds", "2"].map(str::to_owned).to_vec();
        assert_eq!(read("bench pool --rounds 2"), Ok(Task::Bench(Bench::Pool, two)));
        let both = Wanted { all: true, required: vec!["unit".into(), "doc".into()] };
        assert_eq!(read("servers up"), Ok(Task::Servers(Action::Up(vec![]))));
        let two = vec![Kind::MySql, Kind::Postgres];
        assert_eq!(read("servers up mysql postgres"), Ok(Task::Servers(Action::Up(two))));
        assert_eq!(read("servers down"), Ok(Task::Servers(Action::Down)));
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
        let error = read("bench pond").unwrap_err();
        assert!(error.contains("`pond`") && error.contains("db"), "{error}");
        let error = read("tidy now").unwrap_err();
        assert!(error.contains("`now`"), "{error}");
        for (line, wrong, right) in [
            ("servers", "needs one", "status"),
            ("servers start", "`start`", "up, down"),
            ("servers up oracle", "`oracle`", "mariadb, mysql"),
            ("servers down mysql", "`mysql`", "takes none"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(wrong) && error.contains(right), "{error}");
        }
        let error = read("").unwrap_err();
        assert!(error.contains("no command"), "{error}");
    }
}
