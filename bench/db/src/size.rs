//! How large the smallest programs are, and what an idle connection costs the client.

use std::path::Path;
use std::process::Command;

use bench_kit::Result;

use crate::build::Build;
use crate::stats::quartiles;
use crate::table::aligned;

/// Everybody; each opens 100 connections and prints what is resident with 20 and with 100 of them, in
/// KiB: what is there once for all is in both.
const PROGRAMS: &[&str] =
    &["min-empty", "min-raw", "min-deadpool", "min-bb8", "min-sqlx", "min-sqlx-any"];
/// The library with one driver.
#[cfg(feature = "ours-postgres")]
const OURS: &[&str] = &["min-ours"];
#[cfg(not(feature = "ours-postgres"))]
const OURS: &[&str] = &[];
/// Connections between the two numbers.
const CONNECTIONS: f64 = 80.0;
/// The program that the others are compared with.
const FLOOR: &str = "min-raw";

/// The table; each program runs `rounds` times.
pub(crate) fn table(build: &Build, url: &str, rounds: usize) -> Result<String> {
    let mut measured = Vec::new();
    for package in PROGRAMS.iter().chain(OURS) {
        let binary = build.package(package)?;
        let bytes = stripped(&binary)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (first, last) = resident(&binary, url)?;
            before.push(first);
            after.push(last);
        }
        let median = |values: &[f64]| quartiles(values).map_or(f64::NAN, |spread| spread.median);
        measured.push((*package, bytes, median(&before), median(&after)));
    }
    let floor = measured.iter().find(|row| row.0 == FLOOR).map_or(0, |row| row.1);
    let heads = [
        "program",
        "stripped KB",
        "vs raw KiB",
        "RSS at 20, KiB",
        "RSS at 100, KiB",
        "KiB per connection",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for (package, bytes, before, after) in measured {
        rows.push(vec![
            package.to_owned(),
            format!("{:.0}", bytes as f64 / 1e3),
            format!("{:+.0}", (bytes as f64 - floor as f64) / 1024.0),
            format!("{before:.0}"),
            format!("{after:.0}"),
            format!("{:.1}", (after - before) / CONNECTIONS),
        ]);
    }
    Ok(format!(
        "\n### size\n\nThe smallest programs, stripped; resident memory with 20 and with 100 \
         connections, each of which has answered one point read. Medians; runs of \
         each: {rounds}.\n\n{}",
        aligned(&rows)
    ))
}

/// The size of `binary` without its symbols.
fn stripped(binary: &Path) -> Result<u64> {
    let copy = binary.with_extension("stripped");
    let status = Command::new("strip").arg("-o").arg(&copy).arg(binary).status()?;
    if !status.success() {
        return Err(format!("strip {}: {status}", binary.display()).into());
    }
    Ok(std::fs::metadata(copy)?.len())
}

fn resident(binary: &Path, url: &str) -> Result<(f64, f64)> {
    let output = Command::new(binary).arg(url).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{}: {}: {said}", binary.display(), output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> =
        text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    match numbers.as_slice() {
        &[before, after] => Ok((before, after)),
        _ => Err(format!("{}: two numbers expected, `{text}` printed", binary.display()).into()),
    }
}
