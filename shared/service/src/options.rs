//! Options that several services share. Each flag is an environment variable too: `--some-flag` is
//! `SWITCHBOARD_SOME_FLAG`; a flag wins over its variable.
//!
//! The doc comments here are what `--help` prints.

use clap::{Args, ValueEnum};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where the cluster's Redis is.
#[derive(Args, Clone, Debug)]
pub struct RedisOptions {
    /// The Redis server that the services of one cluster share
    #[arg(long, env = "SWITCHBOARD_REDIS", hide_env_values = true)]
    #[arg(value_name = "redis://[USER:SECRET@]HOST[:PORT][/DB]")]
    pub redis: RedisUrl,
}

/// The address of a Redis, which may hold a password: printing or logging it leaves that out.
#[derive(Clone)]
pub struct RedisUrl(String);

/// Not an address of a Redis; says nothing of what was given, since that may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("--redis makes no sense: it has the form redis://[USER:SECRET@]HOST[:PORT][/DB]")]
pub struct NotARedisUrl;

impl RedisUrl {
    /// The whole address, password included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it looks like one. Reading one never fails, because clap would print what it read.
    ///
    /// # Errors
    /// When it has no `redis://`, no host, or a port that is no number.
    pub fn check(&self) -> Result<(), NotARedisUrl> {
        let (scheme, place) = self.parts();
        let address = place.split('/').next().unwrap_or_default();
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
        let port = if host.starts_with('[') && !host.ends_with(']') { "6379" } else { port };
        match scheme == "redis" && !host.is_empty() && port.parse::<u16>().is_ok() {
            true => Ok(()),
            false => Err(NotARedisUrl),
        }
    }

    /// The scheme, and all behind the password.
    fn parts(&self) -> (&str, &str) {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        (scheme, rest.rsplit_once('@').map_or(rest, |(_, place)| place))
    }
}

impl FromStr for RedisUrl {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, place) = self.parts();
        write!(f, "{scheme}://{place}")
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
    pub fn every(&self) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        url.parse::<RedisUrl>().unwrap().to_string()
    }

    #[test]
    fn a_shown_redis_url_has_no_password() {
        assert_eq!(shown("redis://user:secret@host:6379/0"), "redis://host:6379/0");
        assert_eq!(shown("redis://:p@ss@host"), "redis://host");
        assert_eq!(shown("redis://host/1"), "redis://host/1");
        assert_eq!(format!("{:?}", "rediss://a:b@h".parse::<RedisUrl>()), "Ok(rediss://h)");
    }
    #[test]
    fn only_redis_urls_are_taken() {
        let ok = |url: &str| url.parse::<RedisUrl>().unwrap().check().is_ok();
        for good in
            ["redis://h", "redis://h:1/0", "redis://u:p@h:6379", "redis://[::1]:6379/1", "redis://[::1]"]
        {
            assert!(ok(good), "{good}");
        }
        for bad in ["", "h:6379", "http://h", "redis://", "redis://u:p@", "redis://h:x"] {
            assert!(!ok(bad), "{bad}");
        }
    }
}
