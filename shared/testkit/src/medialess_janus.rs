//! [`FakeJanus`](crate::FakeJanus) as a process, for benchmarks of the cluster in front of it.
//!
//! It keeps no requests and has one thread, to leave the machine to the processes under measurement.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::websocket::{API, Incoming, Websocket};
use crate::{port, spawner};
use serde_json::json;
use tempfile::TempDir;

const EXECUTABLE: &str = "media-less-janus";

/// A running server; killed when dropped.
pub struct MedialessJanus {
    child: Child,
    port: u16,
    // Dropped last: it holds the log of the process.
    _folder: TempDir,
}

deref_to_child!(MedialessJanus);

impl MedialessJanus {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Self {
        start_on_free_ports(async || Self::start_on(port::free()).await).await
    }

    async fn start_on(port: u16) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        let mut command = spawner::command(spawner::executable(EXECUTABLE, env!("CARGO_PKG_NAME")));
        command.args(["--listen", &address(port)]);
        let child = Child::spawn(EXECUTABLE, command, &folder.path().join("log"));
        let mut janus = Self { child, port, _folder: folder };
        let url = janus.url();
        janus.child.ready_when(async || answers(&url).await).await?;
        Ok(janus)
    }

    /// Returns the URL of the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://{}", address(self.port))
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

async fn answers(url: &str) -> bool {
    let Ok(mut socket) = Websocket::open(url, API).await else { return false };
    let request = json!({"janus": "info", "transaction": "ready"});
    socket.send(request.to_string()).await.is_ok()
        && matches!(socket.next().await, Incoming::Message(info) if info["janus"] == "server_info")
}
