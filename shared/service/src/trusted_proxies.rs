//! Proxies and load balancers whose word about the addresses of their clients counts.
//!
//! The address that a connection comes from is the client's, unless it is a trusted proxy. A trusted proxy names its
//! client in a PROXY protocol header before the first byte (read by the edge), or in `X-Forwarded-For`, to which each
//! proxy on the way adds the address that it received the request from. So that header is read from its end, and the
//! first address that is no trusted proxy is the client: what stands before it may be the client's own invention. From
//! anybody else the header is ignored.
//!
//! `Forwarded` (RFC 7239) is not read. A proxy that writes one of the two headers passes on what a client wrote into the
//! other.

use crate::client_address::ClientAddress;
use crate::network::Cidr;
use clap::Args;
use std::net::{IpAddr, SocketAddr};

/// The networks of trusted proxies.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Network of load balancers and proxies that name the addresses of their clients, by the PROXY protocol or
    /// X-Forwarded-For: an address, or a range like 10.0.0.0/8; may be repeated or comma-separated. It must hold no
    /// clients: they could choose their address
    #[arg(long, env = "SWITCHBOARD_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxies: Vec<Cidr>,
}

impl TrustedProxies {
    /// Whether this is the address of a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Returns the client of a request that came from `source` with these values of `X-Forwarded-For`, in their order.
    pub fn client<'a>(
        &self,
        source: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> ClientAddress {
        if !self.contains(source) {
            return ClientAddress::of_client(source);
        }
        let entries = forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        let entries = entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
        let mut client = ClientAddress::of_proxy(source);
        // A proxy that does not know its client writes "unknown", or a word of its own.
        for address in entries.map_while(parse_entry) {
            client = ClientAddress::of_client(address);
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// Parses an address with or without a port. IPv6 addresses may be in brackets, and may have a zone.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?;
    let entry = entry.strip_prefix('"').and_then(|entry| entry.strip_suffix('"')).unwrap_or(entry);
    if let Ok(address) = entry.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let address = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let (address, _zone) = address.split_once('%').unwrap_or((address, ""));
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(networks: &[&str], source: &str, headers: &[&str]) -> ClientAddress {
        let trusted_proxies = networks.iter().map(|network| network.parse().unwrap()).collect();
        let proxies = TrustedProxies { trusted_proxies };
        proxies.client(source.parse().unwrap(), headers.iter().map(|header| header.as_bytes()))
    }

    fn named(address: &str) -> ClientAddress {
        ClientAddress::of_client(address.parse().unwrap())
    }

    const NETWORKS: [&str; 2] = ["10.0.0.0/8", "fd00::/8"];

    #[test]
    fn header_of_others_is_ignored() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.1"]), named("192.0.2.1"));
        assert_eq!(client(&NETWORKS, "192.0.2.1", &["198.51.100.1"]), named("192.0.2.1"));
        assert_eq!(
            client(&[], "127.0.0.1", &["198.51.100.1"]),
            named("127.0.0.1"),
            "loopback is no exception"
        );
    }

    #[test]
    fn last_address_that_is_no_trusted_proxy_is_the_client() {
        for headers in [
            &["192.0.2.1"][..],
            &["1.1.1.1, 192.0.2.1"],
            &["1.1.1.1, 192.0.2.1, 10.2.2.2,10.3.3.3"],
            &["unknown, 192.0.2.1, fd00::1"],
            &["1.1.1.1", "192.0.2.1", "10.2.2.2"],
            &["10.2.2.2, 192.0.2.1", "", " , "],
            &["\u{e4}, 192.0.2.1"],
        ] {
            for source in ["10.1.1.1", "::ffff:10.1.1.1", "fd12::1"] {
                assert_eq!(client(&NETWORKS, source, headers), named("192.0.2.1"), "{headers:?}");
            }
        }
    }

    #[test]
    fn forms_that_proxies_write_are_read() {
        for entry in ["192.0.2.1", "192.0.2.1:443", " 192.0.2.1\t", "\"192.0.2.1:1\"", "::ffff:192.0.2.1"] {
            assert_eq!(client(&NETWORKS, "10.1.1.1", &[entry]), named("192.0.2.1"), "{entry}");
        }
        for entry in
            ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "\"[2001:db8::1]:443\"", "2001:db8::1%eth0"]
        {
            assert_eq!(client(&NETWORKS, "10.1.1.1", &[entry]), named("2001:db8::1"), "{entry}");
        }
    }

    #[test]
    fn proxy_that_names_no_client_stays_the_proxy() {
        let proxy = ClientAddress::of_proxy("10.1.1.1".parse().unwrap());
        let long = "x".repeat(16_000);
        for headers in [
            &[][..],
            &[""],
            &["unknown"],
            &["192.0.2.1, _hidden"],
            &["192.0.2.1, 10.0.0.1.2"],
            &["192.0.2.1:x"],
            &["[192.0.2.1"],
            &["192.0.2.1 192.0.2.2"],
            &[&long],
        ] {
            assert_eq!(client(&NETWORKS, "10.1.1.1", headers), proxy, "{headers:?}");
        }
    }

    #[test]
    fn client_inside_a_trusted_network_is_named() {
        assert_eq!(client(&NETWORKS, "10.1.1.1", &["10.2.2.2"]), named("10.2.2.2"));
        assert_eq!(client(&NETWORKS, "10.1.1.1", &["unknown, 10.2.2.2"]), named("10.2.2.2"));
    }
}
