//! [`FakeJanus`](crate::FakeJanus) as a process: for who measures what stands in front of a Janus.
//!
//! It keeps nothing of what it was asked and works on one thread, so that it takes as little as it can of
//! the machine that it shares with what is measured.

use crate::child::{Child, StartError, is_a_process, start_on_free_ports};
use crate::websocket::{API, Incoming, Websocket};
use crate::{executable, port, spawner};
use serde_json::json;
use tempfile::TempDir;

/// The executable, of this package.
const EXECUTABLE: &str = "media-less-janus";

/// A running one; killed when dropped.
pub struct MedialessJanus {
    child: Child,
    port: u16,
    // Last, for it must outlive the process that writes its log there.
    _folder: TempDir,
}

is_a_process!(MedialessJanus);

impl MedialessJanus {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        start_on_free_ports(async || Self::start_on(port::free()).await).await
    }

    async fn start_on(port: u16) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        let mut command = spawner::command(executable::path(EXECUTABLE, env!("CARGO_PKG_NAME")));
        command.args(["--listen", &address(port)]);
        let child = Child::spawn(EXECUTABLE, command, &folder.path().join("log"));
        let mut janus = Self { child, port, _folder: folder };
        let url = janus.url();
        janus.child.ready_when(async || answers(&url).await).await?;
        Ok(janus)
    }

    /// Where it speaks the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://{}", address(self.port))
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

async fn answers(url: &str) -> bool {
    let Ok(mut socket) = Websocket::open(url, API).await else { return false };
    let info = json!({"janus": "info", "transaction": "ready"});
    socket.send(info.to_string()).await.is_ok()
        && matches!(socket.next().await, Incoming::Message(info) if info["janus"] == "server_info")
}
