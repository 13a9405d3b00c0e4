//! The options that say how to reach Redis.
//!
//! The address may hold a password, so it is printed without one. Invalid options end the service at once. The service
//! retries when Redis cannot be reached or its certificate is not trusted.

use crate::secret::{self, Secret, SecretFileError};
use clap::Args;
use clap::builder::BoolishValueParser;
pub use redis_connection::Server;
use redis_connection::{ClientCertificate, ConfigError, SentinelConfig, ServerConfig};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs, io};

const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// A part of the first line of all kinds of keys.
const KEY: &[u8] = b"PRIVATE KEY-----";

/// How to reach the Redis of the cluster.
#[derive(Args, Clone, Debug)]
pub struct RedisOptions {
    /// The Redis that the services of one cluster share: one server, or a master that Sentinels know by name,
    /// `redis[s]+sentinel://[USER:SECRET@]HOST[:PORT],.../MASTER[/DB]`
    #[arg(long, env = "SWITCHBOARD_REDIS", hide_env_values = true)]
    #[arg(value_name = "redis[s]://[USER:SECRET@]HOST[:PORT][/DB]")]
    pub redis: RedisUrl,

    /// File with the password for Redis; one in --redis takes precedence
    #[arg(long, env = "SWITCHBOARD_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<String>,

    /// CA certificate (PEM) that signed the certificate of Redis, if the system does not trust it
    #[arg(long, env = "SWITCHBOARD_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,

    /// The certificate (PEM) that this service shows to a Redis that requires one
    #[arg(long, env = "SWITCHBOARD_REDIS_CERT", value_name = "FILE", requires = "redis_key")]
    pub redis_cert: Option<PathBuf>,

    /// The private key (PEM) of --redis-cert
    #[arg(long, env = "SWITCHBOARD_REDIS_KEY", value_name = "FILE", requires = "redis_cert")]
    pub redis_key: Option<PathBuf>,

    /// The user at the Sentinels, if they have users
    #[arg(long, env = "SWITCHBOARD_REDIS_SENTINEL_USER", value_name = "NAME")]
    pub redis_sentinel_user: Option<String>,

    /// The password at the Sentinels, if they require one
    #[arg(long, env = "SWITCHBOARD_REDIS_SENTINEL_PASSWORD", value_name = "SECRET", hide_env_values = true)]
    pub redis_sentinel_password: Option<Secret>,

    /// Connect to the Sentinels by TLS, with the certificates above
    #[arg(long, env = "SWITCHBOARD_REDIS_SENTINEL_TLS", value_parser = BoolishValueParser::new())]
    pub redis_sentinel_tls: bool,
}

impl RedisOptions {
    /// Reads the files and checks all options.
    ///
    /// # Errors
    /// When an option is invalid.
    pub fn server(&self) -> Result<Server, RedisOptionsError> {
        let read = |file: &Option<PathBuf>, flag, kind| {
            file.as_ref().map(|file| read_pem(file, flag, kind)).transpose()
        };
        let ca = read(&self.redis_ca, "--redis-ca", CERTIFICATE)?;
        let certificate = read(&self.redis_cert, "--redis-cert", CERTIFICATE)?;
        let key = read(&self.redis_key, "--redis-key", KEY)?;
        let client_certificate =
            certificate.zip(key).map(|(certificate, key)| ClientCertificate { certificate, key });
        let sentinel = SentinelConfig {
            user: self.redis_sentinel_user.clone(),
            password: revealed(self.redis_sentinel_password.clone()),
            tls: self.redis_sentinel_tls,
        };
        // Compose cannot unset a variable, so that an empty one means none.
        let file = self.redis_password_file.as_ref().filter(|file| !file.is_empty());
        let file = file.filter(|_| !self.redis.has_password());
        let password = file.map(|file| secret::load(Path::new(file))).transpose()?;
        let config = ServerConfig {
            url: self.redis.0.clone(),
            password: revealed(password),
            ca,
            client_certificate,
            sentinel,
        };
        Server::new(&config).map_err(|error| match error {
            ConfigError::CertificatesWithoutTls => RedisOptionsError::CertificatesWithoutTls,
            error @ (ConfigError::Address(_) | ConfigError::Certificates(_)) => error.into(),
        })
    }
}

fn revealed(secret: Option<Secret>) -> Option<String> {
    secret.map(|secret| secret.reveal().to_owned())
}

fn read_pem(file: &Path, flag: &'static str, begin: &[u8]) -> Result<Vec<u8>, RedisOptionsError> {
    let pem =
        fs::read(file).map_err(|cause| RedisOptionsError::Unreadable { flag, file: file.into(), cause })?;
    if !pem.windows(begin.len()).any(|window| window == begin) {
        return Err(RedisOptionsError::NotPem { flag, file: file.into() });
    }
    Ok(pem)
}

