//! The options of a connector.

use clap::Args;
use clap::builder::BoolishValueParser;
use common::BackendName;
use service::Secret;
use service::options::CanaryOptions;
use std::str::FromStr;
use std::time::Duration;

/// The longest name of a backend, in characters.
pub const MAX_BACKEND_NAME: usize = 64;

#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Janus server, NAME=ws://HOST:PORT, or dns+ws://HOST:PORT for every address HOST resolves to; may be
    /// repeated (in the environment: separated by commas). Connectors with the same servers share them
    #[arg(long = "backend", env = "SWITCHBOARD_BACKEND", value_name = "NAME=URL", value_delimiter = ',')]
    pub backends: Vec<Source>,

    /// Serve only the servers of --backend, and not those that janus-cloud's proxies and sentinels, or
    /// operators over HTTP, have registered in Redis
    #[arg(long, env = "SWITCHBOARD_IGNORE_DISCOVERED_BACKENDS", value_parser = BoolishValueParser::new())]
    pub ignore_discovered_backends: bool,

    /// The `apisecret` that a Janus server requires, NAME=SECRET (for dns+ws://HOST: HOST=SECRET); may be
    /// repeated (in the environment: separated by commas)
    #[arg(long, env = "SWITCHBOARD_BACKEND_API_SECRET", value_name = "NAME=SECRET")]
    #[arg(value_delimiter = ',', hide_env_values = true)]
    pub backend_api_secret: Vec<Secret>,

    /// The `token` that a Janus server requires, NAME=TOKEN; may be repeated (in the environment: separated
    /// by semicolons)
    #[arg(long, env = "SWITCHBOARD_BACKEND_TOKEN", value_name = "NAME=TOKEN")]
    #[arg(value_delimiter = ';', hide_env_values = true)]
    pub backend_token: Vec<Secret>,

    /// Seconds a call may ring before it ends with the reason "No answer" (0: no limit)
    #[arg(long, env = "SWITCHBOARD_RING_TIMEOUT", value_name = "SECONDS", default_value_t = 120)]
    pub ring_timeout: u64,

    /// Directory on the media servers for clients' recordings; without it, recordings are refused
    #[arg(long, env = "SWITCHBOARD_RECORD_DIR", value_name = "DIR")]
    pub record_dir: Option<String>,

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

    /// The settings for a backend. `name` is its name, or the host name that it was resolved from.
    pub fn backend_settings(&self, name: &str) -> BackendSettings {
        BackendSettings {
            policy: self.call_policy(),
            credentials: self.credentials(name),
            canary: self.canary,
        }
    }

    fn credentials(&self, name: &str) -> Credentials {
        let find = |secrets: &[Secret]| {
            let mut named = secrets.iter().filter_map(|secret| secret.reveal().split_once('='));
            let (_, secret) = named.find(|(backend, _)| *backend == name)?;
            Some(Secret::from(secret))
        };
        Credentials { api_secret: find(&self.backend_api_secret), token: find(&self.backend_token) }
    }

    /// Whether every secret and token names its backend.
    pub fn secrets_are_named(&self) -> bool {
        let mut secrets = self.backend_api_secret.iter().chain(&self.backend_token);
        secrets.all(|secret| secret.reveal().split_once('=').is_some_and(|(name, _)| !name.is_empty()))
    }
}

/// The options that apply to one backend.
#[derive(Clone, Debug, Default)]
pub struct BackendSettings {
    pub policy: CallPolicy,
    pub credentials: Credentials,
    pub canary: CanaryOptions,
}

#[derive(Clone, Debug, Default)]
pub struct CallPolicy {
    /// How long a call may ring; none for no limit.
    pub ring_timeout: Option<Duration>,
    /// Where Janus may record; none to refuse recordings.
    pub record_dir: Option<String>,
}

/// What a Janus server requires in each request.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub api_secret: Option<Secret>,
    pub token: Option<Secret>,
}

/// A value of `--backend`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Server(Server),
    /// A server at every address of a host name.
    Dns {
        host: String,
        port: u16,
    },
}

/// One Janus server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// The name of the backend in the cluster.
    pub name: BackendName,
    /// The websocket URL, `ws://HOST:PORT`.
    pub url: String,
    /// It was found in the directory, and its record there belongs to another service.
    pub is_discovered: bool,
}

/// Why a `--backend` is invalid.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("expected NAME=ws://HOST:PORT or dns+ws://HOST:PORT")]
    Form,
    #[error("a backend's name has 1 to 64 letters, digits, dots, dashes or underscores")]
    Name,
    #[error("the host is missing, as in dns+ws://janus:8188")]
    Host,
    #[error("the port is missing or not a number, as in dns+ws://janus:8188")]
    Port,
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if let Some(address) = text.strip_prefix("dns+ws://") {
            let (host, port) = address.trim_end_matches('/').rsplit_once(':').ok_or(SourceError::Port)?;
            let port = port.parse().map_err(|_| SourceError::Port)?;
            if host.is_empty() {
                return Err(SourceError::Host);
            }
            return Ok(Self::Dns { host: host.to_owned(), port });
        }
        let (name, url) = text.split_once('=').ok_or(SourceError::Form)?;
        if !url.starts_with("ws://") || url.len() == "ws://".len() {
            return Err(SourceError::Form);
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !(1..=MAX_BACKEND_NAME).contains(&name.len()) || !name.chars().all(is_allowed) {
            return Err(SourceError::Name);
        }
        let (name, url) = (BackendName::from(name), url.to_owned());
        Ok(Self::Server(Server { name, url, is_discovered: false }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_parsed() {
        let (name, url) = (BackendName::from("a"), "ws://10.0.0.5:8188".to_owned());
        let server = Server { name, url, is_discovered: false };
        assert_eq!("a=ws://10.0.0.5:8188".parse::<Source>().unwrap(), Source::Server(server));
        let dns = Source::Dns { host: "janus".to_owned(), port: 8188 };
        assert_eq!("dns+ws://janus:8188".parse::<Source>().unwrap(), dns);
    }

    #[test]
    fn malformed_sources_are_rejected() {
        for (text, words) in [
            ("janus", "expected NAME="),
            ("a=http://x", "expected NAME="),
            ("a=ws://", "expected NAME="),
            ("=ws://x", "a backend's name"),
            ("a{b=ws://x", "a backend's name"),
            ("dns+ws://:8188", "the host"),
            ("dns+ws://janus", "the port"),
            ("dns+ws://janus:http", "the port"),
        ] {
            let error = text.parse::<Source>().expect_err(text).to_string();
            assert!(error.starts_with(words), "{text}: {error}");
        }
    }
}
