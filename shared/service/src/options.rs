//! Options that several services share. Each flag is an environment variable too: `--some-flag` is
//! `SWITCHBOARD_SOME_FLAG`; a flag wins over its variable.
//!
//! The doc comments here are what `--help` prints.

mod redis;

pub use redis::{RedisOptions, RedisOptionsError, RedisUrl};

use clap::{Args, ValueEnum};
use std::time::Duration;

/// Where a process answers its operator.
#[derive(Args, Clone, Debug, Default)]
pub struct AdminOptions {
    /// Serve /livez, /readyz and /metrics over HTTP on this address; keep it private
    #[arg(long, env = "SWITCHBOARD_ADMIN_LISTEN", value_name = "HOST:PORT")]
    pub admin_listen: Option<String>,
}

/// How a service finds out whether its roads on the bus are open.
#[derive(Args, Clone, Copy, Debug)]
pub struct CanaryOptions {
    /// Seconds between two messages that only show that the roads between services are open;
    /// /readyz says when none comes back; 0 for none
    #[arg(long, env = "SWITCHBOARD_CANARY_INTERVAL", value_name = "SECONDS", default_value_t = CANARY_INTERVAL)]
    pub canary_interval: u64,
}

const CANARY_INTERVAL: u64 = 2;

impl CanaryOptions {
    /// How often one is sent; none where there are to be none.
    pub fn interval(&self) -> Option<Duration> {
        (self.canary_interval > 0).then(|| Duration::from_secs(self.canary_interval))
    }
}

impl Default for CanaryOptions {
    fn default() -> Self {
        Self { canary_interval: CANARY_INTERVAL }
    }
}

/// What a process says about its work.
#[derive(Args, Clone, Debug)]
pub struct LogOptions {
    /// What to log: error, warn, info, debug, trace, or a list such as info,edge=debug
    #[arg(long, env = "SWITCHBOARD_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// How a line of the log looks
    #[arg(long, env = "SWITCHBOARD_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object a line
    Json,
}
