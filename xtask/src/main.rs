//! `cargo xtask`: runs the tests as named parts, checks the tree, measures, and runs servers
//! for people.
//!
//! Flags are read by hand in `flags.rs`; each task has a file of its own.

mod bench;
mod ci;
mod flags;
mod manifest;
mod part;
mod process;
mod reference;
mod servers;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use flags::{Bench, Task};
use workspace::Workspace;

fn main() -> ExitCode {
    let task = match flags::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if matches!(task, Task::Help) {
        print!("{}", flags::HELP);
        return ExitCode::SUCCESS;
    }
    let workspace = match Workspace::find() {
        Ok(workspace) => workspace,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let sound = match task {
        Task::Help => true,
        Task::Tidy => tidy::run(&workspace).is_ok(),
        Task::Reference => told(reference::run(&workspace)),
        Task::Test(wanted) => part::run_all(&workspace, test::PARTS, &wanted),
        Task::Model(wanted) => part::run_all(&workspace, test::MODELS, &wanted),
        Task::Ci(wanted) => part::run_all(&workspace, &ci::parts(), &wanted),
        Task::Bench(Bench::Db, args) => told(bench::db(&workspace, &args)),
        Task::Bench(Bench::Hazards, args) => told(bench::hazards(&workspace, &args)),
        Task::Bench(Bench::Pool, args) => told(bench::pool(&workspace, &args)),
        Task::Servers(action) => told(servers::run(&workspace, action)),
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `true` when it went well; else says why not.
fn told(result: Result<(), String>) -> bool {
    if let Err(message) = &result {
        eprintln!("{message}");
    }
    result.is_ok()
}
