//! Through deadpool-postgres: opens 100 connections, reads one row with each, and prints what is
//! resident with 20 and with 100 connections, in KiB.

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).ok_or("the URL is missing")?;
    let mut first = 0;
    let manager = deadpool_postgres::Manager::new(url.parse()?, tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(100).build()?;
    let mut held = Vec::new();
    for id in 1..=100_i64 {
        let client = pool.get().await?;
        let read =
            client.prepare_cached("select id, n, name from bench_point where id = $1").await?;
        let row = client.query_one(&read, &[&id]).await?;
        assert_eq!(row.get::<_, i64>(0), id);
        held.push(client);
        if id == 20 {
            first = resident();
        }
    }
    drop(held);
    println!("{first} {}", resident());
    Ok(())
}

/// What is resident, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("Linux")
}
