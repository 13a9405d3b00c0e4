//! A real Janus, from the Debian package `janus`, with the VideoCall and EchoTest plugins.
//!
//! The templates of its configuration are in `janus/` of this crate; `make demo` uses them too.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::janus_admin::JanusAdmin;
use crate::port;
use crate::websocket::{ADMIN_API, API, Incoming, Websocket};
use serde_json::json;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const TEMPLATES: [(&str, &str); 2] = [
    ("janus.jcfg", include_str!("../janus/janus.jcfg.in")),
    ("janus.transport.websockets.jcfg", include_str!("../janus/janus.transport.websockets.jcfg.in")),
];

/// The Admin API's password.
const ADMIN_SECRET: &str = "testkit";

/// Configuration of a Janus. Times are in seconds.
#[derive(Clone, Debug)]
pub struct JanusConfig {
    /// How long a session lives without a request; 0 is forever.
    pub session_timeout: u32,
    /// How long a session without a connection can be claimed, counted from its last request; 0 disables it.
    pub reclaim_session_timeout: u32,
    /// Whether Janus sends its candidates as `trickle` events, instead of in the SDP.
    pub full_trickle: bool,
    /// The media ports, `FIRST-LAST`. Several servers may share them.
    pub rtp_ports: String,
    /// The `apisecret` that requests need.
    pub api_secret: Option<String>,
    /// The key of the signed tokens that requests need.
    pub token_auth_secret: Option<String>,
}

impl Default for JanusConfig {
    fn default() -> Self {
        Self {
            session_timeout: 60,
            reclaim_session_timeout: 30,
            full_trickle: true,
            rtp_ports: "20000-29999".to_owned(),
            api_secret: None,
            token_auth_secret: None,
        }
    }
}

/// A running Janus; killed when dropped.
pub struct Janus {
    child: Child,
    config: JanusConfig,
    port: u16,
    admin_port: u16,
    // Dropped last: it is the working directory of the process.
    folder: TempDir,
}

deref_to_child!(Janus);

impl Janus {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Self {
        Self::with(JanusConfig::default()).await
    }

    /// Starts a server with this configuration.
    pub async fn with(config: JanusConfig) -> Self {
        start_on_free_ports(async || Self::start_on(&config, port::free(), port::free()).await).await
    }

    async fn start_on(config: &JanusConfig, port: u16, admin_port: u16) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        write_config(folder.path(), config, port, admin_port);
        let child = spawn(folder.path());
        let mut janus = Self { child, config: config.clone(), port, admin_port, folder };
        janus.ready().await?;
        Ok(janus)
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let (api, admin, name) = (self.url(), self.admin_url(), server_name(self.port));
        self.child
            .ready_when(async || answers(&api, API, &name).await && answers(&admin, ADMIN_API, &name).await)
            .await
    }

    /// Returns the URL of the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Returns the URL of the Admin API: `ws://127.0.0.1:PORT`.
    pub fn admin_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.admin_port)
    }

    /// Returns the `admin_secret` of the Admin API.
    pub fn admin_secret(&self) -> &'static str {
        ADMIN_SECRET
    }

    /// Connects to the Admin API.
    pub async fn admin(&self) -> JanusAdmin {
        JanusAdmin::connect(&self.admin_url(), ADMIN_SECRET).await
    }

    /// Returns the configuration.
    pub fn config(&self) -> &JanusConfig {
        &self.config
    }

    /// Kills the server if it runs and starts it again, empty, on the same ports.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.folder.path());
        if let Err(why) = self.ready().await {
            why.panic_on_restart("Janus");
        }
    }
}

fn spawn(folder: &Path) -> Child {
    let mut command = crate::spawner::command("janus");
    command.arg("--configs-folder").arg(folder);
    Child::spawn("janus", command, &folder.join("log"))
}

fn write_config(folder: &Path, config: &JanusConfig, port: u16, admin_port: u16) {
    let values = [
        ("@CONFIGS@", folder.display().to_string()),
        ("@NAME@", server_name(port)),
        ("@ADMIN_SECRET@", ADMIN_SECRET.to_owned()),
        ("@SESSION_TIMEOUT@", config.session_timeout.to_string()),
        ("@RECLAIM_SESSION_TIMEOUT@", config.reclaim_session_timeout.to_string()),
        ("@RTP_PORTS@", config.rtp_ports.clone()),
        ("@FULL_TRICKLE@", config.full_trickle.to_string()),
        ("@IP@", "127.0.0.1".to_owned()),
        ("@PORT@", port.to_string()),
        ("@ADMIN_PORT@", admin_port.to_string()),
    ];
    for (file, template) in TEMPLATES {
        let text = values.iter().fold(template.to_owned(), |text, (key, value)| text.replace(key, value));
        let text = text.replacen("general: {", &format!("general: {{{}", auth_settings(config)), 1);
        fs::write(folder.join(file), text).unwrap();
    }
}

/// Returns the settings that make Janus require a secret or a token.
fn auth_settings(config: &JanusConfig) -> String {
    let secret = config.api_secret.iter().map(|secret| format!("\n\tapi_secret = \"{secret}\""));
    let tokens = config.token_auth_secret.iter();
    let tokens = tokens.map(|key| format!("\n\ttoken_auth = true\n\ttoken_auth_secret = \"{key}\""));
    secret.chain(tokens).collect()
}

/// Returns a name that distinguishes this Janus from another one that took the port first.
fn server_name(port: u16) -> String {
    format!("testkit-{}-{port}", std::process::id())
}

async fn answers(url: &str, protocol: &'static str, name: &str) -> bool {
    let Ok(mut socket) = Websocket::open(url, protocol).await else { return false };
    if socket.send(json!({"janus": "info", "transaction": "ready"}).to_string()).await.is_err() {
        return false;
    }
    matches!(socket.next().await, Incoming::Message(info) if info["server-name"] == name)
}
