//! Free loopback ports.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Where the search begins: above what services use by custom.
const LOWEST: u16 = 10_000;
/// The first port that Linux gives to outgoing connections unless told otherwise.
const USUAL_EPHEMERAL: u16 = 32_768;

/// A port of 127.0.0.1 that nobody listens on at this moment.
///
/// It is taken from below the range that outgoing connections draw from: while a server is down
/// between a kill and a restart, no client's own socket can then take its port, and a client that
/// retries against the closed port can never connect to itself.
pub(crate) fn free() -> io::Result<u16> {
    let range = range(fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().as_deref());
    if !range.is_empty() {
        for _ in 0..100 {
            let port = range.start + (random() % u64::from(range.end - range.start)) as u16;
            if is_free(port) {
                return Ok(port);
            }
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// True when a listener can be put on this port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The ports to choose from, given the system's range for outgoing connections.
fn range(ephemeral: Option<&str>) -> Range<u16> {
    let first = ephemeral
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(USUAL_EPHEMERAL);
    LOWEST..first
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on_and_is_then_not_free() {
        let port = free().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        drop(listener);
        assert!(is_free(port));
    }

    #[test]
    fn ports_lie_below_those_of_outgoing_connections() {
        assert_eq!(range(Some("32768\t60999\n")), 10_000..32_768);
        assert_eq!(range(Some("20000 65535")), 10_000..20_000);
        assert_eq!(range(Some("nonsense")), 10_000..USUAL_EPHEMERAL);
        assert_eq!(range(None), 10_000..USUAL_EPHEMERAL);
        assert!(range(Some("1024 65535")).is_empty());
    }
}
