//! The command-line options of an edge, and the settings that follow from them.

use crate::auth::Auth;
use crate::fair_use::FairUseOptions;
use crate::net::handshake::OriginPolicy;
use crate::net::transport::CertificateFiles;
use bus::message::Location;
use clap::{Args, ValueEnum};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use service::options::{CanaryOptions, OriginOptions};
use service::secret::WeakSecret;
use service::{Secret, TrustedProxies, open_files};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The options of an edge.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Seconds without a request after which a client's session ends; 0 for never
    #[arg(long, env = "SWITCHBOARD_SESSION_TIMEOUT", value_name = "SECONDS", default_value_t = 60)]
    pub session_timeout: u64,

    /// Seconds in which a client whose connection broke can claim its session back; 0 for not at all
    #[arg(long, env = "SWITCHBOARD_RECLAIM_TIMEOUT", value_name = "SECONDS", default_value_t = 30)]
    pub reclaim_timeout: u64,

    /// How many clients may be connected at once; further ones wait to be accepted
    #[arg(long, env = "SWITCHBOARD_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 50_000)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub max_connections: usize,

    /// The server name in the reply to `info` (default: the id of the edge in the cluster)
    #[arg(long, env = "SWITCHBOARD_SERVER_NAME", value_name = "NAME")]
    pub server_name: Option<String>,

    /// The largest message that a client may send, in bytes, and 16 KiB at most before it has a session; a
    /// larger one gets an error, and one of more than twice that size ends the connection
    #[arg(long, env = "SWITCHBOARD_MAX_FRAME", value_name = "BYTES", default_value_t = 512 * 1024)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1024..=524_288))]
    pub max_frame: usize,

    /// How many MiB of requests and messages may wait for or from all clients together; the more they are, the
    /// less each client may have waiting
    #[arg(long, env = "SWITCHBOARD_MAX_CLIENT_MEMORY", value_name = "MIB", default_value_t = 256)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(16..=1_048_576))]
    pub max_client_memory: usize,

    /// Seconds in which a client must create or claim a session before its connection is closed, also after its
    /// last session has ended; 0 for any time
    #[arg(long, env = "SWITCHBOARD_IDLE_TIMEOUT", value_name = "SECONDS", default_value_t = 10)]
    pub idle_timeout: u64,

    /// How many sessions a client may have on one connection
    #[arg(long, env = "SWITCHBOARD_MAX_SESSIONS", value_name = "COUNT", default_value_t = 16)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub max_sessions: usize,

    /// How many handles a client may have on one connection, in all its sessions; each may have a name
    #[arg(long, env = "SWITCHBOARD_MAX_HANDLES", value_name = "COUNT", default_value_t = 64)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub max_handles: usize,

    /// The style of JSON in messages to clients (a Janus before 1.4.1 indents)
    #[arg(long, env = "SWITCHBOARD_JSON", value_name = "STYLE", default_value = "compact")]
    pub json: JsonStyle,

    /// Seconds of silence after which a client is sent a websocket ping; 0 for never
    #[arg(long, env = "SWITCHBOARD_PING_INTERVAL", value_name = "SECONDS", default_value_t = 30)]
    pub ping_interval: u64,

    /// Seconds a client may take to answer a ping before its connection is closed
    #[arg(long, env = "SWITCHBOARD_PING_TIMEOUT", value_name = "SECONDS", default_value_t = 30)]
    pub ping_timeout: u64,

    #[command(flatten)]
    pub fair_use: FairUseOptions,

    /// Serve wss:// with the certificate chain in this PEM file; it is reloaded when it changes
    #[arg(long, env = "SWITCHBOARD_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, a PEM file
    #[arg(long, env = "SWITCHBOARD_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// A secret that every client must send as `apisecret`
    #[arg(long, env = "SWITCHBOARD_API_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub api_secret: Option<Secret>,

    /// The key that clients' tokens are signed with (Janus' signed tokens, HMAC-SHA1); if --api-secret is set
    /// too, either is enough
    #[arg(long, env = "SWITCHBOARD_TOKEN_AUTH_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub token_auth_secret: Option<Secret>,

    /// The location of this edge: its clients' calls go to media servers of the same location, if there are any
    #[arg(long, env = "SWITCHBOARD_LOCATION", value_name = "TEXT", default_value = "")]
    pub location: String,

    /// The network (ISP) of this edge: media servers of its location in the same network come first
    #[arg(long, env = "SWITCHBOARD_ISP", value_name = "TEXT", default_value = "")]
    pub isp: String,

    #[command(flatten)]
    pub trusted_proxies: TrustedProxies,

    /// Web pages that may connect.
    #[command(flatten)]
    pub origins: OriginOptions,

    /// Canaries to the routers and back.
    #[command(flatten)]
    pub canary: CanaryOptions,
}

