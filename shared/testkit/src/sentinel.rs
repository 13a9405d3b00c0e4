//! A real sentinel of janus-cloud 1.0.0: it watches one Janus and posts its state to proxies.
//!
//! It pings the Janus every second. It posts the state as a form when the state changes, and every third of
//! `expire`, but at least every minute. Before the first ping it assumes that the Janus is abnormal, and may post that.
//! With several addresses, posts go to them in turn; a failed post goes to the next address. A post that every
//! address refuses is lost.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::janus::Janus;
use crate::{http, port, python};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "janus-sentinel.yml";

/// Configuration of a sentinel. Times are in seconds, at least 1.
#[derive(Clone, Debug)]
pub struct SentinelConfig {
    /// The announced name of the Janus.
    pub name: String,
    /// The port of the Janus API, announced as `ws://localhost:PORT`: the sentinel would replace 127.0.0.1 by an
    /// address of the machine.
    pub ws_port: u16,
    /// Port and secret of the Admin API, to count sessions and handles every second.
    pub admin: Option<(u16, String)>,
    /// The addresses of posts: `http://HOST:PORT/PATH`; the path of a proxy is `/sentinel_callback`.
    pub post_urls: Vec<String>,
    /// How long a post is valid.
    pub expire: u32,
    /// The timeout for the Janus and for posts.
    pub timeout: u32,
}

impl SentinelConfig {
    /// Watches a Janus by its websocket only; posts are valid for three seconds.
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
    // Dropped last: it is the working directory of the process.
    _folder: TempDir,
}

deref_to_child!(Sentinel);

impl Sentinel {
    /// Starts a sentinel that announces `janus` with its sessions and handles, and waits until the sentinel
    /// answers, which is before the first announcement.
    pub async fn start(name: &str, janus: &Janus, post_urls: &[&str]) -> Self {
        let mut config = SentinelConfig::new(name, port_of(&janus.url()), post_urls);
        config.admin = Some((port_of(&janus.admin_url()), janus.admin_secret().to_owned()));
        Self::with(config).await
    }

    /// Starts a sentinel with this configuration.
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
        let ready = async || http::send("GET", &info, "").await.is_ok_and(|it| it.status == 200);
        self.child.ready_when(ready).await
    }

    /// Returns the URL of its HTTP API for operators: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.rest_port)
    }

    /// Announces the Janus as in maintenance, until [`Sentinel::stop_maintenance`].
    pub async fn start_maintenance(&self) {
        self.operate("start_maintenance").await;
    }

    /// Announces the found state again, beginning with abnormal.
    pub async fn stop_maintenance(&self) {
        self.operate("stop_maintenance").await;
    }

    async fn operate(&self, what: &str) {
        let url = format!("{}/sentinel/op", self.rest_url());
        let response = http::post(&url, &json!({"op": what}).to_string()).await;
        assert_eq!(response.status, 200, "{what}: {}", response.body);
    }

    /// Returns the configuration.
    pub fn config(&self) -> &SentinelConfig {
        &self.config
    }

    /// Sends SIGTERM and waits for the end. The last post announces the Janus as abnormal.
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
