//! Options that several services share. Each flag has an environment variable: `--some-flag` is
//! `SWITCHBOARD_SOME_FLAG`. The flag takes precedence.
//!
//! `--help` prints the doc comments of the fields.
//!
//! The address of Redis may hold a password, so it is printed without one. Invalid Redis options end the service at
//! once. The service retries when Redis cannot be reached or its certificate is not trusted.

use clap::{Args, ValueEnum};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use std::{fmt, fs, io};

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

const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How to reach the Redis server of the cluster.
#[derive(Args, Clone, Debug)]
pub struct RedisOptions {
    /// The Redis server that the services of one cluster share
    #[arg(long, env = "SWITCHBOARD_REDIS", hide_env_values = true)]
    #[arg(value_name = "redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    pub redis: RedisUrl,

    /// CA certificate (PEM) that signed the certificate of a rediss:// server, if the system does not trust it
    #[arg(long, env = "SWITCHBOARD_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,
}

impl RedisOptions {
    /// Checks the options and returns the contents of [`redis_ca`](Self::redis_ca), if set.
    ///
    /// # Errors
    /// When an option is invalid.
    pub fn check(&self) -> Result<Option<Vec<u8>>, RedisOptionsError> {
        self.redis.check()?;
        let Some(file) = &self.redis_ca else { return Ok(None) };
        if !self.redis.is_tls() {
            return Err(RedisOptionsError::CaWithoutTls);
        }
        let pem =
            fs::read(file).map_err(|cause| RedisOptionsError::Unreadable { file: file.clone(), cause })?;
        if !pem.windows(PEM_BEGIN.len()).any(|window| window == PEM_BEGIN) {
            return Err(RedisOptionsError::NoCertificate(file.clone()));
        }
        Ok(Some(pem))
    }
}

/// The address of a Redis server. `Display` and `Debug` omit user and password.
#[derive(Clone)]
pub struct RedisUrl(String);

/// The Redis options are invalid. The text does not repeat the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum RedisOptionsError {
    /// The address cannot be parsed.
    #[error("invalid --redis: expected redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    InvalidUrl,
    /// A CA certificate without TLS.
    #[error("--redis-ca needs a rediss:// address, but --redis is redis://")]
    CaWithoutTls,
    /// The file cannot be read.
    #[error("--redis-ca {}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The file holds no certificate.
    #[error("--redis-ca {}: no PEM certificate in it", .0.display())]
    NoCertificate(PathBuf),
}

impl RedisUrl {
    /// Returns the whole address, including the password.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks the form. `from_str` cannot, because clap prints a value that fails to parse.
    fn check(&self) -> Result<(), RedisOptionsError> {
        let (scheme, rest) = self.parts();
        let address = rest.split('/').next().unwrap_or_default();
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
        let port = if host.starts_with('[') && !host.ends_with(']') { "6379" } else { port };
        if matches!(scheme, "redis" | "rediss") && !host.is_empty() && port.parse::<u16>().is_ok() {
            Ok(())
        } else {
            Err(RedisOptionsError::InvalidUrl)
        }
    }

    fn is_tls(&self) -> bool {
        self.parts().0 == "rediss"
    }

    /// Returns the scheme, and everything after user and password.
    fn parts(&self) -> (&str, &str) {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        (scheme, rest.rsplit_once('@').map_or(rest, |(_, address)| address))
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
        let (scheme, address) = self.parts();
        write!(f, "{scheme}://{address}")
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
    fn only_redis_urls_are_accepted() {
        let ok = |url: &str| url.parse::<RedisUrl>().unwrap().check().is_ok();
        for good in [
            "redis://h",
            "redis://h:1/0",
            "redis://u:p@h:6379",
            "redis://[::1]:6379/1",
            "redis://[::1]",
            "rediss://h",
        ] {
            assert!(ok(good), "{good}");
        }
        for bad in ["", "h:6379", "http://h", "redis://", "redis://u:p@", "redis://h:x"] {
            assert!(!ok(bad), "{bad}");
        }
    }

    #[test]
    fn a_ca_is_a_pem_file_and_needs_tls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let check = |url: &str| {
            let options = RedisOptions { redis: url.parse().unwrap(), redis_ca: Some(file.clone()) };
            options.check().map_err(|error| error.to_string())
        };
        assert!(
            check("rediss://u:secret@h")
                .unwrap_err()
                .ends_with("ca.pem: No such file or directory (os error 2)")
        );
        fs::write(&file, "a key, perhaps").unwrap();
        assert!(check("rediss://h").unwrap_err().ends_with("no PEM certificate in it"));
        fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
        assert!(check("rediss://h").unwrap().is_some());
        assert_eq!(
            check("redis://h").unwrap_err(),
            "--redis-ca needs a rediss:// address, but --redis is redis://"
        );
    }
}
