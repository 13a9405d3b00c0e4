//! Ports for servers that cannot be asked which port they were given.
//!
//! Ports are taken from below the range that the kernel uses for outgoing connections. There a port stays
//! free while its server is down, and a client that tries again and again to reach it cannot end up
//! connected to itself, which happens on Linux when its own port happens to be the one it connects to.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex};

const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// Ports that this process has been given, so that no two of its servers get the same.
static ALLOCATED: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port of 127.0.0.1 that nobody listened on a moment ago. Another process may take it before it is
/// used; who starts a server therefore begins again with other ports when the server says so.
pub fn free() -> u16 {
    loop {
        let port = random();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && ALLOCATED.lock().unwrap().insert(port) {
            return port;
        }
    }
}

fn random() -> u16 {
    let random = getrandom::u32().expect("the operating system gives random numbers");
    FIRST + u16::try_from(random % u32::from(COUNT)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..500).map(|_| free()).collect();
        assert_eq!(ports.len(), 500);
    }
}