impl Options {
    /// Checks that the secrets of clients are not guessed soon, if others reach this address.
    ///
    /// # Errors
    /// When a secret is too easy to guess.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), WeakSecret> {
        let secrets = [("--api-secret", &self.api_secret), ("--token-auth-secret", &self.token_auth_secret)];
        let mut set = secrets.into_iter().filter_map(|(flag, secret)| Some((flag, secret.as_ref()?)));
        set.try_for_each(|(flag, secret)| secret.check_strength(flag, address))
    }

    /// The web pages that may connect to this address.
    pub fn origin_policy(&self, address: Option<SocketAddr>) -> OriginPolicy {
        OriginPolicy::new(&self.origins.allow_origin, address)
    }

    pub fn location(&self) -> Location {
        Location { location: self.location.clone(), isp: self.isp.clone() }
    }

    /// The certificate's files, if the edge serves TLS.
    pub fn certificate_files(&self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(CertificateFiles { certificate, key })
    }

    /// Raises the limit of open files, and lowers `--max-connections` to what the limit permits. Then clients cannot use
    /// up the files that the edge needs for Redis and for `/livez`.
    pub fn within_file_limit(mut self) -> Self {
        let limit = open_files::raise_limit();
        let clients = open_files::max_client_connections(self.max_connections, limit);
        if let Some(limit) = limit.filter(|_| clients < self.max_connections) {
            tracing::warn!(
                "--max-connections is {}, but this process may have only {limit} open files: \
                 at most {clients} clients can be connected; raise the limit (ulimit -n, LimitNOFILE)",
                self.max_connections,
            );
            self.max_connections = clients;
        }
        self
    }

    pub fn socket_options(&self) -> SocketOptions {
        let interval = Duration::from_secs(self.ping_interval);
        let idle_timeout = Duration::from_secs(self.idle_timeout);
        SocketOptions {
            max_connections: self.max_connections,
            max_request: self.max_frame,
            idle_timeout: (!idle_timeout.is_zero()).then_some(idle_timeout),
            json: self.json,
            ping_interval: (!interval.is_zero()).then_some(interval),
            ping_timeout: Duration::from_secs(self.ping_timeout),
        }
    }
}

/// The options of each client's websocket, and their total number.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    pub max_connections: usize,
    /// The largest request, in bytes.
    pub max_request: usize,
    /// How long a connection may be without a session; none for any time.
    pub idle_timeout: Option<Duration>,
    pub json: JsonStyle,
    /// How long a client may be silent before it gets a ping; none for no pings.
    pub ping_interval: Option<Duration>,
    /// How long it may take to answer a ping.
    pub ping_timeout: Duration,
}

/// The options of the session state machines.
#[derive(Debug)]
pub struct Limits {
    /// How long a session may be without a request.
    pub session_timeout: Option<Duration>,
    /// How long a session without a socket can be claimed.
    pub reclaim_timeout: Duration,
    /// How many sessions a connection may have.
    pub max_sessions: usize,
    /// How many handles its sessions may have together.
    pub max_handles: usize,
    pub auth: Auth,
}

impl Options {
    pub fn limits(&self) -> Limits {
        Limits {
            session_timeout: (self.session_timeout > 0).then(|| Duration::from_secs(self.session_timeout)),
            reclaim_timeout: Duration::from_secs(self.reclaim_timeout),
            max_sessions: self.max_sessions,
            max_handles: self.max_handles,
            auth: Auth { api_secret: self.api_secret.clone(), token_secret: self.token_auth_secret.clone() },
        }
    }
}

/// The style of the JSON that clients receive, as in the setting `json` of Janus (`janus_websockets.c`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum JsonStyle {
    /// Over several lines, three spaces a level
    Indented,
    /// On one line, with spaces
    Plain,
    /// Without spaces
    #[default]
    Compact,
}

impl JsonStyle {
    /// Rewrites a compact message; its members and their order stay the same.
    pub fn apply(self, compact: String) -> String {
        let styled = match self {
            Self::Compact => return compact,
            Self::Plain => transcode(&compact, PlainFormatter(CompactFormatter)),
            Self::Indented => transcode(&compact, PrettyFormatter::with_indent(b"   ")),
        };
        styled.unwrap_or(compact)
    }
}

/// Returns none for JSON that cannot be rewritten, such as numbers that fit no machine type.
fn transcode<F: Formatter>(compact: &str, formatter: F) -> Option<String> {
    let mut written = Vec::with_capacity(compact.len() * 2);
    let mut reader = serde_json::Deserializer::from_str(compact);
    serde_transcode::transcode(&mut reader, &mut Serializer::with_formatter(&mut written, formatter)).ok()?;
    String::from_utf8(written).ok()
}

/// Compact, with a space behind each comma and colon.
struct PlainFormatter(CompactFormatter);

impl Formatter for PlainFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPACT: &str = r#"{"janus":"event","n":9007199254740991,"list":[1,"a:b,c"],"none":{},"é":null}"#;

    #[test]
    fn styles_have_the_same_content() {
        let plain =
            r#"{"janus": "event", "n": 9007199254740991, "list": [1, "a:b,c"], "none": {}, "é": null}"#;
        assert_eq!(JsonStyle::Plain.apply(COMPACT.to_owned()), plain);
        assert_eq!(JsonStyle::Compact.apply(COMPACT.to_owned()), COMPACT);
        let indented = JsonStyle::Indented.apply(COMPACT.to_owned());
        assert!(
            indented.starts_with("{\n   \"janus\": \"event\",\n   \"n\": 9007199254740991,\n"),
            "{indented}"
        );
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&indented), parse(COMPACT));
    }

    #[test]
    fn json_that_cannot_be_rewritten_stays_unchanged() {
        let huge = format!(r#"{{"n":1{}}}"#, "0".repeat(400));
        assert_eq!(JsonStyle::Plain.apply(huge.clone()), huge);
    }
}
