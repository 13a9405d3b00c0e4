//! The reply to `info`.

use serde::Serialize;

/// The Janus version that Switchboard is compatible with, as Janus writes it: 1.1.2.
pub const JANUS_VERSION: u32 = 1102;

/// The server information of an edge.
#[derive(Clone, Debug)]
pub struct ServerInfo {
    /// The name of the edge.
    pub server_name: String,
    /// Switchboard's version.
    pub version_string: String,
    /// Seconds without a request after which a session ends; 0 for never.
    pub session_timeout: u64,
    /// Seconds for which a session without a connection can be claimed.
    pub reclaim_session_timeout: u64,
    /// Whether the edge accepts new sessions.
    pub accepting_new_sessions: bool,
    /// Whether requests need the API secret.
    pub api_secret: bool,
    /// Whether requests need a token.
    pub auth_token: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    janus: &'static str,
    transaction: &'a str,
    name: &'static str,
    version: u32,
    #[serde(rename = "version_string")]
    version_string: &'a str,
    author: &'static str,
    #[serde(rename = "data_channels")]
    data_channels: bool,
    accepting_new_sessions: bool,
    session_timeout: u64,
    reclaim_session_timeout: u64,
    candidates_timeout: u64,
    server_name: &'a str,
    full_trickle: bool,
    #[serde(rename = "api_secret")]
    api_secret: bool,
    #[serde(rename = "auth_token")]
    auth_token: bool,
    #[serde(rename = "event_handlers")]
    event_handlers: bool,
    #[serde(rename = "opaqueid_in_api")]
    opaque_id_in_api: bool,
    plugins: Plugins,
}

#[derive(Serialize)]
struct Plugins {
    #[serde(rename = "janus.plugin.videocall")]
    videocall: Plugin,
}

#[derive(Serialize)]
struct Plugin {
    name: &'static str,
    author: &'static str,
    description: &'static str,
    version_string: &'static str,
    version: u32,
}

impl ServerInfo {
    /// Returns the reply as text.
    pub fn reply(&self, transaction: &str) -> String {
        let videocall = Plugin {
            name: "JANUS VideoCall plugin",
            author: "Switchboard",
            description: "Calls between two registered users, through a cluster of Janus servers",
            version_string: "0.0.6",
            version: 6,
        };
        let body = Body {
            janus: "server_info",
            transaction,
            name: "Switchboard",
            version: JANUS_VERSION,
            version_string: &self.version_string,
            author: "Switchboard",
            data_channels: true,
            accepting_new_sessions: self.accepting_new_sessions,
            session_timeout: self.session_timeout,
            reclaim_session_timeout: self.reclaim_session_timeout,
            candidates_timeout: 45,
            server_name: &self.server_name,
            full_trickle: true,
            api_secret: self.api_secret,
            auth_token: self.auth_token,
            event_handlers: false,
            opaque_id_in_api: false,
            plugins: Plugins { videocall },
        };
        serde_json::to_string(&body).expect("serializing a struct without maps cannot fail")
    }
}
