//! Hazards: what breaks other pools, or would break this one, each in a file of its own.
//!
//! `v01` to `v12` are defects that were seen in pools of today by running them; `cargo xtask bench
//! hazards` shows the same scenarios beside those pools.

mod back_in_line;
mod bypass;
mod churn;
mod common_cap;
mod counters;
mod errors_dropped;
mod everything;
mod gates;
mod half_open;
mod hanging_checks;
mod herd;
mod hooked_waker;
mod housekeeping;
mod late_polls;
mod listeners;
mod opening;
mod random_histories;
mod server_down;
mod short_ways;
mod silent_peer;
mod slow_closes;
mod snapshots;
mod standing_still;
#[path = "../it/support.rs"]
mod support;
mod timeouts;
mod v01_resize;
mod v02_deadline;
mod v03_half_checked;
mod v04_panic;
mod v05_cause;
mod v06_overtaking;
mod v07_forwarding;
mod v08_wait_count;
mod v09_growing;
mod v10_idle_first;
mod v11_stranded;
mod v12_wrapping;
