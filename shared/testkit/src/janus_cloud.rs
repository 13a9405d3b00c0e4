//! A real proxy of janus-cloud 1.0.0, as PyPI has it, with the VideoCall plugin.
//!
//! Several on one Redis are a cluster: each calls the users of the others by their
//! [`rest_url`](JanusCloud::rest_url), which it finds in Redis. What they keep there outlives a proxy that
//! is killed: the record of a user for ever, that of the proxy, without which its users count for nothing,
//! for a minute.

use crate::child::{Child, StartError, is_a_process, start_on_free_ports};
use crate::websocket::{API, Incoming, Websocket};
use crate::{http, port, python};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "janus-proxy.yml";
const VIDEOCALL_CONFIG: &str = "janus-proxy.plugin.videocall.yml";

/// What a test may want different. Times are in seconds.
#[derive(Clone, Debug)]
pub struct JanusCloudConfig {
    /// Where it keeps users and backends, `redis://HOST:PORT/`; none: in itself, for this proxy alone.
    pub redis: Option<String>,
    /// The Janus servers that it is told of, name and websocket address; a sentinel may announce more.
    pub backends: Vec<(String, String)>,
    /// A session ends when nothing was asked of it for that long; 0 is never.
    pub session_timeout: u32,
    /// What every request must show as `apisecret`, also those to the backends.
    pub api_secret: Option<String>,
    /// From which level on it logs: `DEBUG`, which is everything, `INFO`, `WARN`, `ERROR`.
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
    // Last, for it must outlive the process that works in it.
    folder: TempDir,
}

is_a_process!(JanusCloud);

impl JanusCloud {
    /// Starts one on that Redis, with those backends (name and websocket address), and waits until it
    /// answers.
    pub async fn start(redis: &str, backends: &[(&str, &str)]) -> Self {
        let backends = backends.iter().map(|&(name, url)| (name.to_owned(), url.to_owned())).collect();
        Self::with(JanusCloudConfig {
            redis: Some(redis.to_owned()),
            backends,
            ..JanusCloudConfig::default()
        })
        .await
    }

    /// Starts one that is configured as `config` says.
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

    /// Where it speaks the Janus API: `ws://127.0.0.1:PORT`.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Where it speaks HTTP with other proxies, sentinels and operators: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.rest_port)
    }

    /// How it was configured.
    pub fn config(&self) -> &JanusCloudConfig {
        &self.config
    }

    /// Starts it again on the ports it had, under a new id in Redis; kills it first if it runs.
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

/// By its name the proxy we started is told from another one that was faster to take a port. A name with
/// `localhost` in it is not taken for the host where other proxies reach it; that remains 127.0.0.1.
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
    let Ok(info) = http::ask("GET", &format!("{rest}/info"), "").await else { return false };
    serde_json::from_str::<Value>(&info.body).is_ok_and(|info| info["server_name"] == name)
}

async fn api_answers(url: &str, info: &str, name: &str) -> bool {
    let Ok(mut socket) = Websocket::open(url, API).await else { return false };
    if socket.send(info.to_owned()).await.is_err() {
        return false;
    }
    matches!(socket.next().await, Incoming::Message(info) if info["server_name"] == name)
}
