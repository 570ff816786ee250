//! The library with one driver: opens 100 connections, reads one row with each, and prints what is
//! resident with 20 and with 100 connections, in KiB.

use wellspring::{Database, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).expect("the URL is the first argument");
    let mut first = 0;
    let db = Database::builder(url).max_size(100).connect().await?;
    let mut held = Vec::new();
    for id in 1..=100_i64 {
        let mut connection = db.connection().await?;
        let (found, _, _): (i64, i64, String) = connection
            .query("select id, n, name from bench_point where id = ?", (id,))
            .one()
            .await?;
        assert_eq!(found, id);
        held.push(connection);
        if id == 20 {
            first = resident();
        }
    }
    println!("{first} {}", resident());
    Ok(())
}

/// What is resident, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("Linux")
}
