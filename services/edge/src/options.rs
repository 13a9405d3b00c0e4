//! The options of an edge.

use crate::auth::Auth;
use crate::net::json_style::JsonStyle;
use crate::net::tls::CertificateFiles;
use bus::message::Location;
use clap::Args;
use service::Secret;
use service::options::CanaryOptions;
use std::path::PathBuf;
use std::time::Duration;

/// How an edge treats its clients.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Seconds without a request after which a client's session ends; 0 for never
    #[arg(long, env = "SWITCHBOARD_SESSION_TIMEOUT", value_name = "SECONDS", default_value_t = 60)]
    pub session_timeout: u64,

    /// Seconds in which a client whose connection broke can claim its session back; 0 for not at all
    #[arg(long, env = "SWITCHBOARD_RECLAIM_TIMEOUT", value_name = "SECONDS", default_value_t = 30)]
    pub reclaim_timeout: u64,

    /// How many clients may be connected at once; more wait to be accepted
    #[arg(long, env = "SWITCHBOARD_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 50_000)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub max_connections: usize,

    /// The name this edge gives itself in the answer to `info` (default: its id in the cluster)
    #[arg(long, env = "SWITCHBOARD_SERVER_NAME", value_name = "NAME")]
    pub server_name: Option<String>,

    /// The largest message that is taken from a client, in bytes; a larger one gets an error, one of
    /// more than eight times that ends the connection
    #[arg(long, env = "SWITCHBOARD_MAX_FRAME", value_name = "BYTES", default_value_t = 512 * 1024)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1024..=524_288))]
    pub max_frame: usize,

    /// How the JSON of answers looks (a Janus before 1.4.1 indents)
    #[arg(long, env = "SWITCHBOARD_JSON", value_name = "STYLE", default_value = "compact")]
    pub json: JsonStyle,

    /// Seconds of silence after which a client is sent a websocket ping; 0 for never
    #[arg(long, env = "SWITCHBOARD_PING_INTERVAL", value_name = "SECONDS", default_value_t = 30)]
    pub ping_interval: u64,

    /// Seconds a client may take to answer a ping before its connection is closed
    #[arg(long, env = "SWITCHBOARD_PING_TIMEOUT", value_name = "SECONDS", default_value_t = 30)]
    pub ping_timeout: u64,

    /// How many requests a second a client may send for long, and five times as many at once; one that
    /// sends more is heard more slowly; 0 for any number
    #[arg(long, env = "SWITCHBOARD_MAX_RATE", value_name = "COUNT", default_value_t = 200)]
    pub max_rate: u32,

    /// Speak wss:// with the certificate and its chain in this PEM file; read anew when it changes
    #[arg(long, env = "SWITCHBOARD_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, a PEM file
    #[arg(long, env = "SWITCHBOARD_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// A secret that every client must send as `apisecret`
    #[arg(long, env = "SWITCHBOARD_API_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub api_secret: Option<Secret>,

    /// The key that clients' tokens are signed with (Janus' signed tokens, HMAC-SHA1); with
    /// --api-secret too, either one lets a client in
    #[arg(long, env = "SWITCHBOARD_TOKEN_AUTH_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub token_auth_secret: Option<Secret>,

    /// Where this edge stands: its clients' calls go to media servers of the same location if there are any
    #[arg(long, env = "SWITCHBOARD_LOCATION", value_name = "TEXT", default_value = "")]
    pub location: String,

    /// Whose network this edge is in: of media servers of its location, those of the same network first
    #[arg(long, env = "SWITCHBOARD_ISP", value_name = "TEXT", default_value = "")]
    pub isp: String,

    /// Canaries on the roads to the routers and back.
    #[command(flatten)]
    pub canary: CanaryOptions,
}

impl Options {
    /// Where it stands.
    pub fn location(&self) -> Location {
        Location { location: self.location.clone(), isp: self.isp.clone() }
    }

    /// The files of the certificate, where the edge is to speak TLS.
    pub fn certificate_files(&self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(CertificateFiles { certificate, key })
    }

    /// How websockets are treated.
    pub fn socket_options(&self) -> SocketOptions {
        let seconds = |seconds| Some(Duration::from_secs(seconds)).filter(|time| !time.is_zero());
        SocketOptions {
            max_connections: self.max_connections,
            max_request: self.max_frame,
            max_rate: self.max_rate,
            json: self.json,
            ping_interval: seconds(self.ping_interval),
            ping_timeout: Duration::from_secs(self.ping_timeout),
        }
    }
}

/// How websockets are treated.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// Connections at once.
    pub max_connections: usize,
    /// The largest message that is worked on, in bytes.
    pub max_request: usize,
    /// Requests a second; 0 for any number.
    pub max_rate: u32,
    /// The look of answers.
    pub json: JsonStyle,
    /// Silence after which a client is asked whether it is there.
    pub ping_interval: Option<Duration>,
    /// How long it may take to answer that.
    pub ping_timeout: Duration,
}

/// The options as the decisions need them.
#[derive(Debug)]
pub struct Limits {
    /// Silence after which a session ends.
    pub session_timeout: Option<Duration>,
    /// How long a session without a socket is kept.
    pub reclaim_timeout: Duration,
    /// Sessions of one connection.
    pub max_sessions: usize,
    /// What a client must show.
    pub auth: Auth,
}

impl Options {
    /// The limits these options set.
    pub fn limits(&self) -> Limits {
        Limits {
            session_timeout: (self.session_timeout > 0).then(|| Duration::from_secs(self.session_timeout)),
            reclaim_timeout: Duration::from_secs(self.reclaim_timeout),
            max_sessions: 1_000,
            auth: Auth { api_secret: self.api_secret.clone(), token_secret: self.token_auth_secret.clone() },
        }
    }
}
