//! Resident memory of this process.

use crate::Result;

/// What is resident now, in KiB.
///
/// # Errors
/// When the kernel does not tell.
pub fn resident() -> Result<u64> {
    field("VmRSS:")
}

/// The most that was resident since the start or the last [`forget_peak`], in KiB.
///
/// # Errors
/// When the kernel does not tell.
pub fn peak() -> Result<u64> {
    field("VmHWM:")
}

/// Lets [`peak`] count from now.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_peak() -> Result<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

fn field(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| format!("/proc/self/status has no {name}"))?;
    Ok(value.parse()?)
}
