//! Through sqlx, PostgreSQL only: opens 100 connections, reads one row with each, and prints what
//! is resident with 20 and with 100 connections, in KiB.

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).ok_or("the URL is missing")?;
    let mut first = 0;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(100).connect(&url).await?;
    let mut held = Vec::new();
    for id in 1..=100_i64 {
        let mut connection = pool.acquire().await?;
        let (found, _, _): (i64, i64, String) =
            sqlx::query_as("select id, n, name from bench_point where id = $1")
                .bind(id)
                .fetch_one(&mut *connection)
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
