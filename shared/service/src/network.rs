//! Networks, as options name them.

use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;
use std::str::FromStr;

/// The length of the prefix that all IPv4-mapped IPv6 addresses have (RFC 4291, 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// A network, as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(IpNet);

/// The text is no network.
#[derive(Debug, thiserror::Error)]
#[error("a network is an address or a range of addresses: 10.1.2.3, 10.0.0.0/8, fd00::/8")]
pub struct InvalidCidr;

impl Cidr {
    /// Whether the network contains an address. IPv4-mapped IPv6 addresses count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    /// A network of IPv4-mapped addresses is the IPv4 network that they stand for.
    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let network: IpNet = text.parse().map_err(|_| InvalidCidr)?;
        let IpAddr::V6(address) = network.addr() else { return Ok(Self(network)) };
        let Some(mapped) = address.to_ipv4_mapped() else { return Ok(Self(network)) };
        // A shorter prefix would contain other addresses beside the mapped ones: certainly a mistake.
        let prefix = network.prefix_len().checked_sub(MAPPED_PREFIX).ok_or(InvalidCidr)?;
        Ipv4Net::new(mapped, prefix).map(|it| Self(it.into())).map_err(|_| InvalidCidr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Cidr>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn network_contains_its_addresses_only() {
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.1.2.3", "10.1.2.3") && !contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("10.1.2.3/24", "10.1.2.77"), "host bits are ignored");
        assert!(contains("fd00::/8", "fd12::1") && !contains("fd00::/8", "fe80::1"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::2"));
    }

    #[test]
    fn ipv4_mapped_addresses_count_as_ipv4() {
        assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1") && contains("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!contains("10.0.0.0/8", "::ffff:11.0.0.1"));
    }

    #[test]
    fn networks_of_ipv4_mapped_addresses_count_as_ipv4() {
        for network in ["::ffff:10.0.0.0/104", "::ffff:10.9.8.7/104", "::FFFF:a00:0/104"] {
            assert!(contains(network, "10.1.2.3") && contains(network, "::ffff:10.1.2.3"), "{network}");
            assert!(!contains(network, "11.0.0.1") && !contains(network, "::1"), "{network}");
        }
        assert!(contains("::ffff:0:0/96", "8.8.8.8") && !contains("::ffff:0:0/96", "2001:db8::1"));
        assert!(contains("::ffff:10.0.0.1/128", "10.0.0.1") && !contains("::ffff:10.0.0.1/128", "10.0.0.2"));
    }

    #[test]
    fn invalid_networks_are_refused() {
        for invalid in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.0/", "/8", "::ffff:10.0.0.0/95"] {
            assert!(invalid.parse::<Cidr>().is_err(), "{invalid}");
        }
    }
}
