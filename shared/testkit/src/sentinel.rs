//! A real sentinel of janus-cloud 1.0.0: it watches one Janus and tells proxies how that is.
//!
//! It pings the Janus each second and posts what it found as a form: at once when the Janus comes or goes,
//! and otherwise each third of `expire`, but at least each minute. Before it has pinged, it takes the Janus
//! for abnormal and may say so. Of several addresses each post goes to the next one in turn, and on to the
//! one after it when that does not take it. A post that nobody takes is lost.

use crate::child::{Child, StartError, is_a_process, start_on_free_ports};
use crate::janus::Janus;
use crate::{http, port, python};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "janus-sentinel.yml";

/// What a test may want different. Times are in seconds, whole and at least 1.
#[derive(Clone, Debug)]
pub struct SentinelConfig {
    /// The name under which it announces the Janus.
    pub name: String,
    /// Where the Janus on this machine speaks the Janus API. It is announced as `ws://localhost:PORT`, for
    /// the sentinel replaces 127.0.0.1 by the address that it takes for this machine's.
    pub ws_port: u16,
    /// The port and the secret of its Admin API, to count its sessions and handles each second.
    pub admin: Option<(u16, String)>,
    /// Where to post to: `http://HOST:PORT/PATH`, of a proxy `/sentinel_callback`.
    pub post_urls: Vec<String>,
    /// How long a post may be believed.
    pub expire: u32,
    /// When it gives up on an answer of the Janus, or of whom it posts to.
    pub timeout: u32,
}

impl SentinelConfig {
    /// A Janus watched by its websocket alone, whose posts may be believed for three seconds.
    pub fn new(name: &str, ws_port: u16, post_urls: &[&str]) -> Self {
        let post_urls = post_urls.iter().map(|&url| url.to_owned()).collect();
        Self { name: name.to_owned(), ws_port, admin: None, post_urls, expire: 3, timeout: 2 }
    }
}

/// A running sentinel; killed when dropped.
pub struct Sentinel {
    child: Child,
    config: SentinelConfig,
    rest_port: u16,
    // Last, for it must outlive the process that works in it.
    _folder: TempDir,
}

is_a_process!(Sentinel);

impl Sentinel {
    /// Starts one that announces `janus` under a name, its sessions and handles too, and waits until it
    /// answers; that is before the first announcement.
    pub async fn start(name: &str, janus: &Janus, post_urls: &[&str]) -> Self {
        let mut config = SentinelConfig::new(name, port_of(&janus.url()), post_urls);
        config.admin = Some((port_of(&janus.admin_url()), janus.admin_secret().to_owned()));
        Self::with(config).await
    }

    /// Starts one that is configured as `config` says.
    pub async fn with(config: SentinelConfig) -> Self {
        start_on_free_ports(async || Self::start_on(&config, port::free()).await).await
    }

    async fn start_on(config: &SentinelConfig, rest_port: u16) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        write_config(folder.path(), config, rest_port);
        let child = python::spawn("sentinel", folder.path(), CONFIG);
        let mut sentinel = Self { child, config: config.clone(), rest_port, _folder: folder };
        sentinel.ready().await?;
        Ok(sentinel)
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let info = format!("{}/sentinel/info", self.rest_url());
        let ready = async || http::ask("GET", &info, "").await.is_ok_and(|it| it.status == 200);
        self.child.ready_when(ready).await
    }

    /// Where it speaks HTTP with operators: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.rest_port)
    }

    /// Has it announce the Janus as in maintenance, until [`Sentinel::stop_maintenance`].
    pub async fn start_maintenance(&self) {
        self.operate("start_maintenance").await;
    }

    /// Has it announce again what it finds; that begins with abnormal.
    pub async fn stop_maintenance(&self) {
        self.operate("stop_maintenance").await;
    }

    async fn operate(&self, what: &str) {
        let url = format!("{}/sentinel/op", self.rest_url());
        let response = http::post(&url, &json!({"op": what}).to_string()).await;
        assert_eq!(response.status, 200, "{what}: {}", response.body);
    }

    /// How it was configured.
    pub fn config(&self) -> &SentinelConfig {
        &self.config
    }

    /// Asks it to end (SIGTERM), as an operator does: its last word is that the Janus is abnormal.
    pub async fn terminate(&mut self) {
        self.child.signal("TERM");
        self.child.wait_exit().await;
    }
}

fn write_config(folder: &Path, config: &SentinelConfig, rest_port: u16) {
    let (admin_ws_port, admin_secret) = config.admin.clone().unwrap_or_default();
    let poster: Value = json!({
        "post_type": "http",
        "name": "",
        "post_urls": config.post_urls,
        "expire": config.expire,
        "http_timeout": config.timeout,
    });
    let sentinel = json!({
        "janus": {
            "server_name": config.name,
            "server_ip": "127.0.0.1",
            "public_ip": "localhost",
            "ws_port": config.ws_port,
            "admin_ws_port": admin_ws_port,
            "admin_secret": admin_secret,
            "pingpong_interval": 1,
            "statistic_interval": 1,
            "request_timeout": config.timeout,
        },
        "videoroom_sweeper": {"enable": false},
        "log": python::log_config(python::LOG_ALL),
        "admin_api": {"http_listen": format!("127.0.0.1:{rest_port}")},
        "posters": [poster],
    });
    python::write_config(folder, CONFIG, &sentinel);
}

fn port_of(url: &str) -> u16 {
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    port.parse().unwrap_or_else(|_| panic!("{url} has no port"))
}
