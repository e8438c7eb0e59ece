//! Free ports for servers that are started, killed and started again on the same port.
//!
//! Ports are taken from below the range that the operating system gives to outgoing connections. While a killed
//! server is down, a port of that range could be given to any client, even to the one that tries to reconnect,
//! which would then talk to itself.
//!
//! Between choosing a port and the server's bind another process may take it, so starters must try again with
//! another port; nothing may rely on a chosen port being free.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// How often a server is started with another port before giving up.
pub const ATTEMPTS: usize = 5;

/// A port of 127.0.0.1 on which nothing listens now, and which this process has not been given before.
///
/// # Errors
/// When no port of the range is free.
pub fn free_port() -> io::Result<u16> {
    static START: OnceLock<u16> = OnceLock::new();
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let start = *START.get_or_init(scattered_start);
    for _ in 0..PORTS {
        let port = port_at(start, GIVEN.fetch_add(1, Ordering::Relaxed));
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port from 20000 to 31999 is free on 127.0.0.1"))
}

/// Processes that start at once begin at different places of the range, so that they seldom meet.
fn scattered_start() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let mixed = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(now / 1_000);
    u16::try_from(mixed % u32::from(PORTS)).unwrap_or(0)
}

fn port_at(start: u16, given: u16) -> u16 {
    let offset = (u32::from(start) + u32::from(given)) % u32::from(PORTS);
    FIRST_PORT + u16::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stay_within_the_range() {
        assert_eq!(port_at(0, 0), 20_000);
        assert_eq!(port_at(11_999, 0), 31_999);
        assert_eq!(port_at(11_999, 1), 20_000);
        assert!((20_000..32_000).contains(&port_at(scattered_start(), u16::MAX)));
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let given = free_port().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, given)).unwrap();
        let others: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert!(!others.contains(&given));
    }
}
