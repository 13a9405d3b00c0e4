//! The options of an edge.

use crate::access::Access;
use clap::Args;
use service::Secret;
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
    pub max_connections: usize,

    /// The name this edge gives itself in the answer to `info` (default: its id in the cluster)
    #[arg(long, env = "SWITCHBOARD_SERVER_NAME", value_name = "NAME")]
    pub server_name: Option<String>,

    /// A secret that every client must send as `apisecret`
    #[arg(long, env = "SWITCHBOARD_API_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub api_secret: Option<Secret>,

    /// The key that clients' tokens are signed with (Janus' signed tokens, HMAC-SHA1); with
    /// --api-secret too, either one lets a client in
    #[arg(long, env = "SWITCHBOARD_TOKEN_AUTH_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub token_auth_secret: Option<Secret>,
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
    pub access: Access,
}

impl Options {
    /// The limits these options set.
    pub fn limits(&self) -> Limits {
        Limits {
            session_timeout: (self.session_timeout > 0).then(|| Duration::from_secs(self.session_timeout)),
            reclaim_timeout: Duration::from_secs(self.reclaim_timeout),
            max_sessions: 1_000,
            access: Access {
                api_secret: self.api_secret.clone(),
                token_secret: self.token_auth_secret.clone(),
            },
        }
    }
}
