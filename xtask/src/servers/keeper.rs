//! Servers in the background: a process that keeps them, and those who start, ask and end it.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wellspring_testkit::servers::{Kind, install};

use super::fleet::Fleet;
use super::state::{Place, Process, State};

/// How often it is looked whether something happened.
const LOOK: Duration = Duration::from_millis(50);
/// How long all servers may take to start.
const START: Duration = Duration::from_secs(600);
/// How long all servers may take to end.
const END: Duration = Duration::from_secs(60);

/// Starts a keeper with servers of these kinds, or of all that can be had when none is named, and
/// prints the variables that point tests at them.
pub(super) fn up(place: &Place, kinds: &[Kind]) -> Result<(), String> {
    let _lock = place.lock()?;
    if let Some(state) = place.read()? {
        if state.keeper.runs() {
            return still_up(&state, kinds);
        }
        place.clear()?;
    }
    let mut names = Vec::new();
    for kind in if kinds.is_empty() { Kind::ALL } else { kinds } {
        match install(*kind) {
            Ok(()) => names.push(kind.name()),
            Err(error) if kinds.is_empty() && error.is_missing() => {
                eprintln!("skipped {kind}: {error}");
            }
            Err(error) => return Err(format!("{kind}: {error}")),
        }
    }
    if names.is_empty() {
        return Err("no server can be had here".to_owned());
    }
    let mut child = spawn(place, &names)?;
    let start = Instant::now();
    loop {
        if let Some(state) = place.read()? {
            print(&state);
            return Ok(());
        }
        let ended = child.try_wait().map_err(|error| format!("the keeper: {error}"))?;
        if ended.is_some() || start.elapsed() > START {
            // Nobody is to come up after it was said that it failed.
            let killed = ended.is_some() || child.kill().and_then(|()| child.wait()).is_ok();
            let log = fs::read_to_string(place.log()).unwrap_or_default();
            let left = if killed { "" } else { ", and it could not be ended" };
            return Err(format!("the servers did not come up{left}:\n{}", log.trim_end()));
        }
        thread::sleep(LOOK);
    }
}

fn still_up(state: &State, kinds: &[Kind]) -> Result<(), String> {
    let has = |kind: &&Kind| state.urls.iter().any(|(name, _)| name == kind.env());
    if let Some(kind) = kinds.iter().find(|kind| !has(kind)) {
        return Err(format!(
            "servers are up, but none of kind {kind}; `cargo xtask servers down` first"
        ));
    }
    eprintln!("the servers are up already");
    print(state);
    Ok(())
}

fn print(state: &State) {
    for (name, url) in &state.urls {
        println!("export {name}={url}");
    }
}

/// Starts the keeper in a session of its own, so that it outlives the terminal.
fn spawn(place: &Place, kinds: &[&str]) -> Result<Child, String> {
    let path = place.log();
    let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let errors = log.try_clone().map_err(|error| format!("{}: {error}", path.display()))?;
    let xtask = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let mut command = Command::new("setsid");
    command.arg(xtask).args(["servers", "keep"]).args(kinds);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().map_err(|error| format!("`setsid` (package util-linux) did not start: {error}"))
}

/// Starts servers and keeps them until it is asked to end.
pub(super) fn keep(place: &Place, kinds: &[Kind]) -> Result<(), String> {
    // These are servers of our own, whatever the environment of the caller points at.
    let fleet = Fleet::start(kinds, |_| None).map_err(|error| error.to_string())?;
    let find = |pid| Process::find(pid).ok_or_else(|| format!("process {pid} cannot be looked at"));
    let servers = fleet.pids().iter();
    let servers = servers.map(|(kind, pid)| Ok((kind.name().to_owned(), find(*pid)?)));
    let urls = fleet.urls().iter();
    place.write(&State {
        keeper: find(std::process::id())?,
        servers: servers.collect::<Result<_, String>>()?,
        urls: urls.map(|(name, url)| ((*name).to_owned(), url.clone())).collect(),
    })?;
    while !place.is_asked_to_end() {
        thread::sleep(LOOK);
    }
    println!("asked to end");
    drop(fleet);
    place.clear()
}

/// Ends the keeper and its servers, and nobody else.
pub(super) fn down(place: &Place) -> Result<(), String> {
    let _lock = place.lock()?;
    let Some(state) = place.read()? else {
        println!("no servers are up");
        return Ok(());
    };
    if state.keeper.runs() {
        place.ask_to_end()?;
        if !ends(&state.keeper) {
            // Its servers die with it.
            kill(&state.keeper)?;
        }
    }
    for (kind, server) in &state.servers {
        // One that outlived a killed keeper.
        if server.runs() {
            kill(server).map_err(|error| format!("{kind}: {error}"))?;
        }
    }
    place.clear()?;
    println!("the servers are down");
    Ok(())
}

fn kill(process: &Process) -> Result<(), String> {
    let signal = format!("kill -KILL {}", process.pid);
    let sent = Command::new("sh").args(["-c", &signal]).status();
    if process.runs() && !sent.is_ok_and(|status| status.success()) || !ends(process) {
        return Err(format!("process {} could not be killed", process.pid));
    }
    Ok(())
}

fn ends(process: &Process) -> bool {
    let start = Instant::now();
    while process.runs() {
        if start.elapsed() > END {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// Lists the servers.
pub(super) fn status(place: &Place) -> Result<(), String> {
    let Some(state) = place.read()? else {
        println!("no servers are up");
        return Ok(());
    };
    let word = |process: &Process| if process.runs() { "runs" } else { "is gone" };
    println!("the keeper, process {}, {}", state.keeper.pid, word(&state.keeper));
    for (kind, server) in &state.servers {
        let url = Kind::named(kind)
            .and_then(|kind| state.urls.iter().find(|(name, _)| name == kind.env()))
            .map_or("", |(_, url)| url);
        println!("{kind}, process {}, {}: {url}", server.pid, word(server));
    }
    Ok(())
}
