//! `compare`: everybody in rounds that interleave, each round beginning with another peer.

use std::collections::HashMap;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bench_kit::{Outcome, Result};
use serde::Serialize;
use wellspring_testkit::servers::Postgres;

use crate::build::Build;
use crate::child::{self, Peer};
use crate::groups::{self, Cell, Group, Needs};
use crate::servers::{self, Server};
use crate::table::Rounds;
use crate::{prepare, size, table};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    groups: Vec<String>,
    peers: Vec<String>,
    rounds: usize,
    quick: bool,
    build: Build,
}

/// What may be asked for.
pub(crate) const HELP: &str = "\
compare [--groups NAME,…] [--peers NAME,…] [--rounds N] [--quick] [--profile NAME]
    Measures the peers of the groups (default: all of both), N rounds (default 10). The floor of a
    group is always measured. --quick: 1 round, little of everything; proves only that it works.
    Servers are private ones, unless WELLSPRING_TEST_POSTGRES_URL and WELLSPRING_TEST_MARIADB_URL
    name others; tables named bench_… are made there.
";

impl Options {
    /// Reads the arguments after `compare`.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Self> {
        let known: Vec<&str> =
            groups::ALL.iter().map(|group| group.name).chain([groups::SIZE]).collect();
        let (mut groups, mut peers, mut rounds, mut quick) = (Vec::new(), Vec::new(), None, false);
        let mut profile = "release".to_owned();
        let mut args = args.into_iter();
        while let Some(flag) = args.next() {
            let (flag, given) = match flag.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (flag, None),
            };
            let mut value = || {
                given.clone().or_else(|| args.next()).ok_or_else(|| format!("{flag} needs a value"))
            };
            let names = |list: String| list.split(',').map(str::to_owned).collect::<Vec<_>>();
            match flag.as_str() {
                "--groups" => groups.extend(names(value()?)),
                "--peers" => peers.extend(names(value()?)),
                "--rounds" => {
                    let value = value()?;
                    let number = value.parse().ok().filter(|&number: &usize| number > 0);
                    rounds =
                        Some(number.ok_or_else(|| {
                            format!("--rounds {value}: not a whole number above 0")
                        })?);
                }
                "--quick" => quick = true,
                "--profile" => profile = value()?,
                _ => return Err(format!("unknown argument `{flag}`; known are:\n{HELP}").into()),
            }
        }
        if let Some(name) = groups.iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(format!("no group `{name}`; the groups are: {known}").into());
        }
        Ok(Self {
            groups,
            peers,
            rounds: rounds.unwrap_or(if quick { 1 } else { 10 }),
            quick,
            build: Build::new(profile)?,
        })
    }

    fn wants_group(&self, name: &str) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|wanted| wanted == name)
    }

    fn wants_peer(&self, group: &Group, name: &str) -> bool {
        self.peers.is_empty()
            || group.floor == Some(name)
            || group.beside.contains(&name)
            || self.peers.iter().any(|wanted| wanted == name)
    }
}

/// One line of the raw results.
#[derive(Serialize)]
struct Line<'l> {
    round: usize,
    cell: &'l str,
    #[serde(flatten)]
    outcome: &'l Outcome,
}

/// A cell with its peers and what they did.
struct Course {
    group: &'static Group,
    cell: &'static Cell,
    peers: Vec<Peer>,
    outcomes: HashMap<String, Rounds>,
}

/// Does it. False when a measurement failed, which has been said.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let directory = options.build.target().join("db");
    std::fs::create_dir_all(&directory)?;

    let mut peers = child::list(std::env::current_exe()?)?;
    peers.extend(child::list(options.build.sqlx()?)?);
    if let Some(name) =
        options.peers.iter().find(|wanted| !peers.iter().any(|peer| &peer.name == *wanted))
    {
        return Err(format!("no peer `{name}` in these binaries; see `list`").into());
    }
    let mut courses = courses(options, &peers);
    let mut places = Places::default();
    for course in &courses {
        places.prepare(course.group.needs, &directory)?;
    }

    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let raw = directory.join(format!("{seconds}.jsonl"));
    let mut file = File::create(&raw)?;
    let mut failures = Vec::new();
    let progress = Progress(std::io::stderr().is_terminal());
    for round in 0..options.rounds {
        for course in &mut courses {
            for at in 0..course.peers.len() {
                let peer = &course.peers[(at + round) % course.peers.len()];
                progress.says(format_args!(
                    "round {}/{}: {} {} {}",
                    round + 1,
                    options.rounds,
                    course.group.name,
                    course.cell.name,
                    peer.name
                ));
                match measure(options, course.group, course.cell, peer, &places) {
                    Ok(outcome) => {
                        if let Some(error) = &outcome.first_error {
                            let (group, cell) = (course.group.name, course.cell.name);
                            failures.push(format!(
                                "round {}: {group} {cell} {}: {} errors, the first: {error}",
                                round + 1,
                                peer.name,
                                outcome.errors
                            ));
                        }
                        let line = Line { round, cell: course.cell.name, outcome: &outcome };
                        writeln!(file, "{}", serde_json::to_string(&line)?)?;
                        let rounds = course.outcomes.entry(peer.name.clone()).or_default();
                        rounds.insert(round, outcome);
                    }
                    Err(error) => {
                        let (group, cell) = (course.group.name, course.cell.name);
                        failures.push(format!(
                            "round {}: {group} {cell} {}: {error}",
                            round + 1,
                            peer.name
                        ));
                    }
                }
            }
        }
    }
    progress.says(format_args!(""));

    for course in &mut courses {
        let rows: Vec<_> = course
            .peers
            .iter()
            .filter_map(|peer| course.outcomes.remove_entry(&peer.name))
            .collect();
        print!("{}", table::write(course.group, course.cell, &rows));
    }
    if options.wants_group(groups::SIZE) {
        places.prepare(Needs::Postgres, &directory)?;
        let url = places.url(Needs::Postgres)?;
        print!("{}", size::table(&options.build, &url, if options.quick { 1 } else { 3 })?);
    }
    println!("\nRaw results: {}", raw.display());
    for failure in &failures {
        eprintln!("FAILED {failure}");
    }
    Ok(failures.is_empty())
}