/// The Redis options are invalid. The text does not repeat the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum RedisOptionsError {
    /// The address is invalid, or does not fit the other options.
    #[error("invalid --redis: {0}")]
    Config(#[from] ConfigError),
    /// Certificates without TLS.
    #[error("--redis-ca and --redis-cert need a rediss:// address, or Sentinels with TLS")]
    CertificatesWithoutTls,
    /// The file with the password cannot be read.
    #[error("--redis-password-file: {0}")]
    PasswordFile(#[from] SecretFileError),
    /// The file cannot be read.
    #[error("{flag} {}: {cause}", file.display())]
    Unreadable {
        /// The option.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The file does not contain what it should.
    #[error("{flag} {}: no PEM in it of the kind that is expected", file.display())]
    NotPem {
        /// The option.
        flag: &'static str,
        /// The file.
        file: PathBuf,
    },
}

/// The address of Redis. `Display` and `Debug` omit user and password.
#[derive(Clone)]
pub struct RedisUrl(String);

impl RedisUrl {
    fn has_password(&self) -> bool {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
    }
}

/// Accepts everything, because clap prints a value that fails to parse. [`RedisOptions::server`] checks it.
impl FromStr for RedisUrl {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
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

    fn options(url: &str) -> RedisOptions {
        RedisOptions {
            redis: url.parse().unwrap(),
            redis_password_file: None,
            redis_ca: None,
            redis_cert: None,
            redis_key: None,
            redis_sentinel_user: None,
            redis_sentinel_password: None,
            redis_sentinel_tls: false,
        }
    }

    fn error(options: &RedisOptions) -> String {
        options.server().err().expect("the options are invalid").to_string()
    }

    fn shown(url: &str) -> String {
        url.parse::<RedisUrl>().unwrap().to_string()
    }

    #[test]
    fn a_shown_redis_url_has_no_password() {
        assert_eq!(shown("redis://user:secret@host:6379/0"), "redis://host:6379/0");
        assert_eq!(shown("redis://:p@ss@host"), "redis://host");
        assert_eq!(shown("redis://host/1"), "redis://host/1");
        assert_eq!(shown("redis+sentinel://u:p@a:1,b:2/m"), "redis+sentinel://a:1,b:2/m");
        assert_eq!(format!("{:?}", "rediss://a:b@h".parse::<RedisUrl>()), "Ok(rediss://h)");
    }

    #[test]
    fn errors_name_the_form_and_not_the_address() {
        for bad in
            ["h:6379", "redis://:secret@", "redis+sentinel://:secret@one/", "redis+cluster://u:secret@h"]
        {
            let text = error(&options(bad));
            assert!(text.starts_with("invalid --redis: ") && !text.contains("secret"), "{bad}: {text}");
        }
        assert!(options("redis://u:p@h:6379").server().is_ok());
    }

    #[test]
    fn a_password_file_is_for_an_address_without_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let with = |url: &str, path: &str| RedisOptions {
            redis_password_file: Some(path.to_owned()),
            ..options(url)
        };
        let path = file.to_str().unwrap();
        let missing = error(&with("redis://user@h", path));
        assert!(
            missing.starts_with("--redis-password-file: ") && missing.contains("No such file"),
            "{missing}"
        );
        assert!(with("redis://user:other@h", path).server().is_ok());
        assert!(with("redis://h", "").server().is_ok());
        fs::write(&file, "p@ss/wo:rd%\n").unwrap();
        assert!(with("redis://h", path).server().is_ok());
    }

    #[test]
    fn certificates_are_pem_files_and_need_tls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let with_ca = |url: &str| RedisOptions { redis_ca: Some(file.clone()), ..options(url) };
        assert!(error(&with_ca("rediss://h")).ends_with("ca.pem: No such file or directory (os error 2)"));
        fs::write(&file, "a key, perhaps").unwrap();
        assert!(error(&with_ca("rediss://h")).contains("ca.pem: no PEM"));
        let certificate = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        fs::write(&file, certificate.cert.pem()).unwrap();
        assert!(with_ca("rediss://h").server().is_ok());
        assert!(with_ca("rediss+sentinel://h/m").server().is_ok());
        for without in ["redis://h", "redis+sentinel://h/m"] {
            assert!(
                error(&with_ca(without)).contains("--redis-ca and --redis-cert need a rediss:// address"),
                "{without}"
            );
        }
        let sentinels = RedisOptions { redis_sentinel_tls: true, ..with_ca("redis+sentinel://h/m") };
        assert!(sentinels.server().is_ok());
        let key = folder.path().join("key.pem");
        fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
        let own =
            RedisOptions { redis_cert: Some(file.clone()), redis_key: Some(key), ..with_ca("rediss://h") };
        assert!(own.server().is_ok());
        let swapped = RedisOptions { redis_key: Some(file.clone()), ..own };
        assert!(error(&swapped).starts_with("--redis-key"));
    }
}
