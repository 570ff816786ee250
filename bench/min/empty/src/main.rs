//! A runtime and nothing else: prints twice what is resident, in KiB.

#[tokio::main]
async fn main() {
    let before = resident();
    println!("{before} {}", resident());
}

/// What is resident, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("Linux")
}
