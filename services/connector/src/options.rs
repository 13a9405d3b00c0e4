//! The options of a connector.

use clap::Args;
use clap::builder::BoolishValueParser;
use common::BackendName;
use service::Secret;
use service::options::CanaryOptions;
use std::str::FromStr;
use std::time::Duration;

/// Which Janus servers a connector may serve.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// A Janus server, NAME=ws://HOST:PORT, or dns+ws://HOST:PORT for every address HOST resolves to;
    /// may be repeated (in the environment: separated by commas). Connectors that are given the same
    /// servers share them
    #[arg(long = "backend", env = "SWITCHBOARD_BACKEND", value_name = "NAME=URL", value_delimiter = ',')]
    pub backends: Vec<Source>,

    /// Serve only the servers of --backend, and not those that others have written into the shared Redis:
    /// janus-cloud's proxies and sentinels, and operators over HTTP
    #[arg(long, env = "SWITCHBOARD_NO_SHARED_BACKENDS", value_parser = BoolishValueParser::new())]
    pub ignore_discovered_backends: bool,

    /// The `apisecret` that a Janus server wants, NAME=SECRET (for dns+ws://HOST: HOST=SECRET); may be
    /// repeated (in the environment: separated by commas)
    #[arg(long, env = "SWITCHBOARD_BACKEND_API_SECRET", value_name = "NAME=SECRET")]
    #[arg(value_delimiter = ',', hide_env_values = true)]
    pub backend_api_secret: Vec<Secret>,

    /// The `token` that a Janus server wants, NAME=TOKEN, in the same way
    #[arg(long, env = "SWITCHBOARD_BACKEND_TOKEN", value_name = "NAME=TOKEN")]
    #[arg(value_delimiter = ';', hide_env_values = true)]
    pub backend_token: Vec<Secret>,

    /// Seconds a call may ring before it ends with the reason "No answer"; 0 for ever
    #[arg(long, env = "SWITCHBOARD_RING_TIMEOUT", value_name = "SECONDS", default_value_t = 120)]
    pub ring_timeout: u64,

    /// The folder on the media servers below which clients' recordings are written; without it,
    /// recordings are refused
    #[arg(long, env = "SWITCHBOARD_RECORD_DIR", value_name = "DIR")]
    pub record_dir: Option<String>,

    /// Canaries in the mailboxes of backends.
    #[command(flatten)]
    pub canary: CanaryOptions,
}

impl Options {
    fn call_policy(&self) -> CallPolicy {
        CallPolicy {
            ring_timeout: Some(Duration::from_secs(self.ring_timeout)).filter(|time| !time.is_zero()),
            record_dir: self.record_dir.clone(),
        }
    }

    /// What the server, or the host name, `name` is served under.
    pub fn backend_settings(&self, name: &str) -> BackendSettings {
        BackendSettings {
            policy: self.call_policy(),
            credentials: self.credentials(name),
            canary: self.canary,
        }
    }

    fn credentials(&self, name: &str) -> Credentials {
        let of = |secrets: &[Secret]| {
            let mut named = secrets.iter().filter_map(|secret| secret.reveal().split_once('='));
            let (_, secret) = named.find(|(whose, _)| *whose == name)?;
            Some(Secret::from(secret))
        };
        Credentials { api_secret: of(&self.backend_api_secret), token: of(&self.backend_token) }
    }

    /// Whether every secret says whose it is.
    pub fn secrets_are_named(&self) -> bool {
        let mut secrets = self.backend_api_secret.iter().chain(&self.backend_token);
        secrets.all(|secret| secret.reveal().split_once('=').is_some_and(|(name, _)| !name.is_empty()))
    }
}

/// What a backend is served under.
#[derive(Clone, Debug, Default)]
pub struct BackendSettings {
    /// For its calls.
    pub policy: CallPolicy,
    /// For Janus.
    pub credentials: Credentials,
    /// For its mailbox.
    pub canary: CanaryOptions,
}

/// What calls are subject to.
#[derive(Clone, Debug, Default)]
pub struct CallPolicy {
    /// How long a call may ring.
    pub ring_timeout: Option<Duration>,
    /// Where Janus may record.
    pub record_dir: Option<String>,
}

/// What a Janus server wants to be shown with each request.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// `apisecret`.
    pub api_secret: Option<Secret>,
    /// `token`.
    pub token: Option<Secret>,
}

/// Where backends come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One server.
    Server(Server),
    /// Every address of a host name.
    Dns {
        /// The host name.
        host: String,
        /// The port on each address.
        port: u16,
    },
}

/// One Janus server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// Its name in the cluster.
    pub name: BackendName,
    /// Its websocket URL.
    pub url: String,
    /// Whether others have written it down, and its record is theirs.
    pub is_discovered: bool,
}

/// Why a `--backend` makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither form.
    #[error("expected NAME=ws://HOST:PORT or dns+ws://HOST:PORT")]
    Form,
    /// A name that would not do in keys and logs.
    #[error("a backend's name has 1 to 64 letters, digits, dots, dashes or underscores")]
    Name,
    /// No port.
    #[error("the port is missing or no number, as in dns+ws://janus:8188")]
    Port,
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if let Some(address) = text.strip_prefix("dns+ws://") {
            let (host, port) = address.trim_end_matches('/').rsplit_once(':').ok_or(SourceError::Port)?;
            let port = port.parse().map_err(|_| SourceError::Port)?;
            return Ok(Self::Dns { host: host.to_owned(), port });
        }
        let (name, url) = text.split_once('=').ok_or(SourceError::Form)?;
        if !url.starts_with("ws://") || url.len() == "ws://".len() {
            return Err(SourceError::Form);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match (1..=64).contains(&name.len()) && name.chars().all(fits) {
            true => Ok(Self::Server(Server {
                name: BackendName::from(name),
                url: url.to_owned(),
                is_discovered: false,
            })),
            false => Err(SourceError::Name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let (name, url) = (BackendName::from("a"), "ws://10.0.0.5:8188".to_owned());
        let server = Server { name, url, is_discovered: false };
        assert_eq!("a=ws://10.0.0.5:8188".parse::<Source>().unwrap(), Source::Server(server));
        let dns = Source::Dns { host: "janus".to_owned(), port: 8188 };
        assert_eq!("dns+ws://janus:8188".parse::<Source>().unwrap(), dns);
    }

    #[test]
    fn nonsense_is_told_apart() {
        for (text, words) in [
            ("janus", "expected NAME="),
            ("a=http://x", "expected NAME="),
            ("a=ws://", "expected NAME="),
            ("=ws://x", "a backend's name"),
            ("a{b=ws://x", "a backend's name"),
            ("dns+ws://janus", "the port"),
            ("dns+ws://janus:http", "the port"),
        ] {
            let error = text.parse::<Source>().expect_err(text).to_string();
            assert!(error.starts_with(words), "{text}: {error}");
        }
    }
}
