//! The options that keep one client, or all clients of one address, from taking an edge away from the others.

use clap::Args;
use service::AddressGroup;

/// The options. An option without a value has a default that does not hold for clients on this machine: behind a
/// reverse proxy that names no clients, all of them would share the limits of one.
#[derive(Args, Clone, Debug)]
pub struct FairUseOptions {
    /// How many requests a second a client may send, with bursts of five times as many; excess requests are
    /// delayed; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_RATE", value_name = "COUNT", default_value_t = 200)]
    pub max_rate: u32,

    /// The same for all clients of one address together (an IPv6 network of 64 bits is one address); it also
    /// holds for clients that connect again; 0 for no limit (default: 1000; none for 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_RATE_PER_ADDRESS", value_name = "COUNT")]
    pub max_rate_per_address: Option<u32>,

    /// How many calls a second a client may make, with bursts of twice as many; excess calls are delayed,
    /// and the requests behind them; 0 for no limit (default: 20; none for 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_CALL_RATE", value_name = "COUNT")]
    pub max_call_rate: Option<u32>,

    /// The same for all clients of one address together; 0 for no limit (default: 100; none for 127.0.0.1 and
    /// ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_CALL_RATE_PER_ADDRESS", value_name = "COUNT")]
    pub max_call_rate_per_address: Option<u32>,

    /// How many registrations, calls and lists of a client the routers handle at once; the next ones wait,
    /// and the requests behind them; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CONCURRENT_REQUESTS", value_name = "COUNT", default_value_t = 4)]
    pub max_concurrent_requests: usize,

    /// The same for all clients of one address together, which take turns; 0 for no limit (default: 8; none for
    /// 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_CONCURRENT_REQUESTS_PER_ADDRESS", value_name = "COUNT")]
    pub max_concurrent_requests_per_address: Option<usize>,

    /// How many connections one address may have; further ones are refused (429); 0 for no limit (default:
    /// 1000; none for 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    pub max_connections_per_address: Option<usize>,

    /// How many connections a second one address may open, with bursts of ten times as many; further ones are
    /// refused (429); 0 for no limit (default: 100; none for 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_HANDSHAKE_RATE_PER_ADDRESS", value_name = "COUNT")]
    pub max_handshake_rate_per_address: Option<u32>,

    /// How many sessions the clients of one address may have, with those whose client is disconnected; 0 for no
    /// limit (default: 2000; none for 127.0.0.1 and ::1)
    #[arg(long, env = "SWITCHBOARD_MAX_SESSIONS_PER_ADDRESS", value_name = "COUNT")]
    pub max_sessions_per_address: Option<usize>,
}

/// How much one client of an address, and all clients of the address, may use. 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct FairUse {
    pub max_rate: u32,
    pub max_rate_per_address: u32,
    pub max_call_rate: u32,
    pub max_call_rate_per_address: u32,
    pub max_concurrent_requests_per_address: usize,
    pub max_connections_per_address: usize,
    pub max_handshake_rate_per_address: u32,
    pub max_sessions_per_address: usize,
    /// Whether a new client continues with the rate that the last one of its address had left.
    pub keeps_rate: bool,
}

impl FairUseOptions {
    /// Returns the limits of an address; none if it is unknown.
    pub fn of(&self, address: Option<AddressGroup>) -> FairUse {
        let is_local = address.is_some_and(|address| address.is_local());
        let rate = |option: Option<u32>, default| option.unwrap_or(if is_local { 0 } else { default });
        let count = |option: Option<usize>, default| option.unwrap_or(if is_local { 0 } else { default });
        FairUse {
            max_rate: self.max_rate,
            max_rate_per_address: rate(self.max_rate_per_address, 1_000),
            max_call_rate: rate(self.max_call_rate, 20),
            max_call_rate_per_address: rate(self.max_call_rate_per_address, 100),
            max_concurrent_requests_per_address: count(self.max_concurrent_requests_per_address, 8),
            max_connections_per_address: count(self.max_connections_per_address, 1_000),
            max_handshake_rate_per_address: rate(self.max_handshake_rate_per_address, 100),
            max_sessions_per_address: count(self.max_sessions_per_address, 2_000),
            keeps_rate: !is_local || self.max_rate_per_address.is_some(),
        }
    }
}

/// Returns a limit of which 0 means none.
pub fn bound(limit: usize, unlimited: usize) -> usize {
    if limit == 0 { unlimited } else { limit.min(unlimited) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, FromArgMatches};

    fn options(args: &[&str]) -> FairUseOptions {
        let command = FairUseOptions::augment_args(Command::new("edge").no_binary_name(true));
        FairUseOptions::from_arg_matches(&command.get_matches_from(args)).unwrap()
    }

    fn connections(options: &FairUseOptions, address: &str) -> usize {
        options.of(Some(AddressGroup::of(address.parse().unwrap()))).max_connections_per_address
    }

    #[test]
    fn defaults_are_for_other_machines_and_options_for_all() {
        let (defaults, set) = (options(&[]), options(&["--max-connections-per-address=7"]));
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!((connections(&defaults, local), connections(&set, local)), (0, 7), "{local}");
        }
        for other in ["127.0.0.2", "10.0.0.1", "2001:db8::1"] {
            assert_eq!((connections(&defaults, other), connections(&set, other)), (1_000, 7), "{other}");
        }
        assert_eq!(defaults.of(None).max_call_rate, 20);
    }
}
