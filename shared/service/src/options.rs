//! Options that several services share. Each flag has an environment variable: `--some-flag` is
//! `SWITCHBOARD_SOME_FLAG`. The flag takes precedence.
//!
//! `--help` prints the doc comments of the fields.
//!
//! The address of Redis may hold a password, so it is printed without one. Invalid Redis options end the service at
//! once. The service retries when Redis cannot be reached or its certificate is not trusted.

use crate::secret::{self, SecretFileError};
use crate::web_origin::AllowedOrigin;
use clap::{Args, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
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

/// Which web pages may use a listener for clients or for operators.
#[derive(Args, Clone, Debug, Default)]
pub struct OriginOptions {
    /// Origin of web pages that may open websockets and read the HTTP API in a browser, like
    /// https://app.example.org; may be repeated or comma-separated; * for any [default: websockets from any page,
    /// on a loopback address from pages of this machine; the HTTP API from its own pages]
    #[arg(long, env = "SWITCHBOARD_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<AllowedOrigin>,
}

const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How to reach the Redis server of the cluster.
#[derive(Args, Clone, Debug)]
pub struct RedisOptions {
    /// The Redis server that the services of one cluster share
    #[arg(long, env = "SWITCHBOARD_REDIS", hide_env_values = true)]
    #[arg(value_name = "redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    pub redis: RedisUrl,

    /// File with the password for Redis; one in --redis takes precedence
    #[arg(long, env = "SWITCHBOARD_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<String>,

    /// CA certificate (PEM) that signed the certificate of a rediss:// server, if the system does not trust it
    #[arg(long, env = "SWITCHBOARD_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,
}

/// The Redis server, as the options name it.
pub struct RedisTarget {
    /// The address, with user and password.
    pub url: RedisUrl,
    /// The contents of `--redis-ca`.
    pub ca: Option<Vec<u8>>,
}

impl RedisOptions {
    /// Checks the options, and reads the files that they name.
    ///
    /// # Errors
    /// When an option is invalid, or a file cannot be read.
    pub fn target(&self) -> Result<RedisTarget, RedisOptionsError> {
        let ca = self.check()?;
        // Compose cannot unset a variable, so that an empty one means none.
        let file = self.redis_password_file.as_ref().filter(|file| !file.is_empty());
        let url = match file {
            Some(file) if !self.redis.has_password() => {
                self.redis.with_password(secret::load(Path::new(file))?.reveal())
            }
            Some(_) | None => self.redis.clone(),
        };
        Ok(RedisTarget { url, ca })
    }

    /// Checks the options and returns the contents of [`redis_ca`](Self::redis_ca), if set.
    ///
    /// # Errors
    /// When an option is invalid.
    fn check(&self) -> Result<Option<Vec<u8>>, RedisOptionsError> {
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
    /// The file with the password cannot be read.
    #[error("--redis-password-file: {0}")]
    PasswordFile(#[from] SecretFileError),
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

    fn has_password(&self) -> bool {
        self.credentials().contains(':')
    }

    /// Adds a password; any byte may occur in it.
    fn with_password(&self, password: &str) -> Self {
        let (scheme, address) = self.parts();
        let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
        Self(format!("{scheme}://{}:{password}@{address}", self.credentials()))
    }

    /// Returns what is before the `@`.
    fn credentials(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.rsplit_once('@').map_or("", |(credentials, _)| credentials)
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

    fn options(
        redis: RedisUrl,
        redis_password_file: Option<String>,
        redis_ca: Option<PathBuf>,
    ) -> RedisOptions {
        RedisOptions { redis, redis_password_file, redis_ca }
    }

    #[test]
    fn a_password_in_a_file_is_added_to_the_address() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "p@ss/wo:rd%\n").unwrap();
        let url = |address: &str| {
            let path = file.to_str().unwrap().to_owned();
            let target = options(address.parse().unwrap(), Some(path), None).target();
            target.map(|target| target.url.as_str().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(url("redis://h:1/2").unwrap(), "redis://:p%40ss%2Fwo%3Ard%25@h:1/2");
        assert_eq!(url("rediss://user@h").unwrap(), "rediss://user:p%40ss%2Fwo%3Ard%25@h");
        assert_eq!(url("redis://user:other@h").unwrap(), "redis://user:other@h");
        let empty = options("redis://h".parse().unwrap(), Some(String::new()), None).target();
        assert_eq!(empty.map(|target| target.url.as_str().to_owned()).ok().as_deref(), Some("redis://h"));
        fs::remove_file(&file).unwrap();
        let missing = url("redis://h").unwrap_err();
        assert!(
            missing.starts_with("--redis-password-file: ") && missing.contains("No such file"),
            "{missing}"
        );
    }

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
            let (redis, redis_ca) = (url.parse().unwrap(), Some(file.clone()));
            options(redis, None, redis_ca).check().map_err(|error| error.to_string())
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
