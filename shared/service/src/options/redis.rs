//! Which Redis: its address, and whom to trust when it is spoken to over TLS.
//!
//! The address may hold a password, so nothing here prints it as it is. A service that is told nonsense ends
//! at once and says so; a Redis that is away, or that shows a certificate of somebody else, is waited for.

use clap::Args;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, fs, io};

/// How a certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where the cluster's Redis is.
#[derive(Args, Clone, Debug)]
pub struct RedisOptions {
    /// The Redis server that the services of one cluster share
    #[arg(long, env = "SWITCHBOARD_REDIS", hide_env_values = true)]
    #[arg(value_name = "redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    pub redis: RedisUrl,

    /// Who may have signed the certificate of a rediss:// server (PEM), if nobody whom this system trusts
    #[arg(long, env = "SWITCHBOARD_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,
}

impl RedisOptions {
    /// Checks the address, and reads the file of [`redis_ca`](Self::redis_ca) if there is one.
    ///
    /// # Errors
    /// When either makes no sense.
    pub fn check(&self) -> Result<Option<Vec<u8>>, RedisOptionsError> {
        self.redis.check()?;
        let Some(file) = &self.redis_ca else { return Ok(None) };
        if !self.redis.is_tls() {
            return Err(RedisOptionsError::CaWithoutTls);
        }
        let pem = fs::read(file).map_err(|why| RedisOptionsError::Unreadable { file: file.clone(), why })?;
        match pem.windows(BEGIN.len()).any(|it| it == BEGIN) {
            true => Ok(Some(pem)),
            false => Err(RedisOptionsError::NoCertificate(file.clone())),
        }
    }
}

/// The address of a Redis, which may hold a password: printing or logging it leaves that out.
#[derive(Clone)]
pub struct RedisUrl(String);

/// Why no Redis can be asked. Says nothing of the address that was given, since that may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum RedisOptionsError {
    /// It is no address.
    #[error("--redis makes no sense: it has the form redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    InvalidUrl,
    /// A certificate, and no TLS.
    #[error("--redis-ca is for rediss://, and --redis says redis://")]
    CaWithoutTls,
    /// The file cannot be read.
    #[error("--redis-ca {}: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        why: io::Error,
    },
    /// The file is no PEM.
    #[error("--redis-ca {}: there is no PEM certificate in it", .0.display())]
    NoCertificate(PathBuf),
}

impl RedisUrl {
    /// The whole address, password included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it looks like one. Reading one never fails, because clap would print what it read.
    ///
    /// # Errors
    /// When it has no `redis://` or `rediss://`, no host, or a port that is no number.
    fn check(&self) -> Result<(), RedisOptionsError> {
        let (scheme, place) = self.parts();
        let address = place.split('/').next().unwrap_or_default();
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
        let port = if host.starts_with('[') && !host.ends_with(']') { "6379" } else { port };
        match matches!(scheme, "redis" | "rediss") && !host.is_empty() && port.parse::<u16>().is_ok() {
            true => Ok(()),
            false => Err(RedisOptionsError::InvalidUrl),
        }
    }

    fn is_tls(&self) -> bool {
        self.parts().0 == "rediss"
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
    fn a_ca_is_a_file_of_certificates_and_for_tls() {
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
        assert!(check("rediss://h").unwrap_err().ends_with("there is no PEM certificate in it"));
        fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
        assert!(check("rediss://h").unwrap().is_some());
        assert_eq!(check("redis://h").unwrap_err(), "--redis-ca is for rediss://, and --redis says redis://");
    }
}