/// A line that tells what is being done, where somebody looks.
struct Progress(bool);

impl Progress {
    fn says(&self, what: std::fmt::Arguments<'_>) {
        if self.0 {
            eprint!("\r\x1b[K{what}");
        }
    }
}

fn courses(options: &Options, peers: &[Peer]) -> Vec<Course> {
    let mut courses = Vec::new();
    for group in groups::ALL.iter().filter(|group| options.wants_group(group.name)) {
        for cell in group.cells {
            let mut peers: Vec<Peer> = peers
                .iter()
                .filter(|peer| peer.group == group.name && peer.is_in(cell.name))
                .filter(|peer| options.wants_peer(group, &peer.name))
                .cloned()
                .collect();
            // The library itself is told of last.
            peers.sort_by_key(|peer| peer.name.starts_with("ours"));
            courses.push(Course { group, cell, peers, outcomes: HashMap::new() });
        }
    }
    courses
}

fn measure(
    options: &Options,
    group: &Group,
    cell: &Cell,
    peer: &Peer,
    places: &Places,
) -> Result<Outcome> {
    let quick = if options.quick { cell.quick } else { &[] };
    let mut args: Vec<String> =
        cell.args.iter().chain(quick).map(|arg| (*arg).to_owned()).collect();
    args.extend(["--url".to_owned(), places.url(group.needs)?]);
    child::run(peer, &args, || match (&places.mortal, group.needs) {
        (Some(server), Needs::KillPostgres) => {
            servers::bounce(server, Duration::from_millis(cell.away_ms))
        }
        _ => Err("this group kills nothing".into()),
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Where the tables are.
#[derive(Default)]
struct Places {
    postgres: Option<Server>,
    /// Always private: it gets killed.
    mortal: Option<Postgres>,
    mariadb: Option<Server>,
    file: Option<PathBuf>,
}

impl Places {
    /// Makes the tables, unless that is done.
    fn prepare(&mut self, needs: Needs, directory: &std::path::Path) -> Result<()> {
        match needs {
            Needs::Postgres if self.postgres.is_none() => {
                let server = Server::postgres()?;
                runtime()?.block_on(prepare::postgres(server.url()))?;
                self.postgres = Some(server);
            }
            Needs::KillPostgres if self.mortal.is_none() => {
                let server = servers::private_postgres()?;
                runtime()?.block_on(prepare::postgres_points(&server.url()))?;
                self.mortal = Some(server);
            }
            Needs::MariaDb if self.mariadb.is_none() => {
                let server = Server::mariadb()?;
                runtime()?.block_on(prepare::mariadb(server.url()))?;
                self.mariadb = Some(server);
            }
            Needs::File if self.file.is_none() => {
                let path = directory.join("template.db");
                prepare::sqlite(&path)?;
                self.file = Some(path);
            }
            _ => {}
        }
        Ok(())
    }

    fn url(&self, needs: Needs) -> Result<String> {
        let url = match needs {
            Needs::Postgres => self.postgres.as_ref().map(|server| server.url().to_owned()),
            Needs::MariaDb => self.mariadb.as_ref().map(|server| server.url().to_owned()),
            Needs::File => self.file.as_ref().map(|path| path.display().to_string()),
            Needs::KillPostgres => self.mortal.as_ref().map(Postgres::url),
        };
        url.ok_or_else(|| format!("{needs:?} has not been prepared").into())
    }
}
