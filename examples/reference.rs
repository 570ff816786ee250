//! Prints the reference of all options, or the JSON Schema of configuration files: for the drivers that are
//! compiled in.
//!
//! ```sh
//! cargo run --all-features --example reference -- page     # or: schema
//! ```

use wellspring::Drivers;
use wellspring::config::{json_schema, reference};

fn main() -> Result<(), String> {
    match std::env::args().nth(1).as_deref() {
        Some("page") => print!("{}", reference(&Drivers::compiled_in().options())),
        Some("schema") => println!("{:#}", json_schema()),
        other => return Err(format!("expected `page` or `schema`, found {other:?}")),
    }
    Ok(())
}
