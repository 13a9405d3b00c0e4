//! Free ports, for servers that cannot report the port they listen on.
//!
//! The ports are below the range that the kernel uses for outgoing connections. Such a port stays free while its
//! server is down. A client that retries cannot connect to itself, as happens on Linux when its own ephemeral
//! port is the one it connects to.

use common::entropy::random_u64;
use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex};

const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// The ports that this process has allocated, so that no two of its servers share one.
static ALLOCATED: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// Returns a free port of 127.0.0.1. Another process may take it before it is used; starting a server is
/// therefore retried with other ports.
pub fn free() -> u16 {
    loop {
        let port = random_port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && ALLOCATED.lock().unwrap().insert(port) {
            return port;
        }
    }
}

fn random_port() -> u16 {
    FIRST + u16::try_from(random_u64() % u64::from(COUNT)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_allocated_twice() {
        let ports: HashSet<u16> = (0..500).map(|_| free()).collect();
        assert_eq!(ports.len(), 500);
    }
}
