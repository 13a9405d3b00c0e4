//! A real proxy of janus-cloud 1.0.0, from PyPI, with the VideoCall plugin.
//!
//! Several proxies on one Redis form a cluster. Each calls the users of another through its
//! [`rest_url`](JanusCloud::rest_url), which it finds in Redis. Records outlive a killed proxy: those of its
//! users forever, and that of the proxy, without which its users are ignored, for a minute.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::websocket::{API, Incoming, Websocket};
use crate::{http, port, python};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "janus-proxy.yml";
const VIDEOCALL_CONFIG: &str = "janus-proxy.plugin.videocall.yml";

/// Configuration of a proxy. Times are in seconds.
#[derive(Clone, Debug)]
pub struct JanusCloudConfig {
    /// The Redis for users and backends, `redis://HOST:PORT/`; without one the proxy keeps them in memory.
    pub redis: Option<String>,
    /// The configured Janus servers: name and websocket URL. A sentinel may announce more.
    pub backends: Vec<(String, String)>,
    /// How long a session lives without a request; 0 is forever.
    pub session_timeout: u32,
    /// The `apisecret` that requests need, also those to the backends.
    pub api_secret: Option<String>,
    /// The lowest log level: `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub log_level: &'static str,
}

impl Default for JanusCloudConfig {
    fn default() -> Self {
        let log_level = python::LOG_ALL;
        Self { redis: None, backends: Vec::new(), session_timeout: 60, api_secret: None, log_level }
    }
}

/// A running proxy; killed when dropped.
pub struct JanusCloud {
    child: Child,
    config: JanusCloudConfig,
    port: u16,
    rest_port: u16,
    // Dropped last: it is the working directory of the process.
    folder: TempDir,
}

deref_to_child!(JanusCloud);

impl JanusCloud {
    /// Starts a proxy with this Redis and these backends (name and websocket URL), and waits until it answers.
    pub async fn start(redis: &str, backends: &[(&str, &str)]) -> Self {
        let backends = backends.iter().map(|&(name, url)| (name.to_owned(), url.to_owned())).collect();
        Self::with(JanusCloudConfig {
            redis: Some(redis.to_owned()),
            backends,
            ..JanusCloudConfig::default()
        })
        .await
    }

    /// Starts a proxy with this configuration.
    pub async fn with(config: JanusCloudConfig) -> Self {
        start_on_free_ports(async || Self::start_on(&config, port::free(), port::free()).await).await
    }

    async fn start_on(config: &JanusCloudConfig, port: u16, rest_port: u16) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        write_config(folder.path(), config, port, rest_port);
        let child = spawn(folder.path());
        let mut proxy = Self { child, config: config.clone(), port, rest_port, folder };
        proxy.ready().await?;
        Ok(proxy)
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let (api, rest, name) = (self.ws_url(), self.rest_url(), server_name(self.port));
        let info = info_request(&self.config);
        self.child
            .ready_when(async || rest_answers(&rest, &name).await && api_answers(&api, &info, &name).await)
            .await
    }

    /// Returns the URL of the Janus API: `ws://127.0.0.1:PORT`.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Returns the URL of its HTTP API for proxies, sentinels and operators: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.rest_port)
    }

    /// Returns the configuration.
    pub fn config(&self) -> &JanusCloudConfig {
        &self.config
    }

    /// Kills the proxy if it runs and starts it again on the same ports, with a new id in Redis.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.folder.path());
        if let Err(why) = self.ready().await {
            why.panic_on_restart("janus-cloud");
        }
    }
}

fn spawn(folder: &Path) -> Child {
    python::spawn("proxy", folder, CONFIG)
}

fn write_config(folder: &Path, config: &JanusCloudConfig, port: u16, rest_port: u16) {
    let store = config.redis.as_deref().unwrap_or("memory");
    let proxy = json!({
        "general": {
            "server_name": server_name(port),
            "session_timeout": config.session_timeout,
            "server_db": store,
            "api_secret": config.api_secret.as_deref().unwrap_or_default(),
        },
        "log": python::log_config(config.log_level),
        "plugins": ["januscloud.proxy.plugin.videocall:VideoCallPlugin"],
        "ws_transport": {"ws": true, "ws_listen": format!("127.0.0.1:{port}")},
        "admin_api": {"http_listen": format!("127.0.0.1:{rest_port}")},
        "janus_server": config.backends.iter().map(backend).collect::<Value>(),
    });
    python::write_config(folder, CONFIG, &proxy);
    python::write_config(folder, VIDEOCALL_CONFIG, &json!({"general": {"user_db": store}}));
}

fn backend((name, url): &(String, String)) -> Value {
    json!({"name": name, "url": url, "status": 0})
}

/// Returns a name that distinguishes this proxy from another one that took a port first. With `localhost` in the name,
/// other proxies do not use it as the host of this one; they use 127.0.0.1.
fn server_name(port: u16) -> String {
    format!("testkit-localhost-{}-{port}", std::process::id())
}

fn info_request(config: &JanusCloudConfig) -> String {
    let mut info = json!({"janus": "info", "transaction": "ready"});
    if let Some(secret) = &config.api_secret {
        info["apisecret"] = json!(secret);
    }
    info.to_string()
}

async fn rest_answers(rest: &str, name: &str) -> bool {
    let Ok(info) = http::send("GET", &format!("{rest}/info"), "").await else { return false };
    serde_json::from_str::<Value>(&info.body).is_ok_and(|info| info["server_name"] == name)
}

async fn api_answers(url: &str, request: &str, name: &str) -> bool {
    let Ok(mut socket) = Websocket::open(url, API).await else { return false };
    if socket.send(request.to_owned()).await.is_err() {
        return false;
    }
    matches!(socket.next().await, Incoming::Message(info) if info["server_name"] == name)
}
