//! Configuration as its users have it.

mod bad_input;
mod canary;
mod environment;
mod files;
mod jrm;
mod migrate;
mod precedence;
mod reference;
mod schema;
mod shards;
mod styles;

use wellspring_config::{Config, Loader};

/// Loads what must be right.
fn load(loader: Loader) -> Config {
    loader.load().unwrap_or_else(|errors| panic!("{errors}"))
}

/// The report on what must be wrong.
fn report(loader: &Loader) -> String {
    loader.load().expect_err("it was accepted").to_string()
}

/// Our own file with this text, and no variables.
fn toml(text: &str) -> Loader {
    without_variables().text("wellspring.toml", text)
}

/// One that sees none of the variables of the process.
fn without_variables() -> Loader {
    Loader::new().variable("NOT_OURS", "x")
}
