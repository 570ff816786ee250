//! Measures database work through drivers and pools, side by side. The README says how.

mod build;
mod child;
mod compare;
mod groups;
mod peers;
mod prepare;
mod servers;
mod size;
mod stats;
mod table;

use std::process::ExitCode;

use compare::Options;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().map(String::as_str) != Some("compare") {
        return bench_kit::cli::main(&peers::all(), args);
    }
    args.remove(0);
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", compare::HELP);
        return ExitCode::SUCCESS;
    }
    match Options::parse(args).and_then(|options| compare::run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
