//! Options that several services share. Each flag has an environment variable: `--some-flag` is
//! `SWITCHBOARD_SOME_FLAG`. The flag takes precedence.
//!
//! `--help` prints the doc comments of the fields.

use crate::web_origin::AllowedOrigin;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// The listener of the admin routes.
#[derive(Args, Clone, Debug, Default)]
pub struct AdminOptions {
    /// Serve /livez, /readyz and /metrics over HTTP on this address; keep it private
    #[arg(long, env = "SWITCHBOARD_ADMIN_LISTEN", value_name = "HOST:PORT")]
    pub admin_listen: Option<String>,
}

/// How often a service checks its streams on the bus.
#[derive(Args, Clone, Copy, Debug)]
pub struct CanaryOptions {
    /// Interval in seconds of canary messages that check every stream end to end (0 disables); /readyz reports
    /// a stream that returns none
    #[arg(long, env = "SWITCHBOARD_CANARY_INTERVAL", value_name = "SECONDS", default_value_t = CANARY_INTERVAL)]
    pub canary_interval: u64,
}

const CANARY_INTERVAL: u64 = 2;

impl CanaryOptions {
    /// Returns the interval, or `None` when canaries are disabled.
    pub fn interval(&self) -> Option<Duration> {
        (self.canary_interval > 0).then(|| Duration::from_secs(self.canary_interval))
    }
}

impl Default for CanaryOptions {
    fn default() -> Self {
        Self { canary_interval: CANARY_INTERVAL }
    }
}

/// What a process logs, and how.
#[derive(Args, Clone, Debug)]
pub struct LogOptions {
    /// What to log: error, warn, info, debug, trace, or a list such as info,edge=debug
    #[arg(long, env = "SWITCHBOARD_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Format of the log
    #[arg(long, env = "SWITCHBOARD_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    #[default]
    Text,
    /// One JSON object per line, for programs
    Json,
}

/// Which web pages may use a listener for clients or for operators.
#[derive(Args, Clone, Debug, Default)]
pub struct OriginOptions {
    /// Origin of web pages that may open websockets and read the HTTP API in a browser, like
    /// `https://app.example.org`; may be repeated or comma-separated; * for any (default: websockets from any page,
    /// on a loopback address from pages of this machine; the HTTP API from its own pages)
    #[arg(long, env = "SWITCHBOARD_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<AllowedOrigin>,
}
