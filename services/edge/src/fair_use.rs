//! The options that keep one client, or all clients of one address, from taking an edge away from the others.

use clap::Args;

/// How much one client, and all clients of one address, may use.
#[derive(Args, Clone, Debug)]
pub struct FairUseOptions {
    /// How many requests a second a client may send, with bursts of five times as many; excess requests are
    /// delayed; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_RATE", value_name = "COUNT", default_value_t = 200)]
    pub max_rate: u32,

    /// The same for all clients of one address together (an IPv6 network of 64 bits is one address); it also
    /// holds for clients that connect again; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_RATE_PER_ADDRESS", value_name = "COUNT", default_value_t = 1_000)]
    pub max_rate_per_address: u32,

    /// How many calls a second a client may make, with bursts of twice as many; excess calls are delayed,
    /// and the requests behind them; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CALL_RATE", value_name = "COUNT", default_value_t = 10)]
    pub max_call_rate: u32,

    /// The same for all clients of one address together; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CALL_RATE_PER_ADDRESS", value_name = "COUNT", default_value_t = 50)]
    pub max_call_rate_per_address: u32,

    /// How many registrations, calls and lists of a client the routers handle at once; the next ones wait,
    /// and the requests behind them; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CONCURRENT_REQUESTS", value_name = "COUNT", default_value_t = 4)]
    pub max_concurrent_requests: usize,

    /// The same for all clients of one address together, which take turns; 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CONCURRENT_REQUESTS_PER_ADDRESS", value_name = "COUNT")]
    #[arg(default_value_t = 8)]
    pub max_concurrent_requests_per_address: usize,

    /// How many connections one address may have; further ones are refused (429); 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    #[arg(default_value_t = 1_000)]
    pub max_connections_per_address: usize,

    /// How many connections a second one address may open, with bursts of ten times as many; further ones are
    /// refused (429); 0 for no limit
    #[arg(long, env = "SWITCHBOARD_MAX_HANDSHAKE_RATE_PER_ADDRESS", value_name = "COUNT")]
    #[arg(default_value_t = 100)]
    pub max_handshake_rate_per_address: u32,

    /// How many sessions the clients of one address may have, with those whose client is disconnected; 0 for no
    /// limit
    #[arg(long, env = "SWITCHBOARD_MAX_SESSIONS_PER_ADDRESS", value_name = "COUNT", default_value_t = 2_000)]
    pub max_sessions_per_address: usize,
}

/// Returns a limit of which 0 means none.
pub fn bound(limit: usize, unlimited: usize) -> usize {
    if limit == 0 { unlimited } else { limit.min(unlimited) }
}
